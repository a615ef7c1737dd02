from pathlib import Path

import numpy as np
import pytest

from robots.registry import robot
from tests.workbench.verdict.made import record
from workbench.bridge.gate import Gate, GateCfg
from workbench.bridge.place import bounds_of
from workbench.rollout.trajectory import Trajectory
from workbench.validate.acting import factors_line, grounding_line, objects_line, success_line, time_line
from workbench.validate.deciding import (
    Thinking,
    contract_line,
    latency_line,
    memory_line,
    needed_delay,
    thinking_of,
)
from workbench.validate.motion import limiter_line, motion_of, share_line, workspace_line
from workbench.validate.requirements import load_requirements
from workbench.validate.runs import Evaluated
from workbench.validate.shadow import Agreement, agreement_of, shadow_line
from workbench.validate.stopping import stop, stopping_line
from workbench.verdict.line import FAIL, NOT_EVALUATED, PASS, Evidence

ASKED = load_requirements("")
EVIDENCE = Evidence("workbench eval", "success")
MODEL = robot("franka")
BOUNDS = bounds_of({}, MODEL.workspace)
DT = 0.05


def ran(records) -> Evaluated:
    return Evaluated(tuple(records), Path("."), EVIDENCE)


def track(joints: np.ndarray) -> Trajectory:
    """A recorded episode of the arm along these joint positions ``[T + 1, J]``."""
    position, rotation = MODEL.chain.pose(joints)
    n = len(joints)
    return Trajectory(
        record={},
        control_dt=DT,
        joint_names=MODEL.spec.arm_joints,
        joint_pos=joints,
        gripper_width=np.zeros(n),
        tool_position=position,
        tool_rotation=rotation,
        action_channels=(),
        actions=np.zeros((n - 1, 7)),
        bodies=(),
        cameras={},
    )


def swing(joint: int, speed: float, steps: int = 20) -> np.ndarray:
    """One joint moves at a speed [rad/s], after two steps at rest, from home."""
    joints = np.tile(MODEL.spec.home, (steps + 3, 1)).astype(float)
    joints[2:, joint] += speed * DT * np.arange(steps + 1)
    return joints


# -- how it decides


def test_every_contradiction_counts_and_the_first_are_told() -> None:
    verdicts = [{"channel": f"c{i}", "result": "contradictory", "sentence": f"s{i}"} for i in range(4)]
    verdicts.append({"channel": "dx", "result": "consistent", "sentence": ""})
    line = contract_line(ASKED["contract"], {"verdicts": verdicts, "decisions": 88}, EVIDENCE)
    assert (line.state, line.number) == (FAIL, 4)
    assert line.sentence == "c0: s0; c1: s1; c2: s2 and 1 more"
    assert (
        contract_line(ASKED["contract"], {"verdicts": verdicts[4:], "decisions": 88}, EVIDENCE).state == PASS
    )


def test_a_profile_says_more_of_latency_than_a_check_and_a_decision_is_for_its_actions() -> None:
    times = {"p99": 300.0, "least": 250.0, "load_per_core": 2.0}
    check = ({"execute_steps": 4, "decision_ms": times}, EVIDENCE)
    profile = ({"latency_ms": {"1": times | {"p99": 100.0}}}, EVIDENCE)
    checked, profiled = thinking_of(check, None, 0), thinking_of(check, profile, 0)
    assert checked is not None
    assert profiled is not None
    assert checked.share(DT) == pytest.approx(1.5)
    assert profiled.share(DT) == pytest.approx(0.5)
    assert latency_line(ASKED["latency"], checked, DT).state == FAIL
    assert latency_line(ASKED["latency"], profiled, DT).state == PASS
    assert latency_line(ASKED["latency"], None, DT).state == NOT_EVALUATED
    assert thinking_of(None, None, 0) is None


def test_a_delay_is_simulated_where_an_answer_misses_the_next_period() -> None:
    assert needed_delay(Thinking(0.04, 0.01, 0.5, 1, EVIDENCE), DT) == 0
    assert needed_delay(Thinking(0.1204, 0.01, 0.5, 1, EVIDENCE), DT) == pytest.approx(0.121)


