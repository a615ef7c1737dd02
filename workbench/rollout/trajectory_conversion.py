"""From what a rollout kept of an episode to a `Trajectory`, and from there back to states that can be shown."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from domain_rand.episode import Episode
from robots.protocol import RobotModel
from robots.registry import robot
from tasks.camera_spec import CameraSpec
from tasks.tabletop.scene import COLORS
from tasks.tabletop.workspace import PARKING, pool
from workbench.rollout.loop import RunningEpisode
from workbench.rollout.trajectory import BodyTrack, CameraTrack, Trajectory


def capture(
    ran: RunningEpisode,
    episode: Episode,
    record: Mapping[str, Any],
    control_dt: float,
    action_channels: Sequence[str],
    cameras: Mapping[str, CameraSpec],
    calibration: Mapping[str, tuple[np.ndarray, np.ndarray]],
    lenses: Mapping[str, tuple[np.ndarray, float]],
    model: RobotModel,
) -> Trajectory:
    """The recorded episode as a `Trajectory`, without images.

    Args:
        ran: what the rollout kept.
        episode: its draws.
        record: its line of ``episodes.jsonl``.
        control_dt: duration of a step [s].
        action_channels: name and unit of each channel.
        cameras: calibrated cameras of the scene.
        calibration: pose of each fixed camera in this episode: position ``[3]`` [m], OpenCV axes ``[3, 3]``.
        lenses: calibration ``[3, 3]`` [px] and radial distortion of each camera in this episode.
        model: the robot.
    """
    arm = np.stack([state["joint_pos"] for state in ran.states])
    width = np.array([state["gripper_width"] for state in ran.states])
    poses = np.stack([state["body_pose"] for state in ran.states])
    position, rotation = model.chain.pose(arm)
    tracks = {}
    for name, spec in cameras.items():
        if name in calibration:
            at, axes = (np.broadcast_to(a, (len(arm), *a.shape)) for a in calibration[name])
        else:
            mounted, turned = model.wrist_camera.in_tool(model.spec)
            at, axes = position + rotation @ mounted, rotation @ turned
        intrinsics, distortion = lenses[name]
        tracks[name] = CameraTrack(
            spec.width, spec.height, intrinsics, np.array(at), np.array(axes), distortion
        )
    return Trajectory(
        record=record,
        control_dt=control_dt,
        joint_names=(*model.spec.arm_joints, *model.spec.finger_joints),
        joint_pos=np.column_stack((arm, model.gripper.joints_at(width))),
        gripper_width=width,
        tool_position=position,
        tool_rotation=rotation,
        action_channels=tuple(action_channels),
        actions=np.stack(ran.actions),
        bodies=_bodies(episode, poses, model),
        cameras=tracks,
        decisions=tuple(ran.decisions),
        true_grounding=tuple(ran.truths),
        robot=model.spec.name,
    )


def _bodies(episode: Episode, poses: np.ndarray, model: RobotModel) -> tuple[BodyTrack, ...]:
    slots = pool(model.workspace.scale)
    order = list(slots)
    scene = episode.scene
    roles = ["target", "receptacle", *["distractor"] * len(scene.distractors)]
    return tuple(
        BodyTrack(
            name=p.slot,
            role=role,
            label=p.describe(slots),
            color=COLORS[p.color],
            vertices=np.asarray(slots[p.slot].body.visual.vertices * slots[p.slot].scale, np.float32),
            faces=np.asarray(slots[p.slot].body.visual.faces, np.int32),
            pose=poses[:, order.index(p.slot)],
        )
        for p, role in zip(scene.placements, roles, strict=True)
    )


def states_of(trajectory: Trajectory, instants: Sequence[int]) -> list[dict[str, np.ndarray]]:
    """States at some instants as `Simulation.snapshot` gives them: bodies that the episode did not use are parked."""
    order = list(pool())
    states = []
    for i in instants:
        pose = np.zeros((len(order), 7), np.float32)
        pose[:, :3] = PARKING
        pose[:, 6] = 1.0
        for body in trajectory.bodies:
            pose[order.index(body.name)] = body.pose[i]
        arm = trajectory.joint_pos[i, : len(robot(trajectory.robot).spec.arm_joints)].astype(np.float32)
        states.append(
            {
                "joint_pos": arm,
                "gripper_width": np.asarray(trajectory.gripper_width[i], np.float32),
                "body_pose": pose,
            }
        )
    return states
