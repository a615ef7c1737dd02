"""Two runs are compared on the same episodes, or not at all."""

import io
import json

import pytest
from rich.console import Console

from workbench.comparison import ComparisonError, compare, compare_records
from workbench.comparison.noise import EPISODES, FLIPPED
from workbench.comparison.show import render
from workbench.runs.folder import RunFolder, RunFolderError
from workbench.runs.records import EpisodeRecord
from workbench.stats import mcnemar_exact, paired_difference_interval


def episode(index, success, **changes):
    return EpisodeRecord(
        **{
            "index": index, "task": "pick", "seed": 7, "instruction": "pick", "factors": {"mass": 0.1 * index},
            "success": success, "failure_reason": None if success else "dropped", "steps": 10, "duration_s": 1.0,
            "time_to_success_s": None, "path_length_m": 0.5, "smoothness": -2.0, "grounding": None, "wall_s": 2.0,
        } | changes
    )  # fmt: skip


def run_of(outcomes):
    return {i: episode(i, s) for i, s in enumerate(outcomes)}


# 10 both, 8 only a, 1 only b, 5 neither
A = run_of([True] * 10 + [True] * 8 + [False] + [False] * 5)
B = run_of([True] * 10 + [False] * 8 + [True] + [False] * 5)


def write(path, records, **config):
    with RunFolder(path) as run:
        run.create_or_resume({"physics": "ovphysx", "renderer": "newton_warp"} | config, {})
        for record in records.values():
            run.append(record)
    return path


def text_of(renderable):
    console = Console(file=io.StringIO(), width=100)
    console.print(renderable)
    return console.file.getvalue()


def test_the_table_the_test_and_the_interval():
    comparison = compare_records(A, B)
    assert (comparison.both, comparison.neither, comparison.pairs) == (10, 5, 24)
    assert comparison.only_a == tuple(range(10, 18))
    assert comparison.only_b == (18,)
    assert comparison.difference == pytest.approx(7 / 24)
    assert comparison.p_value == mcnemar_exact(8, 1) == pytest.approx(0.0390625)
    assert comparison.difference_interval == paired_difference_interval(10, 8, 1, 5)
    assert comparison.verdict() == "A succeeds more often than B (p = 0.0391)."


def test_swapping_the_runs_mirrors_the_result():
    forward, backward = compare_records(A, B), compare_records(B, A, name_a="B", name_b="A")
    assert backward.p_value == forward.p_value
    low, high = forward.difference_interval
    assert backward.difference_interval == pytest.approx((-high, -low))
    assert backward.verdict() == forward.verdict()


def test_equal_rates_are_not_told_apart():
    comparison = compare_records(run_of([True, False] * 6), run_of([False, True] * 6))
    assert comparison.p_value == 1.0
    assert "do not tell the two apart" in comparison.verdict()


@pytest.mark.parametrize(("b", "c"), [(5, 0), (7, 1), (9, 2), (16, 6), (6, 0), (17, 6)])
def test_the_sentence_and_the_interval_never_disagree(b, c):
    first = run_of([True] * (10 + b) + [False] * (c + 12))
    second = run_of([True] * 10 + [False] * b + [True] * c + [False] * 12)
    comparison = compare_records(first, second)
    low, high = comparison.difference_interval
    assert ("do not tell" in comparison.verdict()) == (low <= 0 <= high)


def test_a_run_against_itself_is_said_to_be_so(tmp_path):
    a = write(tmp_path / "a", A)
    (tmp_path / "link").symlink_to(a)
    assert (
        compare(a, tmp_path / "link")
        .verdict()
        .endswith("is compared with itself: there is nothing to tell apart.")
    )
    copied = write(tmp_path / "copied", {i: episode(i, r.success, wall_s=9.0) for i, r in A.items()})
    assert "every record of a and copied is equal" in compare(a, copied).verdict()
    assert compare(a, write(tmp_path / "b", B)).same is None


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"task": "stack"}, "task 'pick' and 'stack'"),
        ({"seed": 8}, "seed 7 and 8"),
        ({"instruction": "drop"}, "instruction 'pick' and 'drop'"),
        ({"factors": {"mass": 0.9}}, "factors mass = 0.4 and 0.9"),
    ],
)
def test_other_episodes_under_the_same_index_are_refused_by_name(change, said):
    with pytest.raises(ComparisonError, match=f"episode 4: {said}"):
        compare_records(A, B | {4: episode(4, True, **change)})


