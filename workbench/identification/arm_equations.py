"""Equations of motion of a chain of hinges, for numbers or for what is traced (`workbench.identification.traced`).

Newton and Euler's recursion and composite inertias in link frames (Featherstone, Rigid Body Dynamics Algorithms, 2008,
chapters 5 and 6). A link's z axis is its joint's.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np


@dataclass(frozen=True, eq=False)
class Chain:
    """``J`` links, each with all that is fixed to it, read from a ``mujoco.MjModel`` at nominal values."""

    rotation: np.ndarray
    """Of each link's frame in its parent's where its joint is at 0 ``[J, 3, 3]``."""
    offset: np.ndarray
    """Origin of each link in its parent's frame ``[J, 3]`` [m]."""
    mass: np.ndarray
    """``[J]`` [kg]"""
    moment: np.ndarray
    """Mass times its center ``[J, 3]`` [kg m]."""
    inertia: np.ndarray
    """About the link's origin ``[J, 3, 3]`` [kg m^2]."""
    hand: np.ndarray
    """Center of mass of the hand's body, in the last link's frame ``[3]`` [m]."""
    hand_mass: float
    """[kg]"""
    gravity: np.ndarray
    """In the base frame ``[3]`` [m/s^2]."""
    weightless: float
    """1 where the robot's controller holds the links' weight, 0 where drives do."""


def read_chain(built: Any, hand: int) -> Chain:
    """The chain of a model as `workbench.identification.arm_model.build` makes it.

    Args:
        built: ``mujoco.MjModel``.
        hand: its body that carries a payload.

    ValueError for a model that is no chain of hinges with the hand at its end.
    """
    import mujoco

    if (built.jnt_type != mujoco.mjtJoint.mjJNT_HINGE).any() or built.jnt_pos.any() or built.qpos0.any():
        raise ValueError("the arm has joints that are no hinges at their bodies' origins")
    data = mujoco.MjData(built)
    mujoco.mj_forward(built, data)
    link = np.full(built.nbody, -1)
    for body in range(1, built.nbody):
        link[body] = link[built.body_parentid[body]]
        if built.body_jntnum[body]:
            if link[body] != built.body_jntadr[body] - 1:
                raise ValueError("the arm's joints do not follow one another")
            link[body] = built.body_jntadr[body]
    count = built.njnt
    if link[hand] != count - 1:
        raise ValueError("the hand is not at the end of the arm")
    body_of = built.jnt_bodyid
    frames = [
        data.xmat[b].reshape(3, 3) @ _to_axis(axis) for b, axis in zip(body_of, built.jnt_axis, strict=True)
    ]
    origins = [data.xpos[b] for b in body_of]
    mass, moment, inertia = np.zeros(count), np.zeros((count, 3)), np.zeros((count, 3, 3))
    for body in range(1, built.nbody):
        j = link[body]
        if j < 0:
            continue
        m, center = float(built.body_mass[body]), frames[j].T @ (data.xipos[body] - origins[j])
        turned = frames[j].T @ data.ximat[body].reshape(3, 3)
        mass[j] += m
        moment[j] += m * center
        inertia[j] += turned @ np.diag(built.body_inertia[body]) @ turned.T + m * _steiner(center)
    parents = [np.eye(3), *frames[:-1]]
    before = [np.zeros(3), *origins[:-1]]
    return Chain(
        np.stack([p.T @ f for p, f in zip(parents, frames, strict=True)]),
        np.stack([p.T @ (o - b) for p, o, b in zip(parents, origins, before, strict=True)]),
        mass,
        moment,
        inertia,
        frames[-1].T @ (data.xipos[hand] - origins[-1]),
        float(built.body_mass[hand]),
        np.array(built.opt.gravity),
        float(built.body_gravcomp[hand]),
    )


def _to_axis(axis: np.ndarray) -> np.ndarray:
    """A rotation that brings z to ``axis`` ``[3]``."""
    z = np.array((0.0, 0.0, 1.0))
    if np.allclose(axis, z):
        return np.eye(3)
    if np.allclose(axis, -z):
        return np.diag((1.0, -1.0, -1.0))
    v, c = np.cross(z, axis), float(axis[2])
    k = np.array(((0, -v[2], v[1]), (v[2], 0, -v[0]), (-v[1], v[0], 0)))
    return np.eye(3) + k + k @ k / (1 + c)


def _steiner(c: np.ndarray) -> np.ndarray:
    """Inertia of a unit of mass at ``c`` about the origin ``[3, 3]``."""
    return np.eye(3) * (c @ c) - np.outer(c, c)


def sine_cosine(angle: Any, halvings: int = 3) -> tuple[Any, Any]:
    """By Taylor's series of an eighth of the angle, then doubled; to 1e-14 within two turns."""
    x = angle * 0.5**halvings
    square = x * x
    s, c = 1.0, 1.0
    for n in range(8, 0, -1):
        s = 1.0 - square * s * (1.0 / ((2 * n) * (2 * n + 1)))
        c = 1.0 - square * c * (1.0 / ((2 * n - 1) * (2 * n)))
    s = x * s
    for _ in range(halvings):
        s, c = 2.0 * s * c, 1.0 - 2.0 * s * s
    return s, c


