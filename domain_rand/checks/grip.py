"""Proof that things are hard: how wide a grip is, how deep what rests sinks in, that it rests, whatever it weighs."""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch

from domain_rand.checks.check import Outcome, check
from domain_rand.checks.trial import BRICK, CUBE, Trial
from domain_rand.factors.control import GripperSpeed
from domain_rand.factors.dynamics import GravityScale
from tasks.tabletop.reference import REFERENCE

MASSES = (0.25, 1.0, 4.0, 16.0)
"""Masses over which contacts must be alike, against nominal."""
DEPTH = 3e-4
"""Greatest penetration of a contact, under the hand's force as under a body's weight [m]."""
STILL = 0.005
"""Greatest speed of what rests [m/s]: well below `tasks.tabletop.tracking.REST_SPEED`."""
LIGHT = "cube_small"
"""What is put on another thing."""
PLACES = ((0.40, -0.11, 0.3), (0.47, 0.02, 0.0), (0.53, 0.13, 1.1), (0.61, -0.04, 0.7))
"""Where, and how turned [m, m, rad]: whether contacts flicker hangs on how positions round."""
NOMINAL = {"gravity_scale": GravityScale.nominal, "gripper_speed": GripperSpeed.nominal}
"""Settings that are not nominal while a grip is measured, and what they are else."""
CLOSING = 30
"""Control steps that the hand gets to close."""


def _set(trial: Trial, **settings: float) -> None:
    rows = list(range(trial.num_envs))
    for name, value in settings.items():
        trial.env.set(name, rows, [value] * trial.num_envs)
    trial.env.commit(rows, rows)


def _grip(trial: Trial, slot: str) -> tuple[torch.Tensor, list[float]]:
    """Distance of the fingers that hold a weightless body between them, and the body's own width [m]."""
    _set(trial, gravity_scale=0.0, gripper_speed=REFERENCE.spec.gripper_speed)
    tool = trial.env.tool()[0][0].tolist()
    trial.place(slot, (tool[0], tool[1], tool[2]))
    trial.idle(CLOSING, gripper=-1.0)
    width = trial.env.gripper_width.clone()
    _set(trial, **NOMINAL)
    body = trial.env.slots[slot]
    return width, [body.body.grasps[0].width * body.scale] * trial.num_envs


@check(
    "dynamics.object_mass",
    "width of a grip on a cylinder",
    "m",
    absolute=2 * DEPTH,
    levels=MASSES,
    further=True,
)
def grip_on_a_cylinder(trial: Trial, values: Sequence[float]) -> Outcome:
    """Its diameter: neither finger may sink in by more than `DEPTH`."""
    return _grip(trial, "cylinder_small")


@check(
    "dynamics.object_mass", "width of a grip on a cube", "m", absolute=2 * DEPTH, levels=MASSES, further=True
)
def grip_on_a_cube(trial: Trial, values: Sequence[float]) -> Outcome:
    """Its side."""
    return _grip(trial, "cube_small")


@check("dynamics.gripper_force", "width of a grip on a cylinder", "m", absolute=2 * DEPTH,
       levels=(10.0, 70.0, 140.0), further=True)  # fmt: skip
def grip_by_force(trial: Trial, values: Sequence[float]) -> Outcome:
    """Its diameter."""
    return _grip(trial, "cylinder_small")


@check(
    "dynamics.object_mass",
    "height of a resting cube's middle",
    "m",
    absolute=DEPTH,
    levels=MASSES,
    further=True,
)
def resting_height(trial: Trial, values: Sequence[float]) -> Outcome:
    """Half its height."""
    half = trial.env.slots[CUBE].height / 2
    trial.place(CUBE, (0.5, 0.0, half + 0.001))
    trial.idle(15)
    return trial.position(CUBE)[:, 2], [half] * trial.num_envs


@check(
    "dynamics.object_mass",
    "greatest speed of a small cube on a brick",
    "m/s",
    absolute=STILL,
    levels=MASSES,
    further=True,
)
def resting_on_another(trial: Trial, values: Sequence[float]) -> Outcome:
    """What was stacked comes to rest, and stays."""
    env, speeds = trial.env, []
    below = env.slots[BRICK].height
    stack = ((BRICK, below / 2), (LIGHT, below + env.slots[LIGHT].height / 2 + 0.0005))
    for x, y, yaw in PLACES:
        pose = env.parked(trial.num_envs)
        for slot, z in stack:
            there = (x, y, z, 0.0, 0.0, math.sin(yaw / 2), math.cos(yaw / 2))
            pose[:, env.slot_index[slot]] = torch.tensor(there, device=env.device)
        env.write_body_poses(trial.ids, pose)
        still = torch.zeros(trial.num_envs, len(env.slots), 6, device=env.device)
        env.bodies.write_body_com_velocity_to_sim_index(body_velocities=still, env_ids=trial.ids)
        trial.idle(8)
        for _ in range(8):
            trial.idle(1)
            speeds.append(trial.velocity(LIGHT)[:, :3].norm(dim=-1))
    return torch.stack(speeds).amax(0), [0.0] * trial.num_envs


@check("dynamics.rest_offset", "greatest speed of a small cube on a brick", "m/s", absolute=STILL,
       levels=(0.0, 1.5e-4, 1e-3), further=True)  # fmt: skip
def resting_at_a_distance(trial: Trial, values: Sequence[float]) -> Outcome:
    """The same where surfaces are held apart: they cross the height at which they just touch."""
    return resting_on_another(trial, values)
