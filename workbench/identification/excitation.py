"""A motion that shows an arm's parameters: a sum of sines at each joint, begun and ended smoothly, within the limits.

Frequencies from 0.07 to 2.7 Hz: slow ones show friction and payload, quick ones inertia and delay. Each joint has
frequencies of its own, so that no two move alike. The whole is made smaller until velocity, acceleration and jerk are
within a share of the arm's limits, joints stay away from their ends, and the tool stays inside a box above the table.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from robots.action_spaces import DELTA_JOINTS
from robots.protocol import RobotModel
from workbench.identification.motion_log import LogError

LOWEST_HZ, HIGHEST_HZ = 0.07, 2.7
SINES = 8
"""A joint."""
AMPLITUDE = 0.6
"""Of the largest sine before all is made smaller [rad]."""
RAMP_S = 2.0
"""In which the motion begins, and ends [s]."""
MARGIN = 0.15
"""Joints keep away from their ends by this [rad]."""
TOOL_BOX = ((0.15, -0.5, 0.15), (0.80, 0.5, 0.75))
"""Where the tool may be, for an arm of the Panda's reach [m], base frame: the bridge's own bounds, higher above the
table."""
ROOM = 0.3
"""To either side of the middle of a joint's motion at least [rad]."""
FINE_HZ = 1000.0
"""Rate at which limits are checked [Hz]."""


@dataclass(frozen=True, eq=False)
class Excitation:
    """Joint positions over time."""

    times: np.ndarray
    """``[T]`` [s]"""
    joints: np.ndarray
    """``[T, J]`` [rad]; home at both ends."""
    used: dict[str, float]
    """Greatest share of each limit that is used: velocity, acceleration, jerk."""
    lowest: float
    """Least height of the tool [m], base frame."""


def excitation(
    model: RobotModel,
    duration_s: float = 20.0,
    share: float = 0.4,
    rate_hz: float = 100.0,
    seed: int = 0,
) -> Excitation:
    """A motion of the arm.

    Args:
        model: the robot; it begins and ends at home.
        duration_s: of the whole [s].
        share: of the limits of velocity, acceleration and jerk that may be used.
        rate_hz: of the samples returned [Hz].
        seed: of phases and frequencies.

    LogError where nothing of use is within the limits.
    """
    if duration_s < 3 * RAMP_S:
        raise LogError(f"an excitation lasts at least {3 * RAMP_S:g} s, not {duration_s:g}")
    limits, home = model.spec.limits, np.array(model.spec.home)
    joints = len(home)
    rng = np.random.default_rng(seed)
    base = np.geomspace(LOWEST_HZ, HIGHEST_HZ, SINES * joints).reshape(SINES, joints)
    frequency = np.stack(
        [rng.permutation(row) for row in base]
    )  # [K, J]: every joint has slow and quick ones
    phase = rng.uniform(0, 2 * np.pi, frequency.shape)
    amplitude = AMPLITUDE / (1 + (frequency / 0.35) ** 1.5)

    def shape(times: np.ndarray) -> np.ndarray:
        waves = (amplitude * np.sin(2 * np.pi * frequency * times[:, None, None] + phase)).sum(1)
        return waves * _ramp(times, duration_s)[:, None]

    fine = np.arange(round(duration_s * FINE_HZ) + 1) / FINE_HZ
    waves = shape(fine)
    low, high = np.array(limits.position_low) + MARGIN, np.array(limits.position_high) - MARGIN
    # Homes at the end of a joint's range leave it no room: there the motion is about a middle that it is led to.
    aside = np.clip(home, low + ROOM, high - ROOM) - home
    led = aside * _ramp(fine, duration_s)[:, None]
    room = np.minimum(high - home - aside, home + aside - low)
    # Each joint for itself: as large as its own limits allow, and no larger than its sines are.
    scale = np.minimum(1.0, room / np.abs(waves).max(0))
    derivative, lead = waves, led
    for name in ("velocity", "acceleration", "jerk"):
        derivative, lead = np.gradient(derivative, fine, axis=0), np.gradient(lead, fine, axis=0)
        allowed = np.maximum(share * np.array(getattr(limits, name)) - np.abs(lead[3:-3]).max(0), 0.0)
        scale = np.minimum(scale, allowed / np.maximum(np.abs(derivative[3:-3]).max(0), 1e-12))
    box_low, box_high = (model.workspace.scale * np.array(corner) for corner in TOOL_BOX)
    common = 1.0
    for _ in range(60):
        tool = model.chain.pose(home + led[::10] + common * scale * waves[::10])[0]
        if (tool >= box_low).all() and (tool <= box_high).all():
            break
        common *= 0.93
    else:
        raise LogError(f"at home the tool of {model.spec.name} is outside the box {box_low} to {box_high}")
    scale = scale * common
    used, derivative = {}, led + scale * waves
    for name in ("velocity", "acceleration", "jerk"):
        derivative = np.gradient(derivative, fine, axis=0)
        used[name] = float((np.abs(derivative[3:-3]).max(0) / np.array(getattr(limits, name))).max())
    times = np.arange(round(duration_s * rate_hz) + 1) / rate_hz
    lowest = float(model.chain.pose(home + led[::10] + scale * waves[::10])[0][:, 2].min())
    return Excitation(
        times, home + aside * _ramp(times, duration_s)[:, None] + scale * shape(times), used, lowest
    )


def _ramp(times: np.ndarray, duration: float) -> np.ndarray:
    """From 0 to 1 and back ``[T]``, with two continuous derivatives."""
    s = np.clip(np.minimum(times, duration - times) / RAMP_S, 0.0, 1.0)
    return s**3 * (10 - 15 * s + 6 * s**2)


def write_excitation(found: Excitation, model: RobotModel, path: Path, control_hz: float = 20.0) -> int:
    """A log that ``policy=replay:`` of the bridge plays; returns how many actions it has.

    The file holds joint deltas at the control rate; the bridge's gate interpolates them, and holds its own limits.
    """
    from workbench.bridge.ticks import TickLog

    spec = model.action_spaces(control_hz)[DELTA_JOINTS]
    at = np.arange(round(found.times[-1] * control_hz) + 1) / control_hz
    joints = np.stack(
        [np.interp(at, found.times, found.joints[:, j]) for j in range(found.joints.shape[1])], 1
    )
    actions = np.tile(spec.idle_action, (len(at) - 1, 1)).astype(np.float64)
    actions[:, : joints.shape[1]] = np.diff(joints, axis=0)
    log = TickLog(path)
    try:
        log.write(
            "/episode", {"begin": 0, "task": "excitation", "robot": spec.robot, "action_spec": spec.to_dict()}
        )
        for step, action in enumerate(actions):
            log.write("/tick", {"at": step / control_hz, "step": step, "control": {"action": action}})
        log.write("/episode", {"end": 0})
    finally:
        log.close()
    return len(actions)
