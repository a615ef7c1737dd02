"""What language may know of a scene: colours, nouns, sizes and places, and no simulator."""

from __future__ import annotations

import hashlib
import math
from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class Thing:
    """One body on the table."""

    noun: str
    """Plain noun, a key of `NOUN_WORDS`."""
    color: str
    """Plain colour word, a key of `COLOR_WORDS`."""
    x: float
    """Forward [m], robot base frame."""
    y: float
    """To the robot's left [m]."""
    radius: float
    """Of its bounding circle seen from above [m]."""
    height: float
    """[m]"""
    is_receptacle: bool = False

    @property
    def name(self) -> tuple[str, str]:
        """Colour and noun."""
        return self.color, self.noun

    def distance(self, other: Thing | None = None) -> float:
        """From another body, or from the robot's base, between centres [m]."""
        x, y = (0.0, 0.0) if other is None else (other.x, other.y)
        return math.hypot(self.x - x, self.y - y)


@dataclass(frozen=True)
class SceneFacts:
    """Everything on the table; nothing else has the name of the target or of the receptacle."""

    target: Thing
    receptacle: Thing
    others: tuple[Thing, ...] = ()

    @property
    def things(self) -> tuple[Thing, ...]:
        """Target, receptacle, and the rest."""
        return (self.target, self.receptacle, *self.others)


def pick[T](options: Sequence[T], *key: object) -> T:
    """One of the options, evenly and for ever the same for the same key: chance without a generator."""
    digest = hashlib.blake2b(repr(key).encode(), digest_size=8).digest()
    return options[int.from_bytes(digest, "little") % len(options)]
