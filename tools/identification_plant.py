"""A foreign arm: what an identifier is tried on. Another step, another integrator, and friction that it does not know.

MuJoCo at 1 kHz with explicit Euler steps. Joints have Stribeck friction, which is larger at rest than in motion, and a
friction that differs from joint to joint; the drive's velocity is filtered; the encoder has noise and steps.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from robots.protocol import RobotModel
from workbench.identification.arm_model import build, hand_body, set_values
from workbench.identification.motion_log import MotionLog
from workbench.identification.parameters import ParameterSet

STEP_S = 0.001
BIAS_KNOWN = 0.003
"""Spread of encoder biases that are drawn [rad]."""


@dataclass(frozen=True)
class Imperfections:
    """What the identifier's model has no name for."""

    stribeck: float = 0.3
    """Friction at rest beyond Coulomb's, as a share of it."""
    stribeck_velocity: float = 0.05
    """At which that has fallen to 1/e [rad/s]."""
    velocity_filter_s: float = 0.002
    """Time constant of the velocity that the drive damps [s]."""
    noise: float = 2e-4
    """Of the encoders [rad]."""
    resolution: float = 5e-5
    """Of the encoders [rad]."""
    jitter_s: float = 0.0003
    """Standard deviation of the instants at which the log is written [s]."""


def draw_truth(model: RobotModel, rng: np.random.Generator, last: int | None = None) -> dict[str, np.ndarray]:
    """Values of one arm by kind: off nominal by stated amounts, each joint by its own.

    With ``last`` given, joints up to this one are off by one factor, and those after it by another.
    """
    nominal = ParameterSet(model, "payload").nominal
    joints = len(model.spec.arm_joints)
    like = np.arange(joints) if last is None else np.where(np.arange(joints) < last, 0, last)
    return nominal | {
        "stiffness": nominal["stiffness"] * np.exp(rng.normal(0, 0.3, joints)[like]),
        "damping": nominal["damping"] * np.exp(rng.normal(0, 0.3, joints)[like]),
        "armature": nominal["armature"] * np.exp(rng.normal(0, 0.2, joints)[like]),
        "friction": rng.uniform(0.2, 1.2, joints)[like] * nominal["stiffness"] / 600,
        "payload": np.array(rng.uniform(0.0, 0.6)),
        "delay": np.array(rng.uniform(0.0, 0.05)),
        "encoder_bias": rng.normal(0, BIAS_KNOWN, joints),
    }


def plant_log(
    model: RobotModel,
    truth: dict[str, np.ndarray],
    times: np.ndarray,
    commanded: np.ndarray,
    rng: np.random.Generator,
    flaws: Imperfections | None = None,
    name: str = "plant",
) -> MotionLog:
    """The log of a plant that is told ``commanded`` ``[T, J]`` [rad] at ``times`` ``[T]`` [s], held between."""
    import mujoco

    flaws = flaws or Imperfections()
    nominal, built = build(model, STEP_S), build(model, STEP_S)
    built.opt.integrator = mujoco.mjtIntegrator.mjINT_EULER
    data = mujoco.MjData(built)
    set_values(built, data, nominal, hand_body(nominal, model), truth)
    kp, kd = truth["stiffness"], truth["damping"]
    built.actuator_gainprm[:, 0] = built.actuator_biasprm[:, 1] = built.actuator_biasprm[:, 2] = (
        0.0  # driven below
    )
    mujoco.mj_setConst(built, data)
    effort = np.array(model.arm_drives.effort)
    bias, delay = truth["encoder_bias"], float(truth["delay"])
    data.qpos[:] = commanded[0] - bias
    velocity = np.zeros(built.nv)
    steps = round(times[-1] / STEP_S) + 1
    share = STEP_S / (flaws.velocity_filter_s + STEP_S)
    position = np.empty((steps + 1, built.nq))
    for k in range(steps + 1):
        position[k] = data.qpos
        row = int(np.searchsorted(times, k * STEP_S - delay + 1e-9, side="right")) - 1
        velocity += share * (data.qvel - velocity)
        sticking = flaws.stribeck * truth["friction"] * np.exp(-((data.qvel / flaws.stribeck_velocity) ** 2))
        drive = kp * (commanded[max(row, 0)] - bias - data.qpos) - kd * velocity
        data.qfrc_applied[:] = np.clip(drive, -effort, effort) - sticking * np.tanh(data.qvel / 0.005)
        mujoco.mj_step(built, data)
    read = np.maximum.accumulate(
        np.clip(times + np.abs(rng.normal(0, flaws.jitter_s, len(times))), 0, times[-1])
    )
    read += 1e-7 * np.arange(len(read))  # no two instants are one
    grid = np.arange(steps + 1) * STEP_S
    exact = np.stack([np.interp(read, grid, position[:, j]) for j in range(built.nq)], 1)
    measured = exact + bias + rng.normal(0, flaws.noise, exact.shape)
    measured = np.round(measured / flaws.resolution) * flaws.resolution
    return MotionLog(name, name, times, commanded, measured, read)
