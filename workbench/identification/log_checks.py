"""What is wrong with a log, before anything is fitted to it: a fit explains a fault as friction, and looks fine.

Times are checked before values, and values before how measurement follows command: the first fault that is found is
the one that is named, since later ones often follow from it.
"""

from __future__ import annotations

import numpy as np

from robots.protocol import RobotModel
from workbench.identification.motion_log import LogError, MotionLog

GAP_PERIODS, LEAST_GAP_S = 10, 0.15
"""A gap is longer than so many periods, and than so long [s]: a busy computer's late period is none."""
TOO_COARSE_S = 1.0
"""A period as long as this is none of seconds [s]."""
BEYOND = 0.3
"""Joints may be measured so far beyond their limits [rad]: variants of an arm differ."""
STILL = 0.01
"""A joint whose command spreads by less (standard deviation) says nothing about how it follows [rad]."""
FOLLOWS, ALIEN = 0.9, 0.5
"""Correlation with its own command above which a joint follows it, and below which it does not."""
MOST_LAG_S = 0.5
"""Lag within which a joint follows its command [s]."""
LEAST_ROWS = 20


def check_log(log: MotionLog, model: RobotModel) -> None:
    """LogError, in a sentence, for the first fault found.

    Args:
        log: as read.
        model: of the robot that it should be of.
    """
    _check_shape(log, model)
    _check_finite(log)
    _check_times(log, log.times, "commands")
    _check_times(log, log.measured_times, "measurements")
    _check_units(log, model)
    _check_following(log)
    _check_tool(log, model)
    if not log.ended:
        raise LogError(
            f"{log.source} is cut off: it ends after {log.duration:.2f} s without the end of its episode"
        )


def _check_shape(log: MotionLog, model: RobotModel) -> None:
    joints = len(model.spec.arm_joints)
    if log.joints != joints or log.measured.shape != log.commanded.shape:
        raise LogError(
            f"{log.source} has {log.joints} commanded and {log.measured.shape[1]} measured joints; "
            f"{model.spec.name} has {joints}"
        )
    if len(log.times) < LEAST_ROWS:
        raise LogError(f"{log.source} has only {len(log.times)} samples; {LEAST_ROWS} are the least")


def _check_finite(log: MotionLog) -> None:
    for name, values in (("times", log.times), ("commanded", log.commanded), ("measured", log.measured)):
        rows = np.flatnonzero(~np.isfinite(values.reshape(len(values), -1)).all(1))
        if len(rows):
            raise LogError(
                f"{log.source}: {name} is not finite at sample {rows[0]} ({len(rows)} such samples)"
            )


def _check_times(log: MotionLog, times: np.ndarray, what: str) -> None:
    steps = np.diff(times)
    period = float(np.median(steps))
    if period > TOO_COARSE_S:
        raise LogError(
            f"{log.source}: {what} are {period:g} s apart, so that their times seem to be milliseconds or finer; "
            "they must be seconds"
        )
    back = np.flatnonzero(steps < 0)
    if len(back):
        k = int(back[0])
        raise LogError(
            f"{log.source}: the clock of the {what} jumps back by {-steps[k]:.3f} s after {times[k]:.3f} s"
        )
    same = np.flatnonzero(steps == 0)
    if len(same):
        raise LogError(
            f"{log.source}: {len(same)} {what} have the time of the one before (the first at {times[same[0]]:.3f} s)"
        )
    k = int(steps.argmax())
    if steps[k] > max(GAP_PERIODS * period, LEAST_GAP_S):
        if _moved_as_in_one_period(log, k):
            raise LogError(
                f"{log.source}: the clock of the {what} jumps ahead by {steps[k]:.3f} s after {times[k]:.3f} s, while "
                "the arm moves on as in one period"
            )
        raise LogError(f"{log.source}: a gap of {steps[k]:.3f} s without {what} after {times[k]:.3f} s")


def _moved_as_in_one_period(log: MotionLog, k: int) -> bool:
    """Whether the arm, which moved before and after, moved between two samples no farther than in any other period."""
    around = np.abs(np.diff(log.measured[max(0, k - 5) : k + 7], axis=0)).max(1)
    here = min(k, 5)
    others = np.delete(around, here)
    return bool(np.median(others) > 1e-4 and around[here] < 3 * others.max())


