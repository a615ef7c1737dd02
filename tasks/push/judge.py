"""Has the object been pushed to its landmark, and if not, what went wrong? Batched, geometric, stated in numbers.

An episode succeeds when, for half a second without a break, the named object

- has its footprint within `NEAR` of the landmark's,
- is on the table: its lowest point is no more than `SUNK` under and `RAISED` over it,
- was never lifted,

released and at rest, and was brought there by the hand: see `EpisodeTracker`.
"""

from __future__ import annotations

import torch

from robots.protocol import RobotModel
from tasks.tabletop.body_table import BodyTable
from tasks.tabletop.footprints import footprint_gap, placed
from tasks.tabletop.judge import State
from tasks.tabletop.tracking import HAND_DISTANCE, EpisodeTracker

NEAR = 0.02
"""Greatest distance of two footprints that are beside each other, at full size [m]."""
APART = 0.06
"""Least distance of object and landmark at the start, at full size [m]."""
SUNK, RAISED = 0.003, 0.006
"""How far an object on the table may be under or over its top [m]: what contacts give way, and a tilted base."""
TOUCH = 0.004
"""Distance from the hand at which a body counts as touched [m]."""
MOVED = 0.03
"""Way of another object from which on it counts as pushed, at full size [m]."""


class PushJudge(EpisodeTracker):
    """Judges pushing."""

    near = NEAR
    """As `NEAR`; a task that is stricter has less."""

    def __init__(
        self,
        bodies: BodyTable,
        num_envs: int,
        control_dt: float,
        device: str = "cpu",
        model: RobotModel | None = None,
    ) -> None:
        super().__init__(bodies, num_envs, control_dt, device, model)
        self.start = torch.full((*self.active.shape, 2), torch.nan, device=device)
        """Where bodies stood when they were first looked at ``[N, B, 2]`` [m]; NaN before."""

    def begin(self, row: int, target: int, receptacle: int, active: list[int]) -> None:
        """See `Judge`."""
        super().begin(row, target, receptacle, active)
        self.start[row] = torch.nan

    def _look(self, state: State) -> torch.Tensor:
        """Whether the object is on the table beside the landmark and was never lifted ``[N]``."""
        self.start = torch.where(self.start.isnan(), state.pose[..., :2], self.start)
        corners = self._corners(state, self.target)
        near = footprint_gap(corners, self._corners(state, self.receptacle)) <= self.near * self._scale
        lowest = corners[..., 2].amin(1)
        on_table = (lowest > -SUNK) & (lowest < RAISED)
        return near & on_table & ~self.lifted[self._rows, self.target]

    def _reached(self, state: State, distance: torch.Tensor) -> torch.Tensor:
        touched = torch.zeros_like(self.active)
        rows, bodies = (
            (distance < HAND_DISTANCE * self._scale) & self.active & ~self.bodies.is_receptacle
        ).nonzero(as_tuple=True)
        if len(rows):
            points = placed(self.bodies.surface[bodies], state.pose[rows, bodies])
            gap = self._hand.distance(
                points, state.tool[rows], state.tool_rotation[rows], state.fingers[rows]
            )
            touched[rows, bodies] = gap < TOUCH
        return touched

    def _corners(self, state: State, body: torch.Tensor) -> torch.Tensor:
        return placed(self.bodies.vertices[body], state.pose[self._rows, body])

    def failure_reason(self, row: int) -> str | None:
        """Why the episode of one environment failed, from `tasks.push.failures`; None if it succeeded."""
        if self.succeeded[row]:
            return None
        target = int(self.target[row])
        if self.unstable[row]:
            return "unstable_physics"
        if self.lifted[row, target]:
            return "lifted"
        if self._pushed_another(row, target):
            return "wrong_object"
        if not self.reached[row]:
            return "never_reached"
        return "timeout" if self.in_place[row] and not self.lost[row] else "missed"

    def _pushed_another(self, row: int, target: int) -> bool:
        """Whether another object was pushed to the landmark, or instead of the named one."""
        state = self._seen
        if state is None:
            return False
        way = (state.pose[row, :, :2] - self.start[row]).norm(dim=1)
        pushed = self.active[row] & self.reached_bodies[row] & (way > MOVED * self._scale)
        pushed[target] = False
        others = pushed.nonzero()[:, 0]
        if not len(others):
            return False
        if not self.reached[row]:
            return True
        count = len(others)
        corners = placed(self.bodies.vertices[others], state.pose[row, others])
        mark = int(self.receptacle[row])
        landmark = placed(self.bodies.vertices[mark][None], state.pose[row, mark][None]).expand(count, -1, -1)
        return bool((footprint_gap(corners, landmark) <= self.near * self._scale).any())
