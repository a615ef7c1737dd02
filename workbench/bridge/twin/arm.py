"""The emulated arm, mended and made different: what ``franky-sim`` gets wrong is put right on its objects, not files.

Mended (measured on version 1.0.4):

* it smooths what it derives with a factor 0.95, so that ``dq_d`` lags; and its ``ddq_d`` is derived from the *measured*
  velocity, with which clients begin their plans: `CommandedMotion` here;
* its servos' damping makes the last joint chatter at 156 rad/s^2: `ArmParameters.servo_damping`.

Made different: masses, frictions, gains, delay and encoders, as `TwinParameters` say. Runs in the twin's environment.
"""

from __future__ import annotations

import dataclasses
import types
from collections import deque
from typing import Any

import numpy as np
from franky_sim.base_simulator import TrackedStateComponent
from franky_sim.mujoco_simulator import MUJOCO_DEFAULT_KP, MUJOCO_DEFAULT_KV

from workbench.bridge.twin.parameters import ArmParameters, GripperParameters, TwinParameters

STEP_S = 0.001
"""Of the protocol and the physics [s]."""
GREATEST_ACCELERATION = 10.0
"""Of a Franka Research 3's joints [rad/s^2]."""
FASTEST_CHANGE = 2 * GREATEST_ACCELERATION * STEP_S
"""Of a reported velocity in a millisecond [rad/s]."""
ARM_BODIES = ("link", "hand", "finger")
"""What the names of the arm's bodies hold."""


def gains(arm: ArmParameters) -> dict[str, tuple[float, ...]]:
    """Arguments of ``add_robot`` for the servos."""
    return {
        "kp": tuple(arm.stiffness * k for k in MUJOCO_DEFAULT_KP),
        "kv": tuple(arm.servo_damping * k for k in MUJOCO_DEFAULT_KV),
    }


class CommandedMotion:
    """What the arm is told, as it reports it: clients begin each plan with it, so it has to be smooth.

    A client that was late by a millisecond makes one difference of positions none and the next one double. Velocities
    follow differences no faster than an arm can, so that neither is taken for a motion.
    """

    def __init__(self) -> None:
        self.q: np.ndarray | None = None
        """``[7]`` [rad]"""
        self.dq, self.ddq = np.zeros(7), np.zeros(7)

    def update(self, q: np.ndarray) -> None:
        """Commanded joints ``[7]`` [rad] of the next millisecond."""
        raw = np.zeros(7) if self.q is None else (q - self.q) / STEP_S
        change = np.clip(raw - self.dq, -FASTEST_CHANGE, FASTEST_CHANGE)
        self.q = np.array(q)
        self.dq = self.dq + change
        self.ddq = np.clip(change / STEP_S, -GREATEST_ACCELERATION, GREATEST_ACCELERATION)

    def ahead(self) -> np.ndarray:
        """Where it is a millisecond later, going on with constant acceleration ``[7]`` [rad]."""
        assert self.q is not None
        return self.q + (self.dq + self.ddq * STEP_S) * STEP_S


def mend(robot: Any, motion: CommandedMotion) -> None:
    """Let the robot report the commanded motion; before it is started."""
    tracked = robot._tracked_state_components
    for component in tracked.values():
        for observer in component.observers.values():
            observer._alpha = 0.0
    tracked["dq_d"] = TrackedStateComponent(
        lambda time, state: motion.dq.copy(),
        observers=tracked["dq_d"].observers,
        depends_on=tracked["dq_d"].depends_on,
    )
    tracked["ddq_d"] = TrackedStateComponent(
        lambda time, state: motion.ddq.copy(), depends_on=tracked["ddq_d"].depends_on
    )


def bias_encoders(robot: Any, arm: ArmParameters) -> None:
    """Let everything that reads the joints, the servos too, read them with a bias."""
    bias, truth = np.array(arm.encoder_bias), robot._get_state
    if not bias.any():
        return

    def biased(_self: Any) -> Any:
        state = truth()
        return dataclasses.replace(state, q=tuple((np.array(state.q) + bias).tolist()))

    robot._get_state = types.MethodType(biased, robot)


def servo(robot: Any, arm: ArmParameters) -> None:
    """Give the servos a velocity ahead, and let commands reach them late."""
    behind = round(arm.delay_s / STEP_S)
    queue: deque[np.ndarray] = deque(maxlen=behind + 1)
    plain = type(robot)._joint_position_control
    previous: list[np.ndarray] = []

    def control(self: Any, target_q: np.ndarray) -> None:
        queue.append(np.array(target_q))
        target = queue[0]
        velocity = (target - previous[0]) / STEP_S if previous else np.zeros(7)
        previous[:] = [target]
        # The plain servo damps the measured velocity; what it is given ahead is that damping of the commanded one.
        ahead = arm.feed_forward * self.kv * np.clip(velocity, -5.0, 5.0) / self.kp
        plain(self, target + ahead)

    robot._joint_position_control = types.MethodType(control, robot)


def hand(robot: Any, gripper: GripperParameters) -> None:
    """Make the hand stronger or weaker, quicker or slower than it is asked to be."""
    plain = robot.set_hand_goal

    def goal(_self: Any, width: float, max_velocity: float, max_force: float) -> None:
        plain(width, gripper.speed * max_velocity, gripper.force * max_force)

    robot.set_hand_goal = types.MethodType(goal, robot)


def load(model: Any, parameters: TwinParameters) -> None:
    """Masses and frictions of the built MuJoCo model."""
    import mujoco

    arm = parameters.arm
    for body in range(model.nbody):
        name = mujoco.mj_id2name(model, mujoco.mjtObj.mjOBJ_BODY, body) or ""
        if any(part in name for part in ARM_BODIES):
            model.body_mass[body] *= arm.mass
            model.body_inertia[body] *= arm.mass
    for joint in range(model.njnt):
        name = mujoco.mj_id2name(model, mujoco.mjtObj.mjOBJ_JOINT, joint) or ""
        if "fr3_joint" in name:
            dof = model.jnt_dofadr[joint]
            model.dof_frictionloss[dof] *= arm.friction
            model.dof_damping[dof] *= arm.damping
    mujoco.mj_setConst(model, mujoco.MjData(model))
