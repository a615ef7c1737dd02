"""`IdealArm`: an arm that is always where its set points put it. What a dry run moves instead of a real one."""

from __future__ import annotations

import time
from collections.abc import Callable

import numpy as np

from robots.driver import ArmState, Reading, SetPoint
from robots.spec import JointLimits


class IdealArm:
    """A `robots.driver.Driver` without an arm."""

    def __init__(
        self,
        limits: JointLimits,
        home: tuple[float, ...],
        gripper_width: float = 0.0,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """``gripper_width``: at the beginning [m]."""
        self._limits, self._home, self._clock = limits, home, clock
        still = np.zeros(len(home))
        self._at = SetPoint(np.array(home), still, still, gripper_width)
        self.commands = 0
        """Set points that it was given."""

    @property
    def limits(self) -> JointLimits:
        """See `Driver`."""
        return self._limits

    @property
    def home(self) -> tuple[float, ...]:
        """See `Driver`."""
        return self._home

    def connect(self) -> None:
        """See `Driver`."""

    def state(self) -> ArmState:
        """See `Driver`."""
        now = self._clock()
        n = len(self._home)
        return ArmState(
            joint_pos=Reading(self._at.position.copy(), now),
            joint_vel=Reading(self._at.velocity.copy(), now),
            torque=Reading(np.full(n, np.nan), now),
            tool_pose=Reading(np.full(7, np.nan), now),
            gripper_width=Reading(np.array([self._at.gripper or 0.0]), now),
        )

    def set_scale(self, scale: float) -> None:
        """See `Driver`."""

    def command(self, point: SetPoint) -> None:
        """See `Driver`."""
        self.commands += 1
        gripper = self._at.gripper if point.gripper is None else point.gripper
        self._at = SetPoint(point.position, point.velocity, point.acceleration, gripper)

    def stop(self) -> None:
        """See `Driver`."""
        still = np.zeros(len(self._home))
        self._at = SetPoint(self._at.position, still, still, self._at.gripper)

    def close(self) -> None:
        """See `Driver`."""
