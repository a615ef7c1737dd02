"""What the gate does with commands, silence and operators."""

import numpy as np
import pytest

from robots.franka.fr3 import FR3
from workbench.bridge.gate import (
    Bounds,
    Box,
    Check,
    Command,
    GateError,
    MeasuredState,
    Mode,
    StepCaps,
    Verdict,
    WatchdogCfg,
)

HOME = np.array([0.0, -np.pi / 4, 0.0, -3 * np.pi / 4, 0.0, np.pi / 2, np.pi / 4])
ONE = np.eye(7)


def kinds(decision):
    return [intervention.check for intervention in decision.interventions]


def test_a_command_is_reached_and_rested_at(rig):
    target = HOME + 0.02 * ONE[0]
    decision = rig.send(target)
    assert (decision.verdict, decision.reasons) == (Verdict.ACCEPTED, ())
    assert np.array_equal(decision.target, target)
    last = rig.tick(18)
    assert last.mode is Mode.MOVING
    assert last.at_rest
    assert last.position == pytest.approx(target, abs=1e-9)
    assert np.abs(last.velocity).max() == 0


def test_a_stream_within_the_limits_is_followed_smoothly_and_one_and_a_half_periods_late(rig):
    speed = 0.4
    times = np.arange(1, 36) * 0.05
    decisions = rig.stream([HOME + speed * t * ONE[0] for t in times])
    assert {d.verdict for d in decisions} == {Verdict.ACCEPTED}
    velocities = np.stack([s.velocity for s in rig.setpoints])[100:]
    assert velocities[:, 0] == pytest.approx(speed, abs=1e-6)
    # At the end of each period the arm is at the middle between the last two targets.
    assert rig.here[0] - HOME[0] == pytest.approx(speed * (times[-1] - 0.025), abs=1e-6)


def test_a_refused_command_leaves_the_arm_on_its_way(rig):
    rig.send(HOME + 0.02 * ONE[0])
    rig.tick(2)
    decision = rig.send(HOME + np.nan)
    assert (decision.verdict, decision.target, kinds(decision)) == (Verdict.REFUSED, None, [Check.FINITE])
    assert rig.tick(15).position == pytest.approx(HOME + 0.02 * ONE[0], abs=1e-9)


def test_a_target_a_little_beyond_a_limit_becomes_the_limit_and_one_far_beyond_is_refused(rig):
    near, far = rig.gate.high + 0.05, rig.gate.high + 0.15
    here = HOME.copy()
    here[6] = rig.gate.high[6] - 0.1
    rig.gate.reset(here, rig.now)
    decision = rig.send(np.where(ONE[6] > 0, near, here))
    assert (decision.verdict, kinds(decision)) == (Verdict.CHANGED, [Check.JOINT_LIMITS])
    assert decision.target[6] == pytest.approx(rig.gate.high[6])
    decision = rig.send(np.where(ONE[6] > 0, far, here))
    assert (decision.verdict, kinds(decision)) == (Verdict.REFUSED, [Check.JOINT_LIMITS])
    assert "joint 7 would be at 3.027 rad" in decision.reasons[0]


def test_full_speed_at_a_limit_comes_to_rest_before_it(rig):
    joint, limit = 6, rig.gate.cfg.limits.position_high[6]
    rig.stream([HOME + min(0.1 * k, limit - HOME[6]) * ONE[joint] for k in range(1, 60)])
    x = rig.positions()[:, joint]
    assert np.abs(np.diff(x)).max() > 0.9 * 2.61 * 0.01, "it was not at full speed"
    assert x.max() <= limit
    assert x[-1] == pytest.approx(rig.gate.high[joint], abs=1e-6)


def test_a_far_target_is_brought_nearer_in_its_own_direction(rig):
    step = np.array([0.5, 0.1, 0.0, 0.0, 0.0, 0.0, 0.0])
    decision = rig.send(HOME + step)
    assert (decision.verdict, set(kinds(decision))) == (Verdict.CHANGED, {Check.STEP_CAP})
    taken = decision.target - HOME
    assert taken[1] / taken[0] == pytest.approx(0.2)
    assert abs(taken[0]) <= 0.2 + 1e-9


