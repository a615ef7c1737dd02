"""`MujocoStepper`: candidates of any arm on windows of logs, on MuJoCo's threads."""

from __future__ import annotations

import copy
from collections.abc import Mapping
from typing import Any

import numpy as np

from workbench.identification.arm_model import set_values
from workbench.identification.lane_stepper import LEAST_ARMATURE, cubic
from workbench.identification.motion_log import LogError
from workbench.identification.windows import Windows


class MujocoStepper:
    """What `LaneStepper` is held against, and what steps arms that are no chains of hinges."""

    nuisances = ("velocity_filter",)

    def __init__(self, built: Any, hand: int, threads: int, early: float = 0.0) -> None:
        """
        Args:
            built: ``mujoco.MjModel`` at nominal values.
            hand: the body that carries a payload.
            threads: at work together.
            early: see `seen_armature` [s].
        """
        from mujoco import MjData, rollout

        self._nominal, self._hand, self._early = built, hand, early
        self._data = [MjData(built) for _ in range(threads)]
        self._scratch = MjData(built)
        self._rollout = rollout.Rollout(nthread=threads)
        self._models: list[Any] = []

    def close(self) -> None:
        """End the threads."""
        self._rollout.close()

    def positions(
        self,
        values: Mapping[str, np.ndarray],
        start: np.ndarray,
        told: np.ndarray,
        which: np.ndarray,
        parts: Windows,
    ) -> np.ndarray:
        """See `LaneStepper.positions`."""
        import mujoco

        count, w, steps = len(which), len(parts.begin), parts.steps
        joints = told.shape[-1]
        if np.any(values["stiction"]):
            raise LogError("stiction can be simulated for arms only that are chains of hinges")
        armature = seen_armature(values, self._early)
        while len(self._models) < count:
            self._models.append(copy.copy(self._nominal))
        for c in range(count):
            row = {name: value[c] for name, value in values.items()} | {"armature": armature[c]}
            set_values(self._models[c], self._scratch, self._nominal, self._hand, row)
        size = mujoco.mj_stateSize(self._nominal, mujoco.mjtState.mjSTATE_FULLPHYSICS)
        initial = np.zeros((count, w, size))
        initial[..., 1 : 1 + 2 * joints] = start
        control = told[which] - values["encoder_bias"][:, None, None]
        state, _ = self._rollout.rollout(
            [m for m in self._models[:count] for _ in range(w)],
            self._data,
            np.ascontiguousarray(initial.reshape(count * w, size)),
            np.ascontiguousarray(control.reshape(count * w, steps, joints)),
        )
        whole = np.concatenate((initial.reshape(count * w, 1, size), state), 1)
        whole = whole.reshape(count, w, steps + 1, size)[..., 1 : 1 + 2 * joints]
        before, after = (whole[:, parts.window, parts.step + k] for k in (0, 1))
        shares = [weight[:, None] for weight in cubic(parts.share, parts.dt)]
        found = shares[0] * before[..., :joints] + shares[1] * before[..., joints:]
        found += shares[2] * after[..., :joints] + shares[3] * after[..., joints:]
        return np.asarray(found)


def seen_armature(values: Mapping[str, np.ndarray], early: float) -> np.ndarray:
    """Armature ``[..., J]`` [kg m^2] less what the filter of a drive's velocity takes from it, and what steps add.

    A velocity that is late by ``T`` is ``v - T a``, to first order: damping it pushes along the acceleration, as if the
    armature were less by ``T`` times the damping. Implicit steps damp the velocity at their end, half a step early.

    Args:
        values: of candidates by kind.
        early: what is to be made good of that [s].
    """
    armature = values["armature"]
    late = np.asarray(values["velocity_filter"])[..., None] * values["damping"]
    late = late + early * (values["damping"] + values["viscous"])
    return np.asarray(np.maximum(armature - late, LEAST_ARMATURE * armature))
