"""What is judged from the twin's logs: shares of limits, and which of them are near a missed window."""

import numpy as np

from robots.franka.fr3 import FR3
from tools.attack_twin import NEAR, near_a_miss, shares


def test_near_is_shortly_before_and_a_while_after_a_missed_window() -> None:
    numbers = np.arange(0, 200)
    near = near_a_miss(numbers, np.array([50, 120]))
    wanted = ((numbers >= 47) & (numbers <= 50 + NEAR)) | ((numbers >= 117) & (numbers <= 120 + NEAR))
    np.testing.assert_array_equal(near, wanted)
    assert not near_a_miss(numbers, np.array([], int)).any()


def test_a_jump_where_a_window_was_missed_is_told_from_one_elsewhere() -> None:
    numbers = np.arange(1, 1001)
    q = np.zeros((1000, 7))
    q[:, 0] = 1e-4 * np.arange(1000)  # 0.1 rad/s
    q[500:, 1] = 3e-5  # 30 rad/s^2 for a millisecond
    seen = {"away": 0.0, "near": 0.0}
    for missed, where in (([], "away"), ([495], "near")):
        found = shares(q, numbers, np.array(missed, int), FR3.limits, 0.5)["acceleration"]
        assert abs(found[where] - 6.0) < 1e-6
        seen[where] = found[f"beyond_{where}"]
    assert seen == {"away": 2.0, "near": 2.0}, "faster, and slower again"


def test_differences_over_a_packet_that_is_not_there_are_not_judged() -> None:
    numbers = np.concatenate((np.arange(1, 501), np.arange(503, 1000)))
    q = np.zeros((len(numbers), 7))
    q[500:, 0] = 0.05
    found = shares(q, numbers, np.array([501, 502]), FR3.limits, 0.5)
    assert found["velocity"]["near"] == found["velocity"]["away"] == 0.0
    assert found["velocity"]["looked_at"] == len(numbers) - 2
