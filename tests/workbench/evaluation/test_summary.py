"""Summaries depend on the records and on nothing else."""

import json
import math
import random
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from policy.grounding import Box, Grounding, Point
from workbench.evaluation.summary import TIME_KEYS, summarise, without_times
from workbench.runs.records import EpisodeRecord, SessionRecord, grounding_record
from workbench.stats import jeffreys_interval, wilson_interval
from workbench.stats.sequential import anytime_interval, anytime_quantile_interval
from workbench.stats.strata import StrataError, parse_weights

META = {
    "task": "pick", "policy": "expert", "seed": 7, "physics": "ovphysx", "renderer": "newton_warp", "device": "cpu",
    "num_envs": 4,
}  # fmt: skip


def episode(index, success=True, **changes):
    return EpisodeRecord(
        **{
            "index": index, "task": "pick", "seed": 7, "instruction": "pick", "factors": {}, "success": success,
            "failure_reason": None if success else "dropped", "steps": 10 + index, "duration_s": 1.0 + index,
            "time_to_success_s": 1.0 + index if success else None, "path_length_m": 0.1 * index,
            "smoothness": None if index == 0 else -2.0 - 0.1 * index, "grounding": None, "wall_s": 2.0 + index,
        } | changes
    )  # fmt: skip


def session(wall_s=10.0, **counts):
    counts = {"episodes": 20, "env_steps": 1000, "frames": 500, "decisions": 100} | counts
    return SessionRecord("t0", "t1", wall_s, {"physics": 4.0, "rendering": 5.0, "policy": 0.5}, counts)


outcomes = st.lists(st.booleans(), min_size=1, max_size=40)


@settings(max_examples=25, deadline=None)
@given(outcomes, st.sampled_from([None, 0.5]), st.randoms())
def test_the_order_of_the_file_does_not_matter(successes, stop_above, shuffler: random.Random):
    records = [episode(i, s) for i, s in enumerate(successes)]
    meta = META | {"stop_above": stop_above}
    expected = json.dumps(summarise(records, meta, [session()]))
    shuffler.shuffle(records)
    assert json.dumps(summarise(records, meta, [session()])) == expected


def test_the_share_of_limited_steps_is_the_mean_over_episodes_that_record_it():
    records = [episode(0, limited_share=0.1), episode(1, limited_share=0.3), episode(2)]
    limited = summarise(records, META, [])["limited_share"]
    assert limited["mean"] == pytest.approx(0.2)
    assert limited["n"] == 2
    older = summarise([episode(0), episode(1)], META, [])["limited_share"]
    assert older["mean"] is None
    assert older["mean_reason"] == "no episode records it"


def test_two_executions_of_a_run_differ_in_times_only():
    """Killed and resumed, with other times throughout: the rest is the same, byte for byte."""
    records = [episode(i, i % 3 > 0) for i in range(20)]
    slower = [replace(r, wall_s=r.wall_s * 3.7) for r in records]
    once, resumed = (
        summarise(records, META, [session()]),
        summarise(slower, META, [session(55.0), session(3.0)]),
    )
    assert once != resumed
    assert json.dumps(without_times(once)) == json.dumps(without_times(resumed))
    assert not set(TIME_KEYS) & set(without_times(once))


@settings(max_examples=25, deadline=None)
@given(outcomes)
def test_rates_come_with_the_interval_of_their_counts(successes):
    summary = summarise([episode(i, s) for i, s in enumerate(successes)], META, [])
    k, n = sum(successes), len(successes)
    assert (summary["episodes"], summary["successes"]) == (n, k)
    assert summary["success_rate"] == pytest.approx(k / n, abs=1e-6)
    assert summary["success_interval"] == pytest.approx(wilson_interval(k, n), abs=1e-6)
    assert sum(summary["failure_reasons"].values()) == n - k
    json.dumps(summary, allow_nan=False)


def test_failure_reasons_are_sorted_by_count_then_name():
    reasons = ["timeout", "dropped", "dropped", "collision"]
    records = [episode(i, False, failure_reason=reason) for i, reason in enumerate(reasons)]
    assert list(summarise(records, META, [])["failure_reasons"].items()) == [
        ("dropped", 2), ("collision", 1), ("timeout", 1),
    ]  # fmt: skip