PLACES = {
    Check.TABLE: (0.5, 0.0, 0.005),
    Check.WORKSPACE: (0.4, -0.52, 0.4),
    Check.KEEP_OUT: (0.4, 0.34, 0.3),
}


@pytest.mark.parametrize("check", PLACES)
def test_targets_out_of_bounds_are_refused_by_what_they_hit(rig, at, check):
    decision = rig.send(at(PLACES[check]))
    assert (decision.verdict, kinds(decision)) == (Verdict.REFUSED, [check]), decision.reasons
    assert rig.tick(10).position == pytest.approx(HOME)


def test_a_target_in_the_arm_itself_is_refused(rig):
    decision = rig.send(np.array([-0.05, -0.27, 1.66, -2.95, -1.47, 1.1, 0.88]))
    assert kinds(decision) == [Check.SELF_COLLISION]
    assert decision.reasons == ("panda_link2 would come within 5 mm of panda_link5",)


def test_a_path_through_a_thin_wall_is_refused_where_it_gets_there(make_rig, at):
    wall = Box((0.45, -0.1, 0.0), (0.452, 0.1, 0.15), "wall")
    box = Box((0.2, -0.5, 0.0), (0.8, 0.5, 0.9))
    here, there = at((0.37, 0.0, 0.12)), at((0.55, 0.0, 0.12))
    for keep_out, check in (((wall,), [Check.KEEP_OUT]), ((), [])):
        rig = make_rig(bounds=Bounds(box, keep_out=keep_out), caps=StepCaps(1.0, 1.0, 3.0), lead=1.0)
        rig.gate.reset(here, rig.now)
        decision = rig.send(there)
        assert kinds(decision) == check, decision.reasons
        if check:
            assert "s on: panda_" in decision.reasons[0]
            assert "of the kept-out wall" in decision.reasons[0]


def test_going_on_into_the_table_stops_above_it(rig):
    down = rig.gate.space
    target, decisions = HOME.copy(), []
    for _ in range(200):
        target = target + 0.01 * (ONE[1] + 0.4 * ONE[3])
        decisions += rig.stream([target])
    tools = np.stack([down.tool(s.position)[0] for s in rig.setpoints])
    assert decisions[-1].verdict is Verdict.REFUSED
    assert {k for d in decisions for k in kinds(d)} <= {Check.TABLE, Check.WORKSPACE, Check.STEP_CAP}
    assert tools[:, 2].min() > 0


# -- silence and stops


def test_silence_brakes_within_the_limits_after_200_ms_and_latches_after_1_s(rig):
    rig.stream([HOME + 0.02 * k * ONE[0] for k in range(1, 21)])
    rig.setpoints.clear()
    rig.tick(110)
    modes = [s.mode for s in rig.setpoints]
    assert modes.index(Mode.HOLDING) == pytest.approx(15, abs=1), "200 ms after the last command, 50 ms ago"
    assert modes.index(Mode.LATCHED) == pytest.approx(95, abs=1)
    assert rig.setpoints[20].at_rest
    hold, latch = [i.sentence for s in rig.setpoints for i in s.interventions]
    assert hold.startswith("the arm is holding: no fresh command came for 0.2")
    assert latch.startswith("the arm is latched: no fresh command came for 1.0")


def test_a_hold_ends_with_the_next_fresh_command_and_a_latch_does_not(rig):
    rig.stream([HOME + 0.01 * ONE[0]])
    rig.tick(40)
    assert rig.gate.mode is Mode.HOLDING
    assert rig.send(HOME).verdict is Verdict.ACCEPTED
    rig.tick(120)
    decision = rig.send(HOME)
    assert (decision.verdict, kinds(decision)) == (Verdict.REFUSED, [Check.MODE])
    assert "latched: no fresh command came" in decision.reasons[0]
    rig.gate.acknowledge(rig.now)
    assert rig.send(HOME).verdict is Verdict.ACCEPTED


