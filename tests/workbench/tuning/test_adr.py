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
from workbench.cli import main as cli
from workbench.tuning.adr import Adr, Bound, Settings, Trial, log_ratio
from workbench.tuning.quota import AdrQuota
from workbench.tuning.ranges import bounds_of, current_set, set_content, whole_set
from workbench.tuning.result import describe

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


@pytest.mark.parametrize(("inside", "positions"), [(0, [STEPS]), (3, [STEPS, 8, 16, 24])])
def test_a_factor_that_does_not_matter_costs_one_decision_and_those_inside(inside, positions):
    adr, _ = search([Bound("x", STEPS)], lambda trial: 1.0, np.random.default_rng(0), Settings(inside=inside))
    tried = [(d.trial.position, d.episodes) for d in adr.decisions if d.trial.bound == 0]
    assert tried == [(position, 32) for position in positions]
    assert adr.confirmed is not None


# -- what is not decided


@pytest.mark.parametrize(
    ("high", "low", "given"),
    [
        (0.9, 0.6, Settings(most=32)),
        (0.8, 0.6, Settings(most=32)),
        (0.8, 0.75, Settings(widen_above=0.8, narrow_below=0.75)),
    ],
)
def test_where_data_run_out_no_bound_is_farther_than_was_shown(high, low, given):
    """Half of the way holds. Taking the likelier rate for an answer goes past it in 40 to 60 % of searches."""
    rng = np.random.default_rng(4)
    past = short = 0
    for _ in range(60):
        adr, _ = search([Bound("x", STEPS)], limited((0.5,), high, low), rng, given)
        past += bool(adr.found) and adr.found[0] > STEPS // 2
        short += adr.broke[0] is not None and adr.broke[0] <= STEPS // 2
    assert past <= 6, f"{past} of 60 bounds lie past the limit; more than 6 are 3 % likely at the stated rate"
    assert short <= 6, f"{short} of 60 are said to fail where they hold"


def test_what_is_not_decided_is_said_and_moves_nothing():
    """At 0.7, between the two rates, 32 episodes hardly ever decide."""
    adr, _ = search(
        [Bound("x", STEPS)],
        lambda trial: 1.0 if trial.bound is None else 0.7,
        np.random.default_rng(2),
        Settings(most=16),
    )
    assert [d.holds for d in adr.decisions if d.trial.bound == 0][:1] == [None]
    assert (adr.held, adr.broke) == ([0], [None])


def test_a_policy_of_which_not_even_the_start_is_decided_is_not_tuned():
    settings = Settings(most=16)
    adr, _ = search([Bound("x", STEPS)], lambda trial: 0.7, np.random.default_rng(2), settings)
    found = describe(SET, [], adr, {}, True)
    assert adr.start.holds is None
    assert "does not decide between 0.8 and 0.6" in found["reason"]


# -- inside the range, and all together


@pytest.mark.parametrize(("first", "last"), [(6, 10), (14, 18), (22, 26)])
def test_a_failure_inside_the_range_is_found(first, last):
    """Success falls and rises again: at the far end all is well."""
    adr, _ = search(
        [Bound("x", STEPS)],
        lambda trial: 0.05 if trial.bound is not None and first <= trial.position <= last else 0.95,
        np.random.default_rng(0),
    )
    assert adr.found == (first - 1,)
    assert adr.broke == [first]


def joint_cost(cost, factors):
    """Each factor takes ``cost`` of success at its far end, in proportion to how far it goes, as if independent."""

    def rule(trial):
        if trial.whole:
            # Draws are uniform over the ranges: each factor takes half of what it would at its bound.
            return math.prod(1 - cost * p / STEPS / 2 for p in trial.others)
        return 1.0 if trial.bound is None else 1 - cost * trial.position / STEPS

    return [Bound(str(i), STEPS) for i in range(factors)], rule


def test_many_small_costs_are_seen_together_and_the_ranges_give_way():
    bounds, rule = joint_cost(0.12, 10)
    good = 0
    for seed in range(20):
        adr, _ = search(bounds, rule, np.random.default_rng(seed))
        assert adr.found == (STEPS,) * 10, "alone each holds to its end"
        final = rule(Trial(None, 0, tuple(adr.held), 1)) if adr.confirmed else 0.6
        assert adr.confirmed is None or adr.confirmed.holds
        good += adr.confirmed is None or final > 0.6
    assert rule(Trial(None, 0, (STEPS,) * 10, 1)) < 0.6
    assert good >= 18, f"{good} of 20 are good or not called so"


def test_what_costs_nothing_stays_wide_where_others_give_way():
    def rule(trial):
        if trial.whole:
            return 0.95 if trial.others[0] <= STEPS // 2 else 0.2
        return 0.85 if trial.bound == 0 else 1.0

    adr, _ = search([Bound(str(i), STEPS) for i in range(3)], rule, np.random.default_rng(0))
    assert adr.held[0] <= STEPS // 2
    assert adr.held[1:] == [STEPS, STEPS]


def test_a_set_that_never_holds_together_is_not_called_good():
    adr, _ = search(
        [Bound(str(i), STEPS) for i in range(3)],
        lambda trial: 0.3 if trial.whole else 0.97,
        np.random.default_rng(0),
    )
    assert adr.confirmed is None
    assert [d.holds for d in adr.decisions if d.trial.whole] == [False] * sum(
        d.trial.whole > 0 for d in adr.decisions
    )
    assert adr.held == list(adr.found)


def test_the_confirmation_runs_on_episodes_that_chose_nothing():
    _, history = search([Bound("x", STEPS)], lambda trial: 1.0, np.random.default_rng(0))
    chose = {b.first + k for wave, _ in history for b in wave if not b.trial.whole for k in range(b.count)}
    confirmed = {b.first + k for wave, _ in history for b in wave if b.trial.whole for k in range(b.count)}
    assert confirmed
    assert not chose & confirmed


