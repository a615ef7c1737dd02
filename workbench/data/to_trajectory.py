"""A dataset's episode as a `Trajectory`, to be looked at in Rerun: annotations are shown as true grounding."""

from __future__ import annotations

import numpy as np
from scipy.spatial.transform import Rotation

from policy.grounding import GRASP, PLACE, RECEPTACLE, TARGET, Box, Grounding, Point
from robots.registry import robot
from tasks.tabletop.scene import COLORS
from tasks.tabletop.workspace import pool
from workbench.data.episode import CameraFrames, DatasetEpisode
from workbench.rollout.trajectory import BodyTrack, CameraTrack, Trajectory

GREY = (0.5, 0.5, 0.5)
"""Colour of a body whose label names none."""


def to_trajectory(episode: DatasetEpisode) -> Trajectory:
    """The episode with its pictures and annotations, states at every control step."""
    model = robot(episode.action_spec.robot)
    rotation = Rotation.from_quat(episode.ee_pose[:, 3:]).as_matrix()
    channels = tuple(f"{c.name} [{c.unit}]" for c in episode.action_spec.channels)
    truths = []
    for f, step in enumerate(episode.frame_steps.tolist()):
        for name, camera in episode.cameras.items():
            truths.append((step, _grounding(name, camera, f)))
    return Trajectory(
        record={**episode.record, "factors": dict(episode.factors), "index": int(episode.record["index"])},
        control_dt=1.0 / episode.control_hz,
        joint_names=(*model.spec.arm_joints, *model.spec.finger_joints),
        joint_pos=np.column_stack((episode.joint_pos, model.gripper.joints_at(episode.gripper_width))),
        gripper_width=episode.gripper_width,
        tool_position=episode.ee_pose[:, :3],
        tool_rotation=rotation,
        action_channels=channels,
        actions=episode.actions,
        bodies=tuple(_body(episode, k) for k in range(len(episode.bodies))),
        cameras={name: _track(episode, name, camera, rotation) for name, camera in episode.cameras.items()},
        true_grounding=tuple(truths),
        frame_steps=episode.frame_steps,
        frames={name: camera.jpeg for name, camera in episode.cameras.items()},
        robot=model.spec.name,
    )


def _grounding(name: str, camera: CameraFrames, f: int) -> Grounding:
    boxes = [
        Box(label, tuple(camera.boxes[f, k].tolist()))
        for k, label in enumerate((TARGET, RECEPTACLE))
        if np.isfinite(camera.boxes[f, k]).all()
    ]
    points = [
        Point(label, tuple(uv[f].tolist()))
        for label, uv in ((GRASP, camera.grasp), (PLACE, camera.place))
        if np.isfinite(uv[f]).all()
    ]
    trace = tuple((float(u), float(v)) for u, v in camera.trace[f] if np.isfinite((u, v)).all())
    return Grounding(name, (camera.width, camera.height), tuple(boxes), tuple(points), trace)


def _scale(episode: DatasetEpisode) -> float:
    return robot(episode.action_spec.robot).workspace.scale


def _body(episode: DatasetEpisode, k: int) -> BodyTrack:
    body, slot = episode.bodies[k], pool(_scale(episode))[episode.bodies[k].slot]
    return BodyTrack(
        name=body.slot,
        role=body.role,
        label=body.label,
        color=COLORS.get(body.label.split()[0], GREY),
        vertices=np.asarray(slot.body.visual.vertices * slot.scale, np.float32),
        faces=np.asarray(slot.body.visual.faces, np.int32),
        pose=episode.body_pose[:, k],
    )


def _track(episode: DatasetEpisode, name: str, camera: CameraFrames, rotation: np.ndarray) -> CameraTrack:
    """Where a camera is at every control step: one on the hand moves with it, others stay."""
    states = episode.steps + 1
    if name == "wrist":
        model = robot(episode.action_spec.robot)
        mounted, turned = model.wrist_camera.in_tool(model.spec)
        position, axes = episode.ee_pose[:, :3] + rotation @ mounted, rotation @ turned
    else:
        position = np.repeat(camera.position[:1], states, 0)
        axes = np.repeat(camera.rotation[:1], states, 0)
    return CameraTrack(camera.width, camera.height, camera.intrinsics, position, axes, camera.distortion)
