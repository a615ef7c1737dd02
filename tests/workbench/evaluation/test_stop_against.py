"""A run that is stopped against another meets the same episodes, counts the unbroken row, and ends when it suffices."""

import json

import pytest
from rich.console import Console

from tests.workbench.planted import install
from workbench.cli.main import main
from workbench.cli.options import OptionError, parse_options
from workbench.comparison import ComparisonError, compare
from workbench.evaluation.early_stop import RunStop, counted, early_stop
from workbench.evaluation.evaluate import evaluate
from workbench.evaluation.options import EvalOptions
from workbench.runs.folder import RunFolder
from workbench.runs.records import EpisodeRecord

COMMON = ("episodes=60", "num_envs=4", "record=0", "last_frames=0", "physics=ovphysx", "device=cpu")


def run(monkeypatch, out, rate, *words):
    install(monkeypatch, lambda values: rate)
    given = {word.partition("=")[0] for word in words}
    common = [word for word in COMMON if word.partition("=")[0] not in given]
    options = parse_options(EvalOptions, [*common, *words, f"out={out}"])
    options.resolve()
    return evaluate(options, Console(quiet=True))


def test_a_better_policy_ends_its_run_early_and_compare_agrees(monkeypatch, tmp_path):
    run(monkeypatch, tmp_path / "worse", 0.2)
    summary = run(monkeypatch, tmp_path / "better", 0.95, f"stop_against={tmp_path / 'worse'}")
    test = summary["sequential"]
    assert test["decision"] == "first better"
    assert test["episodes_used"] < 40
    assert len(RunFolder(tmp_path / "better").completed()) < 60
    comparison = compare(tmp_path / "better", tmp_path / "worse")
    assert comparison.pairs == test["episodes_used"]
    assert comparison.anytime
    assert comparison.difference_interval == pytest.approx(test["difference_interval"], abs=1e-6)
    assert "better succeeds more often than worse" in comparison.verdict()
    assert "was stopped by its sequential test" in comparison.notes[0]


def test_it_goes_on_with_the_same_command(monkeypatch, tmp_path):
    run(monkeypatch, tmp_path / "a", 0.5)
    first = run(monkeypatch, tmp_path / "b", 0.5, f"stop_against={tmp_path / 'a'}")
    assert (
        run(monkeypatch, tmp_path / "b", 0.5, f"stop_against={tmp_path / 'a'}")["sequential"]
        == first["sequential"]
    )


def test_a_run_that_is_too_short_or_met_other_episodes_is_refused(monkeypatch, tmp_path):
    run(monkeypatch, tmp_path / "short", 0.5, "episodes=20")
    run(monkeypatch, tmp_path / "other", 0.5, "seed=9")
    with pytest.raises(
        ComparisonError, match="has 20 episodes in an unbroken row, so episodes= must be at most"
    ):
        run(monkeypatch, tmp_path / "x", 0.5, f"stop_against={tmp_path / 'short'}")
    with pytest.raises(
        ComparisonError, match="did not meet the same episodes: seed of episode 0 is 9 there, 0 here"
    ):
        run(monkeypatch, tmp_path / "x", 0.5, f"stop_against={tmp_path / 'other'}")
    assert not (tmp_path / "x").exists()


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["stop_against=runs/x", "stop_above=0.5"], "exclude each other"),
        (["stop_against=runs/x", "attribute=factorial"], "needs the whole quota"),
        (["stop_above=0.5", "strata=task"], "holds whenever one stops"),
        (["weights=a:1"], "is for strata="),
        (["strata=task", "weights=a"], "weights must"),
        (["interval=wald"], "no interval 'wald'"),
    ],
)
def test_options_that_exclude_each_other_are_refused(words, said):
    with pytest.raises(OptionError, match=said):
        parse_options(EvalOptions, [*COMMON, *words]).resolve()


def test_a_run_that_is_not_there_is_one_sentence(capsys, tmp_path):
    assert main(["eval", *COMMON, f"stop_against={tmp_path / 'none'}"]) == 2
    assert "is not a run folder" in capsys.readouterr().err


def record(index, success):
    return EpisodeRecord(
        index,
        "pick",
        7,
        "pick",
        {},
        success,
        None if success else "timeout",
        1,
        1.0,
        None,
        None,
        None,
        None,
        1.0,
    )


def test_only_the_unbroken_row_counts():
    meta = {"stop_against": {"run": "x", "outcomes": "0" * 50}, "episodes_planned": 50}
    records = [record(i, True) for i in range(40) if i != 3]
    entry, _ = counted(records, meta, 0.95)
    assert (entry["episodes_used"], entry["decision"]) == (3, None)
    assert "3 episodes" in entry["decision_reason"]
    json.dumps(entry)


def test_outcomes_that_are_none_are_refused():
    assert early_stop({}, 0.95, 10) is None
    for outcomes in ("10", "1x1"):
        with pytest.raises(ValueError, match="outcomes, each 1 or 0"):
            RunStop(outcomes, 0.05, 3)
