"""Where a command leads at most: its target brought inside the joints' limits and the caps on steps."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from workbench.bridge.gate.cfg import GateCfg
from workbench.bridge.gate.messages import Check, Command
from workbench.bridge.gate.space import Space
from workbench.bridge.gate.step_caps import joint_share, tool_share
from workbench.bridge.gate.trajectory import Planner

Finding = tuple[Check, str]


@dataclass(frozen=True, eq=False)
class Target:
    """Where the arm is to go."""

    position: np.ndarray
    """``[J]`` [rad]"""
    seq: int | None
    """Of the command; None for where the arm came to rest by itself."""


def within_limits(
    command: Command, cfg: GateCfg, low: np.ndarray, high: np.ndarray
) -> tuple[np.ndarray | None, list[Finding]]:
    """A command's joint positions ``[J]`` [rad] within the limits, and what was changed; None if far outside, and why.

    Args:
        command: one that has passed the checks of messages.
        cfg: of the gate.
        low: least joint positions of a target ``[J]`` [rad].
        high: greatest ones.
    """
    position = command.position.astype(np.float64)
    beyond = np.maximum(low - position, position - high)
    joint = int(beyond.argmax())
    if beyond[joint] > cfg.position_excess:
        reach = f"its range is {low[joint]:.3f} to {high[joint]:.3f}"
        return None, [
            (Check.JOINT_LIMITS, f"joint {joint + 1} would be at {position[joint]:.4g} rad: {reach}")
        ]
    if beyond[joint] <= 0:
        return position, []
    short = f"joint {joint + 1} stays at its limit, short by {beyond[joint]:.3f} rad"
    return np.clip(position, low, high), [(Check.JOINT_LIMITS, short)]


def shortened(
    position: np.ndarray, before: Target, here: np.ndarray, cfg: GateCfg, planner: Planner, space: Space
) -> tuple[np.ndarray, list[Finding]]:
    """Joint positions ``[J]`` [rad] no farther than caps and lead allow, in the same direction, and what was changed.

    Args:
        position: where a command leads ``[J]`` [rad].
        before: the target before it, from which steps count.
        here: where the arm is commanded to be now ``[J]`` [rad], from which the lead counts.
        cfg: of the gate.
        planner: knows the velocities that are allowed.
        space: knows where the tool is.
    """
    share, changes = _step_share(before.position, position, cfg, space)
    if share < 1:
        position = before.position + share * (position - before.position)
    ahead = position - here
    lead = float((np.abs(ahead) / (cfg.lead * planner.velocity)).max())
    if lead > 1:
        position = here + ahead / lead
        far = f"the target is {lead * cfg.lead:.2f} s ahead"
        changes.append((Check.STEP_CAP, f"{far}: {1 / lead:.0%} of the way are taken"))
    return position, changes


def _step_share(
    before: np.ndarray, after: np.ndarray, cfg: GateCfg, space: Space
) -> tuple[float, list[Finding]]:
    """Share of a step between joint positions ``[J]`` [rad] that keeps within the caps, and what was shortened."""
    changes: list[Finding] = []
    step = after - before
    share = joint_share(step, cfg.caps)
    if share < 1:
        joint = int(np.abs(step).argmax())
        would = f"joint {joint + 1} would step by {step[joint]:.3f} rad"
        changes.append((Check.STEP_CAP, f"{would}: {share:.0%} of the way are taken"))
    if np.isfinite((cfg.caps.translation, cfg.caps.rotation)).any() and step.any():
        at, turned = space.tool(before)
        there, turned_there = space.tool(before + share * step)
        tool, distance, angle = tool_share(there - at, turned, turned_there, cfg.caps)
        if tool < 1:
            share *= tool
            would = f"the tool would step by {distance:.3f} m and {angle:.2f} rad"
            changes.append((Check.STEP_CAP, f"{would}: {tool:.0%} of the way are taken"))
    return share, changes
