"""From what a rollout kept of an episode to a `DatasetEpisode` without pictures."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from domain_rand.episode import Episode
from policy.action import ActionSpec
from robots.registry import robot
from tasks.registry import find
from tasks.tabletop.dropped import dropped
from tasks.tabletop.workspace import Slot, pool
from workbench.data.episode import TRACE_POINTS, Body, DatasetEpisode
from workbench.data.generate.annotate import demonstration, pushed
from workbench.rollout.loop import RunningEpisode

UNSTABLE, OUTSIDE_LIMITS, NO_DEMONSTRATION = "unstable_physics", "outside_limits", "no_demonstration"
"""Why a trajectory is not kept, beside the reasons for which episodes fail."""
ON_THE_TABLE = -0.5
"""A body of the pool that is ever higher than this is in the scene [m]: the others wait far below the floor."""
LIMIT_SLACK = 0.02
"""How far a joint may be past its limit, as solvers let it be [rad]."""


def to_episode(
    ran: RunningEpisode,
    episode: Episode,
    record: Mapping[str, Any],
    action_spec: ActionSpec,
    base_pose: np.ndarray,
    paraphrases: tuple[str, ...] = (),
) -> DatasetEpisode:
    """The episode as demonstrated; NotADemonstration if its states show none.

    Args:
        ran: what the rollout kept: states and actions of every step.
        episode: its draws.
        record: its line, as in ``episodes.jsonl``.
        action_spec: what the actions mean.
        base_pose: robot base in the table's frame ``[7]``.
        paraphrases: other ways to say the instruction.
    """
    states = {name: np.stack([state[name] for state in ran.states]) for name in ran.states[0]}
    actions = np.stack(ran.actions).astype(np.float32)
    slots = pool(robot(action_spec.robot).workspace.scale)
    order = list(slots)
    scene = episode.scene
    named = {p.slot: p.describe(slots) for p in scene.placements}
    # What a disturbance lets fall is in nobody's plan.
    slot, color = dropped(scene)
    if states["body_pose"][:, order.index(slot), 2].max() > ON_THE_TABLE:
        named[slot] = f"{color} {slots[slot].body.noun}"
    poses = states["body_pose"][:, [order.index(slot) for slot in named]]
    closed = np.concatenate(([False], action_spec.closes(actions)))
    if find(scene.task).grasps:
        shown = demonstration(closed, states["ee_pose"], states["gripper_width"], poses[:, 0], poses[:, 1])
    else:
        shown = pushed(poses[:, 0], poses[:, 1])
    roles = ("target", "receptacle", *("distractor",) * (len(named) - 2))
    return DatasetEpisode(
        name=f"{episode.spec.index:06d}",
        record=record,
        render=None,
        factors=episode.factors,
        paraphrases=paraphrases,
        control_hz=action_spec.control_hz,
        action_spec=action_spec,
        base_pose=base_pose.astype(np.float32),
        bodies=tuple(
            Body(slot, role, label, _extents(slots[slot]))
            for (slot, label), role in zip(named.items(), roles, strict=True)
        ),
        actions=actions,
        body_pose=poses,
        phase=shown.phase,
        grasp=shown.grasp,
        contact=shown.contact,
        place=shown.place,
        frame_steps=np.zeros(0, np.int64),
        shown_steps=np.zeros(0, np.int64),
        trace=np.zeros((0, TRACE_POINTS, 3), np.float32),
        joint_pos=states["joint_pos"],
        joint_vel=states["joint_vel"],
        gripper_width=states["gripper_width"],
        ee_pose=states["ee_pose"],
        commanded_joints=states["commanded_joints"],
        measured_joint_pos=states["measured_joint_pos"],
        measured_gripper_width=states["measured_gripper_width"],
        measured_ee_pose=states["measured_ee_pose"],
    )


def _extents(slot: Slot) -> tuple[float, float, float]:
    x, y, z = map(float, slot.body.visual.extents * slot.scale)
    return x, y, z


def defect(episode: DatasetEpisode) -> str | None:
    """Why a successful trajectory should not be kept; None if nothing speaks against it."""
    if episode.problems():
        return UNSTABLE
    limits = robot(episode.action_spec.robot).spec.limits
    low, high = (np.array(limit) for limit in (limits.position_low, limits.position_high))
    joints = episode.joint_pos
    if (joints < low - LIMIT_SLACK).any() or (joints > high + LIMIT_SLACK).any():
        return OUTSIDE_LIMITS
    return None
