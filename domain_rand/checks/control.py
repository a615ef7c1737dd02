"""Proof of the control factors: what the arm really did against what it was told."""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch

from domain_rand.checks.check import Outcome, check
from domain_rand.checks.trial import WRIST, Trial
from tasks.tabletop.action_spaces import CONTROL_DT
from tasks.tabletop.reference import JOINTS, REFERENCE

SETTLE = 20
"""Control steps in which the arm comes to rest."""
COUNT = 120
"""Commands that are sent to measure a probability; three standard deviations of a share of 0.3 are 0.125."""


@check("control.arm_gain", "turn of joint 1 under a twist of 3 N m about the vertical", "rad", relative=0.035)
def deflection(trial: Trial, values: Sequence[float]) -> Outcome:
    """A drive is a spring: torque over stiffness.

    PhysX adds half of what the torque would turn the arm by in one physics step, 0.12 mrad.
    """
    before = trial.env.joint_pos[:, 0].clone()
    trial.push_link(REFERENCE.spec.hand_body, torque=(0.0, 0.0, 3.0))
    trial.idle(SETTLE)
    return trial.env.joint_pos[:, 0] - before, [3.0 / (REFERENCE.arm_drives.stiffness[0] * v) for v in values]


@check(
    "control.action_delay",
    "step in which the arm first moves",
    "control steps",
    absolute=0.0,
    levels=(0, 1, 3, 10),
)
def first_motion(trial: Trial, values: Sequence[int]) -> Outcome:
    """Counted from the step in which the action was sent."""
    before = trial.env.joint_pos[:, WRIST].clone()
    first = torch.full((trial.num_envs,), float("nan"))
    for step in range(max(values) + 2):
        trial.step(0.02, joint=WRIST)
        moved = (trial.env.joint_pos[:, WRIST] - before).abs().cpu() > 1e-4
        first = torch.where(moved & first.isnan(), float(step), first)
    return first, values


def _share_of_motion(trial: Trial) -> torch.Tensor:
    """Turn of the wrist against what `COUNT` commands together asked for."""
    before = trial.env.joint_pos[:, WRIST].clone()
    for _ in range(COUNT):
        trial.step(0.01, joint=WRIST)
    trial.idle(SETTLE)
    return (trial.env.joint_pos[:, WRIST] - before) / (0.01 * COUNT)


@check("control.command_loss", "share of the commanded way", "1", absolute=0.13, levels=(0.0, 0.1, 0.3))
def lost_way(trial: Trial, values: Sequence[float]) -> Outcome:
    """What is lost is not made up for."""
    return _share_of_motion(trial), [1 - v for v in values]


@check("control.command_repeat", "share of the commanded way", "1", absolute=0.13, levels=(0.0, 0.1, 0.3))
def doubled_way(trial: Trial, values: Sequence[float]) -> Outcome:
    """What is repeated adds up."""
    return _share_of_motion(trial), [1 + v for v in values]


@check("control.rate", "share of the commanded way", "1", absolute=0.02, levels=(0.8, 1.0, 1.25))
def clocked_way(trial: Trial, values: Sequence[float]) -> Outcome:
    """A controller with a faster clock executes more in the same time."""
    return _share_of_motion(trial), values


@check("control.command_jitter", "share of steps without motion", "1", absolute=0.13, levels=(0.0, 0.1, 0.3))
def late_steps(trial: Trial, values: Sequence[float]) -> Outcome:
    """A late command leaves its step without a new target."""
    still = torch.zeros(trial.num_envs)
    last = trial.env.command.processed_actions[:, WRIST].clone()
    for _ in range(COUNT):
        trial.step(0.01, joint=WRIST)
        target = trial.env.command.processed_actions[:, WRIST]
        still += ((target - last).abs() < 1e-6).cpu().float()
        last = target.clone()
    return still / COUNT, values


