"""Proof of the dynamics factors: mechanics of textbooks, measured in the engine."""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch

from domain_rand.checks.check import Outcome, check
from domain_rand.checks.trial import BRICK, CUBE, ELBOW, WRIST, Trial, only
from tasks.poses import matrix
from tasks.tabletop.action_spaces import CONTROL_DT
from tasks.tabletop.dynamics import GRAVITY
from tasks.tabletop.reference import JOINTS, REFERENCE


def _masses(trial: Trial, slot: str) -> torch.Tensor:
    """Nominal masses of a body ``[N]`` [kg]."""
    body = trial.env.slots[slot].body
    return torch.full((trial.num_envs,), body.mass * trial.env.slots[slot].scale ** 3)


@check("dynamics.object_mass", "speed after 0.5 N for 50 ms", "m/s", relative=0.02)
def speed_after_push(trial: Trial, values: Sequence[float]) -> Outcome:
    """Force times time over mass, in free fall."""
    trial.place(CUBE, (0.5, 0.0, 1.5))
    trial.push(CUBE, (0.0, 0.5, 0.0))
    trial.idle(1)
    return trial.velocity(CUBE)[:, 1], [
        0.5 * CONTROL_DT / float(m * v) for m, v in zip(_masses(trial, CUBE), values, strict=True)
    ]


@check("dynamics.object_inertia", "spin after 0.5 mN m for 50 ms", "rad/s", relative=0.03)
def spin_after_twist(trial: Trial, values: Sequence[float]) -> Outcome:
    """Torque times time over moment of inertia; a cube's is m a^2 / 6 about every axis."""
    trial.place(CUBE, (0.5, 0.0, 1.5))
    trial.push(CUBE, (0.0, 0.0, 0.0), (0.0, 0.0, 0.0005))
    trial.idle(1)
    side = trial.env.slots[CUBE].height
    moment = _masses(trial, CUBE) * side**2 / 6
    return trial.velocity(CUBE)[:, 5], [
        0.0005 * CONTROL_DT / float(i * v) for i, v in zip(moment, values, strict=True)
    ]


@check("dynamics.object_com", "distance of the spin's axis from the middle, along x", "m", absolute=2e-4,
       levels=([-0.008, 0.0, 0.0], [0.0, 0.0, 0.0], [0.008, 0.0, 0.0]))  # fmt: skip
def axis_of_spin(trial: Trial, values: Sequence[list[float]]) -> Outcome:
    """A free body turns about its centre of mass, so its middle moves at spin times distance."""
    trial.place(CUBE, (0.5, 0.0, 1.5))
    trial.push(CUBE, (0.0, 0.0, 0.0), (0.0, 0.0, 0.001))
    trial.idle(1)
    velocity = trial.velocity(CUBE)
    angle = velocity[:, 5] * CONTROL_DT / 2  # turned meanwhile: uniformly accelerated
    along = velocity[:, 0] * torch.sin(angle) - velocity[:, 1] * torch.cos(angle)
    return along / velocity[:, 5], [v[0] for v in values]


@check("dynamics.object_friction", "way of a slide from 1 m/s", "m", relative=0.08, levels=(0.3, 0.8, 1.1))
def slide(trial: Trial, values: Sequence[float]) -> Outcome:
    """v^2 / (2 mu g), Coulomb."""
    height = trial.env.slots[BRICK].height / 2
    trial.place(BRICK, (0.35, 0.0, height))
    trial.idle(6)
    start = trial.position(BRICK)
    velocity = torch.zeros(trial.num_envs, len(trial.env.slots), 6, device=trial.env.device)
    velocity[:, trial.env.slot_index[BRICK], 0] = 1.0
    trial.env.bodies.write_body_com_velocity_to_sim_index(body_velocities=velocity, env_ids=trial.ids)
    trial.idle(16)
    return trial.position(BRICK)[:, 0] - start[:, 0], [1.0 / (2 * v * GRAVITY) for v in values]


@check("dynamics.object_restitution", "speed after a bounce over speed before", "1", absolute=0.04,
       levels=(0.0, 0.25, 0.5))  # fmt: skip
def bounce(trial: Trial, values: Sequence[float]) -> Outcome:
    """From the energy in the flight after the first bounce: height and speed then against the height of the drop."""
    drop, half = 0.25, trial.env.slots[CUBE].height / 2
    trial.place(CUBE, (0.5, 0.0, half + drop))
    trial.idle(math.ceil(math.sqrt(2 * drop / GRAVITY) / CONTROL_DT) + 1)
    height = trial.position(CUBE)[:, 2] - half
    energy = height + trial.velocity(CUBE)[:, 2] ** 2 / (2 * GRAVITY)
    return torch.sqrt((energy / drop).clamp_min(0.0)), values


@check("dynamics.rest_offset", "gap under a resting cube", "m", absolute=3e-4, levels=(0.0, 0.001, 0.003))
def resting_gap(trial: Trial, values: Sequence[float]) -> Outcome:
    """Its middle against half its height."""
    half = trial.env.slots[CUBE].height / 2
    trial.place(CUBE, (0.5, 0.0, half + 0.004))
    trial.idle(15)
    return trial.position(CUBE)[:, 2] - half, values


