"""No command to a joint exceeds the robot's limits: from the engine's own joint targets, at every physics step."""

import pytest

from robots.franka import PANDA
from tools.motion_limits import MotionLimitsOptions, measure

pytestmark = [pytest.mark.sim, pytest.mark.slow]


def commanded(**options):
    return measure(MotionLimitsOptions(**{"device": "cpu", "physics": "ovphysx", "num_envs": 4} | options))


def assert_within_limits(found):
    assert found.exceeded == [], f"shares of the limits: {found.worst}, fingers {found.finger_speed:.3f} m/s"
    assert found.beyond == 0.0


def test_the_expert_moves_within_the_limits_and_hardly_needs_the_limiter():
    found = commanded(policy="expert", episodes=4)
    assert_within_limits(found)
    assert found.successes == 4
    assert found.limited <= 0.01
    assert found.worst["acceleration"] > 0.5, "nothing moved: this test tests nothing"
    assert found.finger_speed > 0.3 * PANDA.gripper_speed


@pytest.mark.parametrize("physics", ["ovphysx", pytest.param("newton_mjwarp", marks=pytest.mark.long)])
def test_a_policy_that_asks_for_anything_is_kept_within_the_limits(physics):
    found = commanded(policy="random", episodes=8, physics=physics, time_limit_s=3.0)
    assert_within_limits(found)
    assert found.worst["acceleration"] > 0.9, "the limits were not reached: this test tests nothing"
