"""Draws belong to an episode and a factor's name: nothing beside them changes a value."""

import dataclasses

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from domain_rand import draw_episode, load_set
from domain_rand.distributions import Choice, Integers, LogRange, Numbered, Range
from domain_rand.episode import apply_episodes
from domain_rand.factor import REGISTRY, Factor, register
from domain_rand.sets import FactorSet, FactorSetError, build_set, explicit_set
from tasks.episode import EpisodeSpec

N = 10_000
P_LEAST = 1e-4  # seeds are fixed: a right distribution fails once, by being wrong
specs = st.builds(EpisodeSpec, st.just("pick_place"), st.integers(0, 10**6), st.integers(0, 10**6))
NEEDED = {name for cls in REGISTRY.values() for name in cls.needs}
COMPOSED = [
    n for n, cls in REGISTRY.items() if n in NEEDED or (n.startswith("scene.") and cls.nominal is None)
]
"""What a scene is made of; some build on others."""
FREE = [name for name in REGISTRY if name not in COMPOSED]


@pytest.fixture(scope="module")
def everything():
    return build_set("everything", dict.fromkeys(REGISTRY, "default"))


@given(specs)
@settings(max_examples=30, deadline=None)
def test_an_episode_is_drawn_again_the_same(everything, spec):
    first = draw_episode(spec, everything)
    draw_episode(EpisodeSpec("pick_place", spec.index + 1, spec.seed), everything)
    assert draw_episode(spec, everything) == first


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
    # Of a few whole numbers or words, two draws may be the same one; the size of the table is fixed on all engines.
    many = [n for n in FREE if isinstance(REGISTRY[n].default, Range | None) and n != "scene.table_size"]
    assert len(many) > 40
    assert not [name for name in many if a[name] == b[name]]


class Environments:
    """Keeps what each row was set to, once it has taken effect."""

    def __init__(self, n):
        self.asked = [{} for _ in range(n)]
        self.values = [{} for _ in range(n)]
        self.seeds = [None] * n

    def commit(self, rows, seeds):
        for row, seed in zip(rows, seeds, strict=True):
            self.values[row] = dict(self.asked[row])
            self.seeds[row] = seed


@pytest.fixture
def recorded(monkeypatch):
    """Factors note what they are applied with, instead of applying it."""
    for cls in REGISTRY.values():
        monkeypatch.setattr(cls, "apply", record)


def record(self, env, rows, values):
    for row, value in zip(rows, values, strict=True):
        env.asked[row][self.name] = value


@pytest.mark.usefixtures("recorded")
@pytest.mark.parametrize("n", [1, 3, 16])
def test_the_number_of_environments_changes_no_value(everything, n):
    """Sixteen episodes, each applied to row i mod n, as the rollout does."""
    seen, seeds, env = {}, {}, Environments(n)
    for start in range(0, 16, n):
        indices = list(range(start, min(start + n, 16)))
        episodes = [draw_episode(EpisodeSpec("pick_place", i, 9), everything) for i in indices]
        apply_episodes(env, [i % n for i in indices], episodes, everything)
        seen |= {i: env.values[i % n] for i in indices}
        seeds |= {i: env.seeds[i % n] for i in indices}
    for i, values in seen.items():
        alone = draw_episode(EpisodeSpec("pick_place", i, 9), everything).factors
        assert values == alone, f"episode {i} with {n} environments"
        assert seeds[i] == alone["episode.noise_seed"]
    assert len(set(seeds.values())) == 16, "two episodes have the same randomness while they run"


@pytest.mark.usefixtures("recorded")
def test_what_varies_in_a_simulation_goes_back_to_nominal_in_episodes_that_do_not_name_it(everything):
    """An episode must not depend on the one before it."""
    env, spec = Environments(1), EpisodeSpec("pick_place", 0, 0)
    apply_episodes(env, [0], [draw_episode(spec, everything)], everything)
    assert env.values[0]["dynamics.object_mass"] != 1.0
    plain = draw_episode(spec, load_set("none"))
    apply_episodes(env, [0], [plain], everything)
    assert env.values[0] == {n: plain.factors.get(n, cls.nominal) for n, cls in REGISTRY.items()}


