"""`ArmSimulator`: many candidates of an arm alone, each on many windows, on MuJoCo's threads.

What a step is told is the mean of the delayed command over it, so that delays below a step count. Measured positions
are the true ones plus the encoder's bias, and so are commands: the drive knows no better than the encoder.
"""

from __future__ import annotations

import copy
import os
from typing import Any

import numpy as np

from robots.protocol import RobotModel
from workbench.identification.arm_model import build, hand_body, set_values
from workbench.identification.motion_log import MotionLog
from workbench.identification.windows import Windows

AT_ONCE = 4_000_000
"""Numbers of states that are held at once: candidates x windows x steps."""


class ArmSimulator:
    """For one thread; it uses several itself."""

    def __init__(self, model: RobotModel, dt: float, threads: int | None = None) -> None:
        """
        Args:
            model: the robot.
            dt: time step [s].
            threads: of MuJoCo; None: as many as this process may use.
        """
        from mujoco import MjData, rollout

        self.model, self.dt = model, dt
        self._nominal = build(model, dt)
        self._hand = hand_body(self._nominal, model)
        count = threads or len(os.sched_getaffinity(0))
        self._data = [MjData(self._nominal) for _ in range(count)]
        self._scratch = MjData(self._nominal)
        self._rollout = rollout.Rollout(nthread=count)
        self._models: list[Any] = []
        self.candidates = 0
        """Simulated so far."""
        self.steps = 0
        """Physics steps so far."""

    def close(self) -> None:
        """End the threads."""
        self._rollout.close()

    def __enter__(self) -> ArmSimulator:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def measured(self, values: dict[str, np.ndarray], windows: Windows) -> np.ndarray:
        """What the encoders would read ``[C, R, J]`` [rad], at the instants of the windows' measurements.

        Args:
            values: of candidates by kind, see `ParameterSet.values`.
            windows: where to start, what is told, when it is measured; of this simulator's time step.
        """
        count = len(values["delay"])
        chunk = max(1, AT_ONCE // (len(windows.begin) * windows.steps))
        parts = [
            self._some({k: v[i : i + chunk] for k, v in values.items()}, windows)
            for i in range(0, count, chunk)
        ]
        return np.concatenate(parts)

    def _some(self, values: dict[str, np.ndarray], windows: Windows) -> np.ndarray:
        import mujoco

        count, w, steps = len(values["delay"]), len(windows.begin), windows.steps
        joints = windows.position.shape[1]
        while len(self._models) < count:
            self._models.append(copy.copy(self._nominal))
        for c in range(count):
            row = {name: value[c] for name, value in values.items()}
            set_values(self._models[c], self._scratch, self._nominal, self._hand, row)
        bias = values["encoder_bias"]  # [C, J]
        size = mujoco.mj_stateSize(self._nominal, mujoco.mjtState.mjSTATE_FULLPHYSICS)
        initial = np.zeros((count, w, size))
        initial[..., 1 : 1 + joints] = windows.position - bias[:, None]
        initial[..., 1 + joints : 1 + 2 * joints] = windows.velocity
        control = self._told(values["delay"], windows) - bias[:, None, None]
        state, _ = self._rollout.rollout(
            [m for m in self._models[:count] for _ in range(w)],
            self._data,
            np.ascontiguousarray(initial.reshape(count * w, size)),
            np.ascontiguousarray(control.reshape(count * w, steps, joints)),
        )
        self.candidates += count
        self.steps += count * w * steps
        whole = np.concatenate((initial.reshape(count * w, 1, size), state), 1).reshape(
            count, w, steps + 1, size
        )
        return _between(whole[..., 1 : 1 + 2 * joints], windows) + bias[:, None]

    def _told(self, delays: np.ndarray, windows: Windows) -> np.ndarray:
        """Mean of the delayed command over each step ``[C, W, S, J]`` [rad]."""
        different, which = np.unique(delays, return_inverse=True)
        edges = windows.begin[:, None] + np.arange(windows.steps + 1) * self.dt
        found = np.empty((len(different), *edges[:, 1:].shape, windows.position.shape[1]))
        for d, delay in enumerate(different):
            for n, command in enumerate(windows.commands):
                own = windows.log == n
                found[d, own] = np.diff(command.integral(edges[own] - delay), axis=1) / self.dt
        return found[which]


def _between(state: np.ndarray, windows: Windows) -> np.ndarray:
    """Positions at the measurements ``[C, R, J]``, by cubics through positions and velocities at steps' ends."""
    joints = state.shape[-1] // 2
    a, b = state[:, windows.window, windows.step], state[:, windows.window, windows.step + 1]
    s = windows.share[:, None]
    h = windows.dt
    two, three = s * s, s * s * s
    return (
        (2 * three - 3 * two + 1) * a[..., :joints]
        + (three - 2 * two + s) * h * a[..., joints:]
        + (3 * two - 2 * three) * b[..., :joints]
        + (three - two) * h * b[..., joints:]
    )


def noise_of(log: MotionLog) -> np.ndarray:
    """Standard deviation of the encoders' noise ``[J]`` [rad]: what third differences have beyond smooth motion.

    White noise of variance s^2 gives third differences of 20 s^2; the median tells it from the few that motion makes.
    """
    third = np.diff(log.measured, 3, axis=0)
    return np.maximum(1.4826 * np.median(np.abs(third), 0) / np.sqrt(20.0), 1e-6)
