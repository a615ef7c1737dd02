"""The WidowX AI behind its controller, through ``trossen-arm``.

The controller takes positions with the time in which to reach them, and clips what is beyond its limits; it takes NaN
too, and breaks. So nothing that is not finite is sent, whoever asks for it.
"""

from __future__ import annotations

import contextlib
import time
from typing import Any

import numpy as np

from robots.driver import ArmState, DriverError, Reading, SetPoint, missing
from robots.spec import JointLimits
from robots.wxai.spec import GRIPPER_MAX_WIDTH, WXAI_HOME, WXAI_LIMITS

EXTRA = "robot-wxai"
REACH_S = 0.02
"""Time in which a set point is to be reached, of a stream of them [s]."""
GRIPPER_S = 0.5
"""The same of the gripper [s]."""


class WxaiDriver:
    """A `robots.driver.Driver` of a WidowX AI follower."""

    def __init__(self, address: str, timeout_s: float = 5.0) -> None:
        """``address`` is the controller's; a connection that takes longer than ``timeout_s`` [s] is given up."""
        self._address, self._timeout = address, timeout_s
        self._arm: Any = None
        self._gripper: float | None = None

    @property
    def limits(self) -> JointLimits:
        """See `Driver`."""
        return WXAI_LIMITS

    @property
    def home(self) -> tuple[float, ...]:
        """See `Driver`."""
        return WXAI_HOME

    def connect(self) -> None:
        """See `Driver`."""
        try:
            import trossen_arm
        except ImportError as problem:
            raise missing("trossen-arm", EXTRA) from problem
        arm = trossen_arm.TrossenArmDriver()
        try:
            arm.configure(
                trossen_arm.Model.wxai_v0,
                trossen_arm.StandardEndEffector.wxai_v0_follower,
                self._address,
                False,
                self._timeout,
            )
            arm.set_all_modes(trossen_arm.Mode.position)
        except Exception as problem:  # the library's exceptions share no base of their own
            raise DriverError(f"there is no WidowX AI to speak with at {self._address}: {problem}") from None
        self._arm = arm

    def state(self) -> ArmState:
        """See `Driver`."""
        try:
            output = self._arm.get_robot_output()
            joints = output.joint.arm
            pose = np.array(output.cartesian.positions, np.float64)
            width = 2 * float(output.joint.gripper.position)
        except Exception as problem:
            raise DriverError(f"the WidowX AI at {self._address} has fallen silent: {problem}") from None
        now = time.monotonic()
        return ArmState(
            joint_pos=Reading(np.array(joints.positions, np.float64), now),
            joint_vel=Reading(np.array(joints.velocities, np.float64), now),
            torque=Reading(np.array(joints.efforts, np.float64), now),
            tool_pose=Reading(_pose(pose), now),
            gripper_width=Reading(np.array([width]), now),
        )

    def set_scale(self, scale: float) -> None:
        """See `Driver`: this arm plans nothing of its own."""

    def command(self, point: SetPoint) -> None:
        """See `Driver`; DriverError, too, for what is not finite."""
        if not (np.isfinite(point.position).all() and np.isfinite(point.velocity).all()):
            raise DriverError("a set point that is not finite was to be sent to the WidowX AI")
        try:
            self._arm.set_arm_positions(
                [float(x) for x in point.position], REACH_S, False, [float(v) for v in point.velocity]
            )
            if point.gripper is not None and point.gripper != self._gripper:
                half = min(max(point.gripper, 0.0), GRIPPER_MAX_WIDTH) / 2
                self._arm.set_gripper_position(half, GRIPPER_S, False)
                self._gripper = point.gripper
        except Exception as problem:
            raise DriverError(f"the WidowX AI at {self._address} refuses to move: {problem}") from None

    def stop(self) -> None:
        """See `Driver`: it is told to be where it is."""
        if self._arm is None:
            return
        state = self.state()
        self.command(SetPoint(state.joint_pos.value, np.zeros(6), np.zeros(6)))

    def close(self) -> None:
        """See `Driver`; the controller then goes idle, in which it brakes the joints."""
        with contextlib.suppress(DriverError):
            self.stop()
        if self._arm is not None:
            with contextlib.suppress(Exception):
                self._arm.cleanup()
        self._arm = None


def _pose(position_and_rotation_vector: np.ndarray) -> np.ndarray:
    """Position and rotation vector ``[6]`` as position and quaternion x y z w ``[7]``."""
    position, vector = position_and_rotation_vector[:3], position_and_rotation_vector[3:]
    angle = float(np.linalg.norm(vector))
    # sin(angle / 2) / angle, which is 1/2 at angle 0
    share = 0.5 if angle < 1e-9 else np.sin(angle / 2) / angle
    return np.concatenate((position, share * vector, [np.cos(angle / 2)]))
