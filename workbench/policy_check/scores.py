"""How right a policy is in each scene: the measures by which conventions of what it sees are compared."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from workbench.policy_check.answers import Answers
from workbench.policy_check.changes import Change
from workbench.policy_check.examined import Examined
from workbench.policy_check.signed_rank import signed_rank
from workbench.policy_check.situations import HOLDING, NEAR, OPEN, TILT, YAW, Situation, beside, turned
from workbench.policy_check.tool_motion import Channels, Convention, moves, turns

POINTING: tuple[Situation, ...] = (beside(1, 1), beside(1, -1), beside(0, -1))
"""In which it is looked at how well a policy points at the goal."""
AIMING: tuple[tuple[Situation, Situation], ...] = tuple(
    (beside(axis, 1, NEAR), beside(axis, -1, NEAR)) for axis in (0, 1)
)
"""The same from near by, on opposite sides."""


@dataclass(frozen=True)
class Score:
    """A measure, greater for more right; by chance it is symmetrical about 0."""

    name: str
    measure: Callable[[Change | None], np.ndarray]
    least: float = 0.0
    """What a median must reach to be right."""
    margin: float = 0.0
    """By how much a convention must be better for the other to be wrong."""
    most: float | None = None
    """The greatest that there can be; None where there is none."""

    def of(self, *changes: Change | None) -> list[np.ndarray]:
        """In each scene ``[S]`` under each change: the least over all axes, but those that are never answered."""
        found = [self.measure(change) for change in changes]
        if found[0].ndim == 1:
            return found
        answered = np.any([[signed_rank(axis).count > 0 for axis in values.T] for values in found], 0)
        return [values[:, answered].min(1) if answered.any() else values[:, 0] for values in found]

    def is_right(self, values: np.ndarray, level: float) -> bool:
        """Whether these are those of a policy that does what it should."""
        if self.most == 0.0:  # an error: there is no chance to compare with
            return float(np.nanmedian(values)) >= self.least
        return signed_rank(values).leans(level) > 0 and float(np.nanmedian(values)) >= self.least

    def is_better(self, changed: np.ndarray, as_it_is: np.ndarray, level: float) -> bool:
        """Whether a convention is right where what there is is wrong; that it is better is tested elsewhere."""
        if not self.is_right(changed, level):
            return False
        if self.most is None:
            return not self.is_right(as_it_is, level)
        return float(np.nanmedian(changed - as_it_is)) >= self.margin

    def gain(self, changed: np.ndarray, as_it_is: np.ndarray) -> float:
        """What is gained, in shares of what was to be gained."""
        now, before = float(np.nanmedian(changed)), float(np.nanmedian(as_it_is))
        most = now if self.most is None else self.most
        return (now - before) / max(most - before, 1e-9)


@dataclass(frozen=True)
class Scores:
    """The measures of an examined policy, by the conventions of its actions as far as they are known."""

    examined: Examined
    channels: Channels
    move: Convention
    opens_with: int
    """+1 or -1: the sign with which its hand's channel opens."""

    def available(self) -> dict[str, Score]:
        """Those that its channels allow."""
        found = []
        if self.channels.move:
            found.append(Score("pointing", self._pointing, 0.5, 0.1, 1.0))
            found.append(Score("aiming", self._aiming, -1.0, 0.15, 0.0))
        if self.channels.turns:
            found.append(Score("righting", self._righting))
        if self.channels.gripper is not None:
            found.append(Score("gripping", self._gripping))
        return {score.name: score for score in found}

    def _pointing(self, change: Change | None) -> np.ndarray:
        """Cosine between the way to the goal and the way it takes, in the plane of the table, mean of three places."""
        return np.mean([self._cosine(self.examined.answers(at, change)) for at in POINTING], 0)

    def _cosine(self, answers: Answers) -> np.ndarray:
        told = moves(answers, self.channels, self.move)[:, :2]
        way = (answers.goal - answers.position)[:, :2]
        norm = np.linalg.norm(told, axis=1) * np.linalg.norm(way, axis=1)
        # What does not move points nowhere; what answers no number, as with an absurd input, does not either.
        cosine = np.divide((told * way).sum(1), norm, out=np.zeros(len(way)), where=norm > 0)
        return np.where(answers.reached, np.nan_to_num(cosine), np.nan)

    def _aiming(self, change: Change | None) -> np.ndarray:
        """By how much it aims beside the goal, in the plane of the table, negative, in multiples of `NEAR`.

        From opposite sides of where it aims a policy moves in opposite ways, equally far.
        """
        beside_it = []
        for axis, pair in enumerate(AIMING):
            one, other = (
                moves(self.examined.answers(at, change), self.channels, self.move)[:, axis] for at in pair
            )
            size = np.abs(one) + np.abs(other)
            beside_it.append(np.divide(one + other, size, out=np.ones_like(size), where=size > 0))
        return -np.hypot(*beside_it)

    def _righting(self, change: Change | None) -> np.ndarray:
        """By how much it turns a hand back ``[S, R]`` that was turned, by the task's own conventions [rad a step]."""
        count = len(self.channels.turns)
        back = []
        for k in range(count):
            angle = YAW if k == count - 1 else TILT
            one, other = (self.examined.answers(turned(k, s, count, angle), change) for s in (1, -1))
            found = turns(other, self.channels, Convention()) - turns(one, self.channels, Convention())
            back.append(found[:, k])
        return np.stack(back, 1)

    def _gripping(self, change: Change | None) -> np.ndarray:
        """By how much more it opens an open hand over the object than one that holds it."""
        k = self.channels.gripper
        opened, closed = (self.examined.answers(s, change).mean[:, k] for s in (OPEN, HOLDING))
        return self.opens_with * (opened - closed)
