"""Footprints: how far apart bodies are, seen from above."""

import math

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from scipy.spatial.transform import Rotation

from tasks.tabletop.footprints import footprint_gap, placed

SQUARE = torch.tensor([[[x, y, z] for x in (-0.03, 0.03) for y in (-0.02, 0.02) for z in (-0.01, 0.01)]])


def at(x, y, yaw=0.0):
    quaternion = Rotation.from_euler("z", yaw).as_quat()
    return placed(SQUARE, torch.tensor([[x, y, 0.0, *quaternion]], dtype=torch.float32))


@pytest.mark.parametrize(
    ("pose", "gap"),
    [
        ((0.10, 0.0), 0.04),
        ((0.0, -0.10), 0.06),
        ((0.06, 0.04), 0.0),
        ((0.01, 0.01), 0.0),
        ((0.10, 0.08), math.hypot(0.04, 0.04)),
        ((0.10, 0.0, math.pi / 2), 0.05),
    ],
    ids=["beside", "before", "touching", "overlapping", "corner to corner", "turned"],
)
def test_the_gap_is_the_least_distance_of_the_outlines(pose, gap):
    assert float(footprint_gap(at(0.0, 0.0), at(*pose))[0]) == pytest.approx(gap, rel=2e-3, abs=1e-6)


@given(st.floats(-0.2, 0.2), st.floats(-0.2, 0.2), st.floats(-3.0, 3.0))
def test_it_is_the_same_both_ways_and_never_more_than_between_any_two_corners(x, y, yaw):
    one, other = at(0.0, 0.0), at(x, y, yaw)
    gap = float(footprint_gap(one, other)[0])
    assert gap == pytest.approx(float(footprint_gap(other, one)[0]), abs=1e-6)
    corners = np.linalg.norm(one[0, :, None, :2].numpy() - other[0, None, :, :2].numpy(), axis=-1)
    assert gap <= corners.min() + 1e-6