def test_commands_that_are_refused_for_their_form_are_no_sign_of_life_and_those_for_their_place_are(rig, at):
    rig.stream([at(PLACES[Check.TABLE])] * 40)
    assert rig.gate.mode is Mode.MOVING
    rig.stream([HOME + np.nan] * 40)
    assert rig.gate.mode is Mode.LATCHED


def test_a_lost_state_holds_and_latches_whether_it_is_missing_frozen_or_not_finite(rig):
    frozen = MeasuredState(HOME, rig.now)
    for lost in (None, frozen, MeasuredState(HOME * np.nan, np.inf)):
        rig.gate.reset(HOME, rig.now)
        for k in range(25):
            if k % 5 == 0:
                rig.send(HOME)
            rig.now += 0.01
            setpoint = rig.gate.tick(lost, rig.now)
        assert setpoint.mode is Mode.HOLDING
        assert "state is not heard of" in rig.gate.reason
        frozen = MeasuredState(HOME, rig.now)


def test_a_lost_camera_holds(make_rig):
    open_space = Bounds(Box((-1,) * 3, (1,) * 3), collisions=False)
    rig = make_rig(watchdog=WatchdogCfg(sources=("camera:front",)), bounds=open_space)
    rig.gate.heard("camera:front", rig.now)
    assert rig.stream([HOME])[0].verdict is Verdict.ACCEPTED
    rig.stream([HOME] * 5)
    assert rig.gate.mode is Mode.HOLDING
    assert rig.send(HOME).reasons[0].startswith("the arm is holding: camera:front is not heard of for 0.")
    with pytest.raises(ValueError, match="nobody watches"):
        rig.gate.heard("camera:side", rig.now)


def test_the_operator_s_stop_brakes_at_once_and_waits_for_the_operator(rig):
    rig.stream([HOME + 0.04 * k * ONE[0] for k in range(1, 21)])
    rig.gate.stop("key s")
    with pytest.raises(GateError, match="still coming to rest"):
        rig.gate.acknowledge(rig.now)
    setpoints = [rig.tick() for _ in range(20)]
    assert setpoints[0].mode is Mode.STOPPED
    assert [i.check for i in setpoints[0].interventions] == [Check.OPERATOR]
    assert setpoints[7].at_rest, "0.8 rad/s at 15 rad/s^2 take 54 ms"
    assert kinds(rig.send(rig.here)) == [Check.MODE]
    rig.gate.acknowledge(rig.now)
    assert rig.send(rig.here).verdict is Verdict.ACCEPTED


def test_an_arm_that_is_not_where_it_is_commanded_to_be_is_latched(rig):
    rig.stream([HOME])
    rig.now += 0.01
    setpoint = rig.gate.tick(MeasuredState(HOME + 0.4 * ONE[2], rig.now), rig.now)
    assert (setpoint.mode, [i.check for i in setpoint.interventions]) == (Mode.LATCHED, [Check.TRACKING])
    assert "joint 3 is 0.40 rad from where it is commanded" in rig.gate.reason
    with pytest.raises(GateError, match="reset the gate there"):
        rig.gate.acknowledge(rig.now)


def test_a_fault_of_the_driver_latches(rig):
    rig.stream([HOME])
    rig.gate.fault("the driver says: communication lost")
    setpoint = rig.tick()
    assert (setpoint.mode, [i.check for i in setpoint.interventions]) == (Mode.LATCHED, [Check.FAULT])


@pytest.mark.parametrize("jump", [-0.4, 2.0])
def test_a_clock_that_jumps_latches_and_the_arm_rests_smoothly(rig, jump):
    rig.stream([HOME + 0.04 * k * ONE[0] for k in range(1, 21)])
    rig.now += jump
    rig.tick(40)
    assert rig.gate.mode is Mode.LATCHED
    x = rig.positions()
    assert (np.abs(np.diff(x, 2, 0)) / 1e-4 <= np.array(rig.gate.cfg.limits.acceleration)).all()
    assert np.abs(x[-1] - x[-2]).max() == 0


# -- the operator's other means


