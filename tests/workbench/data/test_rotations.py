"""Rotations as columns: none jumps where nothing turns, and each can be turned back."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.spatial.transform import Rotation

from workbench.data.rotations import (
    DOWN,
    from_six_numbers,
    from_vector,
    quaternion_wxyz,
    six_numbers,
    vector_from_down,
)

SEEDS = st.integers(0, 2**32 - 1)


def wandering(seed: int, steps: int = 200, start: Rotation = DOWN, step: float = 0.05) -> Rotation:
    """Rotations that begin near ``start`` and turn by at most ``step`` [rad] at a time."""
    rng = np.random.default_rng(seed)
    turns = rng.normal(size=(steps, 3))
    turns *= step * rng.uniform(0, 1, (steps, 1)) / np.linalg.norm(turns, axis=1, keepdims=True)
    found = [Rotation.from_rotvec(rng.normal(0, 0.02, 3)) * start]
    for turn in turns:
        found.append(Rotation.from_rotvec(turn) * found[-1])
    return Rotation.concatenate(found)


def angles(rotation: Rotation) -> np.ndarray:
    """How far each rotation is from the one before [rad]."""
    return (rotation[1:] * rotation[:-1].inv()).magnitude()


@given(SEEDS)
def test_no_form_jumps_further_than_the_hand_turns(seed):
    rotation = wandering(seed)
    turned = angles(rotation) + 1e-9
    axes = six_numbers(rotation).reshape(-1, 2, 3)
    assert (np.linalg.norm(np.diff(axes, axis=0), axis=-1) <= turned[:, None]).all()
    quaternion = quaternion_wxyz(rotation, like=DOWN)
    # A unit quaternion goes half as far as what it turns.
    assert (np.linalg.norm(np.diff(quaternion, axis=0), axis=-1) <= turned / 2).all()
    vector = vector_from_down(rotation)
    # At angle a from the pose that it is told from, a vector changes by at most (a / 2) / sin(a / 2) of the turn
    # (the inverse of the exponential map's Jacobian).
    half = np.linalg.norm(vector, axis=1) / 2
    stretch = np.maximum.accumulate(np.maximum(half[1:], half[:-1]))
    stretch = stretch / np.sin(np.minimum(stretch + 0.05, 3.0))
    near = np.maximum(half[1:], half[:-1]) < 2.5
    assert (np.linalg.norm(np.diff(vector, axis=0), axis=-1) <= np.maximum(stretch, 1) * turned * 1.1)[
        near
    ].all()


@given(SEEDS)
def test_every_form_is_the_rotation_that_it_was(seed):
    rotation = wandering(seed, steps=30, start=Rotation.random(random_state=seed), step=0.5)
    quaternion = quaternion_wxyz(rotation, like=DOWN)
    for again in (
        from_six_numbers(six_numbers(rotation)),
        from_vector(vector_from_down(rotation)),
        Rotation.from_quat(np.roll(quaternion, -1, -1)),
    ):
        assert (again * rotation.inv()).magnitude().max() < 1e-6


def test_a_hand_that_points_down_is_nothing_and_its_turn_is_about_the_vertical():
    turns = np.linspace(-1.5, 1.5, 31)
    rotation = Rotation.from_rotvec(turns[:, None] * np.array([[0, 0, 1.0]])) * DOWN
    np.testing.assert_allclose(
        vector_from_down(rotation), np.stack((0 * turns, 0 * turns, turns), 1), atol=1e-9
    )
    np.testing.assert_allclose(six_numbers(Rotation.concatenate([DOWN])), [[1, 0, 0, 0, -1, 0]], atol=1e-9)


def test_a_hand_that_turns_on_past_half_a_turn_goes_on():
    turns = np.linspace(0, 1.2 * np.pi, 100)
    rotation = Rotation.from_rotvec(turns[:, None] * np.array([[0, 0, 1.0]])) * DOWN
    np.testing.assert_allclose(vector_from_down(rotation)[:, 2], turns, atol=1e-9)


@given(SEEDS)
def test_episodes_with_the_hand_down_have_quaternions_of_one_sign(seed):
    """w is about 0 there: by its sign alone, one episode in two would have the other."""
    raw = wandering(seed, steps=20).as_quat() * np.random.default_rng(seed).choice((-1, 1), (21, 1))
    found = quaternion_wxyz(Rotation.from_quat(raw), like=DOWN)
    assert (found[:, 1] > 0.5).all()


def test_a_quaternions_sign_does_not_jump():
    turning = Rotation.from_rotvec(np.linspace(0, 4 * np.pi, 200)[:, None] * np.array([[0.6, 0.0, 0.8]]))
    found = quaternion_wxyz(turning)
    assert found[0, 0] > 0
    assert np.abs(np.diff(found, axis=0)).max() < 0.05


@pytest.mark.parametrize("rows", [0, 1])
def test_few_rows_are_fine(rows):
    rotation = Rotation.from_quat(np.tile((1.0, 0, 0, 0), (rows, 1)))
    assert six_numbers(rotation).shape == (rows, 6)
    assert vector_from_down(rotation).shape == (rows, 3)
    assert quaternion_wxyz(rotation, like=DOWN).shape == (rows, 4)
