"""`ArmSimulator`: many candidates of an arm alone, each on many windows, at once.

What a step is told is the mean of the delayed command over it, so that delays below a step count. Measured positions
are the true ones plus the encoder's bias, and so are commands: the drive knows no better than the encoder.
"""

from __future__ import annotations

import os
from typing import Any, Protocol

import numpy as np

from robots.protocol import RobotModel
from workbench.identification.arm_model import build, hand_body
from workbench.identification.lane_stepper import LaneStepper
from workbench.identification.motion_log import MotionLog
from workbench.identification.mujoco_stepper import MujocoStepper
from workbench.identification.windows import Windows

AT_ONCE = 4_000_000
"""Steps that are held at once: candidates x windows x steps."""


class Stepper(Protocol):
    """What moves arms: `LaneStepper`, or MuJoCo itself for arms that it cannot."""

    @property
    def nuisances(self) -> tuple[str, ...]:
        """Kinds of parameters beyond an engine's own that it can simulate."""

    def positions(
        self,
        values: dict[str, np.ndarray],
        start: np.ndarray,
        told: np.ndarray,
        which: np.ndarray,
        parts: Windows,
    ) -> np.ndarray:
        """See `LaneStepper.positions`."""

    def close(self) -> None:
        """End the threads."""


class ArmSimulator:
    """For one thread; it uses several itself."""

    def __init__(
        self,
        model: RobotModel,
        dt: float,
        threads: int | None = None,
        compiled: bool = True,
        centered: bool = False,
    ) -> None:
        """
        Args:
            model: the robot.
            dt: time step [s].
            threads: None: as many as this process may use.
            compiled: whether to step with compiled equations, many times as fast, where the arm is a chain of hinges;
                otherwise with MuJoCo.
            centered: whether forces are those at the instant at which they act, for steps that are short against
                armature over damping: MuJoCo's drives damp the velocity at a step's end, and are told the mean of a
                step at its beginning, both half a step early.
        """
        self.model, self.dt = model, dt
        self._early = dt / 2 if centered else 0.0
        nominal = build(model, dt)
        hand = hand_body(nominal, model)
        count = threads or len(os.sched_getaffinity(0))
        self.stepper: Stepper = _stepper(model, nominal, hand, count, compiled, self._early)
        self.candidates = 0
        """Simulated so far."""
        self.steps = 0
        """Physics steps so far."""

    def close(self) -> None:
        """End the threads."""
        self.stepper.close()

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
        bias = values["encoder_bias"]  # [C, J]
        velocity = np.broadcast_to(windows.velocity, (len(bias), *windows.velocity.shape))
        start = np.concatenate((windows.position - bias[:, None], velocity), -1)
        different, which = np.unique(values["delay"], return_inverse=True)
        self.candidates += len(bias)
        self.steps += len(bias) * len(windows.begin) * windows.steps
        found = self.stepper.positions(values, start, self._told(different, windows), which, windows)
        return found + bias[:, None]

    def _told(self, delays: np.ndarray, windows: Windows) -> np.ndarray:
        """Mean of the delayed command over each step ``[D, W, S, J]`` [rad]."""
        edges = windows.begin[:, None] + np.arange(windows.steps + 1) * self.dt
        found = np.empty((len(delays), *edges[:, 1:].shape, windows.position.shape[1]))
        for d, delay in enumerate(delays):
            for n, command in enumerate(windows.commands):
                own = windows.log == n
                found[d, own] = np.diff(command.integral(edges[own] - delay - self._early), axis=1) / self.dt
        return found


def _stepper(
    model: RobotModel, nominal: Any, hand: int, threads: int, compiled: bool, early: float
) -> Stepper:
    if compiled:
        try:
            return LaneStepper(model, nominal, hand, threads, early)
        except ValueError:
            pass  # not a chain of hinges: MuJoCo knows it all the same
    return MujocoStepper(nominal, hand, threads, early)


def noise_of(log: MotionLog) -> np.ndarray:
    """Standard deviation of the encoders' noise ``[J]`` [rad]: what third differences have beyond smooth motion.

    White noise of variance s^2 gives third differences of 20 s^2; the median tells it from the few that motion makes.
    """
    third = np.diff(log.measured, 3, axis=0)
    return np.maximum(1.4826 * np.median(np.abs(third), 0) / np.sqrt(20.0), 1e-6)
