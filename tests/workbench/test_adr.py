"""Automatic domain randomisation finds planted limits, says how sure it is, and goes on after a kill."""

from __future__ import annotations

import json
import math
import shutil
from types import SimpleNamespace

import numpy as np
import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from domain_rand.distributions import Range
from domain_rand.sets import build_set, load_set
from tests.workbench.planted import Exposure, Offset, install, planted_set
from workbench import cli
from workbench.tuning.adr import Adr, Bound, Settings, log_ratio
from workbench.tuning.quota import AdrQuota
from workbench.tuning.ranges import bounds_of, current_set, set_content

SET = planted_set()
STEPS = 32


def search(bounds, rule, rng, given=None):
    """Run a search; the wave and outcome of every step, too."""
    adr = Adr(bounds, given or Settings())
    steps = adr.run()
    wave, history = next(steps), []
    while True:
        won = [int((rng.random(b.count) < rule(b.trial)).sum()) for b in wave]
        history.append((wave, won))
        try:
            wave = steps.send(won)
        except StopIteration:
            return adr, history


def limited(limits, high, low, smooth=0.0):
    """Success by how far a bound goes, in shares of the way; a step or a slope at its limit."""

    def rule(trial):
        if trial.bound is None:
            return high
        away = trial.position / STEPS - limits[trial.bound]
        if smooth == 0:
            return high if away <= 0 else low
        return low + (high - low) / (1 + math.exp(away / smooth))

    return rule


# -- recovery

LIMITS = (0.07, 0.3, 0.5, 0.72, 0.97, 2.0, 2.0)


@pytest.mark.parametrize("joint", [False, True])
@pytest.mark.parametrize(("high", "low"), [(1.0, 0.0), (0.9, 0.1), (0.85, 0.4)])
def test_planted_limits_are_recovered_at_every_level_of_noise(high, low, joint):
    rng = np.random.default_rng(0)
    worst, outside, found = 0.0, 0, 0
    for _ in range(10):
        adr, _ = search(
            [Bound(str(i), STEPS) for i in range(len(LIMITS))],
            limited(LIMITS, high, low),
            rng,
            Settings(joint=joint),
        )
        for held, broke, limit in zip(adr.held, adr.broke, LIMITS, strict=True):
            worst = max(worst, abs(held / STEPS - min(limit, 1.0)))
            outside += not (held / STEPS <= limit and (broke is None) == (limit > 1))
            outside += broke is not None and broke / STEPS < limit
            found += 1
    assert worst <= 0.1, f"a limit is off by {worst:.2f} of its range"
    assert outside / found <= 0.05, f"{outside} of {found} intervals miss the limit"


def test_a_smooth_limit_lies_where_success_is_between_the_two_rates():
    rng = np.random.default_rng(1)
    limits, misses = (0.3, 0.5, 0.7), 0
    for _ in range(15):
        adr, _ = search([Bound(str(i), STEPS) for i in range(3)], limited(limits, 0.95, 0.05, 0.06), rng)
        for held, broke, limit in zip(adr.held, adr.broke, limits, strict=True):
            above = limit + 0.06 * math.log((0.95 - 0.8) / (0.8 - 0.05))  # where success is 0.8
            below = limit + 0.06 * math.log((0.95 - 0.6) / (0.6 - 0.05))  # where it is 0.6
            assert abs(held / STEPS - limit) <= 0.1 + limit - above
            misses += held / STEPS > below or broke / STEPS < above
    assert misses / 45 <= 0.05 + 3 * math.sqrt(0.05 * 0.95 / 45)


@pytest.mark.parametrize(("rate", "wrong"), [(0.8, False), (0.6, True)])
def test_a_decision_is_wrong_as_rarely_as_it_says(rate, wrong):
    rng = np.random.default_rng(2)
    bound = Bound("x", 1)
    errors = 0
    for _ in range(1000):
        adr, _ = search([bound], lambda trial: 1.0 if trial.bound is None else rate, rng)
        errors += (adr.held[0] == 1) is wrong
    assert errors / 1000 <= 0.05 + 2 * math.sqrt(0.05 * 0.95 / 1000)


def test_a_factor_that_does_not_matter_costs_one_decision():
    adr, _ = search([Bound("x", STEPS)], lambda trial: 1.0, np.random.default_rng(0))
    assert [(d.trial.position, d.episodes) for d in adr.decisions if d.trial.bound == 0] == [(STEPS, 32)]


def test_a_policy_that_fails_at_nominal_values_is_not_tuned():
    adr, history = search([Bound("x", STEPS)], lambda trial: 0.3, np.random.default_rng(0))
    assert not adr.start.holds
    assert {b.trial.bound for wave, _ in history for b in wave} == {None}


