"""Each measure of a replay against an error that was planted."""

import numpy as np
import pytest
from scipy.spatial.transform import Rotation

from tests.workbench.identification.planted import PANDA, sines
from workbench.identification.replay_errors import drift_errors, geodesic, joint_errors, lag_of, tool_errors


@pytest.mark.parametrize("lag", [-0.043, -0.0031, 0.0, 0.0042, 0.0177, 0.2])
def test_lag_is_found_below_a_sample(lag: float) -> None:
    times, told = sines()
    late = np.interp(times - lag, times, told[:, 3])
    assert lag_of(times, told[:, 3], late) == pytest.approx(lag, abs=5e-4)


def test_lag_is_not_moved_by_a_bias() -> None:
    times, told = sines()
    late = np.interp(times - 0.03, times, told[:, 3]) + 0.1
    assert lag_of(times, told[:, 3], late) == pytest.approx(0.03, abs=5e-4)


def test_a_joint_that_stands_has_no_lag() -> None:
    times = np.arange(500) / 100
    assert lag_of(times, np.full(500, 0.3), np.full(500, 0.31)) is None


def test_hysteresis_is_the_width_of_the_loop_and_not_the_lag() -> None:
    times, told = sines()
    speed = np.gradient(told, times, axis=0)
    for width, lag in ((0.0, 0.04), (0.006, 0.0), (-0.004, 0.02)):
        late = np.stack([np.interp(times - lag, times, told[:, j]) for j in range(7)], 1)
        made = late + width / 2 * np.sign(speed)
        found = joint_errors(times, told, made, {})
        assert [j.hysteresis for j in found] == pytest.approx([width] * 7, abs=1.2e-3)


def test_bias_and_rmse() -> None:
    times, told = sines()
    found = joint_errors(times, told, told + 0.01, {})
    assert [j.bias for j in found] == pytest.approx([0.01] * 7)
    assert [j.rmse for j in found] == pytest.approx([0.01] * 7)


def test_drift_is_told_by_age() -> None:
    age = np.array([0.05, 0.2, 0.4, 0.4])
    error = np.array([[1.0], [2.0], [3.0], [5.0]])
    found = drift_errors(age, error)
    assert {k: float(v[0]) for k, v in found.items()} == {
        0.1: 1.0,
        0.25: 2.0,
        0.5: pytest.approx(np.sqrt(17)),
    }


@pytest.mark.parametrize("angle", [1e-9, 1e-4, 0.5, 3.0, np.pi])
def test_geodesic_is_the_angle_even_of_tiny_turns(angle: float) -> None:
    one = Rotation.from_rotvec([0.3, -1.0, 0.2]).as_matrix()[None]
    turn = Rotation.from_rotvec(angle * np.array([0.6, 0.0, 0.8])).as_matrix()
    assert geodesic(one, one @ turn)[0] == pytest.approx(angle, rel=1e-6)


def test_the_tools_error_is_that_of_kinematics() -> None:
    _, told = sines()
    off = told.copy()
    off[:, 0] += 0.01  # the first joint turns everything about the vertical
    found = tool_errors(told, off, PANDA.chain.pose)
    assert found.rotation_rmse == pytest.approx(0.01, rel=1e-6)
    reach = np.linalg.norm(PANDA.chain.pose(told)[0][:, :2], axis=1)
    assert found.position_rmse == pytest.approx(
        float(np.sqrt(((2 * np.sin(0.005) * reach) ** 2).mean())), rel=1e-6
    )
