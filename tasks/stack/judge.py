"""Does the object stand on its base, and if not, what went wrong? Batched, geometric, stated in numbers.

An episode succeeds when, for half a second without a break, the named object

- has its origin over the footprint of the named base,
- has its lowest point at the height of the base's top: no more than `SUNK` under and `RAISED` over it,
- and the base stands upright (`containment.upright`),

released and at rest, and was brought there by the hand: see `EpisodeTracker`.
"""

from __future__ import annotations

import torch

from tasks.tabletop.containment import RAISED, SUNK, upright
from tasks.tabletop.footprints import placed, within_footprint
from tasks.tabletop.judge import State
from tasks.tabletop.tracking import RELEASED_DISTANCE, EpisodeTracker


class StackJudge(EpisodeTracker):
    """Judges stacking."""

    def _look(self, state: State) -> torch.Tensor:
        """Whether the named object stands on the named base ``[N]``."""
        pose, base = state.pose[self._rows, self.target], state.pose[self._rows, self.receptacle]
        corners = placed(self.bodies.vertices[self.receptacle], base)
        lowest = placed(self.bodies.vertices[self.target], pose)[..., 2].amin(1)
        above = lowest - corners[..., 2].amax(1)
        over = within_footprint(pose[:, :2], corners)
        return upright(base) & over & (above > -SUNK) & (above < RAISED)

    def failure_reason(self, row: int) -> str | None:
        """Why the episode of one environment failed, from `tasks.stack.failures`; None if it succeeded."""
        if self.succeeded[row]:
            return None
        target = int(self.target[row])
        if self.unstable[row]:
            return "unstable_physics"
        if not self.lifted[row, target]:
            if bool((self.lifted[row] & self.active[row]).any()):
                return "wrong_object"
            return "missed_grasp" if self.reached[row] else "never_reached"
        if self.in_place[row]:
            return "timeout"
        held = self._hand_distance(self._rows[row : row + 1])[0] <= RELEASED_DISTANCE
        return "timeout" if held and not self.lost[row] else "dropped"
