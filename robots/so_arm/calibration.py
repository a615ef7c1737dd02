"""Between a servo's steps and a joint's angle: `ServoCalibration`, read from LeRobot's file of calibration.

A servo counts 4,096 steps a turn. LeRobot's file says for each motor its number on the bus and the steps at both ends
of its range, found by moving the arm by hand. The middle of the range is the zero of the URDF for the arm's joints,
which move alike to both sides of it; the jaw's range is from closed to open.
"""

from __future__ import annotations

import json
import math
from dataclasses import dataclass
from pathlib import Path

from robots.driver import DriverError
from robots.so_arm.spec import JAW_HIGH, JAW_LOW, SO_ARM

STEPS = 4096
"""Steps of a servo's turn."""
STEP = 2 * math.pi / STEPS
"""[rad]"""
MOTORS = (*SO_ARM.arm_joints, *SO_ARM.finger_joints)


@dataclass(frozen=True)
class ServoCalibration:
    """One servo."""

    number: int
    """On the bus."""
    low: int
    """Step at the lower end of its range."""
    high: int
    """Step at the upper end."""
    zero_angle: float = 0.0
    """Angle of the joint in the middle of the range [rad]."""
    reversed: bool = False
    """Whether its steps fall as the joint's angle grows."""

    @property
    def middle(self) -> float:
        """Step in the middle of its range."""
        return (self.low + self.high) / 2

    def angle(self, step: float) -> float:
        """Angle of the joint [rad]."""
        return self.zero_angle + (-1 if self.reversed else 1) * (step - self.middle) * STEP

    def step(self, angle: float) -> int:
        """The step nearest to an angle [rad], within its range; ValueError for an angle that is not finite."""
        if not math.isfinite(angle):
            raise ValueError(f"a servo cannot be told to turn to {angle}")
        wanted = self.middle + (-1 if self.reversed else 1) * (angle - self.zero_angle) / STEP
        return round(min(max(wanted, self.low), self.high))


def read_calibration(path: Path) -> dict[str, ServoCalibration]:
    """Motor -> its calibration, from LeRobot's JSON; DriverError says what is wrong with a file."""
    try:
        content = json.loads(path.read_text("utf-8"))
    except (OSError, ValueError) as problem:
        raise DriverError(f"the calibration {path} cannot be read: {problem}") from None
    missing = [motor for motor in MOTORS if motor not in content] if isinstance(content, dict) else MOTORS
    if missing:
        raise DriverError(f"the calibration {path} says nothing of {', '.join(missing)}")
    found = {}
    for motor in MOTORS:
        entry = content[motor]
        try:
            number, low, high = int(entry["id"]), int(entry["range_min"]), int(entry["range_max"])
            is_reversed = bool(entry.get("drive_mode", 0))
        except (KeyError, TypeError, ValueError, AttributeError) as problem:
            raise DriverError(f"the calibration {path}, {motor}: {problem!r}") from None
        if not 0 <= low < high < STEPS:
            raise DriverError(f"the calibration {path}, {motor}: its range is from {low} to {high}")
        zero = (JAW_LOW + JAW_HIGH) / 2 if motor in SO_ARM.finger_joints else 0.0
        found[motor] = ServoCalibration(number, low, high, zero, is_reversed)
    return found
