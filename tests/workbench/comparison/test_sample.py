"""What a run contributes to a comparison is never decided by which of its episodes happened to finish."""

import contextlib
import json

import numpy as np
import pytest

from workbench.comparison import ComparisonError, compare
from workbench.comparison.sample import read_sample
from workbench.runs.records import CLEAN, EpisodeRecord
from workbench.stats.sequential import SequentialTest, anytime_interval

SUCCESS_STEPS, FAILURE_STEPS = (80, 160), 300


def episode(index, success, **changes):
    return EpisodeRecord(
        **{
            "index": index, "task": "pick", "seed": 7, "instruction": "pick", "factors": {}, "success": success,
            "failure_reason": None if success else "timeout", "steps": 10, "duration_s": 1.0,
            "time_to_success_s": None, "path_length_m": None, "smoothness": None, "grounding": None, "wall_s": 1.0,
        } | changes
    )  # fmt: skip


def write(path, records, **config):
    """A run folder, without syncing every line."""
    config = {"command": "eval", "physics": "ovphysx", "confidence": 0.95} | config
    path.mkdir()
    (path / "config.yaml").write_text(json.dumps(config))
    (path / "provenance.json").write_text("{}")
    (path / "episodes.jsonl").write_text("".join(record.to_json_line() + "\n" for record in records))
    return path


def killed(outcomes, rng, num_envs=50, after=20):
    """Records of a run in which episode i runs in environment i mod num_envs, killed after so many have ended."""
    steps = np.where(outcomes, rng.integers(*SUCCESS_STEPS, len(outcomes)), FAILURE_STEPS)
    ends = np.zeros(len(outcomes))
    for index, took in enumerate(steps):
        ends[index] = took + (ends[index - num_envs] if index >= num_envs else 0)
    return [episode(int(i), bool(outcomes[i])) for i in np.argsort(ends, kind="stable")[:after]]


@pytest.mark.parametrize("rate", [0.5, 0.9])
def test_equal_policies_are_not_told_apart_by_a_kill(tmp_path, rate):
    """Pairing whatever finished first calls about 50 of 60 different at a rate of 0.5."""
    rng = np.random.default_rng(3)
    significant = 0
    for trial in range(60):
        first, second = rng.random((2, 100)) < rate
        a = write(tmp_path / f"{trial}-a", killed(first, rng), episodes=100, num_envs=50)
        b = write(tmp_path / f"{trial}-b", [episode(i, s) for i, s in enumerate(second)], episodes=100)
        with contextlib.suppress(ComparisonError):  # episode 0 had not ended
            significant += compare(a, b).p_value < 0.05
    assert significant <= 3 + 2 * 1.7, f"{significant} of 60 at a level of 5 %"


def test_an_unfinished_run_is_compared_up_to_its_first_gap(tmp_path):
    a = write(tmp_path / "a", [episode(i, True) for i in (3, 0, 1, 7)], episodes=10)
    b = write(tmp_path / "b", [episode(i, False) for i in range(10)], episodes=10)
    comparison = compare(a, b)
    assert comparison.pairs == 2
    assert comparison.anytime
    assert comparison.rate("a") == (2, anytime_interval(2, 2))
    assert comparison.notes[0].startswith(
        "a is unfinished, with 4 of 10 episodes: only the unbroken row 0 to 1"
    )
    assert "hold whenever one stops" in comparison.notes[-1]


def test_finished_runs_of_different_length_keep_the_exact_test(tmp_path):
    a = write(tmp_path / "a", [episode(i, True) for i in range(10)], episodes=10)
    b = write(tmp_path / "b", [episode(i, False) for i in range(8)], episodes=8)
    assert (compare(a, b).pairs, compare(a, b).anytime) == (8, False)


def test_a_run_without_its_first_episode_is_refused(tmp_path):
    a = write(tmp_path / "a", [episode(i, True) for i in range(1, 10)], episodes=10)
    with pytest.raises(ComparisonError, match="a has no episode 0 yet"):
        read_sample(a)


def test_of_a_stopped_run_those_episodes_count_that_its_test_used(tmp_path):
    used = SequentialTest(0.5, 0.05, 100)
    used.update([True] * 40)
    late = [episode(i, False) for i in range(used.n, used.n + 12)]
    a = write(tmp_path / "a", [episode(i, True) for i in range(used.n)] + late, episodes=100, stop_above=0.5)
    sample = read_sample(a)
    assert len(sample.records) == used.n
    assert sample.chosen
    assert f"the {used.n} episodes are compared that it used" in sample.notes[0]


def test_of_a_ladder_the_clean_condition_counts(tmp_path):
    conditions = [CLEAN, "mass = 2", "mass = 3"]
    records = [
        episode(20 * k + i, k == 0, condition=name, episode=i)
        for k, name in enumerate(conditions)
        for i in range(20)
    ]
    a = write(tmp_path / "a", records, episodes=20, attribute="ladder")
    sample = read_sample(a)
    assert list(sample.records) == list(range(20))
    assert all(r.condition == CLEAN for r in sample.records.values())
    assert not sample.chosen
    assert sample.notes == ("a has several conditions: only its clean one is compared",)


def test_equal_policies_are_not_told_apart_by_two_ladders(tmp_path):
    """Conditions share their episodes: counted one by one they are no independent pairs."""
    rng = np.random.default_rng(5)
    significant = 0
    for trial in range(20):
        runs = []
        for name in "ab":
            knack = rng.random(20) < 0.6  # an episode that a policy fails, it fails under every condition
            records = [
                episode(20 * k + i, bool(knack[i]), condition=CLEAN if k == 0 else f"mass = {k}", episode=i)
                for k in range(9)
                for i in range(20)
            ]
            runs.append(write(tmp_path / f"{trial}{name}", records, episodes=20, attribute="ladder"))
        significant += compare(*runs).p_value < 0.05
    assert significant <= 3, f"{significant} of 20 at a level of 5 %"


def test_a_run_that_chooses_its_episodes_is_refused(tmp_path):
    a = write(tmp_path / "a", [episode(0, True)], command="tune")
    with pytest.raises(ComparisonError, match="made by `workbench tune`"):
        read_sample(a)
