"""Trajectory metrics against closed forms, a published value and their invariances."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.spatial.transform import Rotation

from workbench.evaluation.metrics import geodesic_angle, mean_jerk, path_length, sparc, trace_mae

seeds = st.integers(0, 2**32 - 1)


def test_path_length_of_a_circle():
    angle = np.linspace(0, 2 * np.pi, 2001)
    circle = 0.3 * np.stack([np.cos(angle), np.sin(angle), 0 * angle], axis=1)
    assert path_length(circle) == pytest.approx(2 * np.pi * 0.3, rel=1e-5)
    assert path_length([[1.0, 2.0, 3.0]]) == 0.0


@given(seeds, st.floats(0.1, 10))
def test_path_length_is_unchanged_by_motion_and_scales_with_size(seed, scale):
    rng = np.random.default_rng(seed)
    points = rng.normal(size=(20, 3))
    moved = Rotation.random(rng=rng).apply(scale * points) + rng.normal(size=3)
    assert path_length(moved) == pytest.approx(scale * path_length(points))


def test_sparc_of_the_example_published_with_the_metric():
    """-1.41403 for a Gaussian bell at 100 Hz, from the authors' own Python (github.com/siva82kb/smoothness)."""
    t = np.arange(-1, 1, 0.01)
    assert sparc(np.exp(-5 * t**2), 0.01) == pytest.approx(-1.41403, abs=5e-6)


def test_sparc_ignores_amplitude_and_punishes_stuttering():
    t = np.arange(0, 2, 0.01)
    smooth = np.sin(np.pi * t / 2) ** 2
    stutter = smooth * (1 + 0.8 * np.sin(2 * np.pi * 5 * t))
    assert sparc(7.0 * smooth, 0.01) == pytest.approx(sparc(smooth, 0.01))
    assert sparc(stutter, 0.01) < sparc(smooth, 0.01) - 0.5


def test_sparc_does_not_hear_what_is_above_ten_hertz():
    t = np.arange(-1, 1, 0.01)
    bell = np.exp(-5 * t**2)
    assert sparc(bell * (1 + 0.5 * np.sin(2 * np.pi * 15 * t)), 0.01) == pytest.approx(
        sparc(bell, 0.01), abs=0.01
    )
    assert sparc(bell * (1 + 0.5 * np.sin(2 * np.pi * 8 * t)), 0.01) < sparc(bell, 0.01) - 0.2


def test_sparc_at_a_low_sampling_rate_stops_at_half_of_it():
    t = np.arange(-1, 1, 0.1)  # 10 Hz: half is below the usual cut-off of 10 Hz
    assert sparc(np.exp(-5 * t**2), 0.1) == pytest.approx(-1.414, abs=0.02)


def test_sparc_is_absent_rather_than_zero():
    assert sparc([0.1, 0.2, 0.1], 0.05) is None
    assert sparc(np.zeros(50), 0.05) is None


def test_mean_jerk_of_a_cubic():
    t = np.arange(0, 1, 0.01)
    assert mean_jerk(np.stack([t**3, 0 * t, 2 * t], axis=1), 0.01) == pytest.approx(6.0, rel=1e-6)
    assert mean_jerk(np.zeros((3, 3)), 0.01) is None


def test_trace_mae_of_parallel_traces_is_their_distance_whatever_their_sampling():
    a = np.stack([np.linspace(0, 100, 7), np.full(7, 20.0)], axis=1)
    b = np.stack([np.linspace(0, 100, 300) ** 2 / 100, np.full(300, 23.0)], axis=1)
    assert trace_mae(a, b) == pytest.approx(3.0)
    assert trace_mae(a, a[::-1]) > 10, "a trace run backwards is another trace"
    assert trace_mae([[5.0, 5.0]], [[8.0, 9.0]]) == pytest.approx(5.0)


@given(seeds, st.floats(1e-9, np.pi))
def test_geodesic_angle_is_the_rotation_between(seed, angle):
    rng = np.random.default_rng(seed)
    first = Rotation.random(rng=rng)
    axis = rng.normal(size=3)
    second = first * Rotation.from_rotvec(angle * axis / np.linalg.norm(axis))
    p, q = first.as_quat(), second.as_quat()
    assert geodesic_angle(p, q) == pytest.approx(angle, rel=1e-6, abs=1e-15)
    assert geodesic_angle(p, -3 * q) == pytest.approx(angle, rel=1e-6, abs=1e-15)


def test_geodesic_angle_works_on_batches():
    q = Rotation.random(12, rng=np.random.default_rng(0)).as_quat().reshape(3, 4, 4)
    assert geodesic_angle(q, q).shape == (3, 4)
    assert np.all(geodesic_angle(q, -q) == 0)


@pytest.mark.parametrize(
    ("call", "sentence"),
    [
        (lambda: path_length([1.0, 2.0]), "positions must be"),
        (lambda: path_length([[0.0, np.nan, 0.0]]), "positions holds a NaN"),
        (lambda: sparc([], 0.1), "speed must be"),
        (lambda: sparc([1.0] * 9, 0.0), "positive time step"),
        (lambda: geodesic_angle([0, 0, 0, 0], [0, 0, 0, 1]), "length zero"),
        (lambda: geodesic_angle([0, 0, 1], [0, 0, 0, 1]), "4 numbers"),
        (lambda: trace_mae([[0, 0]], [[0, 0, 0]]), "coordinates a point"),
    ],
)
def test_bad_input_is_named(call, sentence):
    with pytest.raises(ValueError, match=sentence):
        call()
