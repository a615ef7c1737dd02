"""Proof of the disturbance factors."""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch

from domain_rand.checks.check import Outcome, check
from domain_rand.checks.trial import CUBE, TABLE_SCENE, Trial
from tasks.tabletop.action_spaces import CONTROL_DT
from tasks.tabletop.disturbances import ARM_PUSH_S, LATEST_S
from tasks.tabletop.reference import REFERENCE

LONG_ENOUGH = math.ceil(LATEST_S / CONTROL_DT) + 2


def _when(trial: Trial, kind: str) -> list[int]:
    """Step at which a disturbance begins in each environment."""
    return [plan.step[kind] for plan in trial.env.disturbances._plans]


@check("disturbance.object_push", "sideways speed that the push gives", "m/s", relative=0.03, absolute=1e-3,
       levels=(0.0, 0.02, 0.1))  # fmt: skip
def push_speed(trial: Trial, values: Sequence[float]) -> Outcome:
    """Impulse over mass. The cube is held in the air meanwhile, so that only the push acts sideways."""
    due = _when(trial, "object_push")
    speed = torch.zeros(trial.num_envs)
    for step in range(max(due) + 1):
        trial.place(CUBE, (0.5, 0.0, 1.5))
        trial.step()
        sideways = trial.velocity(CUBE)[:, :2].norm(dim=1).cpu()
        speed = torch.where(torch.tensor(due) == step, sideways, speed)
    slot = trial.env.slots[TABLE_SCENE.target.slot]
    return speed, [v / (slot.body.mass * slot.scale**3) for v in values]


@check(
    "disturbance.arm_push",
    "greatest turn of joint 1",
    "rad",
    relative=0.06,
    absolute=1e-4,
    levels=(0.0, 10.0, 40.0),
)
def arm_deflection(trial: Trial, values: Sequence[float]) -> Outcome:
    """The force's moment about the first axis over the drive's stiffness, by the end of the push."""
    due = _when(trial, "arm_push")
    before, com = trial.env.joint_pos[:, 0].clone(), trial.center_of_mass(REFERENCE.spec.hand_body)
    greatest = torch.zeros(trial.num_envs)
    for _ in range(max(due) + round(ARM_PUSH_S / CONTROL_DT) + 1):
        trial.step()
        greatest = torch.maximum(greatest, (trial.env.joint_pos[:, 0] - before).abs().cpu())
    ways = [plan.direction["arm_push"] for plan in trial.env.disturbances._plans]
    moments = [abs(float(at[0]) * way[1] - float(at[1]) * way[0]) for at, way in zip(com, ways, strict=True)]
    return greatest, [v * m / REFERENCE.arm_drives.stiffness[0] for v, m in zip(values, moments, strict=True)]


@check(
    "disturbance.target_move",
    "displacement of the named object",
    "m",
    absolute=1e-3,
    levels=(0.0, 0.02, 0.05),
)
def displacement(trial: Trial, values: Sequence[float]) -> Outcome:
    """From where it stood to where it stands in the end."""
    trial.idle(5)
    before = trial.position(CUBE)
    trial.idle(LONG_ENOUGH)
    return (trial.position(CUBE) - before)[:, :2].norm(dim=1), values


@check("disturbance.distractor_drop", "objects on the table in the end", "1", absolute=0.0, levels=(0, 1))
def fallen_objects(trial: Trial, values: Sequence[int]) -> Outcome:
    """Bodies that lie on the table and are no receptacle."""
    trial.idle(LONG_ENOUGH + 10)
    height = trial.env.body_pose_on_table[..., 2]
    there = ((height > 0) & (height < 0.08) & ~trial.env.progress.bodies.is_receptacle).sum(1)
    return there.float(), [len(TABLE_SCENE.distractors) + 1 + v for v in values]
