"""The command that tunes: what it finds, how it goes on when killed, and what it refuses."""

from __future__ import annotations

import json
import math
import shutil
from types import SimpleNamespace

import numpy as np
import pytest
import yaml

from domain_rand.distributions import Range
from domain_rand.sets import build_set, load_set
from tests.workbench.planted import Exposure, Offset, install
from tests.workbench.tuning.searches import SET, rule
from workbench.cli import main as cli
from workbench.tuning.adr import Settings
from workbench.tuning.quota import AdrQuota
from workbench.tuning.ranges import bounds_of, current_set, set_content, whole_set

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


def test_a_search_on_a_disk_that_fills_up_again_and_again_finds_the_same(
    whole, tmp_path, small_disk, monkeypatch, capsys
):
    install(monkeypatch, rule, SET)
    kib = -(-sum(path.stat().st_size for path in whole.rglob("*") if path.is_file()) // 1024)
    run, before, stops = small_disk(kib // 3) / "run", b"", 0
    while (status := cli.main([*WORDS, f"out={run}"])) != 0:
        assert status == 2
        complaint = capsys.readouterr().err
        assert complaint.startswith("workbench tune: ")
        assert "No space left on device; " in complaint
        assert "make room" in complaint
        assert complaint.count("\n") == 1
        records = (run / "episodes.jsonl").read_bytes()
        assert records.startswith(before), "what was on record stays"
        before, stops = records, stops + 1
        assert stops < 12
        small_disk(kib // 3 + stops * kib // 6)
    assert stops >= 2
    assert before, "episodes were on record when it stopped"
    for name in ("tuning.json", "ranges.yaml", "batches.jsonl"):
        assert (whole / name).read_bytes() == (run / name).read_bytes(), name


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


@pytest.mark.long
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
