"""Actions survive the way into the model's own numbers and back."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from scipy.spatial.transform import Rotation

from policy.m1.actions import decode_actions, encode_actions
from policy.m1.config import ActionEncoding
from tests.policy.m1.tiny import HIGH, LOW, SPEC, tiny_config

ENCODINGS = {
    "own": ActionEncoding(),
    "published": ActionEncoding((0.0, 1.0), rotation="euler_xyz"),
    "reversed": ActionEncoding((1.0, 0.0)),
}
CONFIGS = {name: tiny_config(encoding=encoding) for name, encoding in ENCODINGS.items()}
fractions = st.lists(st.floats(0.2, 0.8), min_size=6, max_size=6)
"""Of the way through the statistics; away from their ends, so that a rotation's other form is inside them too."""


@pytest.mark.parametrize("name", CONFIGS)
@given(fractions, st.sampled_from((-1.0, 1.0)))
def test_what_is_inside_the_statistics_comes_back(name, inside, gripper):
    low, high = np.array(LOW[:6]), np.array(HIGH[:6])
    arm = low + np.array(inside) * (high - low)
    action = torch.tensor([*arm, gripper], dtype=torch.float32)
    back = decode_actions(encode_actions(action, CONFIGS[name]), CONFIGS[name])
    torch.testing.assert_close(back, action, rtol=0, atol=1e-6)


@pytest.mark.parametrize(("name", "levels"), [("own", (-1, 1)), ("published", (0, 1)), ("reversed", (1, 0))])
def test_the_gripper_has_the_configured_levels(name, levels):
    for command, level in zip((-1.0, 1.0), levels, strict=True):
        action = torch.tensor([0.0] * 6 + [command])
        assert encode_actions(action, CONFIGS[name])[6] == level
        near = torch.tensor([0.0] * 6 + [level + 0.4 * (sum(levels) / 2 - level)])
        assert decode_actions(near, CONFIGS[name])[6] == command


def test_a_gripper_that_is_not_binary_keeps_its_value():
    config = tiny_config(encoding=ActionEncoding((0.0, 1.0), gripper_binary=False))
    action = torch.tensor([0.0] * 6 + [0.5])
    assert encode_actions(action, config)[6] == 0.75
    assert decode_actions(encode_actions(action, config), config)[6] == pytest.approx(0.5)


def test_roll_pitch_yaw_become_the_rotation_vector_of_the_same_rotation():
    unscaled = replace(SPEC, normalisation=None)
    config = tiny_config(action_spec=unscaled, encoding=ENCODINGS["published"])
    euler = [0.1, -0.15, 0.2]
    physical = decode_actions(torch.tensor([0.0, 0.0, 0.0, *euler, 1.0]), config)[3:6].double().numpy()
    about_fixed_axes = (
        Rotation.from_rotvec([0, 0, euler[2]])
        * Rotation.from_rotvec([0, euler[1], 0])
        * Rotation.from_rotvec([euler[0], 0, 0])
    )
    np.testing.assert_allclose(physical, about_fixed_axes.as_rotvec(), atol=1e-6)


def test_wild_numbers_stay_within_the_limits():
    wild = torch.tensor([[1e3] * 7, [-1e3] * 7])
    for config in (CONFIGS["own"], tiny_config(action_spec=replace(SPEC, normalisation=None))):
        physical = decode_actions(wild, config).numpy()
        assert (physical <= SPEC.high + 1e-6).all()
        assert (physical >= SPEC.low - 1e-6).all()
    np.testing.assert_allclose(decode_actions(wild, CONFIGS["own"])[0, :6], HIGH[:6], atol=1e-6)


@pytest.mark.parametrize("name", CONFIGS)
@pytest.mark.parametrize("value", [float("nan"), float("inf"), float("-inf")])
@pytest.mark.parametrize("channel", range(7))
def test_an_action_with_a_number_that_is_not_finite_is_nan_and_its_neighbours_are_not(name, value, channel):
    """The limits would make infinity an ordinary action, the gripper's levels NaN one that opens or closes."""
    own = torch.zeros(2, 3, 7)
    sound = decode_actions(own, CONFIGS[name])
    own[1, 2, channel] = value
    found = decode_actions(own, CONFIGS[name])
    assert found[1, 2].isnan().all()
    is_other = torch.ones(2, 3, dtype=torch.bool)
    is_other[1, 2] = False
    assert torch.equal(found[is_other], sound[is_other])