def test_bounds_that_are_too_much_together_are_narrowed_again():
    """Each alone is harmless; what the others draw adds up, and only among the final ranges it shows."""
    bounds = [Bound(str(i), STEPS) for i in range(4)]

    def rule(trial):
        if trial.bound is None:
            return 1.0
        load = trial.position + sum(p for i, p in enumerate(trial.others) if i != trial.bound)
        return 0.95 if load <= 2 * STEPS else 0.1

    rng = np.random.default_rng(3)
    alone, _ = search(bounds, rule, rng)
    assert alone.held == [STEPS] * 4
    together, _ = search(bounds, rule, rng, Settings(joint=True))
    assert sum(together.held) <= 2 * STEPS
    for i, held in enumerate(together.held):
        others = sum(together.held) - held
        assert held + others <= 2 * STEPS, f"bound {i} was left where the policy does not bear it"


@pytest.mark.parametrize(("won", "n"), [(0, 1), (1, 1), (13, 16), (40, 80)])
def test_the_evidence_is_the_log_of_the_likelihood_ratio(won, n):
    expected = stats.binom.logpmf(won, n, 0.9) - stats.binom.logpmf(won, n, 0.5)
    assert log_ratio(won, n, Settings(widen_above=0.9, narrow_below=0.5)) == pytest.approx(expected, abs=1e-9)


@given(st.integers(0, 2**32 - 1))
@settings(max_examples=20, deadline=None)
def test_the_same_outcomes_give_the_same_search(seed):
    bounds = [Bound(str(i), STEPS) for i in range(3)]
    rule = limited((0.3, 0.6, 2.0), 0.9, 0.2)
    first, history = search(bounds, rule, np.random.default_rng(seed))
    again = Adr(bounds, Settings())
    steps = again.run()
    wave = next(steps)
    for expected, won in history[:-1]:
        assert wave == expected
        wave = steps.send(won)
    with pytest.raises(StopIteration):
        steps.send(history[-1][1])
    assert (again.held, again.broke, again.decisions) == (first.held, first.broke, first.decisions)


# -- factor sets


def test_positions_mean_values_between_nominal_and_the_bound():
    bounds, skipped = bounds_of(SET, ["control", Exposure.name, Offset.name, "scene.target_size"], 0.05)
    by_name = {b.bound.name: b for b in bounds}
    delay = by_name["control.action_delay high"]
    assert [delay.end(k) for k in range(delay.steps + 1)] == [0, 1, 2, 3, 4, 5, 6]
    low = by_name[f"{Exposure.name} low"]
    assert (low.steps, low.end(0), low.end(low.steps)) == (32, 1.0, 0.35)
    assert low.end(16) == pytest.approx(math.sqrt(0.35))
    both = by_name[f"{Offset.name} both"]
    assert both.end(16) == {"lo": -0.01, "hi": 0.01}
    assert by_name["scene.target_size small"].end(1) == "small"
    assert skipped == {}


def test_a_tuned_set_is_one_that_can_be_read():
    varied = load_set("default", {"dynamics.object_mass": {"hi": 3.0}, "control.arm_gain": {"value": 1.1}})
    bounds, _ = bounds_of(varied, [], 0.05)
    rng = np.random.default_rng(0)
    for _ in range(20):
        positions = [int(rng.integers(0, b.steps + 1)) for b in bounds]
        content = set_content(varied, bounds, positions)
        read = build_set("tuned", yaml.safe_load(yaml.safe_dump(content)))
        kept = {f.name: f.distribution for f in read.factors}
        assert kept["control.arm_gain"].value == 1.1, "what was not tuned stays as it was"
        mass = dict(zip((b.bound.name for b in bounds), positions, strict=True))["dynamics.object_mass high"]
        drawn = current_set(varied, bounds, positions)
        if "dynamics.object_mass" in kept:
            assert kept["dynamics.object_mass"].hi == pytest.approx(3.0 ** (mass / 32))
            assert vars(
                next(f for f in drawn.factors if f.name == "dynamics.object_mass").distribution
            ) == vars(kept["dynamics.object_mass"])
        else:
            assert mass == 0


def test_a_vector_whose_components_differ_keeps_them_all_in_range():
    bounds, _ = bounds_of(SET, ["appearance.table_color"], 0.05)
    (both,) = bounds
    assert both.end(0) == {"lo": 0.25, "hi": 0.55}, "the nominal colour's least and greatest component"
    assert both.end(both.steps) == {"lo": 0.25, "hi": 0.75}
    assert isinstance(next(f for f in SET.factors if f.name == "appearance.table_color").distribution, Range)


