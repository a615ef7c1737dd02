"""Numbers over time: actions by unit, gripper width, and the distances that the task is about."""

from __future__ import annotations

import re

import numpy as np
import rerun as rr

from workbench.rollout.trajectory import Trajectory
from workbench.views.recording import palette
from workbench.views.recording.episode_log import EpisodeLog

ACTIONS = "/actions"
MEASURES = "/measures"


def action_groups(channels: tuple[str, ...]) -> dict[str, list[int]]:
    """Indices of the action channels by unit, in order; ``dx [m]`` has the unit m, a name without one has none."""
    groups: dict[str, list[int]] = {}
    for i, channel in enumerate(channels):
        unit = re.search(r"\[(.*)\]\s*$", channel)
        groups.setdefault(unit.group(1) if unit else "", []).append(i)
    return groups


def action_path(unit: str) -> str:
    """Entity that holds the action channels of one unit."""
    return f"{ACTIONS}/{re.sub(r'[^A-Za-z0-9]+', '_', unit).strip('_') or 'no_unit'}"


def log_signals(log: EpisodeLog, trajectory: Trajectory) -> None:
    """Actions ``[T]`` at the instants they were given, measures ``[T + 1]``."""
    for unit, indices in action_groups(trajectory.action_channels).items():
        path = action_path(unit)
        names = [trajectory.action_channels[i] for i in indices]
        colors = [palette.SERIES[k % len(palette.SERIES)] for k in range(len(names))]
        # An action holds until the next one, so the line is a staircase.
        log.static(path, rr.SeriesLines(names=names, colors=colors, interpolation_mode="StepAfter"))
        log.rows(
            path, np.arange(trajectory.steps), rr.Scalars.columns(scalars=trajectory.actions[:, indices])
        )
    for i, (name, values) in enumerate(measures(trajectory).items()):
        path = f"{MEASURES}/{name.replace(' ', '_')}"
        log.static(path, rr.SeriesLines(names=[f"{name} [m]"], colors=[palette.SERIES[i]]))
        log.rows(path, np.arange(len(values)), rr.Scalars.columns(scalars=values))


def measures(trajectory: Trajectory) -> dict[str, np.ndarray]:
    """Named lengths ``[T + 1]`` [m]: distances between tool, target and receptacle, and gripper width."""
    by_role = {body.role: body.pose[:, :3] for body in reversed(trajectory.bodies)}
    found = {}
    if "target" in by_role:
        found["tool to target"] = np.linalg.norm(trajectory.tool_position - by_role["target"], axis=1)
    if {"target", "receptacle"} <= by_role.keys():
        found["target to receptacle"] = np.linalg.norm(by_role["target"] - by_role["receptacle"], axis=1)
    return found | {"gripper width": trajectory.gripper_width}
