"""Every fault that a log may have is found and named; a log without one passes."""

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest

from tests.workbench.identification.planted import PANDA, follower
from workbench.identification.log_checks import check_log
from workbench.identification.motion_log import LogError, MotionLog

DEGREES = 180 / np.pi


def _without(log: MotionLog, rows: slice, shift: float = 0.0) -> MotionLog:
    keep = np.ones(len(log.times), bool)
    keep[rows] = False
    times = log.times.copy()
    times[rows.start :] += shift
    return replace(
        log,
        times=times[keep],
        measured_times=times[keep],
        commanded=log.commanded[keep],
        measured=log.measured[keep],
    )


def _jump(log: MotionLog, seconds: float) -> MotionLog:
    times = log.times.copy()
    times[400:] += seconds
    return replace(log, times=times, measured_times=times)


def _same_stamps(log: MotionLog) -> MotionLog:
    times = log.times.copy()
    times[200:203] = times[200]
    return replace(log, times=times, measured_times=times)


def _swapped(log: MotionLog) -> MotionLog:
    measured = log.measured.copy()
    measured[:, [2, 4]] = measured[:, [4, 2]]
    return replace(log, measured=measured)


def _reversed(log: MotionLog) -> MotionLog:
    measured = log.measured.copy()
    measured[:, 4] *= -1
    return replace(log, measured=measured)


def _not_finite(log: MotionLog) -> MotionLog:
    measured = log.measured.copy()
    measured[77, 3] = np.nan
    return replace(log, measured=measured)


def _still(log: MotionLog) -> MotionLog:
    return replace(log, measured=np.broadcast_to(log.measured[0], log.measured.shape).copy())


FAULTS: dict[str, tuple[Callable[[MotionLog], MotionLog], str]] = {
    "gap": (lambda log: _without(log, slice(300, 360)), r"a gap of 0\.610 s without commands after 2\.990 s"),
    "clock ahead": (lambda log: _jump(log, 0.9), r"jumps ahead by 0\.910 s after 3\.990 s"),
    "clock back": (lambda log: _jump(log, -0.5), r"jumps back by 0\.490 s after 3\.990 s"),
    "duplicates": (_same_stamps, r"2 commands have the time of the one before \(the first at 2\.000 s\)"),
    "degrees": (
        lambda log: replace(log, commanded=log.commanded * DEGREES, measured=log.measured * DEGREES),
        "commanded joint positions seem to be degrees",
    ),
    "measured degrees": (
        lambda log: replace(log, measured=log.measured * DEGREES),
        "measured joint positions seem to be degrees",
    ),
    "milliseconds": (
        lambda log: replace(log, times=1000 * log.times, measured_times=1000 * log.times),
        "times seem to be milliseconds",
    ),
    "millimetres": (
        lambda log: replace(log, gripper=np.full(len(log.times), 80.0)),
        "gripper widths reach 80, which seems to be millimetres",
    ),
    "swapped": (_swapped, "joints 3 and 5 are swapped"),
    "reversed": (_reversed, "joint 5 moves against its command: its sign is reversed"),
    "cut off": (lambda log: replace(log, ended=False), r"is cut off: it ends after 7\.99 s"),
    "not finite": (_not_finite, "measured is not finite at sample 77"),
    "still": (_still, "measured joint 1 does not follow its command"),
    "another robot": (
        lambda log: replace(log, commanded=log.commanded[:, :6], measured=log.measured[:, :6]),
        "has 6 commanded and 6 measured joints; franka has 7",
    ),
    "short": (lambda log: _without(log, slice(10, 800)), "has only 10 samples"),
}


def test_a_sound_log_passes() -> None:
    check_log(follower(), PANDA)


@pytest.mark.parametrize("name", FAULTS)
def test_a_planted_fault_is_named(name: str) -> None:
    plant, sentence = FAULTS[name]
    with pytest.raises(LogError, match=sentence):
        check_log(plant(follower()), PANDA)


@pytest.mark.parametrize("lag", [0.0, 0.1, 0.3])
def test_a_slow_arm_is_no_fault(lag: float) -> None:
    check_log(follower(lag), PANDA)


def test_a_busy_computers_late_periods_are_no_gap() -> None:
    log = follower()
    times = log.times + np.random.default_rng(0).uniform(0, 0.004, len(log.times))
    times[100::50] += 0.005
    check_log(replace(log, times=times, measured_times=times), PANDA)


def test_joints_that_contradict_the_tool_beside_them_are_named() -> None:
    log = follower()
    tool = PANDA.chain.pose(log.measured)[0]
    check_log(replace(log, tool=tool), PANDA)
    both = [0, 2, 1, 3, 4, 5, 6]  # command and measurement alike, as with another order of joints
    odd = replace(log, tool=tool, commanded=log.commanded[:, both], measured=log.measured[:, both])
    odd = replace(odd, commanded=odd.commanded.clip(-1.7, 1.7))
    with pytest.raises(LogError):
        check_log(odd, PANDA)