def test_of_many_factors_only_the_differing_ones_are_named():
    def drawn(value):
        return {
            i: episode(i, True, factors={"equal": 1.0, "a": value, "b": value, "c": value}) for i in range(2)
        }

    with pytest.raises(ComparisonError) as refusal:
        compare_records(drawn(1.0), drawn(2.0))
    assert "factors a = 1.0 and 2.0, b = 1.0 and 2.0 and 1 more" in str(refusal.value)
    assert "equal" not in str(refusal.value)


def test_a_long_list_of_differences_is_cut():
    other = {i: episode(i, True, seed=9) for i in A}
    with pytest.raises(ComparisonError, match=r"; and 14 more$"):
        compare_records(A, other)


def test_the_shorter_run_sets_how_many_are_compared_and_that_is_said():
    comparison = compare_records(A, {i: B[i] for i in range(12)})
    assert comparison.pairs == 12
    assert comparison.notes == ("A has 24 episodes to compare and B has 12: the first 12 are compared",)
    with pytest.raises(ComparisonError, match="share no episode"):
        compare_records(A, {99: episode(99, True)})


@pytest.mark.parametrize("setting", ["physics", "renderer", "device", "num_envs"])
def test_runs_that_differ_in_what_rounds_are_compared_over_a_noise_floor(tmp_path, setting):
    a = write(tmp_path / "vla", A, num_envs=16, device="cpu")
    b = write(tmp_path / "expert", B, **{"num_envs": 16, "device": "cpu"} | {setting: "other"})
    comparison = compare(a, b)
    assert (comparison.name_a, comparison.name_b) == ("vla", "expert")
    floor = comparison.floor
    assert (floor.pairs, floor.observed) == (24, 9)
    assert floor.expected == pytest.approx(24 * (FLIPPED + 0.5) / (EPISODES + 1))
    assert floor.interval[0] == 0 < floor.expected < floor.interval[1] < 9
    said = " ".join(text_of(render(comparison)).split())
    assert f"{setting} differs: vla has" in said
    assert ("or more for another" in said) == (setting != "num_envs")
    with pytest.raises(RunFolderError, match="not a run folder"):
        compare(a, tmp_path)


def test_runs_that_differ_in_nothing_else_have_no_floor(tmp_path):
    assert compare(write(tmp_path / "a", A), write(tmp_path / "b", B)).floor is None


def test_the_json_holds_everything_and_is_json():
    data = json.loads(json.dumps(compare_records(A, B).to_dict(), allow_nan=False))
    assert data["table"] == {"both": 10, "only_a": 8, "only_b": 1, "neither": 5}
    assert data["differing_episodes"] == {"only_a": list(range(10, 18)), "only_b": [18]}
    assert data["a"]["successes"] == 18
    assert data["b"]["success_rate"] == pytest.approx(11 / 24, abs=1e-6)


def test_the_text_shows_rates_difference_and_episodes():
    text = text_of(render(compare_records(A, B, name_a="vla", name_b="expert")))
    for part in (
        "18/24",
        "75.0 %",
        "+29.2 points",
        "Only vla solves: 10, 11",
        "vla succeeds",
    ):
        assert part in text, part


def test_names_are_text_and_never_markup():
    text = text_of(render(compare_records(A, B, name_a="[red]x[/red]", name_b="[/]")))
    assert "[red]x[/red] succeeds" in text
    assert "[/] fails" in text