@check("dynamics.joint_friction", "lag of the elbow behind steady steps, beyond that without friction", "rad",
       relative=0.1, absolute=1e-4, levels=(0.0, 1.0, 4.0))  # fmt: skip
def lag_by_friction(trial: Trial, values: Sequence[float]) -> Outcome:
    """A drive's spring must hold so much more: torque over stiffness."""
    for _ in range(15):
        trial.step(-0.02, joint=ELBOW)
    lag = (trial.env.command.command[:, ELBOW] - trial.env.joint_pos[:, ELBOW]).abs()
    return lag - lag[list(values).index(0.0)], [v / REFERENCE.arm_drives.stiffness[0] for v in values]


@check("dynamics.joint_friction_each", "lag of the elbow behind steady steps, beyond that without friction", "rad",
       relative=0.1, absolute=1e-4, levels=([0.0] * JOINTS, only(ELBOW, 1.0), [4.0] * JOINTS))  # fmt: skip
def lag_by_own_friction(trial: Trial, values: Sequence[list[float]]) -> Outcome:
    """As for the friction of all joints; of the others' nothing is seen."""
    return lag_by_friction(trial, [v[ELBOW] for v in values])


@check("dynamics.joint_torque", "turn of the elbow", "rad", relative=0.03, absolute=5e-5,
       levels=(only(ELBOW, -2.0), [0.0] * JOINTS, only(ELBOW, 2.0)))  # fmt: skip
def turn_by_torque(trial: Trial, values: Sequence[list[float]]) -> Outcome:
    """A drive is a spring: torque over stiffness."""
    trial.idle(20)
    command = trial.env.command.command[:, ELBOW]
    return trial.env.joint_pos[:, ELBOW] - command, [
        v[ELBOW] / REFERENCE.arm_drives.stiffness[0] for v in values
    ]


@check(
    "dynamics.payload_error", "turn of joint 2", "rad", relative=0.05, absolute=5e-5, levels=(-0.1, 0.0, 0.3)
)
def sag(trial: Trial, values: Sequence[float]) -> Outcome:
    """The moment of its weight at the hand about joint 2, which is as high as the hand's centre of mass is far out."""
    trial.idle(20)
    out = (
        trial.center_of_mass(REFERENCE.spec.hand_body)[:, 0]
        - trial.link_pose(REFERENCE.spec.arm_links[1])[:, 0]
    )
    command = trial.env.command.command[:, 1]
    return trial.env.joint_pos[:, 1] - command, [
        GRAVITY * v * float(lever) / REFERENCE.arm_drives.stiffness[0]
        for v, lever in zip(values, out, strict=True)
    ]


@check(
    "dynamics.joint_damping",
    "lag of the wrist behind steps of 4 mrad",
    "rad",
    relative=0.06,
    levels=(0.0, 20.0, 60.0),
)
def tracking_lag(trial: Trial, values: Sequence[float]) -> Outcome:
    """Commands come a step late, interpolated. Only the joint's own damping acts on the whole velocity: b / K."""
    for _ in range(40):
        trial.step(0.004, joint=WRIST)
    lag = trial.env.command.command[:, WRIST] - trial.env.joint_pos[:, WRIST]
    return lag, [0.004 * (1 + v / REFERENCE.arm_drives.stiffness[0] / CONTROL_DT) for v in values]


def _spring(inertia: float, stiffness: float, damping: float, time: float) -> float:
    """Share of a step that an oscillator has gone after a time (any damping but the critical)."""
    root = complex(damping**2 - 4 * inertia * stiffness) ** 0.5
    first, second = (-damping + root) / (2 * inertia), (-damping - root) / (2 * inertia)
    return float((1 + (second * _exp(first * time) - first * _exp(second * time)) / (first - second)).real)


def _exp(value: complex) -> complex:
    return complex(math.e) ** value


def _soften(trial: Trial, joint: int, stiffness: float, damping: float) -> None:
    """Give one joint a soft drive, so that inertia is what one sees."""
    value = torch.full((trial.num_envs, 1), stiffness, device=trial.env.device)
    ids = [trial.env.arm_joint_ids[joint]]
    trial.env.robot.write_joint_stiffness_to_sim_index(stiffness=value, joint_ids=ids, env_ids=trial.ids)
    value = torch.full((trial.num_envs, 1), damping, device=trial.env.device)
    trial.env.robot.write_joint_damping_to_sim_index(damping=value, joint_ids=ids, env_ids=trial.ids)


