"""`Pictures`: a choice of picture files, and what binds a run to their content."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

from domain_rand.distributions import Choice, Distribution, Fixed
from tasks.imaging.background_names import CHART, NONE

WITHOUT_FILE = (NONE, CHART)


@dataclass(frozen=True)
class Pictures(Choice):
    """Uniform over pictures, each by its file; any that can be opened may be one."""

    kind: ClassVar[str] = "choice"

    def __post_init__(self) -> None:
        super().__post_init__()
        for option in self.options:
            if problem := unusable(option):
                raise ValueError(problem)

    def outside(self, other: Distribution) -> list[Any]:
        """The options of another distribution that are no pictures."""
        return [option for option in _options(other) if not isinstance(option, str) or unusable(option)]


def unusable(name: str) -> str:
    """Why a picture cannot be used, in a sentence; empty if it can."""
    if name in WITHOUT_FILE:
        return ""
    try:
        from PIL import Image, UnidentifiedImageError

        with Image.open(Path(name)) as picture:
            picture.verify()
    except (OSError, UnidentifiedImageError, SyntaxError, ValueError) as problem:
        return f"{name} is no picture that can be opened: {' '.join(str(problem).split())}"
    return ""


def possible(legal: Distribution) -> str:
    """What a factor takes, in words: of pictures any that can be opened, of all else what is listed or between ends."""
    if isinstance(legal, Pictures):
        return f"{', '.join(WITHOUT_FILE)}, or the file of a picture that can be opened"
    return ", ".join(f"{key}={value}" for key, value in vars(legal).items())


def files_of(distribution: Distribution) -> dict[str, str]:
    """SHA-256 of each file that a distribution names."""
    names = [option for option in _options(distribution) if option not in WITHOUT_FILE]
    return {name: hashlib.sha256(Path(name).read_bytes()).hexdigest() for name in names}


def _options(distribution: Distribution) -> tuple[Any, ...]:
    if isinstance(distribution, Choice):
        return distribution.options
    return (distribution.value,) if isinstance(distribution, Fixed) else (distribution,)
