"""Draws belong to an episode and a factor's name: nothing beside them changes a value."""

import dataclasses

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from domain_rand import draw_episode, load_set
from domain_rand.distributions import Choice, Integers, LogRange, Range
from domain_rand.episode import apply_episodes
from domain_rand.factor import REGISTRY, Factor, register
from domain_rand.sets import FactorSet, build_set
from tasks.episode import EpisodeSpec

N = 10_000
P_LEAST = 1e-4  # seeds are fixed: a right distribution fails once, by being wrong
specs = st.builds(EpisodeSpec, st.just("pick_place"), st.integers(0, 10**6), st.integers(0, 10**6))
FREE = [name for name, cls in REGISTRY.items() if not name.startswith("scene.")]


@pytest.fixture(scope="module")
def everything():
    return load_set("default")


@given(specs)
@settings(max_examples=30, deadline=None)
def test_an_episode_is_drawn_again_the_same(everything, spec):
    first = draw_episode(spec, everything)
    draw_episode(EpisodeSpec("pick_place", spec.index + 1, spec.seed), everything)
    assert draw_episode(spec, everything) == first


@given(specs, st.sets(st.sampled_from(FREE)))
@settings(max_examples=30, deadline=None)
def test_removing_factors_changes_no_other_value(everything, spec, removed):
    full = draw_episode(spec, everything)
    fewer = draw_episode(
        spec, FactorSet("fewer", tuple(f for f in everything.factors if f.name not in removed))
    )
    assert fewer.factors == {name: v for name, v in full.factors.items() if name not in removed}
    assert fewer.scene == full.scene


@given(specs, st.randoms(use_true_random=False))
@settings(max_examples=20, deadline=None)
def test_the_order_of_factors_changes_no_value(everything, spec, random):
    """Scene factors keep their order among themselves: some build on others."""
    scene = [f for f in everything.factors if f.name not in FREE]
    shuffled = [f for f in everything.factors if f.name in FREE]
    random.shuffle(shuffled)
    for f in shuffled:
        scene.insert(random.randint(0, len(scene)), f)
    free = [f for f in scene if f.name in FREE]
    assert len(free) == len(FREE)
    other = draw_episode(spec, FactorSet("shuffled", tuple(scene)))
    assert other == draw_episode(spec, everything)


@given(specs)
@settings(max_examples=20, deadline=None)
def test_a_new_factor_changes_no_value(everything, spec):
    class Wind(Factor):
        name, unit, nominal, default = "weather.wind", "m/s", 0.0, Range(0.0, 1.0)

    before = draw_episode(spec, everything)
    for at in (0, len(everything.factors)):
        factors = (*everything.factors[:at], Wind(), *everything.factors[at:])
        after = draw_episode(spec, FactorSet("windy", factors)).factors
        assert 0 <= after.pop("weather.wind") <= 1
        assert after == before.factors


@given(specs)
@settings(max_examples=20, deadline=None)
def test_a_narrower_range_of_one_factor_changes_no_other(everything, spec):
    content = dict.fromkeys(REGISTRY, "default") | {"dynamics.object_mass": {"lo": 0.9, "hi": 1.1}}
    narrow = draw_episode(spec, build_set("narrow", content)).factors
    wide = draw_episode(spec, everything).factors
    assert {k for k in wide if wide[k] != narrow[k]} == {"dynamics.object_mass"}


def test_another_episode_draws_other_values(everything):
    a, b = (draw_episode(EpisodeSpec("pick_place", i, 0), everything).factors for i in (0, 1))
    same = [name for name in FREE if a[name] == b[name] and name != "control.action_delay"]
    assert not same


class Environments:
    """Keeps what each row was set to."""

    def __init__(self, n):
        self.values = [{} for _ in range(n)]


@pytest.mark.parametrize("n", [1, 3, 16])
def test_the_number_of_environments_changes_no_value(everything, monkeypatch, n):
    """Sixteen episodes, each applied to row i mod n, as the rollout does."""
    for cls in REGISTRY.values():
        monkeypatch.setattr(cls, "apply", record)
    seen = {}
    for start in range(0, 16, n):
        indices = list(range(start, min(start + n, 16)))
        env = Environments(n)
        episodes = [draw_episode(EpisodeSpec("pick_place", i, 9), everything) for i in indices]
        apply_episodes(env, [i % n for i in indices], episodes)
        seen |= {i: env.values[i % n] for i in indices}
    for i, values in seen.items():
        alone = draw_episode(EpisodeSpec("pick_place", i, 9), everything).factors
        applied = {name for name, cls in REGISTRY.items() if cls.nominal is not None}
        assert values == {name: alone[name] for name in applied}, f"episode {i} with {n} environments"


def record(self, env, rows, values):
    for row, value in zip(rows, values, strict=True):
        env.values[row][self.name] = value


def test_factors_outside_a_set_go_back_to_nominal(monkeypatch):
    for cls in REGISTRY.values():
        monkeypatch.setattr(cls, "apply", record)
    env = Environments(1)
    apply_episodes(env, [0], [draw_episode(EpisodeSpec("pick_place", 0, 0), load_set("default"))])
    assert env.values[0]["dynamics.object_mass"] != 1.0
    apply_episodes(env, [0], [draw_episode(EpisodeSpec("pick_place", 0, 0), load_set("none"))])
    assert env.values[0] == {n: cls.nominal for n, cls in REGISTRY.items() if cls.nominal is not None}


# -- distributions


def drawn(distribution, name="x"):
    return [distribution.sample(EpisodeSpec("t", i, 0).generator(name)) for i in range(N)]


