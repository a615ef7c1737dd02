"""What a policy is asked and what it answers, in plain arrays: the border between this package and a simulator."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np

from workbench.policy_check.changes import Change
from workbench.policy_check.situations import Situation


@dataclass(frozen=True)
class Answers:
    """What a policy did in ``S`` scenes, shown one situation or several in turn."""

    steps: np.ndarray
    """What it would have executed ``[S, T, A]``, one decision after the other."""
    chunk: np.ndarray
    """The whole chunk of its last decision ``[S, C, A]``."""
    position: np.ndarray
    """Of the tool ``[S, 3]`` in the last situation [m], base frame."""
    rotation: np.ndarray
    """Of the tool ``[S, 3, 3]`` there."""
    goal: np.ndarray
    """Point over the object that is to be grasped ``[S, 3]`` [m]."""
    reached: np.ndarray
    """Scenes ``[S]`` in which the arm can be where the situations want it, bool."""

    @property
    def mean(self) -> np.ndarray:
        """Mean step ``[S, A]``; NaN where the arm could not be there."""
        return np.where(self.reached[:, None], self.steps.mean(1), np.nan)


class Asker(Protocol):
    """Who shows a policy scripted situations."""

    scenes: int

    def ask(self, script: Sequence[Situation], change: Change | None = None) -> Answers:
        """Begin an episode in every scene, show these situations in turn, a decision each; return all that was done.

        The same script gives the policy the same seeds. With a ``change``, what it sees is altered.
        """
        ...
