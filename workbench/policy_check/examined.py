"""`Examined`: what is known of a policy, its mapping and its task before anything is asked; and what it answered."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from policy.action import ActionSpec
from policy.observation_spec import ObservationOffer, ObservationSpec
from workbench.policy_check.answers import Answers, Asker
from workbench.policy_check.changes import Change
from workbench.policy_check.situations import Situation, beside

TESTS = 100
"""Tests that a check may come to; each is held at its level's share of one."""
WAITS = (1, 2, 4, 8)
"""Decisions on an unchanging situation that a policy gets to answer: one with a latency idles at first."""


@dataclass(frozen=True)
class Sides:
    """What both sides say."""

    policy: str
    """Name."""
    task: str
    own: ActionSpec
    """What the policy, or the mapping to it, says of its actions."""
    needed: ActionSpec
    """What the task means."""
    offer: ObservationOffer
    cameras: tuple[str, ...] = ()
    """Of the task, that the policy asks for."""
    observation_spec: ObservationSpec | None = None
    """None for a policy that takes observations as they are."""
    privileged: bool = False
    execute_steps: int = 1
    time_limit_s: float = 15.0
    scale: float = 1.0
    """Size of the robot's workspace."""


@dataclass
class Examined:
    """A policy under examination: asks, and remembers what was answered."""

    sides: Sides
    asker: Asker
    level: float = 0.01
    """Probability of any wrong verdict, of a policy that answers by chance."""
    decisions: int = 1
    """Decisions that a situation gets."""
    corrections: list[Change] = field(default_factory=list)
    """What is wrong with what it sees, as found, put right in all that it is shown."""
    asked: int = 0
    """Decisions so far, all scenes together."""
    _held: dict[object, Answers] = field(default_factory=dict)

    @property
    def test_level(self) -> float:
        """Level of each test."""
        return self.level / TESTS

    def answers(
        self, situation: Situation, change: Change | None = None, decisions: int | None = None
    ) -> Answers:
        """What it does in a situation, asked once and remembered unless something is changed."""
        return self.walk((situation,) * (decisions or self.decisions), change)

    def walk(self, script: Sequence[Situation], change: Change | None = None) -> Answers:
        """The same for several situations in turn."""
        key = tuple(script)
        if change is None and key in self._held:
            return self._held[key]
        made = change or Change("", "as it is")
        found = self.asker.ask(script, made.after(self.corrections) if self.corrections else change)
        self.asked += len(script) * self.asker.scenes
        if change is None:
            self._held[key] = found
        return found

    def correct(self, change: Change) -> None:
        """Put right what it sees from now on, and forget what it answered before."""
        self.corrections.append(change)
        self._held.clear()

    def remembered(self) -> list[Answers]:
        """All answers to what was not changed."""
        return list(self._held.values())

    def wait_for_an_answer(self) -> None:
        """Find out how many decisions it takes until situations that differ are answered differently."""
        for self.decisions in WAITS:
            pairs = ((beside(axis, 1), beside(axis, -1)) for axis in (0, 1))
            if any(differ(self.answers(a), self.answers(b)).mean() > 0.5 for a, b in pairs):
                return
        self.decisions = 1


def differ(one: Answers, other: Answers, tolerance: float = 1e-5) -> np.ndarray:
    """In which scenes ``[S]`` two answers differ, beyond rounding."""
    if one.steps.shape != other.steps.shape:
        return np.ones(len(one.steps), bool)
    far = np.abs(one.steps - other.steps)
    near = tolerance * (1e-3 + np.maximum(np.abs(one.steps), np.abs(other.steps)))
    both = one.reached & other.reached
    return both & (~(far <= near)).any((1, 2))