@pytest.mark.parametrize("distribution", [Range(-0.3, 1.7), Range(5.0, 5.5)])
def test_a_range_is_uniform(distribution):
    lo, hi = distribution.lo, distribution.hi
    assert stats.kstest(drawn(distribution), stats.uniform(lo, hi - lo).cdf).pvalue > P_LEAST


@pytest.mark.parametrize("distribution", [LogRange(0.5, 2.0), LogRange(0.01, 100.0)])
def test_a_log_range_is_uniform_in_the_logarithm(distribution):
    lo, hi = distribution.lo, distribution.hi
    values = drawn(distribution)
    assert stats.kstest(values, stats.loguniform(lo, hi).cdf).pvalue > P_LEAST
    assert np.mean(np.array(values) < np.sqrt(lo * hi)) == pytest.approx(0.5, abs=0.02), (
        "halving is as likely"
    )


@pytest.mark.parametrize("distribution", [Integers(0, 2), Integers(-3, 4), Choice(("a", "b", "c", "d", "e"))])
def test_whole_numbers_and_options_are_equally_frequent(distribution):
    values, counts = np.unique(drawn(distribution), return_counts=True)
    options = (
        distribution.options
        if isinstance(distribution, Choice)
        else range(distribution.lo, distribution.hi + 1)
    )
    assert set(values.tolist()) == set(options), "an end of the range is never drawn"
    assert stats.chisquare(counts).pvalue > P_LEAST


@pytest.mark.parametrize("name", [n for n in FREE if isinstance(REGISTRY[n].default, Range)])
def test_a_factors_values_follow_its_stated_distribution(name):
    factor = REGISTRY[name]()
    law = stats.loguniform if isinstance(factor.distribution, LogRange) else stats.uniform
    lo, hi = factor.distribution.lo, factor.distribution.hi
    cdf = law(lo, hi).cdf if law is stats.loguniform else law(lo, hi - lo).cdf
    n = max(200, N // factor.length)
    values = [factor.draw(EpisodeSpec("t", i, 1).generator(name), {}) for i in range(n)]
    assert np.shape(values) == ((n,) if factor.length == 1 else (n, factor.length))
    assert stats.kstest(np.ravel(values), cdf).pvalue > P_LEAST


def test_components_of_one_factor_are_independent():
    factor = REGISTRY["camera.front_position"]()
    values = [factor.draw(EpisodeSpec("t", i, 1).generator(factor.name), {}) for i in range(4000)]
    correlation = np.corrcoef(np.transpose(values)) - np.eye(3)
    assert np.abs(correlation).max() < 0.06


@given(st.floats(-1e3, 1e3), st.floats(0, 1e3), st.integers(0, 2**32))
def test_what_is_drawn_lies_inside(lo, span, seed):
    rng = np.random.default_rng(seed)
    for distribution in (
        Range(lo, lo + span),
        LogRange(1e-3 + span, 2e-3 + 3 * span),
        Integers(round(lo), round(lo + span)),
    ):
        drawn = distribution.sample(rng)
        assert distribution.outside(type(distribution)(drawn, drawn)) == [], distribution


@pytest.mark.parametrize(
    "build",
    [
        lambda: Range(1.0, 0.0),
        lambda: Range(0.0, float("inf")),
        lambda: Range(float("nan"), 1.0),
        lambda: LogRange(0.0, 1.0),
        lambda: LogRange(-1.0, 1.0),
        lambda: Integers(2, 1),
        lambda: Integers(0.5, 2),
        lambda: Choice(()),
        lambda: Choice(("a", "a")),
    ],
)
def test_an_impossible_distribution_cannot_be_built(build):
    with pytest.raises(ValueError, match="need"):
        build()


# -- the registry


@pytest.fixture
def registry(monkeypatch):
    """A copy, so that a test's factors are gone afterwards."""
    copy = dict(REGISTRY)
    monkeypatch.setattr("domain_rand.factor.REGISTRY", copy)
    return copy


def test_two_factors_cannot_share_a_name(registry):
    with pytest.raises(ValueError, match=r"two factors are called 'dynamics.object_mass'"):
        register(type("Twin", (Factor,), {"name": "dynamics.object_mass", "needs": ()}))


def test_a_factor_cannot_need_what_is_not_drawn_yet(registry):
    with pytest.raises(ValueError, match=r"'new.one' needs new.two, which must be registered before it"):
        register(type("New", (Factor,), {"name": "new.one", "needs": ("new.two",)}))
    assert "new.one" not in registry


@pytest.mark.parametrize("name", REGISTRY)
def test_a_factor_says_what_it_is(name):
    cls = REGISTRY[name]
    assert cls.unit
    assert cls.__doc__
    assert "." in name
    if cls.nominal is not None:
        assert np.size(cls.nominal) == cls.length
    if isinstance(cls.default, Range) and cls.nominal is not None and not name.startswith("appearance."):
        assert np.all(np.asarray(cls.nominal) >= cls.default.lo), (
            "the default does not hold the nominal value"
        )
        assert np.all(np.asarray(cls.nominal) <= cls.default.hi), (
            "the default does not hold the nominal value"
        )


def test_an_episode_is_plain_data(everything):
    """Its factors go into JSON as they are."""
    import json

    values = draw_episode(EpisodeSpec("pick_place", 3, 0), everything).factors
    assert json.loads(json.dumps(values)) == values
    assert dataclasses.is_dataclass(draw_episode(EpisodeSpec("pick_place", 3, 0), everything).scene)
