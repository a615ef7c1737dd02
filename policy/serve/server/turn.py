"""What a client's message comes down to, in any dialect."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np

from policy.serve.exchange import Asked
from policy.serve.server.rows import Row

Frame = bytes | str
Received = bytes | bytearray | str
"""A message of a client."""


@dataclass(frozen=True)
class Served:
    """What the policy answered to the questions of one message."""

    chunks: Sequence[np.ndarray]
    """``[T, D]`` each, as the client has them."""
    grounding: Sequence[Mapping[str, Any] | None]
    server_ms: float
    """From the message to this [ms]."""
    infer_ms: float
    """Of this the run of the policy [ms]."""

    def own(self) -> dict[str, Any]:
        """What a client of the bench is told beside the actions."""
        said = list(self.grounding) if any(g is not None for g in self.grounding) else None
        return {"server_ms": self.server_ms, "grounding": said}


@dataclass(frozen=True)
class Ask:
    """Questions for the policy."""

    questions: Sequence[Asked]
    answer: Callable[[Served], Frame]
    rows: Sequence[Row] = ()
    """What was made of them, where that is known already."""
    learn: Callable[[Row], object] | None = None
    """Told what was made of the only one, otherwise."""


@dataclass(frozen=True)
class Say:
    """Something that needs no policy; None for a message that is not answered."""

    frame: Frame | None


@dataclass(frozen=True)
class Reset:
    """The client's episodes are over."""

    frame: Frame | None
    """What answers it."""
    sessions: tuple[str, ...] | None = None
    """Which of them; None for all."""


Turn = Ask | Say | Reset


class Spoken(Protocol):
    """A dialect on one connection."""

    def greeting(self) -> Frame | None:
        """What the server says first; None where the client does."""
        ...

    def turn(self, frame: Received) -> Turn:
        """What a message wants; ProtocolError for what is none."""
        ...

    def refusal(self, problem: str) -> Frame:
        """How the last message is answered that could not be: one sentence, never a traceback."""
        ...


def own_of(value: object) -> Mapping[str, Any] | None:
    """What a client of the bench says of itself, if it is one."""
    return value if isinstance(value, dict) else None