def test_times_to_success_are_those_of_successes():
    summary = summarise([episode(i, i < 7) for i in range(12)], META, [])
    assert summary["time_to_success_s"] == {"median": 4.0, "interval": [1.0, 7.0], "n": 7}


def nulls_without_reason(data, path=""):
    if isinstance(data, dict):
        for key, value in data.items():
            if value is None and f"{key}_reason" not in data:
                yield f"{path}.{key}"
            yield from nulls_without_reason(value, f"{path}.{key}")


@pytest.mark.parametrize(
    "records", [[], [episode(0, False, path_length_m=None)], [episode(i, False) for i in range(9)]]
)
@pytest.mark.parametrize("meta", [META, META | {"stop_above": 0.5, "episodes_planned": 50}])
def test_what_is_missing_is_null_with_a_reason(records, meta):
    summary = summarise(records, meta, [])
    # An interval of a rate that does not exist shares the rate's reason.
    assert set(nulls_without_reason(summary)) <= {".success_interval"}
    assert summary["time_to_success_s"]["median"] is None
    assert summary["grounding"] is None
    assert summary["rates"]["bound_by"] is None


def test_rates_are_over_all_sessions_and_name_the_bottleneck():
    rates = summarise([episode(0)], META, [session(10.0), session(40.0, frames=0)])["rates"]
    assert rates["env_steps_per_s"] == pytest.approx(2000 / 50)
    assert rates["frames_per_s"] == pytest.approx(500 / 50)
    assert rates["episodes_per_hour"] == pytest.approx(40 / 50 * 3600)
    assert rates["phases_s"] == {"physics": 8.0, "rendering": 10.0, "policy": 1.0, "other": 31.0}
    assert rates["bound_by"] == "other"
    assert summarise([episode(0)], META, [session(10.0)])["rates"]["bound_by"] == "rendering"


def test_a_policy_without_cameras_has_no_frame_rate_rather_than_zero():
    rates = summarise([episode(0)], META, [session(frames=0)])["rates"]
    assert rates["frames_per_s"] is None
    assert "frames" in rates["frames_per_s_reason"]


def test_grounding_is_summed_up_by_label():
    def seen(error, height):
        said = Grounding("front", (64, 48), (Box("cube", (0, 0, 10, 10)),), (Point("grasp", (5, 5)),))
        true = Grounding(
            "front", (64, 48), (Box("cube", (0, 0, 10, height)),), (Point("grasp", (5 + error, 5)),)
        )
        return grounding_record(said, true)

    records = [episode(i, grounding=seen(float(i), 10 if i < 6 else 40)) for i in range(9)] + [episode(9)]
    grounding = summarise(records, META, [])["grounding"]
    assert grounding["n"] == 9
    assert grounding["image_sizes"] == [[64, 48]]
    assert grounding["point_error_px"]["grasp"]["median"] == 4.0
    assert grounding["point_error_px"]["grasp"]["p90"] == pytest.approx(7.2)
    cube = grounding["box_iou"]["cube"]
    assert cube["mean"] == pytest.approx((6 + 3 * 0.25) / 9, abs=1e-6)
    assert cube["rate_at_0.5"] == pytest.approx(6 / 9, abs=1e-6)
    assert cube["rate_at_0.5_interval"] == pytest.approx(wilson_interval(6, 9), abs=1e-6)


def test_who_knew_and_who_could_are_counted_apart():
    def told(u, acted=None):
        said = Grounding("front", (64, 48), (Box("target", (u, 0, u + 10, 10)),))
        true = Grounding("front", (64, 48), (Box("target", (0, 0, 10, 10)),))
        return grounding_record(said, true, acted)

    right = [episode(i, i < 5, grounding=told(1, {"grasp": (6, 5 + i)})) for i in range(6)]
    wrong = [episode(i, i < 7, grounding=told(9)) for i in range(6, 10)]
    summed = summarise([*right, *wrong, episode(10, False)], META, [])["grounding"]
    counts = {word: (s["successes"], s["episodes"]) for word, s in summed["by_claim"].items()}
    assert counts == {"right": (5, 6), "wrong": (1, 4)}
    assert summed["by_claim"]["right"]["success_interval"] == pytest.approx(wilson_interval(5, 6), abs=1e-6)
    assert summed["execution_error_px"]["grasp"]["median"] == 2.5
    assert summed["execution_error_px"]["grasp"]["n"] == 6


