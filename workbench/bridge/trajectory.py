"""An episode on a real arm as a `Trajectory`: what `view` draws and exports are made of."""

from __future__ import annotations

import io
import math
from typing import TYPE_CHECKING

import numpy as np
from PIL import Image
from scipy.spatial.transform import Rotation

from robots.registry import arm
from workbench.bridge.episode import Happened
from workbench.bridge.options import TWIN, BridgeOptions
from workbench.bridge.twin import scene
from workbench.rollout.trajectory import CameraTrack, Trajectory
from workbench.runs.records import EpisodeRecord

if TYPE_CHECKING:
    from workbench.bridge.setup import Bench

JPEG_QUALITY = 92


def trajectory_of(
    record: EpisodeRecord, happened: Happened, bench: Bench, options: BridgeOptions
) -> Trajectory | None:
    """What was measured of the arm, and seen; None for an arm whose tool is not known, or an episode without a step."""
    if not happened.steps or not np.isfinite(happened.steps[0].ee_pose).all():
        return None
    model = arm("franka" if options.robot == TWIN else options.robot)
    spec = bench.policy.action_spec
    # A state more than actions: the last one stands for what came after the last action.
    states = [*happened.steps, happened.steps[-1]]
    joints = np.stack([step.state.joint_pos.value for step in states])
    width = np.clip([float(step.state.gripper_width.value[0]) for step in states], 0.0, None)
    pose = np.stack([step.ee_pose for step in states])
    rotation = Rotation.from_quat(pose[:, 3:]).as_matrix()
    shown = [(step, pictures) for step, pictures in happened.frames if step < len(happened.steps)]
    frames = {
        name: tuple(_jpeg(pictures[name].rgb) for _, pictures in shown)
        for name in (shown[0][1] if shown else ())
    }
    return Trajectory(
        record=record.to_dict(),
        control_dt=1 / spec.control_hz,
        joint_names=(*model.spec.arm_joints, *model.spec.finger_joints),
        joint_pos=np.column_stack((joints, model.gripper.joints_at(width))),
        gripper_width=width,
        tool_position=pose[:, :3],
        tool_rotation=rotation,
        action_channels=tuple(f"{c.name} [{c.unit}]" for c in spec.channels),
        actions=np.stack([step.action for step in happened.steps]).astype(np.float32),
        bodies=(),
        cameras={name: camera_track(name, model.spec.name, options.image_size, pose) for name in frames},
        frame_steps=np.array([step for step, _ in shown], np.int64),
        frames=frames,
        robot=model.spec.name,
    )


def _jpeg(rgb: np.ndarray) -> bytes:
    held = io.BytesIO()
    Image.fromarray(rgb).save(held, "JPEG", quality=JPEG_QUALITY)
    return held.getvalue()


def camera_track(name: str, robot_name: str, size: int, tool: np.ndarray) -> CameraTrack:
    """Where a camera is believed to be: as in the simulated tasks, whose views the twin's are.

    Args:
        name: ``front`` or ``wrist``.
        robot_name: of the arm that carries the latter.
        size: width and height of its pictures [px].
        tool: poses of the tool at its instants ``[M, 7]``: x y z [m], quaternion x y z w.
    """
    if name == "front":
        eye = np.array(scene.EYE)
        position = np.tile(eye, (len(tool), 1))
        axes = np.tile(scene.look_at(eye, np.array(scene.TARGET)), (len(tool), 1, 1))
        focal = scene.FOCAL
    else:
        model = arm(robot_name)
        rotation = Rotation.from_quat(tool[:, 3:]).as_matrix()
        mounted, turned = model.wrist_camera.in_tool(model.spec)
        position = tool[:, :3] + rotation @ mounted
        axes, focal = rotation @ turned, 0.5 / math.tan(model.wrist_camera.field_of_view / 2)
    intrinsics = np.array(((focal * size, 0.0, size / 2), (0.0, focal * size, size / 2), (0.0, 0.0, 1.0)))
    return CameraTrack(size, size, intrinsics, position, axes)
