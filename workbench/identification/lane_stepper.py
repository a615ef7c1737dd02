"""`LaneStepper`: candidates of an arm on windows of logs, eight at a time in each thread, by `ArmKernel`."""

from __future__ import annotations

from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np

from robots.protocol import RobotModel
from workbench.identification.arm_equations import motion, read_chain
from workbench.identification.arm_kernel import JOINTWISE, SINGLE, drift, hardness, kernel_of
from workbench.identification.arm_model import LEAST_HAND_MASS
from workbench.identification.parameters import NUISANCES
from workbench.identification.traced import LANES
from workbench.identification.windows import Windows

LEAST_ARMATURE = 0.05
"""Share of the armature that is left, however late a drive's velocity is."""


class LaneStepper:
    """Steps as MuJoCo does, to rounding."""

    nuisances = NUISANCES

    def __init__(self, model: RobotModel, built: Any, hand: int, threads: int, early: float = 0.0) -> None:
        """
        Args:
            model: the robot.
            built: its ``mujoco.MjModel`` at nominal values.
            hand: the body that carries a payload.
            threads: at work together.
            early: how much too early forces of a plain step are, to be made good [s].

        ValueError for an arm that is no chain of hinges.
        """
        self._chain = read_chain(built, hand)
        self._dt = float(built.opt.timestep)
        self._kernel = kernel_of(self._chain, np.array(model.arm_drives.effort))
        self._early = early
        self._pool = ThreadPoolExecutor(threads)
        rest, still = np.zeros(self._kernel.joints), np.zeros(self._kernel.joints)
        self._links, self._hand = (
            motion(self._chain, rest, still, factor, payload)[0].astype(np.float64)
            for factor, payload in ((1.0, 0.0), (0.0, 1.0))
        )

    def close(self) -> None:
        """End the threads."""
        self._pool.shutdown()

    def positions(
        self,
        values: Mapping[str, np.ndarray],
        start: np.ndarray,
        told: np.ndarray,
        which: np.ndarray,
        parts: Windows,
    ) -> np.ndarray:
        """Joint positions at the windows' measurements ``[C, R, J]`` [rad].

        Args:
            values: of candidates by kind, see `ParameterSet.values`.
            start: positions and velocities that windows begin with ``[C, W, 2 J]``.
            told: mean command of each step, for ``D`` delays ``[D, W, S, J]`` [rad].
            which: delay of each candidate ``[C]``.
            parts: ``W`` windows of ``R`` measurements.
        """
        count, joints = len(which), self._kernel.joints
        numbers = self._parameters(values)
        bias = values["encoder_bias"]
        found = np.empty((count, len(parts.window), joints))
        row = parts.window * (parts.steps + 1) + parts.step
        weights = [w[:, None, None] for w in cubic(parts.share, parts.dt)]

        def some(first: int) -> None:
            lanes = np.minimum(np.arange(first, first + LANES), count - 1)
            states = np.empty((len(parts.begin), parts.steps + 1, 3 * joints, LANES))
            states[:, 0, : 2 * joints] = start[lanes].transpose(1, 2, 0)
            states[:, 0, 2 * joints :] = states[:, 0, joints : 2 * joints]
            control = np.empty((len(parts.begin), parts.steps, joints, LANES))
            for lane, c in enumerate(lanes):
                np.subtract(told[which[c]], bias[c], out=control[..., lane])
            own = np.tile(np.ascontiguousarray(numbers[lanes].T), (len(parts.begin), 1, 1))
            self._kernel.run(states, control, own)
            flat = states.reshape(-1, 3 * joints, LANES)[:, : 2 * joints]
            before, after = flat.take(row, 0), flat.take(row + 1, 0)
            here = weights[0] * before[:, :joints] + weights[1] * before[:, joints:]
            here += weights[2] * after[:, :joints]
            here += weights[3] * after[:, joints:]
            used = min(LANES, count - first)
            found[first : first + used] = here.transpose(2, 0, 1)[:used]

        list(self._pool.map(some, range(0, count, LANES)))
        return found

    def _parameters(self, values: Mapping[str, np.ndarray]) -> np.ndarray:
        """What the kernel is given ``[C, K]``."""
        factor = np.asarray(values["link_mass"], np.float64)
        held = self._chain.hand_mass * factor
        payload = np.maximum(held + values["payload"], LEAST_HAND_MASS * held) - held
        inertia = factor[:, None, None] * self._links + payload[:, None, None] * self._hand
        own = np.arange(self._kernel.joints)
        armature = np.maximum(
            values["armature"] - self._early * values["viscous"], LEAST_ARMATURE * values["armature"]
        )
        inertia[:, own, own] += armature
        inverse = np.linalg.inv(inertia)[:, own, own]
        given = dict(values) | {
            "hardness": hardness(inverse),
            "armature": armature,
            "factor": factor,
            "payload": payload,
            "dt": np.full(len(factor), self._dt),
            "late": values["velocity_filter"] + self._early,
            "drift": np.full(len(factor), drift(self._dt)),
        }
        return np.concatenate([*(given[n] for n in JOINTWISE), *(given[n][:, None] for n in SINGLE)], 1)


def cubic(share: np.ndarray, dt: float) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Weights of Hermite's cubic at ``share`` of a step: position and velocity before, position and velocity after."""
    s, two = share, share * share
    three = two * share
    return 2 * three - 3 * two + 1, (three - 2 * two + s) * dt, 3 * two - 2 * three, (three - two) * dt