def test_several_tasks_are_also_counted_one_by_one():
    records = [episode(i, i < 3, task="pick" if i < 5 else "stack") for i in range(10)]
    by_task = summarise(records, META, [])["by_task"]
    assert {task: (s["successes"], s["episodes"]) for task, s in by_task.items()} == {
        "pick": (3, 5), "stack": (0, 5),
    }  # fmt: skip
    assert "by_task" not in summarise(records[:5], META, [])


def test_a_run_of_a_split_counts_its_successes_by_what_was_held_out():
    names = ["cone", "red cube", "cone"]
    records = [episode(i, i == 0, split="unseen_object", held_out=[name]) for i, name in enumerate(names)]
    summary = summarise(records, META | {"split": "unseen_object"}, [])
    assert summary["split"] == "unseen_object"
    counts = {name: (part["successes"], part["episodes"]) for name, part in summary["by_held_out"].items()}
    assert counts == {"cone": (1, 2), "red cube": (0, 1)}
    assert not {"split", "by_held_out"} & set(summarise([episode(0)], META, []))


@pytest.mark.parametrize("in_flight", [0, 1, 30])
def test_a_stopped_run_counts_up_to_the_decision_however_many_were_in_flight(in_flight):
    meta = META | {"stop_above": 0.5, "episodes_planned": 100}
    reference = summarise([episode(i) for i in range(40)], meta, [])
    n = reference["sequential"]["episodes_used"]
    assert reference["sequential"]["decision"] == "accept above"
    assert n < 10
    late = [episode(n + i, False) for i in range(in_flight)]
    summary = summarise([episode(i) for i in range(n)] + late, meta, [])
    assert without_times(summary) == without_times(reference)
    assert summary["success_interval"] == pytest.approx(anytime_interval(n, n), abs=1e-6)
    assert summary["success_interval_method"] == "anytime-valid"


STOPPED = META | {"stop_above": 0.5, "episodes_planned": 100}


def test_a_stopped_run_says_that_its_rate_leans_and_its_parts_have_intervals_that_allow_for_it():
    def told(u):
        said = Grounding("front", (64, 48), (Box("target", (u, 0, u + 10, 10)),))
        return grounding_record(said, Grounding("front", (64, 48), (Box("target", (0, 0, 10, 10)),)))

    records = [
        episode(i, i != 2, task="pick" if i % 2 else "stack", grounding=told(1 if i % 3 else 9))
        for i in range(40)
    ]
    summary = summarise(records, STOPPED, [])
    n = summary["sequential"]["episodes_used"]
    assert n < 20
    assert "on average the rate reads too high" in summary["success_rate_note"]
    parts = [*summary["by_task"].values(), *summary["grounding"]["by_claim"].values()]
    assert len(parts) == 4
    for part in parts:
        expected = anytime_interval(part["successes"], part["episodes"])
        assert part["success_interval"] == pytest.approx(expected, abs=1e-6)
        assert part["success_interval_method"] == "anytime-valid"
    right = summary["grounding"]["box_iou"]["target"]
    k = round(right["rate_at_0.5"] * n)
    assert right["rate_at_0.5_interval"] == pytest.approx(anytime_interval(k, n), abs=1e-6)
    times = [r.time_to_success_s for r in records[:n] if r.success]
    assert summary["time_to_success_s"]["interval"] == list(anytime_quantile_interval(times))


def test_a_run_that_was_stopped_for_being_bad_reads_too_low():
    summary = summarise([episode(i, False) for i in range(40)], STOPPED, [])
    assert summary["sequential"]["decision"] == "accept below"
    assert "too low" in summary["success_rate_note"]
    assert "success_rate_note" not in summarise([episode(i) for i in range(40)], META, [])