@pytest.mark.parametrize("joint", [False, True])
def test_an_episode_of_a_batch_holds_the_factor_at_its_bound(tmp_path, joint):
    bounds, _ = bounds_of(SET, ["control.action_delay", "dynamics.object_mass"], 0.05)
    quota = AdrQuota(SET, bounds, Settings(joint=joint, batch=4), "pick_place", 0, tmp_path)
    records, held = {}, {"low": set(), "high": set()}
    while missing := quota.next(records):
        name, side, *_ = [*quota.condition(missing[-1]).split(), ""]
        if name == "dynamics.object_mass":
            episode = quota.episode(missing[-1])
            held[side].add(episode.factors["dynamics.object_mass"])
            assert ("control.action_delay" in episode.factors) is joint, (
                "the others draw only where they should"
            )
        records |= {i: SimpleNamespace(success=True) for i in missing}
    assert held["high"] == {2.0}
    assert held["low"] <= {0.5}


# -- as a command

WORDS = [
    "tune",
    "adr",
    "device=cpu",
    "num_envs=8",
    "factors=control.action_delay,planted",
    "batch=8",
    "seed=3",
]


def rule(v):
    return 0.95 if v["control.action_delay"] <= 2 and v[Exposure.name] > 0.6 else 0.05


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    """A search that ran to its end without a break."""
    folder = tmp_path_factory.mktemp("adr") / "run"
    with pytest.MonkeyPatch.context() as patch:
        install(patch, rule, SET)
        assert cli.main([*WORDS, f"out={folder}"]) == 0
    return folder


def test_the_planted_limits_are_in_file_set_and_report(whole):
    by_name = {f["factor"]: f for f in json.loads((whole / "tuning.json").read_text())["factors"]}
    (delay,) = by_name["control.action_delay"]["bounds"]
    assert (delay["held"], delay["broke"]) == (2, 3)
    low = next(b for b in by_name[Exposure.name]["bounds"] if b["side"] == "low")
    assert low["broke"] <= 0.6 <= low["held"]
    assert by_name[Offset.name]["whole"]
    assert yaml.safe_load((whole / "ranges.yaml").read_text())["control.action_delay"] == {"lo": 0, "hi": 2}
    assert "How far each factor can go" in (whole / "report.html").read_text()


def test_a_killed_search_goes_on_and_finds_the_same(whole, tmp_path, monkeypatch, capsys):
    parts = tmp_path / "parts"
    for left in (13, 50, 61):  # in the middle of a batch, each time
        install(monkeypatch, rule, SET, left=left)
        assert cli.main([*WORDS, f"out={parts}"]) == 130
    install(monkeypatch, rule, SET)
    assert cli.main([*WORDS, f"out={parts}"]) == 0
    for name in ("tuning.json", "ranges.yaml", "batches.jsonl"):
        assert (whole / name).read_bytes() == (parts / name).read_bytes(), name
    assert "control.action_delay high: bears 2, fails at 3" in capsys.readouterr().out


def test_a_search_that_is_complete_starts_nothing_again(whole, monkeypatch):
    before = (whole / "episodes.jsonl").read_bytes()
    install(monkeypatch, rule, SET, left=0)
    assert cli.main([*WORDS, f"out={whole}"]) == 0
    assert (whole / "episodes.jsonl").read_bytes() == before


def test_a_log_that_contradicts_the_episodes_is_refused(whole, tmp_path, monkeypatch, capsys):
    run = shutil.copytree(whole, tmp_path / "run")
    log = run / "batches.jsonl"
    log.write_text(log.read_text().replace('"successes": 8', '"successes": 7', 1))
    install(monkeypatch, rule, SET, left=0)
    assert cli.main([*WORDS, f"out={run}"]) == 2
    assert "batches.jsonl line 1" in capsys.readouterr().err


def test_a_policy_that_is_bad_already_is_told_so(tmp_path, monkeypatch, capsys):
    install(monkeypatch, lambda v: 0.2, SET)
    assert cli.main([*WORDS, f"out={tmp_path}/run"]) == 1
    assert "there is nothing to widen" in capsys.readouterr().out
    assert not (tmp_path / "run" / "ranges.yaml").exists()


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["tune"], "tune takes a method"),
        (["tune", "bayes"], "not 'bayes'"),
        (["tune", "adr", "widen_above=0.5", "narrow_below=0.7"], "narrow_below=0.7 must be less"),
        (["tune", "adr", "widen_above=1.5"], "widen_above must lie between"),
        (["tune", "adr", "others=all"], "no others 'all'"),
        (["tune", "adr", "factors=light"], "varies no such factor"),
        (["tune", "adr", "batch=64", "most=32"], "most must be at least 64"),
        (["tune", "adr", "factors=scene.poses"], "no factor has a bound"),
        (["tune", "adr", "dr.dynamics.object_mass.hi=0.1"], "dynamics.object_mass"),
        (["tune", "adr", "episodes=4"], "no option 'episodes'"),
    ],
)
def test_wrong_options_are_one_sentence(capsys, words, said):
    extra = ["device=cpu"] if words[1:2] == ["adr"] else []
    assert cli.main([*words, *extra]) == 2
    (line,) = capsys.readouterr().err.strip().splitlines()
    assert said in line
