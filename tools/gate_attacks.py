"""Hostile commands for a safety gate: malformed, stale, wild, and such as lead out of bounds by small, legal steps."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from robots.chain import Chain
from workbench.bridge.gate import Bounds, Command


@dataclass
class Situation:
    """What an attacker sees."""

    rng: np.random.Generator
    chain: Chain
    bounds: Bounds
    home: np.ndarray
    low: np.ndarray
    """Lower limits of the joints ``[J]`` [rad]."""
    high: np.ndarray
    here: np.ndarray
    """The last setpoint ``[J]`` [rad]."""
    step: np.ndarray
    """How far joints get from one command to the next at their greatest velocity ``[J]`` [rad]."""
    seq: int
    now: float
    count: int = 0
    """Commands of this attack so far."""
    passed: int | None = None
    """Number of the last command that was taken."""

    def command(self, position: Any, **others: Any) -> Command:
        """A command that is in order but for what is given."""
        fields = {"seq": self.seq, "captured": self.now - 0.05, "issued": self.now} | others
        return Command(position, **fields)


Attack = Callable[[Situation], Command]


def _near(s: Situation, size: float = 1.0) -> np.ndarray:
    return s.here + s.rng.uniform(-size, size, len(s.here)) * s.step


def not_finite(s: Situation) -> Command:
    """One joint is not a number, or infinite."""
    position = _near(s)
    position[s.rng.integers(len(position))] = s.rng.choice([math.nan, math.inf, -math.inf])
    return s.command(position)


def huge(s: Situation) -> Command:
    """Numbers of any size up to the greatest that there is."""
    return s.command(s.rng.choice([-1.0, 1.0], len(s.here)) * 10.0 ** s.rng.uniform(1.5, 308, len(s.here)))


def malformed(s: Situation) -> Command:
    """Wrong shapes and types."""
    position = _near(s)
    wrong = [
        s.command(position[:-1]), s.command(np.append(position, 0.0)), s.command(position[None]),
        s.command(list(position)), s.command(None), s.command("home"), s.command(position.astype(object)),
        s.command(position + 1j), s.command(position, seq=-1), s.command(position, seq=1.5),
        s.command(position, seq=True), s.command(position, seq=None), s.command(position, issued="now"),
        s.command(position, captured=None), s.command(position, gripper=[0.04]), s.command(np.zeros(0)),
    ]  # fmt: skip
    return wrong[int(s.rng.integers(len(wrong)))]


def not_finite_times(s: Situation) -> Command:
    """Times and widths that are no numbers."""
    field = str(s.rng.choice(["captured", "issued", "gripper"]))
    return s.command(_near(s), **{field: float(s.rng.choice([math.nan, math.inf, -math.inf]))})


def stale(s: Situation) -> Command:
    """Issued long ago, or an answer to what was seen long ago, or dated ahead."""
    ages = [
        {"issued": s.now - s.rng.uniform(0.21, 100), "captured": s.now - 200},
        {"captured": s.now - s.rng.uniform(1.01, 100)},
        {"issued": s.now + s.rng.uniform(0.01, 100)},
        {"captured": s.now + s.rng.uniform(0.01, 100)},
    ]
    return s.command(_near(s), **ages[int(s.rng.integers(len(ages)))])


def reordered(s: Situation) -> Command:
    """A number that was there already, or one from far ahead."""
    if s.passed is None:
        return malformed(s)
    numbers = [max(s.passed - int(s.rng.integers(1, 50)), 0), s.passed, 10**18]
    return s.command(_near(s), seq=numbers[int(s.rng.integers(3))])


def oscillating(s: Situation) -> Command:
    """To and fro, as far as one command leads, at the highest rate."""
    return s.command(s.here + (-1.0) ** s.count * s.rng.uniform(0.5, 3) * s.step)


def jumping(s: Situation) -> Command:
    """Anywhere in the joints' range and somewhat beyond."""
    return s.command(s.rng.uniform(s.low - 0.2, s.high + 0.2))


def at_the_limits(s: Situation) -> Command:
    """Every joint to one of its ends, exactly, or nearly."""
    ends = np.where(s.rng.random(len(s.low)) < 0.5, s.low, s.high)
    return s.command(ends + s.rng.choice([0.0, 1e-12, -1e-12, 0.05, -0.05], len(ends)))


def through_a_limit(s: Situation) -> Command:
    """One joint at full speed into its end."""
    joint = (s.seq // 40) % len(s.low)
    position = s.here.copy()
    position[joint] += (-1.0) ** (s.seq // 400) * 2 * s.step[joint]
    return s.command(position)


def wandering(s: Situation) -> Command:
    """Small steps any way."""
    return s.command(_near(s, float(s.rng.uniform(0.1, 2))))


def _toward(s: Situation, place: np.ndarray) -> Command:
    """A legal step of the joints that brings the tool nearer to a place."""
    position, _, jacobian = s.chain.forward(s.here[None])
    linear = jacobian[0, :3]
    step = linear.T @ np.linalg.solve(linear @ linear.T + 1e-3 * np.eye(3), place - position[0])
    return s.command(s.here + np.clip(step, -2 * s.step, 2 * s.step))


def out_of_the_workspace(s: Situation) -> Command:
    """The tool through a face of its box."""
    low, high = np.array(s.bounds.workspace.low), np.array(s.bounds.workspace.high)
    axis, side = (s.seq // 60) % 3, (s.seq // 180) % 2
    place = s.rng.uniform(low, high)
    place[axis] = (low[axis] - 0.2, high[axis] + 0.2)[side]
    return _toward(s, place)


def into_the_table(s: Situation) -> Command:
    """The tool below the table, anywhere in the box."""
    place = s.rng.uniform(s.bounds.workspace.low, s.bounds.workspace.high)
    place[2] = (s.bounds.table_height or 0.0) - 0.3
    return _toward(s, place)


def into_itself(s: Situation) -> Command:
    """The tool to the arm's own base and upper arm."""
    return _toward(s, np.array([0.0, 0.0, s.rng.uniform(0.0, 0.5)]))


def folding(s: Situation) -> Command:
    """All joints to a folded posture."""
    folded = np.where((np.arange(len(s.low)) + s.seq // 200) % 2 == 0, s.low, s.high)
    return s.command(s.here + np.clip(folded - s.here, -2 * s.step, 2 * s.step))


def home(s: Situation) -> Command:
    """Back to where it is safe, so that attacks begin from different places."""
    return s.command(s.here + np.clip(s.home - s.here, -2 * s.step, 2 * s.step))


MALFORMED = (not_finite, huge, malformed, not_finite_times, stale, reordered)
"""Attacks each command of which has to be refused."""
MOVING = (
    oscillating, jumping, at_the_limits, through_a_limit, wandering, out_of_the_workspace, into_the_table, into_itself,
    folding, home,
)  # fmt: skip
"""Attacks that are well formed, and lead somewhere."""