def test_a_run_stopped_against_another_counts_up_to_the_decision():
    meta = META | {"stop_against": {"run": "runs/other", "outcomes": "0" * 100}, "episodes_planned": 100}
    summary = summarise([episode(i) for i in range(40)], meta, [])
    test = summary["sequential"]
    assert (test["decision"], test["against"]) == ("first better", "runs/other")
    assert summary["episodes"] == test["episodes_used"] == test["only_this"] < 12
    assert test["difference_interval"][0] > 0
    assert json.loads(json.dumps(summary)) == summary


def test_the_kind_of_interval_and_strata_are_those_asked_for():
    records = [episode(i, i < 15, factors={"shape": "cube" if i < 16 else "cone"}) for i in range(20)]
    meta = META | {"interval": "beta", "strata": "shape", "weights": "cube:1,cone:3"}
    summary = summarise(records, meta, [])
    assert summary["success_interval"] == pytest.approx(jeffreys_interval(15, 20), abs=1e-6)
    assert "Beta" in summary["success_interval_method"]
    stratified = summary["stratified"]
    assert stratified["success_rate"] == pytest.approx(0.25 * 15 / 16, abs=1e-6)
    assert stratified["strata"]["cone"] == {"successes": 0, "episodes": 4, "weight": 0.75}
    equal = summarise(records, META | {"strata": "shape"}, [])["stratified"]
    assert equal["success_rate"] == pytest.approx(0.5 * 15 / 16, abs=1e-6)


@pytest.mark.parametrize(
    ("strata", "weights", "said"),
    [
        ("colour", "equal", "episodes have no 'colour'"),
        ("shape", "cube:1,ball:1", "no episode is in ball"),
        ("shape", "cube:1", "no weight is given for cone"),
        ("number", "equal", "more than 24 values"),
    ],
)
def test_strata_that_do_not_exist_are_null_with_a_reason(strata, weights, said):
    records = [
        episode(i, factors={"shape": "cube" if i % 2 else "cone", "number": float(i)}) for i in range(40)
    ]
    found = summarise(records, META | {"strata": strata, "weights": weights}, [])["stratified"]
    assert found["success_rate"] is None
    assert said in found["success_rate_reason"]


@pytest.mark.parametrize("text", ["", "cube", "cube:x", "cube:-1", "a:0,b:0", "a:1,a:2", "a:inf"])
def test_weights_that_are_none_are_refused(text):
    with pytest.raises(StrataError, match="weights must"):
        parse_weights(text)


def test_the_sequential_test_does_not_look_past_an_episode_that_is_still_running():
    meta = META | {"stop_above": 0.5, "episodes_planned": 100}
    summary = summarise([episode(i) for i in range(40) if i != 2], meta, [])
    assert summary["sequential"]["decision"] is None
    assert summary["sequential"]["episodes_used"] == 2


def test_an_undecided_sequential_test_says_so():
    meta = META | {"stop_above": 0.5, "episodes_planned": 6}
    sequential = summarise([episode(i, i % 2 == 0) for i in range(6)], meta, [])["sequential"]
    assert sequential["decision"] is None
    assert "after 6 episodes" in sequential["decision_reason"]


def test_floats_are_rounded_and_finite():
    def floats(data):
        if isinstance(data, dict | list):
            for value in data.values() if isinstance(data, dict) else data:
                yield from floats(value)
        elif isinstance(data, float):
            yield data

    values = list(floats(summarise([episode(i, i % 7 > 2) for i in range(23)], META, [session(9.1)])))
    assert len(values) > 10
    assert all(math.isfinite(v) and v == round(v, 6) for v in values)


def test_missing_meta_and_repeated_episodes_are_named():
    with pytest.raises(ValueError, match="told policy, num_envs"):
        summarise([], {k: v for k, v in META.items() if k not in ("policy", "num_envs")}, [])
    with pytest.raises(ValueError, match=r"\[4\] are recorded more than once"):
        summarise([episode(4), episode(4, steps=99)], META, [])