@pytest.mark.usefixtures("recorded")
def test_what_never_varies_in_a_simulation_is_left_alone():
    env, few = Environments(1), build_set("few", {"dynamics.object_mass": {"value": 2.0}})
    apply_episodes(env, [0], [draw_episode(EpisodeSpec("pick_place", 0, 0), few)], few)
    assert {n: v for n, v in env.values[0].items() if REGISTRY[n].nominal is not None} == {
        "dynamics.object_mass": 2.0
    }


def test_values_take_effect_together_after_all_were_asked_for(everything):
    """A setting may depend on others, such as gravity's push on the mass."""
    asked = []

    class Log:
        def __getattr__(self, name):
            return lambda *_, **__: asked.append(name)

        slots = {}
        scenes = [None]
        slot_index = {}

    episode = draw_episode(EpisodeSpec("pick_place", 0, 0), everything)
    env = Log()
    env.scenes = [episode.scene]
    env.slots = env.slot_index = {p.slot: i for i, p in enumerate(episode.scene.placements)}
    apply_episodes(env, [0], [episode], everything)
    assert asked[-1] == "commit"
    assert asked.count("commit") == 1
    assert asked.count("set") == sum(cls.setting is not None for cls in REGISTRY.values())


def test_two_factors_that_ask_for_one_setting_are_refused_since_one_record_would_be_untrue(monkeypatch):
    class Filling(Factor):
        name, unit, nominal = "own.filling", "1", 0.0
        default = Range(0.0, 1.0)

        def apply(self, env, rows, values):
            env.set("object_mass", rows, [1.0 + value for value in values])

    monkeypatch.setitem(REGISTRY, "own.filling", Filling)
    env, episode = Environments(1), EpisodeSpec("pick_place", 0, 0)
    env.set = lambda name, rows, values: None
    alone = build_set("alone", {"own.filling": "default"})
    apply_episodes(env, [0], [draw_episode(episode, alone)], alone)
    both = build_set("both", {"own.filling": "default", "dynamics.object_mass": "default"})
    with pytest.raises(FactorSetError, match=r"dynamics.object_mass and own.filling both set object_mass"):
        apply_episodes(env, [0], [draw_episode(episode, both)], both)


def test_the_policy_is_seeded_by_numbers_of_the_episode_that_are_recorded():
    episode = draw_episode(EpisodeSpec("pick_place", 17, 3), load_set("none"))
    assert episode.policy_seed == episode.factors["episode.policy_seed"] == 2016503580  # for ever
    again = draw_episode(EpisodeSpec("pick_place", 0, 0), explicit_set("again", episode.factors))
    assert again.policy_seed == episode.policy_seed


@pytest.mark.usefixtures("recorded")
def test_an_explicit_episode_runs_beside_drawn_ones(everything):
    """Its values are applied where it runs, and theirs where they do."""
    drawn = draw_episode(EpisodeSpec("pick_place", 0, 0), everything)
    fixed = {"dynamics.object_mass": 1.5, "episode.noise_seed": 7}
    given_ = draw_episode(EpisodeSpec("pick_place", 1, 0), explicit_set("given", fixed))
    env = Environments(2)
    apply_episodes(env, [0, 1], [drawn, given_], everything)
    assert env.values[0] == drawn.factors
    assert env.values[1]["dynamics.object_mass"] == 1.5
    assert env.values[1]["dynamics.object_friction"] == REGISTRY["dynamics.object_friction"].nominal
    assert env.seeds == [drawn.factors["episode.noise_seed"], 7]


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
        lambda: Numbered(0, 3, without=(4,)),
        lambda: Numbered(0, 1, without=(0, 1)),
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


def test_an_episode_is_plain_data(everything):
    """Its factors go into JSON as they are."""
    import json

    values = draw_episode(EpisodeSpec("pick_place", 3, 0), everything).factors
    assert json.loads(json.dumps(values)) == values
    assert dataclasses.is_dataclass(draw_episode(EpisodeSpec("pick_place", 3, 0), everything).scene)


def test_a_numbered_list_draws_all_entries_but_those_left_out():
    rng = np.random.default_rng(0)
    drawn = [Numbered(0, 9, without=(3, 7)).sample(rng) for _ in range(400)]
    assert set(drawn) == set(range(10)) - {3, 7}
    same = [Numbered(0, 9).sample(np.random.default_rng(k)) for k in range(50)]
    assert same == [Integers(0, 9).sample(np.random.default_rng(k)) for k in range(50)]