@check("control.resolution", "smallest step between two resting places", "rad", relative=0.05, absolute=2e-5,
       levels=(0.0, 0.002, 0.02))  # fmt: skip
def steps_between_rests(trial: Trial, values: Sequence[float]) -> Outcome:
    """Commands creep in steps of 1 mrad; the joint rests where the rounded ones say."""
    rests = []
    for _ in range(45):
        trial.step(0.001, joint=WRIST)
        trial.idle(1)
        rests.append(trial.env.command.processed_actions[:, WRIST].clone())
    way = torch.stack(rests).diff(dim=0)
    smallest = torch.where(way > 1e-6, way, torch.full_like(way, 1.0)).amin(0)
    return smallest, [max(v, 0.001) for v in values]


@check("control.backlash", "where the wrist rests after there and back", "rad", relative=0.03, absolute=2e-4,
       levels=(0.0, 0.003, 0.03))  # fmt: skip
def hysteresis(trial: Trial, values: Sequence[float]) -> Outcome:
    """Half the play is left when the motor has come back to where it was."""
    before = trial.env.joint_pos[:, WRIST].clone()
    for sign in (1.0, -1.0):
        for _ in range(10):
            trial.step(sign * 0.02, joint=WRIST)
        trial.idle(SETTLE)
    return trial.env.joint_pos[:, WRIST] - before, [v / 2 for v in values]


@check("control.encoder_bias", "true posture of the wrist against the command", "rad", absolute=2e-4,
       levels=([-0.02] * JOINTS, [0.0] * JOINTS, [0.02] * JOINTS))  # fmt: skip
def true_against_commanded(trial: Trial, values: Sequence[list[float]]) -> Outcome:
    """The drives go where the encoders read what was commanded."""
    for _ in range(5):
        trial.step(0.02, joint=WRIST)
    trial.idle(SETTLE)
    return trial.env.joint_pos[:, WRIST] - trial.env.command.command[:, WRIST], [-v[WRIST] for v in values]


@check("control.gripper_speed", "speed of a closing finger", "m/s", relative=0.06, levels=(0.01, 0.02, 0.05))
def finger_speed(trial: Trial, values: Sequence[float]) -> Outcome:
    """In the fifth step, when the drive follows its ramp with a lag that is as good as constant."""
    trial.idle(4, gripper=-1.0)
    before = trial.env.gripper_width.clone() / 2
    trial.idle(1, gripper=-1.0)
    return (before - trial.env.gripper_width / 2) / CONTROL_DT, values


@check("control.smoothing", "lag of the wrist's target behind steps of 20 mrad", "rad", relative=0.01, absolute=1e-5,
       levels=(0.0, 0.05, 0.2))  # fmt: skip
def lag_of_the_target(trial: Trial, values: Sequence[float]) -> Outcome:
    """In the end a filter that keeps a share a = exp(-T / tau) in each step has a / (1 - a) steps left."""
    for _ in range(40):
        trial.step(0.02, joint=WRIST)
    lag = trial.env.command.command[:, WRIST] - trial.env.command.processed_actions[:, WRIST]
    decay = [math.exp(-CONTROL_DT / v) if v > 0 else 0.0 for v in values]
    return lag, [0.02 * a / (1 - a) for a in decay]


@check("control.gripper_blocking", "steps that the arm stands still once the hand closes", "control steps",
       absolute=0.0, levels=(0.0, 0.2, 0.4))  # fmt: skip
def standing_still(trial: Trial, values: Sequence[float]) -> Outcome:
    """Its time in control steps."""
    still, last = torch.zeros(trial.num_envs), trial.env.command.processed_actions[:, WRIST].clone()
    for _ in range(16):
        trial.step(0.01, joint=WRIST, gripper=-1.0)
        target = trial.env.command.processed_actions[:, WRIST]
        still += ((target - last).abs() < 1e-6).cpu().float()
        last = target.clone()
    return still, [round(v / CONTROL_DT) for v in values]