def cross(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """``[3]``, of objects as of numbers."""
    return np.array((a[1] * b[2] - a[2] * b[1], a[2] * b[0] - a[0] * b[2], a[0] * b[1] - a[1] * b[0]))


def motion(
    chain: Chain, position: np.ndarray, velocity: np.ndarray, factor: Any, payload: Any
) -> tuple[np.ndarray, np.ndarray]:
    """Inertia ``[J, J]`` of the joints, without armature, and torques that hold this velocity ``[J]``.

    Args:
        chain: the arm.
        position: of joints ``[J]`` [rad].
        velocity: ``[J]`` [rad/s]
        factor: of all masses and inertias.
        payload: mass at the hand that nothing holds [kg].
    """
    count = len(chain.mass)
    zero = np.array((0.0, 0.0, 0.0), object)
    z = np.array((0.0, 0.0, 1.0), object)
    turns, mass, moment, inertia = [], [], [], []
    for j in range(count):
        s, c = sine_cosine(position[j])
        turns.append(
            _plain(chain.rotation[j]) @ np.array(((c, -s, 0.0), (s, c, 0.0), (0.0, 0.0, 1.0)), object)
        )
        mass.append(factor * chain.mass[j])
        moment.append(factor * _plain(chain.moment[j]))
        inertia.append(factor * _plain(chain.inertia[j]))
    weight = [m * (1.0 - chain.weightless) for m in mass]
    weight_moment = [h * (1.0 - chain.weightless) for h in moment]
    mass[-1] = mass[-1] + payload
    weight[-1] = weight[-1] + payload
    moment[-1] = moment[-1] + payload * _plain(chain.hand)
    weight_moment[-1] = weight_moment[-1] + payload * _plain(chain.hand)
    inertia[-1] = inertia[-1] + payload * _plain(_steiner(chain.hand))

    # Outward: velocities, and accelerations where no joint accelerates. Gravity is a force on what has weight.
    w, alpha, a, g = zero, zero, zero, _plain(chain.gravity)
    forces, torques = [], []
    for j in range(count):
        p, back = _plain(chain.offset[j]), turns[j].T
        a = back @ (a + cross(alpha, p) + cross(w, cross(w, p)))
        w = back @ w + z * velocity[j]
        alpha = back @ alpha + cross(w, z * velocity[j])
        g = back @ g
        forces.append(mass[j] * a + cross(alpha, moment[j]) + cross(w, cross(w, moment[j])) - weight[j] * g)
        torques.append(
            inertia[j] @ alpha + cross(w, inertia[j] @ w) + cross(moment[j], a) - cross(weight_moment[j], g)
        )
    # Inward: torques that hold it, and inertias of each link with all that it carries.
    bias = np.empty(count, object)
    matrix = np.empty((count, count), object)
    for j in range(count - 1, -1, -1):
        bias[j] = torques[j][2]
        force, torque = cross(z, moment[j]), inertia[j] @ z
        matrix[j, j] = torque[2]
        for k in range(j, 0, -1):
            force, torque = turns[k] @ force, turns[k] @ torque
            torque = torque + cross(_plain(chain.offset[k]), force)
            matrix[j, k - 1] = matrix[k - 1, j] = torque[2]
        if j:
            r, p = turns[j], _plain(chain.offset[j])
            forces[j - 1] = forces[j - 1] + r @ forces[j]
            torques[j - 1] = torques[j - 1] + r @ torques[j] + cross(p, r @ forces[j])
            h = r @ moment[j]
            outer = np.outer(p, h)
            inertia[j - 1] = (
                inertia[j - 1]
                + r @ inertia[j] @ r.T
                + np.eye(3) * (2.0 * (p @ h))
                - outer
                - outer.T
                + mass[j] * _plain(_steiner(chain.offset[j]))
            )
            moment[j - 1] = moment[j - 1] + h + mass[j] * p
            mass[j - 1] = mass[j - 1] + mass[j]
    return matrix, bias


def _plain(values: np.ndarray) -> np.ndarray:
    """Numbers of Python in an array of objects, so that what they meet decides what becomes of them."""
    return np.array(np.where(np.abs(values) < 1e-15, 0.0, values).tolist(), object)


def solve(matrix: np.ndarray, right: np.ndarray) -> np.ndarray:
    """``x`` of ``matrix x = right`` ``[J]``, for a symmetric positive matrix ``[J, J]``, without square roots."""
    count = len(right)
    low = np.array(matrix, object)
    diagonal = np.empty(count, object)
    scaled = np.empty((count, count), object)
    for j in range(count):
        diagonal[j] = low[j, j]
        for k in range(j):
            diagonal[j] = diagonal[j] - scaled[j, k] * low[j, k]
        inverse = 1.0 / diagonal[j]
        diagonal[j] = inverse
        for i in range(j + 1, count):
            for k in range(j):
                low[i, j] = low[i, j] - scaled[j, k] * low[i, k]
            scaled[i, j] = low[i, j] * inverse
    x = np.array(right, object)
    for i in range(count):
        for k in range(i):
            x[i] = x[i] - scaled[i, k] * x[k]
    x = x * diagonal
    for i in range(count - 1, -1, -1):
        for k in range(i + 1, count):
            x[i] = x[i] - scaled[k, i] * x[k]
    return x
