"""The SO-ARM's driver: STS3215 servos that follow positions, by a calibration in LeRobot's form."""

from __future__ import annotations

import contextlib
import time
from pathlib import Path

import numpy as np

from robots.driver import ArmState, DriverError, Reading, SetPoint
from robots.so_arm.bus import ServoBus
from robots.so_arm.calibration import STEP, ServoCalibration, read_calibration
from robots.so_arm.gripper import JawGripper
from robots.so_arm.spec import SO_ARM
from robots.spec import JointLimits


class SoArmDriver:
    """A `robots.driver.Driver` of an SO-ARM100 or 101."""

    def __init__(self, address: str, calibration: str | Path = "") -> None:
        """
        Args:
            address: the port of its bus, as ``/dev/ttyACM0``.
            calibration: LeRobot's file of it, ``<id>.json``.
        """
        self._address, self._calibration_file = address, str(calibration)
        self._calibration: dict[str, ServoCalibration] = {}
        self._bus: ServoBus | None = None
        self._jaw = JawGripper()
        self._holding = False

    @property
    def limits(self) -> JointLimits:
        """See `Driver`."""
        return SO_ARM.limits

    @property
    def home(self) -> tuple[float, ...]:
        """See `Driver`."""
        return SO_ARM.home

    def connect(self) -> None:
        """See `Driver`; torque is switched on with the first set point, so that an arm at rest is not jerked."""
        if not self._calibration_file:
            raise DriverError(
                "an SO-ARM needs its calibration: LeRobot's file <id>.json, made by `lerobot-calibrate`"
            )
        self._calibration = read_calibration(Path(self._calibration_file))
        self._bus = ServoBus(self._address, [servo.number for servo in self._calibration.values()])

    def state(self) -> ArmState:
        """See `Driver`."""
        read = self._open_bus().read()
        now = time.monotonic()
        servos = [self._calibration[joint] for joint in SO_ARM.arm_joints]
        jaw = self._calibration[SO_ARM.finger_joints[0]]
        angle = np.array([[jaw.angle(read[jaw.number][0])]])
        sign = np.array([-1.0 if servo.reversed else 1.0 for servo in servos])
        unknown = np.full(7, np.nan)
        return ArmState(
            joint_pos=Reading(np.array([servo.angle(read[servo.number][0]) for servo in servos]), now),
            joint_vel=Reading(sign * STEP * np.array([read[servo.number][1] for servo in servos]), now),
            torque=Reading(np.full(len(servos), np.nan), now),
            tool_pose=Reading(unknown, now),
            gripper_width=Reading(self._jaw.width(angle), now),
        )

    def set_scale(self, scale: float) -> None:
        """See `Driver`: the servos plan nothing of their own."""

    def command(self, point: SetPoint) -> None:
        """See `Driver`; DriverError, too, for what is not finite."""
        bus = self._open_bus()
        servos = [self._calibration[joint] for joint in SO_ARM.arm_joints]
        try:
            goals = {s.number: s.step(float(q)) for s, q in zip(servos, point.position, strict=True)}
            if point.gripper is not None:
                jaw = self._calibration[SO_ARM.finger_joints[0]]
                goals[jaw.number] = jaw.step(float(self._jaw.joints_at(np.array([point.gripper]))[0, 0]))
        except ValueError as problem:
            raise DriverError(str(problem)) from None
        bus.send(goals)
        if not self._holding:
            bus.prepare()
            bus.hold(True)
            self._holding = True

    def stop(self) -> None:
        """See `Driver`: the servos are told to be where they are."""
        if self._bus is None or not self._holding:
            return
        read = self._bus.read()
        numbers = [self._calibration[joint].number for joint in SO_ARM.arm_joints]
        self._bus.send({number: max(read[number][0], 0) for number in numbers})

    def close(self) -> None:
        """See `Driver`; servos go on holding: an arm without torque falls."""
        with contextlib.suppress(DriverError):
            self.stop()
        if self._bus is not None:
            self._bus.close()
        self._bus = None

    def _open_bus(self) -> ServoBus:
        if self._bus is None:
            raise DriverError("the SO-ARM is not connected")
        return self._bus