@pytest.fixture
def fresh(make_gate):
    return make_gate(bounds=Bounds(Box((-1,) * 3, (1,) * 3), collisions=False))


def test_before_a_reset_nothing_is_admitted(fresh):
    decision = fresh.admit(Command(HOME, 0, 0.0, 0.0), 0.0)
    assert (decision.verdict, kinds(decision)) == (Verdict.REFUSED, [Check.MODE])
    for call in (lambda: fresh.tick(None, 0.0), lambda: fresh.acknowledge(0.0)):
        with pytest.raises(GateError, match="not been told where the arm is"):
            call()


@pytest.mark.parametrize(
    ("joints", "said"),
    [
        ({0: 2.9}, "joint 1 would be at 2.900 rad"),
        ({0: np.nan}, "finite numbers"),
        ({1: 1.05, 3: -1.7, 5: 2.8}, "below the table"),
        ({0: 1.5}, "its box reaches"),
    ],
)
def test_an_arm_that_is_where_it_must_not_be_is_not_begun_with(rig, joints, said):
    position = HOME.copy()
    for joint, value in joints.items():
        position[joint] = value
    with pytest.raises(GateError, match=said):
        rig.gate.reset(position, rig.now)


def test_the_scale_is_raised_at_any_time_and_lowered_at_rest(make_rig):
    rig = make_rig(scale=0.1)

    def speeds(targets):
        rig.setpoints.clear()
        rig.stream(targets)
        return np.abs(np.diff(rig.positions()[:, 0])).max() / 0.01

    course = [HOME + 0.06 * k * ONE[0] for k in range(1, 17)]
    assert speeds(course[:8]) == pytest.approx(0.2175, rel=2e-3)
    rig.gate.set_scale(0.5)
    assert speeds(course[8:]) == pytest.approx(5 * 0.2175, rel=2e-3)
    with pytest.raises(GateError, match="lowered at rest"):
        rig.gate.set_scale(0.2)
    rig.tick(60)
    rig.gate.set_scale(0.2)
    assert rig.gate.scale == 0.2
    for wrong in (0.05, 1.1):
        with pytest.raises(GateError, match=r"from 0\.1 to 1"):
            rig.gate.set_scale(wrong)


def test_the_gripper_is_told_within_its_widths_and_only_by_commands_that_are_taken(rig):
    assert rig.tick().gripper is None
    assert rig.send(HOME, gripper=0.03).verdict is Verdict.ACCEPTED
    assert rig.tick().gripper == 0.03
    decision = rig.send(HOME, gripper=0.5)
    assert (decision.verdict, rig.tick().gripper) == (Verdict.CHANGED, 0.08)
    rig.send(HOME + np.nan, gripper=0.01)
    assert rig.tick().gripper == 0.08


def test_limits_of_another_arm_are_kept_to(make_rig):
    rig = make_rig(limits=FR3.limits)
    rig.stream([HOME + 0.1 * k * ONE[1] for k in range(1, 8)])
    assert np.abs(np.diff(rig.positions()[:, 1])).max() / 0.01 <= FR3.limits.velocity[1]


def test_every_intervention_is_counted_and_told_once(rig):
    rig.stream([HOME, HOME + np.nan, HOME + 0.5 * ONE[0]])
    told = [i for s in rig.setpoints for i in s.interventions]
    assert sum(rig.gate.counts.values()) == len(told)
    assert {i.check for i in told} == {Check.FINITE, Check.STEP_CAP}
    assert all(i.sentence and i.seq in (2, 3) for i in told)


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"scale": 0.0}, "scale must be"), ({"dt": 0.1}, "dt must be"), ({"lead": 0.0}, "lead must be"),
        ({"position_margin": -1.0}, "0 or more"), ({"position_margin": 2.0}, "no room"),
    ],
)  # fmt: skip
def test_a_configuration_that_makes_no_sense_is_an_error(make_gate, wrong, said):
    with pytest.raises(ValueError, match=said):
        make_gate(**wrong)


def test_a_box_without_room_is_an_error():
    with pytest.raises(ValueError, match="post: no room"):
        Box((0, 0, 0), (1, 0, 1), "post")