def test_a_policy_that_fails_at_nominal_values_is_not_tuned():
    adr, history = search([Bound("x", STEPS)], lambda trial: 0.3, np.random.default_rng(0))
    assert adr.start.holds is False
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
        whole = whole_set(varied, bounds, positions)
        assert whole.describe() == read.describe(), "what is confirmed is what the file says"
        if "dynamics.object_mass" in kept:
            assert kept["dynamics.object_mass"].hi == pytest.approx(3.0 ** (mass / 32))
            assert vars(
                next(f for f in drawn.factors if f.name == "dynamics.object_mass").distribution
            ) == vars(kept["dynamics.object_mass"])
        else:
            assert mass == 0


def test_numbers_that_are_names_are_options():
    language = load_set("language")
    bounds, _ = bounds_of(language, ["language.paraphrase"], 0.05)
    assert [b.bound.name for b in bounds] == [f"language.paraphrase {k}" for k in range(1, 10)]
    content = set_content(language, bounds, [k != 7 for k in range(1, 10)])
    assert content["language.paraphrase"] == {"lo": 0, "hi": 9, "without": [7]}
    read = build_set("tuned", yaml.safe_load(yaml.safe_dump(content)))
    assert whole_set(language, bounds, [k != 7 for k in range(1, 10)]).describe() == read.describe()


def test_a_vector_whose_components_differ_keeps_them_all_in_range():
    bounds, _ = bounds_of(SET, ["appearance.table_color"], 0.05)
    (both,) = bounds
    assert both.end(0) == {"lo": 0.25, "hi": 0.55}, "the nominal colour's least and greatest component"
    assert both.end(both.steps) == {"lo": 0.25, "hi": 0.75}
    assert isinstance(next(f for f in SET.factors if f.name == "appearance.table_color").distribution, Range)


@pytest.mark.parametrize("joint", [False, True])
def test_an_episode_of_a_batch_holds_the_factor_at_its_bound(tmp_path, joint):
    bounds, _ = bounds_of(SET, ["control.action_delay", "dynamics.object_mass"], 0.05)
    quota = AdrQuota(SET, bounds, Settings(joint=joint, batch=4, inside=0), "pick_place", 0, tmp_path)
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


def test_the_ranges_are_confirmed_together_or_said_not_to_be(whole, tmp_path, monkeypatch, capsys):
    tried = json.loads((whole / "tuning.json").read_text())["confirmation"]
    assert (tried["confirmed"], tried["as_found"]) == (True, True)
    assert tried["interval"][0] <= tried["rate"] <= tried["interval"][1]
    assert "Confirmed with all factors varying together" in (whole / "ranges.yaml").read_text()
    assert "All factors together" in (whole / "report.html").read_text()

    # Each factor alone does no harm; that they differ from nominal together does.
    def fragile(v):
        away = (
            (v["control.action_delay"] > 0) + (v[Exposure.name] != 1.0) + (np.abs(v[Offset.name]).max() > 0)
        )
        return 0.97 if away <= 1 else 0.1

    install(monkeypatch, fragile, SET)
    assert cli.main([*WORDS, f"out={tmp_path}/run"]) == 0
    found = json.loads((tmp_path / "run" / "tuning.json").read_text())
    assert found["confirmation"]["confirmed"] is False
    assert "NOT GOOD" in capsys.readouterr().out
    assert "NOT confirmed" in (tmp_path / "run" / "ranges.yaml").read_text()
    assert "not shown to hold" in (tmp_path / "run" / "report.html").read_text()


def test_where_data_run_out_terminal_file_and_report_say_so(tmp_path, monkeypatch, capsys):
    install(monkeypatch, lambda v: 1.0 if v["control.action_delay"] == 0 else 0.7, SET)
    words = [w for w in WORDS if not w.startswith(("factors", "batch"))]
    run = tmp_path / "run"
    assert cli.main([*words, "factors=control.action_delay", "batch=16", "most=32", f"out={run}"]) == 0
    (bound,) = json.loads((run / "tuning.json").read_text())["factors"][0]["bounds"]
    assert bound["state"] == "not decided"
    assert bound["undecided"]
    assert bound["held"] < min(bound["undecided"])
    assert "not decided control.action_delay" in capsys.readouterr().out
    assert "not decided" in (run / "report.html").read_text()


def test_a_killed_confirmation_goes_on_and_finds_the_same(tmp_path, monkeypatch):
    def costly(v):
        return 0.97 - 0.05 * v["control.action_delay"] - 12 * np.abs(v[Offset.name]).max()

    words = [w for w in WORDS if not w.startswith("factors")] + [
        f"factors=control.action_delay,{Offset.name}"
    ]
    install(monkeypatch, costly, SET)
    assert cli.main([*words, f"out={tmp_path}/whole"]) == 0
    found = json.loads((tmp_path / "whole" / "tuning.json").read_text())
    assert len(found["confirmation"]["tries"]) > 1, "the planted policy makes the ranges give way"
    total = len((tmp_path / "whole" / "episodes.jsonl").read_bytes().splitlines())
    for left in (total - 37, 11, 12):
        install(monkeypatch, costly, SET, left=left)
        assert cli.main([*words, f"out={tmp_path}/parts"]) == 130
    install(monkeypatch, costly, SET)
    assert cli.main([*words, f"out={tmp_path}/parts"]) == 0
    for name in ("tuning.json", "ranges.yaml", "batches.jsonl"):
        assert (tmp_path / "whole" / name).read_bytes() == (tmp_path / "parts" / name).read_bytes(), name


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
        (["tune", "adr", "inside=-1"], "inside must be at least 0"),
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
