"""Episodes made up for tests: whole, consistent, and quick to make, but nothing that a robot did."""

from __future__ import annotations

import io
from dataclasses import replace

import numpy as np
from PIL import Image

from robots.registry import robot
from tasks.tabletop.action_spaces import DELTA_EEF
from workbench.data.episode import TRACE_POINTS, Body, CameraFrames, DatasetEpisode

SIZE = 64
COLORS = {"red cube": (200, 30, 30), "blue plate": (30, 30, 200), "green ball": (30, 200, 30)}


def made_up_episode(
    index: int = 0,
    render: int = 0,
    steps: int = 12,
    stride: int = 1,
    cameras=("front", "wrist"),
    images=False,
    spec=DELTA_EEF,
) -> DatasetEpisode:
    """An episode whose pictures show a coloured rectangle exactly where each box is, of a robot told by ``spec``."""
    rng = np.random.default_rng([index, render])
    times = steps + 1
    frame_steps = np.arange(0, steps, stride)

    def walk(*shape: int, scale: float = 0.01) -> np.ndarray:
        return np.cumsum(rng.normal(0, scale, (times, *shape)), 0).astype(np.float32)

    def poses(*shape: int) -> np.ndarray:
        pose = np.zeros((times, *shape, 7), np.float32)
        pose[..., :3], pose[..., 6] = walk(*shape, 3), 1.0
        return pose

    arm = len(robot(spec.robot).spec.arm_joints)
    joints, ee = walk(arm), poses()
    actions = rng.normal(0, 0.01, (steps, spec.dim)).astype(np.float32)
    actions[:, -1] = np.where(np.arange(steps) < steps // 2, 1.0, -1.0)
    labels = list(COLORS)
    return DatasetEpisode(
        name=f"{index:06d}-{render:02d}",
        record={
            "index": index,
            "task": "pick_place",
            "seed": 5,
            "instruction": "put the red cube on the blue plate",
            "factors": {"scene.distractor_count": 1},
            "success": True,
            "failure_reason": None,
            "steps": steps,
        },
        render=render,
        factors={"scene.distractor_count": 1, "appearance.table_color": render},
        paraphrases=("place the red cube onto the blue plate", "move the red cube to the blue plate"),
        control_hz=20.0,
        action_spec=spec,
        base_pose=np.array((0, 0, 0, 0, 0, 0, 1), np.float32),
        bodies=tuple(
            Body(label.replace(" ", "_"), role, label, (0.04, 0.04, 0.04))
            for label, role in zip(labels, ("target", "receptacle", "distractor"), strict=True)
        ),
        actions=actions,
        joint_pos=joints,
        joint_vel=walk(arm),
        gripper_width=np.full(times, 0.08, np.float32),
        ee_pose=ee,
        commanded_joints=joints + 0.01,
        measured_joint_pos=joints + 0.001,
        measured_ee_pose=ee,
        measured_gripper_width=np.full(times, 0.08, np.float32),
        body_pose=poses(len(labels)),
        phase=np.minimum(np.arange(times) * 5 // times, 4).astype(np.uint8),
        grasp=np.array(((0, 0, 0), (0, 1, 0)), np.float32),
        contact=np.array(((0, 0.02, 0), (0, -0.02, 0)), np.float32),
        place=np.array((0, 0, 0.02), np.float32),
        frame_steps=frame_steps,
        shown_steps=frame_steps,
        trace=rng.normal(0, 0.1, (len(frame_steps), TRACE_POINTS, 3)).astype(np.float32),
        cameras={name: _camera(rng, len(frame_steps), images) for name in cameras},
    )


def _camera(rng: np.random.Generator, frames: int, images: bool) -> CameraFrames:
    p = len(COLORS)
    corner = rng.integers(0, SIZE // 2 - 20, (frames, p, 2))
    corner[:, 1, 0] += SIZE // 2  # beside the first: neither hides the other
    size = rng.integers(6, 20, (frames, p, 2))
    boxes = np.concatenate((corner, corner + size), -1).astype(np.float32)
    visibility = np.ones((frames, p), np.float32)
    boxes[:, 2], visibility[:, 2] = np.nan, 0.0  # the distractor is out of sight
    mask = np.zeros((frames, SIZE, SIZE), np.uint8)
    pictures = []
    for f in range(frames):
        picture = np.full((SIZE, SIZE, 3), 120, np.uint8)
        for k in range(2):
            u0, v0, u1, v1 = boxes[f, k].astype(int)
            picture[v0:v1, u0:u1] = list(COLORS.values())[k]
            mask[f, v0:v1, u0:u1] = k + 1
        pictures.append(jpeg(picture))
    middle = (boxes[:, :, :2] + boxes[:, :, 2:]) / 2
    steps = np.linspace(0, 1, TRACE_POINTS, dtype=np.float32)[None, :, None]
    return CameraFrames(
        width=SIZE,
        height=SIZE,
        jpeg=tuple(pictures),
        intrinsics=np.array(((70, 0, 32), (0, 70, 32), (0, 0, 1)), np.float32),
        distortion=0.05,
        position=rng.normal(0, 1, (frames, 3)).astype(np.float32),
        rotation=np.tile(np.eye(3, dtype=np.float32), (frames, 1, 1)),
        boxes=boxes,
        visibility=visibility,
        grasp=middle[:, 0],
        contact=np.stack((middle[:, 0] - 3, middle[:, 0] + 3), 1),
        place=middle[:, 1],
        trace=middle[:, None, 0] * (1 - steps) + middle[:, None, 1] * steps,
        depth=np.full((frames, SIZE, SIZE), 8000, np.uint16) if images else None,
        mask=mask if images else None,
    )


def jpeg(picture: np.ndarray) -> bytes:
    """A picture ``[H, W, 3]`` as JPEG."""
    buffer = io.BytesIO()
    Image.fromarray(picture).save(buffer, "JPEG", quality=95)
    return buffer.getvalue()


def without(episode: DatasetEpisode, **changes) -> DatasetEpisode:
    """The episode with some fields replaced."""
    return replace(episode, **changes)
