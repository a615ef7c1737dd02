"""`Disturbances`: what happens to a scene while the policy is at work. Decides when and where; the environment does it.

Times, directions and places are drawn from the episode's own random numbers. Pure torch.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
import torch

from robots.protocol import RobotModel
from tasks.settings import PerEnvironment, stream
from tasks.tabletop.action_spaces import CONTROL_DT
from tasks.tabletop.reference import REFERENCE, hand_force_ratio, impulse_ratio

PUSH_S = CONTROL_DT
"""How long a push on an object lasts [s]."""
ARM_PUSH_S = 0.5
"""How long a push on the arm lasts [s]."""
SPOTS = 200
"""Places that are drawn for an object to fall to, of which the first free one is used [1]."""
EARLIEST_S, LATEST_S = 0.5, 3.0
"""When disturbances may begin, after the start of the episode [s]."""


@dataclass
class Happening:
    """What begins in one environment at this step."""

    row: int
    move_target: tuple[float, float] | None = None
    """Displacement of the named object (x, y) [m]: that, or as far another way, the nearest to it that is free."""
    drop_at: tuple[tuple[float, float], ...] = ()
    """Where another object may fall onto the table, in order of preference: shares of the region in x and y."""


@dataclass
class _Plan:
    """Times [control steps] and directions of one episode."""

    step: dict[str, int] = field(default_factory=dict)
    direction: dict[str, tuple[float, float]] = field(default_factory=dict)
    spots: tuple[tuple[float, float], ...] = ()


class Disturbances(PerEnvironment):
    """Events of ``N`` environments. At nominal settings nothing happens.

    Settings:
        object_push: impulse on the named object, in a random horizontal direction [N s]; of a small one, less.
        arm_push: force on the hand for `ARM_PUSH_S`, in a random horizontal direction [N]; of a soft arm, less.
        target_move: distance by which the named object is suddenly displaced, to a free place [m].
        distractor_drop: objects that fall onto a free place of the table, 0 or 1.
    """

    KINDS = ("object_push", "arm_push", "target_move", "distractor_drop")

    def __init__(self, num_envs: int, device: str = "cpu", model: RobotModel | None = None) -> None:
        """``model``: the robot, on which pushes do what they would to the reference (`tasks.tabletop.reference`)."""
        super().__init__(num_envs, device, object_push=0.0, arm_push=0.0, target_move=0.0, distractor_drop=0)
        model = model or REFERENCE
        self._impulse, self._force = impulse_ratio(model), hand_force_ratio(model)
        self._plans = [_Plan() for _ in range(num_envs)]
        self._step = [0] * num_envs
        self.object_force = torch.zeros(num_envs, 3, device=device)
        """Force on the named object now ``[N, 3]`` [N], axes of the table."""
        self.hand_force = torch.zeros(num_envs, 3, device=device)
        """Force on the hand now ``[N, 3]`` [N], axes of the table."""

    def begin(self, rows: Sequence[int], seeds: Sequence[int]) -> None:
        """Plan new episodes."""
        for row, seed in zip(rows, seeds, strict=True):
            plan = _Plan()
            for kind in self.KINDS:
                rng = stream(seed, kind)
                plan.step[kind] = int(rng.uniform(EARLIEST_S, LATEST_S) / CONTROL_DT)
                angle = rng.uniform(0, 2 * math.pi)
                plan.direction[kind] = (math.cos(angle), math.sin(angle))
            plan.spots = tuple((x, y) for x, y in stream(seed, "spots").random((SPOTS, 2)).tolist())
            self._plans[row] = plan
            self._step[row] = 0
        ids = list(rows)
        self.object_force[ids], self.hand_force[ids] = 0.0, 0.0

    def stop(self, rows: Sequence[int]) -> None:
        """Nothing happens any more in these environments until their next episode."""
        for row in rows:
            self._plans[row] = _Plan()

    def postpone_move(self, row: int) -> None:
        """The named object cannot be displaced now: it is to be at the next step."""
        self._plans[row].step["target_move"] = self._step[row]

    @property
    def active(self) -> bool:
        """Whether anything is to happen in any environment at all."""
        return any(bool((self[kind] > 0).any()) for kind in self.KINDS)

    def advance(self) -> list[Happening]:
        """Go on by a control step: sets the forces of this step and returns what else begins."""
        strength = {kind: self[kind].tolist() for kind in self.KINDS}
        on_object, on_hand = np.zeros((2, len(self._plans), 3))
        happenings = []
        for row, plan in enumerate(self._plans):
            step = self._step[row]
            self._step[row] += 1
            if not plan.step:
                continue
            if _lasts("object_push", plan, step, PUSH_S):
                on_object[row, :2] = np.multiply(
                    plan.direction["object_push"], self._impulse * strength["object_push"][row] / PUSH_S
                )
            if _lasts("arm_push", plan, step, ARM_PUSH_S):
                on_hand[row, :2] = np.multiply(
                    plan.direction["arm_push"], self._force * strength["arm_push"][row]
                )
            event = Happening(row)
            distance = strength["target_move"][row]
            if distance > 0 and step == plan.step["target_move"]:
                x, y = plan.direction["target_move"]
                event.move_target = (x * distance, y * distance)
            if strength["distractor_drop"][row] and step == plan.step["distractor_drop"]:
                event.drop_at = plan.spots
            if event.move_target or event.drop_at:
                happenings.append(event)
        self.object_force.copy_(torch.from_numpy(on_object))
        self.hand_force.copy_(torch.from_numpy(on_hand))
        return happenings


def _lasts(kind: str, plan: _Plan, step: int, duration_s: float) -> bool:
    """Whether a push has begun and is not over."""
    return 0 <= step - plan.step[kind] < round(duration_s / CONTROL_DT)
