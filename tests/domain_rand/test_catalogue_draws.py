"""Every factor of the catalogue draws by its law, alone, and gives back what was recorded."""

import dataclasses
import json
import random

import numpy as np
import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from domain_rand import draw_episode, load_set
from domain_rand.distributions import Integers, LogRange, Range
from domain_rand.episode import Episode, apply_episodes
from domain_rand.factor import REGISTRY
from domain_rand.sets import FactorSet, build_set, explicit_set
from tasks.episode import EpisodeSpec
from tasks.tabletop import dynamics as dynamics_module
from tasks.tabletop.workspace import pool
from tests.domain_rand.catalogue import OWN_RANDOMNESS

DRAWS = 10_000
LEVEL = 1e-3
"""Probability that right distributions fail, all factors together. Seeds are fixed, so they do so always or never."""


@pytest.fixture(scope="module")
def everything():
    return build_set("everything", dict.fromkeys(REGISTRY, "default"))


@pytest.fixture(autouse=True)
def no_contacts(monkeypatch):
    """There is no engine to write them to."""
    monkeypatch.setattr(dynamics_module, "write_contact", lambda *_: None)


# -- draws


def law(distribution):
    lo, hi = distribution.lo, distribution.hi
    return stats.loguniform(lo, hi) if isinstance(distribution, LogRange) else stats.uniform(lo, hi - lo)


DRAWN = [
    name
    for name, cls in REGISTRY.items()
    if cls.default is not None and getattr(cls.default, "lo", 0) != getattr(cls.default, "hi", 1)
]
"""Factors with a distribution of more than one value."""


