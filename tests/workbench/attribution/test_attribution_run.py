"""``workbench eval attribute=...`` from end to end: a run like any other, that also says what breaks the policy."""

from __future__ import annotations

import json
import re

import pytest

from tests.workbench.planted import Exposure, install, planted_set
from workbench.cli import main as cli
from workbench.runs.folder import RunFolder
from workbench.runs.records import EpisodeRecord
from workbench.views.report import write_report

SET = planted_set()
WORDS = ["eval", "device=cpu", "num_envs=8", "record=0", "last_frames=0"]
LADDER = [*WORDS, "attribute=ladder", "factors=control.action_delay,dynamics.object_mass", "severities=3"]


def rule(v):
    return 0.97 if v["control.action_delay"] <= 2 else 0.02


def attribution(folder):
    return json.loads((folder / "attribution.json").read_text())


def words_of(page):
    return " ".join(re.sub(r"<[^>]+>", " ", page.read_text("utf-8")).split())


@pytest.fixture(scope="module")
def finished(tmp_path_factory):
    """A ladder that ran to its end, and what it printed."""
    folder = tmp_path_factory.mktemp("ladder") / "run"
    with pytest.MonkeyPatch.context() as patch:
        install(patch, rule, SET)
        assert cli.main([*LADDER, "episodes=14", f"out={folder}"]) == 0
    return folder


def test_every_condition_runs_the_same_episodes(finished):
    records = RunFolder(finished).completed()
    conditions = list(dict.fromkeys(r.condition for r in records.values()))
    assert len(records) == 14 * len(conditions) == 14 * (1 + 3 + 6)
    assert conditions[0] == "clean"
    for index, record in records.items():
        assert conditions.index(record.condition) * 14 + record.episode == index
    by_episode = {}
    for record in records.values():
        by_episode.setdefault(record.episode, set()).add(record.instruction)
    assert all(len(instructions) == 1 for instructions in by_episode.values())


def test_the_headline_is_about_the_clean_condition(finished):
    summary = json.loads((finished / "summary.json").read_text())
    assert summary["episodes"] == summary["episodes_planned"] == 14
    assert summary["success_rate"] > 0.8


def test_the_planted_weakness_is_in_file_report_and_terminal(finished, capsys):
    found = attribution(finished)
    assert found["breaking"] == ["control.action_delay"]
    high = found["factors"][0]["ladders"][0]
    assert high["breaking_interval"][0] <= 2 < high["breaking_interval"][1]
    text = words_of(write_report(finished))
    assert "control.action_delay breaks it: 4 control steps" in text
    assert "is about the clean one" in text
    assert "dynamics.object_mass low" in text
    assert "Incomplete" not in text
    with pytest.MonkeyPatch.context() as patch:
        install(patch, rule, SET, left=0)
        assert cli.main([*LADDER, "episodes=14", f"out={finished}"]) == 0
    assert "breaks     control.action_delay: 4 control steps" in capsys.readouterr().out


def test_a_killed_ladder_goes_on_and_finds_the_same(finished, tmp_path, monkeypatch):
    for left in (5, 60):
        install(monkeypatch, rule, SET, left=left)
        assert cli.main([*LADDER, "episodes=14", f"out={tmp_path}/run"]) == 130
    install(monkeypatch, rule, SET)
    assert cli.main([*LADDER, "episodes=14", f"out={tmp_path}/run"]) == 0
    assert (tmp_path / "run" / "attribution.json").read_bytes() == (
        finished / "attribution.json"
    ).read_bytes()

    def results(folder):
        return {i: (r.condition, r.episode, r.success) for i, r in RunFolder(folder).completed().items()}

    assert results(tmp_path / "run") == results(finished)


@pytest.mark.parametrize(
    ("word", "said"),
    [
        ("severities=2", "severities (there 3, now 2)"),
        ("attribute_base=set", "attribute_base"),
        ("factors=control.action_delay", "factors"),
        ("dr.control.arm_gain.value=1.1", "dr_overrides.control.arm_gain.value (there absent, now 1.1)"),
        ("episodes=15", "episodes=14, which cannot become 15: a ladder numbers its episodes through all"),
        ("attribute=none", "attribute (there"),
    ],
)
def test_a_ladder_is_resumed_with_its_own_options_only(finished, monkeypatch, capsys, word, said):
    install(monkeypatch, rule, SET, left=0)
    given = {w.partition("=")[0]: w for w in [*LADDER[1:], "episodes=14", f"out={finished}", word]}
    if word == "attribute=none":
        del given["factors"]
    assert cli.main(["eval", *given.values()]) == 2
    assert said in capsys.readouterr().err


def test_the_threshold_of_breaking_is_no_part_of_the_run(finished, monkeypatch):
    install(monkeypatch, rule, SET, left=0)
    assert cli.main([*LADDER, "episodes=14", f"out={finished}", "breaks_below=0.5"]) == 0
    assert attribution(finished)["breaks_below"] == 0.5
    assert cli.main([*LADDER, "episodes=14", f"out={finished}"]) == 0


def test_what_a_plan_can_show_is_told_before_it_runs(tmp_path, monkeypatch, capsys):
    install(monkeypatch, rule, SET)
    assert cli.main([*LADDER, "episodes=4", f"out={tmp_path}/run"]) == 0
    assert "no level is reliably told from clean" in capsys.readouterr().out


