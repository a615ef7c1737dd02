"""Lines on how the arm moved: workspace, velocity, acceleration, and what limits changed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from robots.protocol import RobotModel
from workbench.bridge.gate import Bounds
from workbench.rollout.trajectory import Trajectory
from workbench.runs.records import EpisodeRecord
from workbench.validate.bounds import line_of, most_line
from workbench.validate.requirements import Requirement
from workbench.verdict.line import Evidence, Line

RATE = "at the control rate"


@dataclass(frozen=True)
class Motion:
    """How far an arm went toward its limits in recorded episodes."""

    velocity: np.ndarray
    """Greatest share of each joint's limit ``[J]``."""
    acceleration: np.ndarray
    """The same ``[J]``."""
    outside: float
    """Share of instants with the tool outside of the workspace."""
    farthest: float
    """How far outside at most [m]."""
    low: tuple[float, float, float]
    """Least and greatest place of the tool [m], base frame."""
    high: tuple[float, float, float]
    episodes: int


def motion_of(trajectories: Sequence[Trajectory], model: RobotModel, bounds: Bounds) -> Motion:
    """Of recorded episodes; ValueError for none.

    Velocity and acceleration are differences of the joints' positions at the control rate: the motion that came of
    commands, after limits and drives.
    """
    if not trajectories:
        raise ValueError("no episode was recorded")
    limits = model.spec.limits
    rates, changes, tools = [], [], []
    for track in trajectories:
        joints = arm_joints(track, model)
        rate = np.diff(joints, axis=0) / track.control_dt
        rates.append(np.abs(rate).max(0, initial=0.0))
        changes.append(np.abs(np.diff(rate, axis=0) / track.control_dt).max(0, initial=0.0))
        tools.append(track.tool_position)
    tool = np.concatenate(tools)
    low, high = np.array(bounds.workspace.low), np.array(bounds.workspace.high)
    beyond = np.maximum(np.maximum(low - tool, tool - high), 0.0)
    far = np.linalg.norm(beyond, axis=1)
    return Motion(
        velocity=np.max(rates, 0) / np.array(limits.velocity),
        acceleration=np.max(changes, 0) / np.array(limits.acceleration),
        outside=float((far > 0).mean()),
        farthest=float(far.max()),
        low=_corner(tool.min(0)),
        high=_corner(tool.max(0)),
        episodes=len(trajectories),
    )


def arm_joints(track: Trajectory, model: RobotModel) -> np.ndarray:
    """Positions of the arm's joints ``[T + 1, J]`` [rad]."""
    return track.joint_pos[:, [track.joint_names.index(name) for name in model.spec.arm_joints]]


def _corner(point: np.ndarray) -> tuple[float, float, float]:
    x, y, z = (round(float(value), 4) for value in point)
    return x, y, z


def workspace_line(asked: Requirement, motion: Motion | None, evidence: Evidence) -> Line:
    """How long the tool was outside of the gate's workspace."""
    if motion is None:
        return line_of(asked, "no episode was recorded")
    sentence = f"the tool was inside all the time, in {motion.episodes} episodes"
    if motion.outside:
        sentence = f"outside in {motion.outside:.1%} of the time, by up to {100 * motion.farthest:.3g} cm"
    box = [list(motion.low), list(motion.high)]
    return most_line(asked, motion.outside, sentence, (evidence,), box=box, farthest_m=motion.farthest)


def share_line(asked: Requirement, shares: np.ndarray | None, evidence: Evidence) -> Line:
    """The greatest share of a limit over joints ``[J]``, and whose."""
    if shares is None:
        return line_of(asked, "no episode was recorded")
    joint = int(shares.argmax())
    sentence = f"joint {joint + 1} came to {shares[joint]:.0%} of its limit ({RATE})"
    return most_line(asked, float(shares[joint]), sentence, (evidence,), joints=shares.round(4).tolist())


def limiter_line(asked: Requirement, records: Sequence[EpisodeRecord], evidence: Evidence) -> Line:
    """In which share of the control steps the robot's limits changed the command."""
    kept = [(r.limited_share, r.steps) for r in records if r.limited_share is not None]
    if not kept:
        return line_of(asked, "no limits were kept")
    share = sum(s * n for s, n in kept) / max(1, sum(n for _, n in kept))
    worst = max(s for s, _ in kept)
    sentence = f"{share:.1%} of the commands, {worst:.1%} in the worst of {len(kept)} episodes"
    return most_line(asked, share, sentence, (evidence,), worst=worst)