@pytest.mark.parametrize("name", DRAWN)
def test_its_draws_follow_its_distribution(name):
    """Ten thousand numbers, of as many episodes or, where a value has components, of fewer."""
    factor = REGISTRY[name]()
    count = -(-DRAWS // factor.length)
    values = np.array([factor.draw(EpisodeSpec("t", i, 1).generator(name), {}) for i in range(count)])
    assert values.shape == ((count,) if factor.length == 1 else (count, factor.length))
    least = LEVEL / len(DRAWN)
    if isinstance(factor.distribution, Range):
        assert stats.kstest(values.ravel(), law(factor.distribution).cdf).pvalue > least
        return
    distribution = factor.distribution
    whole = isinstance(distribution, Integers)
    options = list(range(distribution.lo, distribution.hi + 1)) if whole else list(distribution.options)
    found, counts = np.unique(values, return_counts=True)
    assert sorted(found.tolist()) == sorted(options), "something is never drawn, or something else is"
    assert stats.chisquare(counts).pvalue > least


def test_components_of_a_value_are_independent_of_each_other():
    for name, cls in REGISTRY.items():
        if cls.length > 1:
            values = [cls().draw(EpisodeSpec("t", i, 1).generator(name), {}) for i in range(1000)]
            apart = np.corrcoef(np.transpose(values)) - np.eye(cls.length)
            assert np.abs(apart).max() < 5 / 1000**0.5, name


def test_factors_are_independent_of_each_other():
    numbers = [n for n in DRAWN if isinstance(REGISTRY[n].default, Range) and REGISTRY[n].length == 1]
    values = [
        [REGISTRY[n]().draw(EpisodeSpec("t", i, 2).generator(n), {}) for i in range(1000)] for n in numbers
    ]
    assert len(numbers) > 40
    assert np.abs(np.corrcoef(values) - np.eye(len(values))).max() < 5.5 / 1000**0.5


# -- nothing beside it changes its value

specs = st.builds(EpisodeSpec, st.just("pick_place"), st.integers(0, 10**6), st.integers(0, 10**6))


def silent(scene):
    """A scene without its words, which language factors change."""
    return dataclasses.replace(scene, instruction="not a word")


def dependents(names):
    """Factors whose meaning builds on any of these, and these."""
    found = set(names)
    for name, cls in REGISTRY.items():  # what is needed is registered before
        if found & set(cls.needs):
            found.add(name)
    return found


REMOVABLE = [name for name, cls in REGISTRY.items() if cls.nominal is not None]


@given(specs, st.sets(st.sampled_from(REMOVABLE)))
@settings(max_examples=25, deadline=None)
def test_without_some_factors_all_others_are_drawn_as_with_them(everything, spec, removed):
    full = draw_episode(spec, everything)
    left = [f for f in everything.factors if f.name not in removed]
    fewer = draw_episode(spec, FactorSet("fewer", tuple(left)))
    assert list(fewer.factors) == [f.name for f in left]
    touched = dependents(removed)
    assert {n: v for n, v in fewer.factors.items() if n not in touched} == {
        n: v for n, v in full.factors.items() if n not in touched
    }
    if "scene.poses" not in touched:
        assert silent(fewer.scene) == silent(full.scene)
    if "scene.poses" not in touched and not any(name.startswith("language.") for name in removed):
        assert fewer.scene == full.scene


@given(specs, st.sampled_from([name for name in REMOVABLE if not dependents([name]) - {name}]))
@settings(max_examples=25, deadline=None)
def test_each_factor_is_drawn_alone_as_with_all_others(everything, spec, name):
    full = draw_episode(spec, everything).factors
    alone = draw_episode(spec, build_set("alone", {name: "default"})).factors
    assert alone[name] == full[name]


@given(specs, st.integers(0, 2**32))
@settings(max_examples=15, deadline=None)
def test_the_order_of_factors_changes_no_value(everything, spec, seed):
    """Any order in which what a factor needs comes before it."""
    waiting, placed, order = list(everything.factors), [], random.Random(seed)
    while waiting:
        order.shuffle(waiting)
        ready = next(f for f in waiting if not {w.name for w in waiting} & set(f.needs))
        waiting.remove(ready)
        placed.append(ready)
    other = draw_episode(spec, FactorSet("shuffled", tuple(placed)))
    assert other == draw_episode(spec, everything)


class Notes:
    """An environment that notes what each row is set to, by any way that a factor has."""

    def __init__(self, n):
        self.rows = [{} for _ in range(n)]
        self.scenes = [None] * n
        self.slots = pool()
        self.slot_index = {name: i for i, name in enumerate(self.slots)}

    def set(self, name, rows, values):
        for row, value in zip(rows, values, strict=True):
            self.rows[row][name] = value

    def write_colors(self, names, color, rows):
        for i, row in enumerate(rows):
            self.rows[row][tuple(names)] = color[:, i].tolist()

    def tint_robot(self, rows, tint):
        self.set("tint", rows, tint.tolist())

    def commit(self, rows, seeds):
        self.set("seed", rows, seeds)


def noted(episodes, rows, env, factor_set):
    """What environments are set to when these episodes begin in them."""
    for row, episode in zip(rows, episodes, strict=True):
        env.scenes[row] = episode.scene
    apply_episodes(env, rows, episodes, factor_set)
    return [dict(env.rows[row]) for row in rows]


@pytest.mark.parametrize("n", [2, 5, 12])
def test_an_environment_is_set_to_the_same_however_many_there_are(everything, n):
    """Twelve episodes, each in environment i mod n, after whatever was there before."""
    episodes = [draw_episode(EpisodeSpec("pick_place", i, 3), everything) for i in range(12)]
    alone = [noted([episode], [0], Notes(1), everything)[0] for episode in episodes]
    env, found = Notes(n), {}
    for start in range(0, 12, n):
        indices = list(range(start, min(start + n, 12)))
        rows = [i % n for i in indices][::-1]
        found |= dict(
            zip(
                indices[::-1], noted([episodes[i] for i in indices[::-1]], rows, env, everything), strict=True
            )
        )
    for i, values in enumerate(alone):
        assert found[i] == values, f"episode {i} with {n} environments"
        assert len(values) > 60


# -- a recorded episode is that episode again


def again(recorded, spec):
    """An episode from what a record or a file holds of another."""
    return draw_episode(spec, explicit_set("recorded", recorded))


@given(specs)
@settings(max_examples=10, deadline=None)
def test_recorded_draws_given_back_are_the_same_episode(everything, spec):
    """Scene, every factor and what seeds its noise, through JSON and YAML, under whatever name it runs."""
    episode = draw_episode(spec, everything)
    for stored in (
        json.loads(json.dumps(episode.factors)),
        yaml.safe_load(yaml.safe_dump(episode.factors, default_flow_style=None)),
    ):
        other = again(stored, EpisodeSpec("pick_place", spec.index + 1, spec.seed + 1, "elsewhere"))
        assert other.factors == episode.factors
        assert other.scene == episode.scene
        assert all(other.factors[seed] == episode.factors[seed] for seed in OWN_RANDOMNESS)
        assert other.policy_seed == episode.policy_seed


@given(specs, st.sampled_from(["none", "default", "mild"]))
@settings(max_examples=10, deadline=None)
def test_so_are_those_of_a_smaller_set(spec, name):
    episode = draw_episode(spec, load_set(name))
    other = again(episode.factors, EpisodeSpec("pick_place", 0, 0))
    assert (other.factors, other.scene) == (episode.factors, episode.scene)


def test_a_given_back_episode_sets_the_environment_to_the_same(everything):
    for index in range(8):
        spec = EpisodeSpec("pick_place", index, 4)
        first = draw_episode(spec, everything)
        other = again(json.loads(json.dumps(first.factors)), EpisodeSpec("pick_place", 99, 99))
        assert isinstance(other, Episode)
        expected = noted([first], [0], Notes(1), everything)
        assert noted([other], [0], Notes(1), explicit_set("recorded", first.factors)) == expected


def test_two_episodes_never_share_their_noise(everything):
    seeds = [
        draw_episode(EpisodeSpec("pick_place", i, 0), build_set("none", {})).factors["episode.noise_seed"]
        for i in range(200)
    ]
    assert len(set(seeds)) == 200
    assert all(type(seed) is int and 0 <= seed < 2**31 for seed in seeds)