def _inertia_about(trial: Trial, joint: int) -> tuple[float, float]:
    """Nominal moments of inertia about a joint's axis of all beyond it [kg m^2]: that of the arm's links as points, and
    the rest, which is their own about their centres, and hand and fingers.
    """
    robot, row = trial.env.robot, 0
    link = trial.link_pose(REFERENCE.spec.arm_links[joint])[row]
    axis = matrix(link[3:].cpu())[:, 2]
    names, shares = robot.body_names, [0.0, 0.0]
    mass = trial.env.dynamics._link_mass[row].cpu()
    inertia = robot.data.body_inertia.torch[row].view(-1, 3, 3).cpu()
    com = robot.data.body_com_pose_w.torch[row].cpu()
    origin = link[:3].cpu() + trial.env.scene.env_origins[row].cpu()
    for i, name in enumerate(names):
        in_arm = name in REFERENCE.spec.arm_links[joint:]
        if not in_arm and name not in trial.hand_links:
            continue
        turn = matrix(robot.data.body_link_pose_w.torch[row, i, 3:].cpu())
        lever = com[i, :3] - origin
        own = axis @ turn @ inertia[i] @ turn.T @ axis
        about_axis = torch.linalg.cross(axis, lever)
        shares[0 if in_arm else 1] += float(mass[i] * (about_axis @ about_axis))
        shares[1] += float(own)
    return shares[0], shares[1]


@check("dynamics.armature", "share of the way back that the wrist has gone after 100 ms", "1", relative=0.05)
def swing_of_the_wrist(trial: Trial, values: Sequence[float]) -> Outcome:
    """A soft spring against the rotor's inertia."""
    _soften(trial, WRIST, 20.0, 1.0)
    links, hand = _inertia_about(trial, WRIST)
    before = trial.displace(WRIST, -0.05)
    trial.idle(2)
    gone = (trial.env.joint_pos[:, WRIST] - before) / 0.05
    _soften(trial, WRIST, REFERENCE.arm_drives.stiffness[0], REFERENCE.arm_drives.damping[0])
    expected = [
        _spring(REFERENCE.arm_drives.armature[WRIST] * v + links + hand, 20.0, 1.0, 2 * CONTROL_DT)
        for v in values
    ]
    return gone, expected


@check("dynamics.link_mass", "share of the way back that joint 1 has gone after 200 ms", "1", relative=0.06,
       levels=(0.5, 1.0, 2.0))  # fmt: skip
def swing_of_the_arm(trial: Trial, values: Sequence[float]) -> Outcome:
    """A soft spring against the inertia of the whole arm about its first axis."""
    _soften(trial, 0, 40.0, 2.0)
    links, hand = _inertia_about(trial, 0)
    before = trial.displace(0, -0.05)
    trial.idle(4)
    gone = (trial.env.joint_pos[:, 0] - before) / 0.05
    _soften(trial, 0, REFERENCE.arm_drives.stiffness[0], REFERENCE.arm_drives.damping[0])
    expected = [
        _spring(REFERENCE.arm_drives.armature[0] + links * v + hand, 40.0, 2.0, 4 * CONTROL_DT)
        for v in values
    ]
    return gone, expected


@check(
    "dynamics.gripper_force",
    "where a closing finger rests under 20 N",
    "m",
    absolute=1e-3,
    levels=(10.0, 70.0, 140.0),
)
def finger_against_force(trial: Trial, values: Sequence[float]) -> Outcome:
    """Its drive is a spring up to its greatest force, and gives way beyond: on Newton, slowly."""
    trial.idle(24, gripper=-1.0)
    x, y, z, w = trial.link_pose(REFERENCE.spec.hand_body)[0, 3:].tolist()
    opening = torch.tensor(
        (2 * (x * y - z * w), 1 - 2 * (x * x + z * z), 2 * (y * z + x * w))
    )  # the hand's y axis
    trial.push_link(trial.hand_links[1], opening * 20.0)
    trial.idle(30, gripper=-1.0)
    rest = trial.env.robot.data.joint_pos.torch[:, trial.env.finger_joint_ids[0]]
    wide = REFERENCE.spec.gripper_max_width / 2
    # A centimetre is five times what the spring would let it go.
    return torch.where(rest > 0.01, torch.full_like(rest, wide), rest), [
        20.0 / REFERENCE.gripper_drives.stiffness[0] if v > 20.0 else wide for v in values
    ]


@check(
    "dynamics.gravity_scale", "speed after falling for 200 ms", "m/s", relative=0.02, levels=(0.5, 1.0, 1.5)
)
def fall(trial: Trial, values: Sequence[float]) -> Outcome:
    """g t."""
    trial.place(CUBE, (0.5, 0.0, 1.5))
    trial.idle(4)
    return -trial.velocity(CUBE)[:, 2], [v * GRAVITY * 4 * CONTROL_DT for v in values]


@check("dynamics.gravity_tilt", "sideways speed after falling for 200 ms", "m/s", absolute=0.01,
       levels=([0.0, -0.1], [0.0, 0.0], [0.0, 0.1]))  # fmt: skip
def slanted_fall(trial: Trial, values: Sequence[list[float]]) -> Outcome:
    """g t sin(tilt): turned about y, the vertical leans toward x, and down the other way."""
    trial.place(CUBE, (0.5, 0.0, 1.5))
    trial.idle(4)
    return trial.velocity(CUBE)[:, 0], [-math.sin(v[1]) * GRAVITY * 4 * CONTROL_DT for v in values]
