"""Proof of the sensing factors: what is reported against what is so."""

from __future__ import annotations

from collections.abc import Sequence

import torch

from domain_rand.checks.check import Outcome, check
from domain_rand.checks.trial import Trial
from tasks.tabletop.action_spaces import CONTROL_DT

SAMPLES = 80
"""Steps over which a standard deviation is taken; one of 560 numbers is known to 3 %, of 80 to 8 %."""


def _reports(trial: Trial, steps: int = SAMPLES) -> tuple[torch.Tensor, ...]:
    """Reported minus true over ``T`` steps: joints, speeds ``[T, N, 7]``, tool ``[T, N, 3]``, width ``[T, N]``."""
    rows = []
    for _ in range(steps):
        trial.step()
        told, env = trial.env.measure(), trial.env
        rows.append(
            (
                told.joint_pos - env.joint_pos,
                told.joint_vel - env.joint_vel,
                told.ee_position - env.tool()[0],
                told.gripper_width - env.gripper_width,
            )
        )
    return tuple(torch.stack(column) for column in zip(*rows, strict=True))


def _spread(errors: torch.Tensor) -> torch.Tensor:
    """Root mean square over steps and components ``[N]``."""
    flat = errors.transpose(0, 1).flatten(1)
    return (flat**2).mean(1).sqrt()


@check(
    "sensing.joint_noise",
    "spread of reported joint positions",
    "rad",
    relative=0.12,
    levels=(0.0, 0.002, 0.02),
)
def joint_spread(trial: Trial, values: Sequence[float]) -> Outcome:
    """Root mean square of reported minus true."""
    return _spread(_reports(trial)[0]), values


@check(
    "sensing.joint_velocity_noise",
    "spread of reported joint speeds",
    "rad/s",
    relative=0.12,
    levels=(0.0, 0.02, 0.2),
)
def velocity_spread(trial: Trial, values: Sequence[float]) -> Outcome:
    """Root mean square of reported minus true."""
    return _spread(_reports(trial)[1]), values


@check("sensing.joint_drift", "rate at which joint readings run away", "rad/s", relative=0.02, absolute=1e-6,
       levels=(0.0, 0.0005, 0.01))  # fmt: skip
def drift_rate(trial: Trial, values: Sequence[float]) -> Outcome:
    """Mean over joints of how much farther off the readings are after some time."""
    errors = _reports(trial, 41)[0].abs().mean(2)
    return (errors[-1] - errors[0]) / (40 * CONTROL_DT), values


@check("sensing.ee_noise", "spread of reported tool positions", "m", relative=0.15, absolute=1e-6,
       levels=(0.0, 0.002, 0.02))  # fmt: skip
def tool_spread(trial: Trial, values: Sequence[float]) -> Outcome:
    """Root mean square of reported minus true."""
    return _spread(_reports(trial)[2]), values


@check("sensing.ee_bias", "mean error of the reported tool height", "m", absolute=1e-6,
       levels=([0.0, 0.0, -0.01], [0.0, 0.0, 0.0], [0.0, 0.0, 0.01]))  # fmt: skip
def tool_offset(trial: Trial, values: Sequence[list[float]]) -> Outcome:
    """Mean of reported minus true."""
    return _reports(trial, 3)[2][..., 2].mean(0), [v[2] for v in values]


@check(
    "sensing.gripper_noise",
    "spread of the reported finger distance",
    "m",
    relative=0.25,
    levels=(0.0, 0.001, 0.01),
)
def width_spread(trial: Trial, values: Sequence[float]) -> Outcome:
    """Root mean square of reported minus true."""
    return _spread(_reports(trial)[3][..., None]), values


@check(
    "sensing.state_delay",
    "steps by which reports trail the truth",
    "control steps",
    absolute=0.0,
    levels=(0, 1, 5),
)
def report_age(trial: Trial, values: Sequence[int]) -> Outcome:
    """The age at which a past true position of the moving wrist fits the report best."""
    truth = []
    for _ in range(20):
        trial.step(0.02, joint=6)
        truth.append(trial.env.joint_pos[:, 6].clone())
    told = trial.env.measure().joint_pos[:, 6]
    return (torch.stack(truth[::-1]) - told).abs().argmin(0).float(), values