def test_late_answers_of_a_busy_machine_say_nothing_unless_all_are_late() -> None:
    def state(least: float, load: float) -> str:
        return latency_line(ASKED["latency"], Thinking(0.3, least, load, 1, EVIDENCE), DT).state

    assert state(0.01, 0.9) == FAIL
    assert state(0.01, 1.5) == NOT_EVALUATED
    assert state(0.29, 1.5) == FAIL


def test_unknown_memory_is_not_evaluated() -> None:
    assert memory_line(ASKED["memory"], None, "no profile").sentence == "no profile"
    remote = ({"peak_mib": None, "peak_is": "its server's"}, EVIDENCE)
    assert memory_line(ASKED["memory"], remote, "").state == NOT_EVALUATED
    assert (
        memory_line(ASKED["memory"], ({"peak_mib": 2e4, "peak_is": "resident"}, EVIDENCE), "").state == FAIL
    )


# -- how it moves


def test_velocity_and_acceleration_are_shares_of_each_joints_limit() -> None:
    motion = motion_of([track(swing(0, 1.0))], MODEL, BOUNDS)
    assert motion.velocity[0] == pytest.approx(1.0 / MODEL.spec.limits.velocity[0])
    assert motion.acceleration[0] == pytest.approx(1.0 / DT / MODEL.spec.limits.acceleration[0])
    assert motion.velocity[1:].max() < 1e-9
    assert "joint 1 came to" in share_line(ASKED["velocity"], motion.velocity, EVIDENCE).sentence
    assert share_line(ASKED["velocity"], None, EVIDENCE).state == NOT_EVALUATED


def test_a_tool_outside_of_the_workspace_fails_with_how_far() -> None:
    inside = motion_of([track(swing(0, 0.1))], MODEL, BOUNDS)
    assert workspace_line(ASKED["workspace"], inside, EVIDENCE).state == PASS
    line = workspace_line(ASKED["workspace"], motion_of([track(swing(0, 2.4))], MODEL, BOUNDS), EVIDENCE)
    assert line.state == FAIL
    assert "outside in" in line.sentence


def test_the_limiter_counts_steps_and_not_episodes() -> None:
    records = [record(0, steps=300, limited_share=0.0), record(1, steps=100, limited_share=0.2)]
    line = limiter_line(ASKED["limiter"], records, EVIDENCE)
    assert line.number == pytest.approx(0.05)
    assert limiter_line(ASKED["limiter"], [record(0, limited_share=None)], EVIDENCE).state == NOT_EVALUATED


def test_the_faster_a_hand_the_farther_it_goes_after_the_policy_died() -> None:
    def gate() -> Gate:
        return Gate(GateCfg.of(MODEL, BOUNDS, dt=0.01, command_dt=DT, scale=1.0))

    slow, fast = (stop(gate(), swing(0, speed, 12), MODEL) for speed in (0.2, 0.8))
    assert 0 < slow.distance < fast.distance < 0.3
    assert fast.duration < 1.0
    line = stopping_line(ASKED["stopping"], [track(swing(0, 0.5))], MODEL, BOUNDS, EVIDENCE)
    assert line.state == PASS
    assert stopping_line(ASKED["stopping"], [], MODEL, BOUNDS, EVIDENCE).state == NOT_EVALUATED


# -- what it achieves


def test_failures_are_told_with_their_reasons() -> None:
    line = success_line(ASKED["success"], ran(record(i, i > 5) for i in range(12)), 0.95, "under dr=none")
    assert line.state == FAIL
    assert line.sentence.endswith("failures: 6 dropped")


def test_too_slow_is_what_more_time_mends() -> None:
    never = ran(record(i, False, duration_s=15.0) for i in range(12))
    later = ran(record(i, time_to_success_s=30.0) for i in range(12))
    line = time_line(ASKED["time"], never, later, 15.0, 0.95)
    assert line.state == FAIL
    assert "too slow: 0 of 12 episodes succeed in 15 s, 12 of 12 with more time" in line.sentence
    assert time_line(ASKED["time"], never, never, 15.0, 0.95).state == NOT_EVALUATED
    assert time_line(ASKED["time"], later, None, 45.0, 0.95).state == PASS


