"""Settings by name, environment by environment, and the random numbers of an episode's purposes."""

import ast
import functools
from itertools import combinations
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

import tasks
from tasks.settings import PerEnvironment, stream
from tasks.tabletop.disturbances import Disturbances

N = 5
PACKAGE = Path(tasks.__file__).parent
seeds = st.integers(0, 2**31 - 1)
rows = st.lists(st.integers(0, N - 1), unique=True, min_size=1)


def owner():
    return PerEnvironment(N, "cpu", gain=1.5, delay=2, offset=(0.5, 0.0, -0.5))


def test_every_environment_starts_nominal():
    held = owner()
    assert held.names == {"gain", "delay", "offset"}
    assert held["gain"].tolist() == [1.5] * N
    assert held["delay"].tolist() == [2] * N
    assert held["offset"].tolist() == [[0.5, 0.0, -0.5]] * N


def test_a_setting_is_of_its_nominal_values_type():
    held = owner()
    assert held["gain"].dtype == held["offset"].dtype == torch.float32
    assert held["delay"].dtype == torch.int64
    held.set("delay", [1], [4.0])
    assert held["delay"].dtype == torch.int64


@given(rows)
def test_setting_some_rows_leaves_the_others_as_they_were(chosen):
    held = owner()
    held.set("gain", chosen, [10.0 + row for row in chosen])
    held.set("offset", chosen, [[row, 1.0, 2.0] for row in chosen])
    for row in range(N):
        assert held["gain"][row] == (10.0 + row if row in chosen else 1.5)
        assert held["offset"][row].tolist() == ([row, 1.0, 2.0] if row in chosen else [0.5, 0.0, -0.5])
        assert held["delay"][row] == 2


def test_values_go_to_the_rows_in_the_order_in_which_these_are_named():
    held = owner()
    held.set("gain", [3, 0], [3.0, 0.25])
    assert held["gain"].tolist() == [0.25, 1.5, 1.5, 3.0, 1.5]


def test_an_unknown_setting_is_an_error():
    with pytest.raises(KeyError):
        owner().set("gian", [0], [1.0])


@pytest.mark.parametrize(
    ("name", "values"),
    [
        ("gain", [1.0]),
        ("gain", [1.0, 2.0]),
        ("offset", [1.0, 2.0, 3.0]),
        ("offset", [[1.0, 2.0]] * 3),
        ("offset", [[1.0, 2.0, 3.0]]),
    ],
)
def test_values_of_another_shape_are_an_error_and_never_spread_over_rows(name, values):
    """Three numbers for three rows of a vector of three would otherwise become each row's vector."""
    held = owner()
    with pytest.raises(ValueError, match=f"{name} in 3 environments"):
        held.set(name, [0, 1, 2], values)
    assert torch.equal(held[name], owner()[name])


# -- random numbers


@given(seeds, st.text("abcdefgh_", min_size=1, max_size=20))
def test_the_same_episode_and_purpose_have_the_same_numbers(seed, name):
    first = stream(seed, name).random(4)
    assert np.array_equal(stream(seed, name).random(4), first)
    assert not np.array_equal(stream(seed + 1, name).random(4), first)


@functools.cache
def purposes():
    """Every name that the package asks for random numbers with."""
    found = set(Disturbances.KINDS)
    for path in PACKAGE.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Call) and getattr(node.func, "id", "") == "stream":
                name = node.args[1]
                if isinstance(name, ast.Constant):
                    found.add(name.value)
    return sorted(found)


def test_no_two_purposes_share_their_numbers():
    drawn = {name: stream(7, name).random(4).tolist() for name in purposes()}
    assert len(drawn) >= 10, "the purposes were not found: this test tests nothing"
    assert not [pair for pair in combinations(drawn, 2) if drawn[pair[0]] == drawn[pair[1]]]


@given(seeds)
@settings(max_examples=8, deadline=None)
def test_purposes_of_one_episode_are_independent_of_each_other(seed):
    drawn = np.array([stream(seed, name).random(2000) for name in purposes()])
    correlation = np.corrcoef(drawn) - np.eye(len(drawn))
    assert np.abs(correlation).max() < 6 / np.sqrt(2000)  # six standard deviations


def test_episodes_whose_seeds_follow_each_other_are_independent():
    first = [stream(seed, "sensing").random() for seed in range(4000)]
    assert stats.kstest(first, "uniform").pvalue > 1e-3
    assert abs(np.corrcoef(first[:-1], first[1:])[0, 1]) < 5 / np.sqrt(4000)


def test_purposes_whose_names_begin_alike_have_other_random_numbers():
    """Only the first eight letters of a name counted once."""
    for first, second in (("disturbance_a", "disturbance_b"), ("textures", "textures2")):
        assert stream(7, first).random() != stream(7, second).random()
