"""Was an episode on the twin a success? Geometry of its true state, with the simulated task's reasons for failure."""

from __future__ import annotations

import math
from dataclasses import dataclass, field

import numpy as np

from workbench.bridge.twin.scene import CUBE_EDGE, tray_holds

SETTLED_S = 0.5
"""For so long the object must lie in its place, released and at rest [s]."""
REACHED, LIFTED = 0.06, 0.03
"""Tool to object at which it counts as reached; rise at which it counts as lifted [m]: as in the simulated task."""
RELEASED, SLOW = 0.012, 0.01
"""Fingertips farther than this from the object's sides have let go [m]; slower than this is at rest [m/s]."""


@dataclass
class TwinJudge:
    """Of one episode; told the truth at every millisecond."""

    size: float = 1.0
    """Factor of the object's edges."""
    began: float = math.nan
    start_z: float = 0.0
    reached: bool = False
    lifted: bool = False
    success_at: float = math.nan
    """When it had succeeded [s]."""
    inside: bool = False
    _since: float = math.nan
    _last: np.ndarray = field(default_factory=lambda: np.zeros(3))

    def begin(self, now: float, cube: np.ndarray) -> None:
        """An episode begins with the object at a pose ``[7]``."""
        self.__dict__.update(TwinJudge(self.size).__dict__)
        self.began, self.start_z, self._last = now, float(cube[2]), cube[:3].copy()

    def look(self, now: float, cube: np.ndarray, tray: np.ndarray, tool: np.ndarray, width: float) -> None:
        """The truth after a step of 1 ms: poses ``[7]``, quaternions w x y z; the tool ``[3]`` [m]; the hand [m]."""
        if math.isnan(self.began):
            return
        distance = float(np.linalg.norm(cube[:3] - tool))
        self.reached |= distance < REACHED
        self.lifted |= self.reached and cube[2] - self.start_z > LIFTED
        speed = float(np.linalg.norm(cube[:3] - self._last)) / 0.001
        self._last = cube[:3].copy()
        self.inside = tray_holds(cube, tray, self.size)
        edge = CUBE_EDGE * self.size
        free = width > edge + 2 * RELEASED or distance > edge + 0.03
        if not (self.inside and free and self.lifted and speed < SLOW):
            self._since = math.nan
        elif math.isnan(self._since):
            self._since = now
        elif now - self._since >= SETTLED_S and math.isnan(self.success_at):
            self.success_at = now

    def verdict(self) -> dict[str, object]:
        """``success``, ``failure_reason`` and ``time_to_success_s``."""
        if not math.isnan(self.success_at):
            return {
                "success": True,
                "failure_reason": None,
                "time_to_success_s": self.success_at - self.began,
            }
        if not self.reached:
            reason = "never_reached"
        elif not self.lifted:
            reason = "missed_grasp"
        else:
            reason = "timeout" if self.inside else "dropped"
        return {"success": False, "failure_reason": reason, "time_to_success_s": None}