def test_wrong_claims_fail_and_without_claims_there_is_no_line() -> None:
    def claiming(right: bool):
        thing = {"camera": "front", "image_size": [8, 8], "boxes": [], "points": [], "trace": []}
        held = {"camera": "front", "image_size": [8, 8], "predicted": thing, "true": thing}
        return held | {"point_error_px": {}, "box_iou": {}, "right": right}

    wrong = ran(record(i, grounding=claiming(False)) for i in range(12))
    right = ran(record(i, grounding=claiming(True)) for i in range(12))
    for told, state in ((wrong, FAIL), (right, PASS)):
        line = grounding_line(ASKED["grounding"], told, 0.95)
        assert line is not None
        assert line.state == state
    assert grounding_line(ASKED["grounding"], ran([record(0)]), 0.95) is None


def ladder(**counts: tuple[int, int]) -> Evaluated:
    outcomes = [(name, i < k) for name, (k, n) in counts.items() for i in range(n)]
    return ran(record(i, won, condition=name) for i, (name, won) in enumerate(outcomes))


def test_the_worst_condition_is_what_counts() -> None:
    line = factors_line(ASKED["factors"], ladder(clean=(16, 16), bright=(16, 16), dark=(3, 16)), 0.95)
    assert (line.state, line.details["worst"]) == (FAIL, "dark")
    assert line.sentence.startswith("dark: 3 of 16 episodes succeed")
    line = factors_line(ASKED["factors"], ladder(clean=(16, 16), bright=(16, 16), dark=(14, 16)), 0.95)
    assert (line.state, line.details["worst"]) == (PASS, "dark")


def test_factors_are_not_blamed_for_what_fails_without_them() -> None:
    line = factors_line(ASKED["factors"], ladder(clean=(2, 16), dark=(0, 16)), 0.95)
    assert line.state == NOT_EVALUATED
    assert "nominal episodes themselves do not succeed: 2 of 16" in line.sentence
    assert factors_line(ASKED["factors"], ladder(clean=(16, 16)), 0.95).state == NOT_EVALUATED


def test_shapes_that_were_not_met_restrict_to_those_that_were() -> None:
    line = objects_line(ASKED["objects"], [record(0)], ["cone", "cube"], EVIDENCE)
    assert (line.state, line.details["restrict_objects"]) == (FAIL, ["cube"])
    assert line.sentence == "met in fewer than 1 episode: cone"
    assert objects_line(ASKED["objects"], [record(0)], ["cube"], EVIDENCE).state == PASS
    assert objects_line(ASKED["objects"], [record(0, factors={})], ["cube"], EVIDENCE).state == NOT_EVALUATED


# -- beside a person


def test_a_policy_agrees_where_it_wants_to_go_the_same_way() -> None:
    way = np.outer(np.arange(41), [0.005, 0.0, 0.0])
    same, across = np.tile([0.004, 0.001, 0.0], (41, 1)), np.tile([0.0, 0.005, 0.0], (41, 1))
    assert agreement_of(same, way) == Agreement(4, 4)
    assert agreement_of(across, way) == Agreement(0, 4)
    assert agreement_of(np.zeros((41, 3)), way) == Agreement(0, 4), "who does not want to move does not agree"
    assert agreement_of(same, np.zeros((41, 3))) == Agreement(0, 0), "an arm at rest goes nowhere"


def test_without_a_log_shadow_is_not_evaluated(tmp_path: Path) -> None:
    assert shadow_line(ASKED["shadow"], "", "franka", 0.95).state == NOT_EVALUATED
    line = shadow_line(ASKED["shadow"], str(tmp_path), "franka", 0.95)
    assert line.state == NOT_EVALUATED
    assert "is not a run folder" in line.sentence
    (tmp_path / "config.yaml").write_text("mode: live\n")
    assert "no run in mode=shadow" in shadow_line(ASKED["shadow"], str(tmp_path), "franka", 0.95).sentence