def _check_units(log: MotionLog, model: RobotModel) -> None:
    low, high = np.array(model.spec.limits.position_low), np.array(model.spec.limits.position_high)
    for name, values in (("commanded", log.commanded), ("measured", log.measured)):
        beyond = np.maximum(low - values, values - high).max(0)
        if beyond.max() <= BEYOND:
            continue
        joint = int(beyond.argmax())
        for unit, factor in (("degrees", np.pi / 180), ("milliradians", 1e-3)):
            turned = values * factor
            if np.maximum(low - turned, turned - high).max() <= BEYOND:
                raise LogError(
                    f"{log.source}: {name} joint positions seem to be {unit}: joint {joint + 1} reaches "
                    f"{np.abs(values[:, joint]).max():.4g} (units=deg reads degrees)"
                )
        raise LogError(
            f"{log.source}: {name} position of joint {joint + 1} reaches {beyond[joint]:.2f} rad beyond the limits of "
            f"{model.spec.name}: another robot, another order of joints, or another unit"
        )
    for name, lengths, most in (
        ("gripper widths", log.gripper, 4 * model.gripper.max_width),
        ("tool positions", log.tool, 5.0),
    ):
        if lengths is not None and np.isfinite(lengths).any() and np.nanmax(np.abs(lengths)) > most:
            raise LogError(
                f"{log.source}: {name} reach {np.nanmax(np.abs(lengths)):.4g}, which seems to be millimetres; they "
                "must be metres"
            )


def _check_following(log: MotionLog) -> None:
    """Swapped joints and reversed signs, by how well each measured joint follows each command."""
    moving = log.commanded.std(0) > STILL
    if not moving.any():
        return
    found = _correlations(log)
    for joint in np.flatnonzero(moving):
        own = found[joint, joint]
        if own > ALIEN:
            continue
        if own < -FOLLOWS:
            raise LogError(f"{log.source}: joint {joint + 1} moves against its command: its sign is reversed")
        other = int(np.abs(found[joint]).argmax())
        if other != joint and found[joint, other] > FOLLOWS and found[other, joint] > FOLLOWS:
            first, second = sorted((joint + 1, other + 1))
            raise LogError(
                f"{log.source}: joints {first} and {second} are swapped: each follows the other's command"
            )
        if other != joint and found[joint, other] > FOLLOWS:
            raise LogError(
                f"{log.source}: measured joint {joint + 1} follows the command of joint {other + 1}: the order of "
                "joints differs"
            )
        if own < -ALIEN:
            raise LogError(f"{log.source}: joint {joint + 1} moves against its command: its sign is reversed")
        raise LogError(
            f"{log.source}: measured joint {joint + 1} does not follow its command (correlation {own:.2f}): another "
            "arm, or an arm that was not commanded"
        )


def _correlations(log: MotionLog) -> np.ndarray:
    """Correlation of measured joints (rows) with commands ``[J, J]``, at each pair's best lag."""
    period = log.period
    even = np.arange(log.times[0], log.times[-1], period)
    told, did = (
        np.stack([np.interp(even, times, values[:, j]) for j in range(log.joints)], 1)
        for times, values in ((log.times, log.commanded), (log.measured_times, log.measured))
    )
    best = np.zeros((log.joints, log.joints))
    most = min(round(MOST_LAG_S / period), len(even) // 4)
    for lag in np.unique(np.linspace(0, most, 12).astype(int)):
        a, b = did[lag:], told[: len(told) - lag]
        a, b = a - a.mean(0), b - b.mean(0)
        scale = np.sqrt(np.outer((a**2).sum(0), (b**2).sum(0)))
        now = (a.T @ b) / np.where(scale > 0, scale, np.inf)
        best = np.where(np.abs(now) > np.abs(best), now, best)
    return best


def _check_tool(log: MotionLog, model: RobotModel) -> None:
    """Where the robot's own tool position is known, kinematics must agree with it up to another tool's length."""
    if log.tool is None or not np.isfinite(log.tool).all():
        return
    try:
        position, rotation = model.chain.pose(log.measured)
    except FileNotFoundError:
        return  # its description is not installed
    off = np.einsum(
        "tji,tj->ti", rotation, log.tool - position
    )  # in the tool's frame, where another tool is constant
    spread = float(np.sqrt(((off - np.median(off, 0)) ** 2).sum(1).mean()))
    if spread > 0.02:
        raise LogError(
            f"{log.source}: measured joints do not lead to the tool positions beside them "
            f"({1000 * spread:.0f} mm rms): swapped joints, a reversed sign, or another unit"
        )
