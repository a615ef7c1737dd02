"""Logs replayed: their commands drive the simulated arm, and its motion is laid beside the logged one."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from robots.protocol import RobotModel
from workbench.identification.arm_simulator import ArmSimulator
from workbench.identification.motion_log import MotionLog
from workbench.identification.replay_errors import (
    JointErrors,
    ToolErrors,
    drift_errors,
    joint_errors,
    plain,
    tool_errors,
)
from workbench.identification.windows import windows

RESYNC_S = 2.0
"""Between two re-synchronised starts of the open-loop drift [s]."""


@dataclass(frozen=True, eq=False)
class Replayed:
    """One log beside its replay."""

    log: MotionLog
    held_out: bool
    simulated: np.ndarray
    """Joint positions at the log's measurements but the first ``[T - 1, J]`` [rad]: one replay of the whole log."""
    joints: list[JointErrors]
    tool: ToolErrors

    @property
    def times(self) -> np.ndarray:
        """``[T - 1]`` [s]"""
        return self.log.measured_times[1:]

    @property
    def real(self) -> np.ndarray:
        """``[T - 1, J]`` [rad]"""
        return self.log.measured[1:]

    @property
    def rmse(self) -> float:
        """Over all joints [rad]."""
        return float(np.sqrt(((self.simulated - self.real) ** 2).mean()))

    def to_dict(self) -> dict[str, Any]:
        """Plain JSON types."""
        return {
            "log": self.log.source,
            "held_out": self.held_out,
            "duration_s": self.log.duration,
            "rmse_rad": self.rmse,
            "joints": [plain(j) for j in self.joints],
            "tool": plain(self.tool),
        }


def replay(
    log: MotionLog,
    simulator: ArmSimulator,
    values: dict[str, np.ndarray],
    model: RobotModel,
    held_out: bool = False,
) -> Replayed:
    """Replay a log.

    Args:
        log: whose commands are replayed, from its first measured position on.
        simulator: of the same robot.
        values: of one candidate by kind, see `ParameterSet.values`.
        model: the robot.
        held_out: whether it was kept from a fit.
    """
    whole = windows([log], simulator.dt, burn_in_s=0.0, whole=True)
    simulated = simulator.measured(values, whole)[0]
    parts = windows([log], simulator.dt, min(RESYNC_S, log.duration / 2), 0.0)
    error = simulator.measured(values, parts)[0] - parts.measured
    real = log.measured[1:]
    return Replayed(
        log,
        held_out,
        simulated,
        joint_errors(log.measured_times[1:], real, simulated, drift_errors(parts.age, error)),
        tool_errors(real, simulated, model.chain.pose),
    )


def totals(replays: Sequence[Replayed]) -> dict[str, float]:
    """RMSE over all joints [rad] of the training and of the held-out logs, as far as there are."""
    found = {}
    for name, wanted in (("training", False), ("held_out", True)):
        chosen = [r for r in replays if r.held_out == wanted]
        if chosen:
            squares = np.concatenate([(r.simulated - r.real).ravel() ** 2 for r in chosen])
            found[name] = float(np.sqrt(squares.mean()))
    return found