def test_a_plan_can_be_asked_for_alone(tmp_path, monkeypatch, capsys):
    install(monkeypatch, rule, SET, left=0)
    assert cli.main([*LADDER, "episodes=200", f"out={tmp_path}/run", "plan_only=true"]) == 0
    said = capsys.readouterr().out
    assert "With 200 episodes a condition" in said
    assert "a level is told from clean where success is 7" in said
    assert not (tmp_path / "run").exists()


def test_what_holds_and_what_is_not_known_is_said_in_terminal_and_report(tmp_path, monkeypatch, capsys):
    def costly(v):
        return 0.97 - 0.06 * v["control.action_delay"]

    install(monkeypatch, costly, SET)
    run = tmp_path / "run"
    assert cli.main([*LADDER, "episodes=30", f"out={run}"]) == 0
    states = {f["factor"]: f["state"] for f in attribution(run)["factors"]}
    assert states["dynamics.object_mass"] == "holds"
    said = capsys.readouterr().out
    assert "holds      1 factor over the whole range tried: dynamics.object_mass" in said
    delay = next(f for f in attribution(run)["factors"] if f["factor"] == "control.action_delay")
    levels = delay["ladders"][0]["levels"]
    assert [level["state"] for level in levels][-1] != "holds"
    text = words_of(write_report(run))
    assert "range shown to hold" in text
    assert "episodes that would tell" in text


def test_an_ordinary_run_can_be_asked_afterwards(tmp_path, monkeypatch, capsys):
    def weak_together(v):
        return 0.1 if v[Exposure.name] < 0.6 and v["scene.target_size"] == "small" else 0.95

    install(monkeypatch, weak_together, SET)
    plain = [*WORDS, "episodes=240", f"out={tmp_path}/run"]
    assert cli.main(plain) == 0
    assert not (tmp_path / "run" / "attribution.json").exists()
    lines = (tmp_path / "run" / "episodes.jsonl").read_bytes()
    install(monkeypatch, weak_together, SET, left=0)
    assert cli.main([*plain, "attribute=factorial"]) == 0
    assert (tmp_path / "run" / "episodes.jsonl").read_bytes() == lines, "nothing had to be run again"
    found = attribution(tmp_path / "run")
    assert set(found["breaking"]) == {Exposure.name, "scene.target_size"}
    assert [set(p["factors"]) for p in found["pairs"]] == [{Exposure.name, "scene.target_size"}]
    assert "episode.noise_seed" in found["skipped"]
    assert {"layout.target_x", "layout.target_yaw"} <= {f["factor"] for f in found["factors"]}
    text = words_of(write_report(tmp_path / "run"))
    assert "Worst pairs" in text
    assert "Share of success that each factor decides alone" in text
    assert "together" in capsys.readouterr().out


def test_an_analysis_of_other_episodes_says_so(finished, tmp_path):
    data = attribution(finished) | {"recorded": 3}
    (finished / "attribution.json").write_text(json.dumps(data))
    try:
        assert "This analysis is of 3 episodes, but 140 are recorded" in words_of(write_report(finished))
    finally:
        (finished / "attribution.json").write_text(json.dumps(data | {"recorded": 140}))


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["attribute=stairs"], "no attribute 'stairs': choose one of none, ladder, factorial"),
        (["attribute=ladder", "factors=control.action_dely"], "did you mean 'control.action_delay'?"),
        (["attribute=factorial", "factors=light"], "varies no such factor"),
        (["plan_only=true"], "plan_only=true is for attribute=ladder"),
        (["attribute=ladder", "severities=0"], "severities must be at least 1"),
        (["attribute=ladder", "attribute_base=mean"], "no attribute_base 'mean'"),
        (["attribute=ladder", "breaks_below=2"], "breaks_below must lie between 0 and 1"),
        (["attribute=ladder", "stop_above=0.5"], "exclude each other"),
        (["factors=control"], "is for attribute=ladder or attribute=factorial"),
        (["dr.control.action_dely.hi=3"], "did you mean dr.control.action_delay?"),
        (["dr.control.action_delay.hi=-1"], "control.action_delay"),
        (["dr.control.action_delay.hi=2", "dr.control.action_delay.hi=3"], "given twice"),
        (["dr.scene.table_size.hi=1.2"], "cannot apply scene.table_size"),
    ],
)
def test_wrong_options_are_one_sentence(capsys, words, said):
    assert cli.main(["eval", "device=cpu", "physics=ovphysx", *words]) == 2
    (line,) = capsys.readouterr().err.strip().splitlines()
    assert said in line


def test_a_line_from_before_there_were_conditions_is_read():
    line = {
        "index": 3, "task": "t", "seed": 0, "instruction": "i", "factors": {}, "success": True, "failure_reason": None,
        "steps": 1, "duration_s": 1.0, "time_to_success_s": 1.0, "path_length_m": None, "smoothness": None,
        "grounding": None, "wall_s": 1.0,
    }  # fmt: skip
    record = EpisodeRecord.from_dict(line)
    assert (record.condition, record.episode) == (None, 3)
    assert EpisodeRecord.from_json(record.to_json_line()) == record
