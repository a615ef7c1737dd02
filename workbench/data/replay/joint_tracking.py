"""How well our arm follows joint positions that another robot, or another simulator, was told to take."""

from __future__ import annotations

from contextlib import ExitStack
from dataclasses import dataclass

import numpy as np
import torch

from domain_rand.sets import load_set
from robots.registry import robot
from tasks.tabletop.action_spaces import CONTROL_HZ, DELTA_JOINTS
from workbench.rollout.simulation import TabletopSimulation, launch_tabletop
from workbench.rollout.simulation_cfg import SimulationCfg


@dataclass(frozen=True)
class Tracking:
    """One trajectory of commanded joints, followed."""

    error: np.ndarray
    """Joint positions less commanded ones at each control step ``[T, 7]`` [rad]."""
    clipped: int
    """Control steps whose command was beyond the arm's limits of position or velocity."""

    @property
    def rms(self) -> float:
        """Root mean square over joints and time [rad]."""
        return float(np.sqrt((self.error**2).mean()))

    @property
    def worst(self) -> float:
        """Greatest over joints and time [rad]."""
        return float(np.abs(self.error).max())


def resample(joints: np.ndarray, rate_hz: float) -> np.ndarray:
    """Joint positions ``[F, 7]`` [rad] at our control rate ``[T, 7]``, linearly between theirs."""
    duration = (len(joints) - 1) / rate_hz
    at = np.arange(int(duration * CONTROL_HZ) + 1) / CONTROL_HZ
    theirs = np.arange(len(joints)) / rate_hz
    return np.stack([np.interp(at, theirs, joints[:, j]) for j in range(joints.shape[1])], 1)


def track_joints(
    trajectories: list[np.ndarray], physics: str = "ovphysx", device: str = "cpu"
) -> list[Tracking]:
    """Follow commanded joints, all trajectories at once, with nothing on the table.

    Args:
        trajectories: commanded arm joint positions ``[T, 7]`` [rad] at our control rate; the arm starts at the first.
        physics: engine.
        device: torch device.
    """
    n, limits = len(trajectories), robot().spec.limits
    steps = max(len(t) for t in trajectories)
    wanted = np.stack([np.concatenate((t, np.repeat(t[-1:], steps - len(t), 0))) for t in trajectories])
    low, high = np.array(limits.position_low), np.array(limits.position_high)
    fastest = np.array(limits.velocity) / CONTROL_HZ
    clipped = ((wanted < low) | (wanted > high)).any(-1)
    clipped[:, 1:] |= (np.abs(np.diff(wanted, axis=1)) > fastest).any(-1)
    command = torch.tensor(wanted, dtype=torch.float32, device=device)
    error = np.zeros_like(wanted)
    with ExitStack() as stack:
        factor_set = load_set("none")
        env = stack.enter_context(
            launch_tabletop(
                SimulationCfg(n, physics, device, action_space=DELTA_JOINTS.name, factor_set=factor_set)
            )
        )
        simulation = TabletopSimulation(env, factor_set, 0, steps)
        simulation.begin(range(n), range(n))
        env.clear(range(n))
        ids = torch.arange(n, device=device)
        env.write_joints(ids, command[:, 0])
        env.command.begin(ids, command[:, 0])
        still = torch.ones(n, 1, device=device)
        for step in range(steps):
            # Set points are interpolated and reached a step after they are sent, so each is sent a step ahead.
            delta = command[:, min(step + 1, steps - 1)] - env.command.command
            simulation.step(torch.cat((delta, still), 1))
            error[:, step] = env.joint_pos.cpu().numpy() - wanted[:, step]
    return [Tracking(error[i, : len(t)], int(clipped[i, : len(t)].sum())) for i, t in enumerate(trajectories)]
