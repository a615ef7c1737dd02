"""What was planted in drawn depth is told, and where nothing was, nothing is."""

import numpy as np
import pytest

from tools.planted_pictures import NO_ERROR, pairs
from workbench.visual_gap.depth import depth_gap


def test_a_depth_camera_that_is_off_is_found():
    truth = np.array((0.012, -0.01, 0.008, 0.0, 0.006, 0.0, 0.0, 0.0))

    found = depth_gap(pairs(truth, depth_error=(0.0, 0.003, 0.04)))

    assert found.position == pytest.approx(truth[:3], abs=0.003)
    assert found.after_m < 0.75 * found.before_m
    assert found.noise == pytest.approx(0.003, rel=0.1)
    assert found.noise_interval[0] <= 0.003 <= found.noise_interval[1]
    assert found.holes == pytest.approx(0.04, abs=0.005)


def test_depth_without_a_gap_is_found_to_have_none():
    found = depth_gap(pairs(NO_ERROR, depth_error=(0.0, 0.0, 0.0)))

    assert (np.abs(found.position) <= found.position_error).all()
    for low, high in (found.scale_interval, found.noise_interval, found.holes_interval):
        assert low <= 0 <= high


def test_a_log_without_depth_says_so():
    with pytest.raises(ValueError, match="has no depth"):
        depth_gap(pairs())
