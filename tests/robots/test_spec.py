"""The robot's numbers fit together."""

from dataclasses import fields

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

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


@given(st.lists(st.floats(-10, 10), min_size=7, max_size=7), st.floats(0, 0.5))
def test_clipping_moves_positions_inside_and_leaves_those_inside_alone(q, margin):
    clipped = LIMITS.clip_position(np.array(q), margin)
    low, high = np.array(LIMITS.position_low) + margin, np.array(LIMITS.position_high) - margin
    assert ((clipped >= low) & (clipped <= high)).all()
    inside = (np.array(q) >= low) & (np.array(q) <= high)
    np.testing.assert_array_equal(clipped[inside], np.array(q)[inside])
