"""Has the object been put where it belongs, and if not, what went wrong? Batched, geometric, stated in numbers.

An episode succeeds when, for half a second without a break, the named object lies in the named receptacle, as
`tasks.tabletop.containment` says, released and at rest, and was brought there by the hand: see `EpisodeTracker`.
"""

from __future__ import annotations

import torch

from robots.protocol import RobotModel
from tasks.tabletop.body_table import BodyTable
from tasks.tabletop.containment import contained
from tasks.tabletop.judge import State
from tasks.tabletop.tracking import RELEASED_DISTANCE, EpisodeTracker


class Progress(EpisodeTracker):
    """Judges pick and place."""

    def __init__(
        self,
        bodies: BodyTable,
        num_envs: int,
        control_dt: float,
        device: str = "cpu",
        model: RobotModel | None = None,
    ) -> None:
        super().__init__(bodies, num_envs, control_dt, device, model)
        shape = (num_envs, len(bodies.height), len(bodies.receptacles))
        self._inside = torch.zeros(shape, dtype=torch.bool, device=device)

    def begin(self, row: int, target: int, receptacle: int, active: list[int]) -> None:
        """See `Judge`."""
        super().begin(row, target, receptacle, active)
        self._inside[row] = False

    def _look(self, state: State) -> torch.Tensor:
        """Whether the named object lies in the named receptacle ``[N]``."""
        self._inside = contained(self.bodies, state.pose, self.active)
        return self._inside[self._rows, self.target, self.bodies.column[self.receptacle]]

    def failure_reason(self, row: int) -> str | None:
        """Why the episode of one environment failed, from `tasks.pick_place.failures`; None if it succeeded."""
        if self.succeeded[row]:
            return None
        target, column = int(self.target[row]), int(self.bodies.column[self.receptacle[row]])
        if self.unstable[row]:
            return "unstable_physics"
        others = self.active[row] & ~self.bodies.is_receptacle
        others[target] = False
        put_in = self._inside[row, :, column] & others
        put_in &= self.lifted[row] | (self.reached_bodies[row] & ~self.fell_in[row])
        if bool(put_in.any()) or (bool((self.lifted[row] & others).any()) and not self.lifted[row, target]):
            return "wrong_object"
        if not self.reached[row]:
            return "never_reached"
        if not self.lifted[row, target]:
            return "missed_grasp"
        if self._inside[row, target, column]:
            return "timeout"
        if bool(self._inside[row, target].any()) and self.by_hand[row]:
            return "wrong_place"
        held = self._hand_distance(self._rows[row : row + 1])[0] <= RELEASED_DISTANCE
        return "timeout" if held and not self.lost[row] else "dropped"
