"""The robot's numbers fit together."""

from dataclasses import fields

import numpy as np
import pytest

from robots import JointLimits
from robots.franka import PANDA

LIMITS = PANDA.limits


@pytest.mark.parametrize("field", [f.name for f in fields(JointLimits)])
def test_every_limit_has_one_number_a_joint(field):
    assert len(getattr(LIMITS, field)) == len(PANDA.arm_joints) == len(PANDA.home) == 7


def test_limits_leave_room_and_are_positive():
    assert (np.array(LIMITS.position_low) < LIMITS.position_high).all()
    for field in ("velocity", "acceleration", "jerk", "torque"):
        assert min(getattr(LIMITS, field)) > 0, field


def test_home_keeps_a_tenth_of_a_radian_from_every_limit():
    home = np.array(PANDA.home)
    margin = np.minimum(home - LIMITS.position_low, np.array(LIMITS.position_high) - home)
    assert margin.min() > 0.1, dict(zip(PANDA.arm_joints, margin.round(3), strict=True))


def test_joint_names_are_distinct():
    names = (*PANDA.arm_joints, *PANDA.finger_joints)
    assert len(set(names)) == len(names) == 9
