"""`Problem`: what is wrong with a dataset, and where."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from workbench.data.statistics import differences


@dataclass(frozen=True)
class Problem:
    """One thing that is wrong with a dataset."""

    file: str
    """In the dataset's folder."""
    field: str
    """Column, key or episode; empty if it is the file itself."""
    message: str
    """What is wrong, in plain words."""

    def __str__(self) -> str:
        return f"{self.file}{f', {self.field}' if self.field else ''}: {self.message}"


def statistics_problems(
    file: str, stored: Mapping[str, Any], recomputed: Mapping[str, Mapping[str, Any]]
) -> Iterator[Problem]:
    """Where a file's statistics, by column, are not those of the data; columns that it lacks are problems, too."""
    for name, table in recomputed.items():
        if name not in stored:
            yield Problem(file, name, "has no statistics")
            continue
        for key, message in differences(stored[name], table):
            yield Problem(file, f"{name}/{key}", message)


PICTURE_TOLERANCE = 3 / 255
"""How far the mean of a video's colours may lie from that of its pictures: compression moves colours a little."""


def picture_statistics_problems(
    file: str, key: str, stored: Mapping[str, Any], decoded: Mapping[str, Any]
) -> Iterator[Problem]:
    """Where a video column's statistics are not those of its decoded frames."""
    for name in ("mean", "count"):
        if name not in stored:
            yield Problem(file, f"{key}/{name}", "is missing")
            continue
        mine, theirs = np.ravel(decoded[name]), np.ravel(stored[name])
        allowed = PICTURE_TOLERANCE if name == "mean" else 0
        if mine.shape != theirs.shape or not (np.abs(mine - theirs) <= allowed).all():
            said, found = (", ".join(f"{v:.4g}" for v in x) for x in (theirs, mine))
            yield Problem(file, f"{key}/{name}", f"is {said}, the decoded frames have {found}")
