"""Drawing episodes after they ran: recorded states are set, not simulated, and rendered many instants at a time.

Every environment shows another instant of the same episode, so a renderer that draws all environments at once wastes
nothing, and an evaluation whose policy needs no cameras runs at full speed.
"""

from __future__ import annotations

import io
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
import torch
from PIL import Image

from domain_rand.episode import Episode, apply_episodes
from robots.franka import PANDA
from robots.franka.kinematics import forward
from tasks.cameras import CameraSpec
from tasks.pick_place.scene import COLORS
from tasks.pick_place.workspace import WRIST_OFFSET, pool, wrist_axes
from workbench.rollout import RunningEpisode
from workbench.trajectory import BodyTrack, CameraTrack, Trajectory

JPEG_QUALITY = 88


def render_instants(
    env: Any, episode: Episode, states: Sequence[Mapping[str, np.ndarray]], cameras: Sequence[str]
) -> dict[str, list[np.ndarray]]:
    """Images of one episode at the states given: camera -> RGB ``[H, W, 3]`` a state."""
    rows = range(env.num_envs)
    for row in rows:
        env.assign(row, episode.scene)
    env.reset()
    apply_episodes(env, rows, [episode] * env.num_envs)
    images: dict[str, list[np.ndarray]] = {name: [] for name in cameras}
    for start in range(0, len(states), env.num_envs):
        batch = list(states[start : start + env.num_envs])
        _show(env, batch + batch[-1:] * (env.num_envs - len(batch)))
        for name in cameras:
            images[name] += list(env.image(name)[: len(batch)].cpu().numpy())
    return images


def render_finals(
    env: Any, episodes: Sequence[Episode], states: Sequence[Mapping[str, np.ndarray]], camera: str = "front"
) -> list[np.ndarray]:
    """One image of each episode at its state: RGB ``[H, W, 3]``."""
    images: list[np.ndarray] = []
    for start in range(0, len(episodes), env.num_envs):
        chosen = list(episodes[start : start + env.num_envs])
        batch = list(states[start : start + env.num_envs])
        missing = env.num_envs - len(chosen)
        shown = chosen + chosen[-1:] * missing
        for row, episode in enumerate(shown):
            env.assign(row, episode.scene)
        env.reset()
        apply_episodes(env, range(env.num_envs), shown)
        _show(env, batch + batch[-1:] * missing)
        images += list(env.image(camera)[: len(chosen)].cpu().numpy())
    return images


def _show(env: Any, states: Sequence[Mapping[str, np.ndarray]]) -> None:
    def stacked(name: str) -> torch.Tensor:
        return torch.tensor(np.stack([state[name] for state in states]), device=env.device)

    ids = torch.arange(env.num_envs, device=env.device)
    env.show(ids, stacked("joint_pos"), stacked("gripper_width"), stacked("body_pose"))


def jpeg(image: np.ndarray) -> bytes:
    """An RGB image ``[H, W, 3]`` uint8 as JPEG."""
    buffer = io.BytesIO()
    Image.fromarray(image).save(buffer, "JPEG", quality=JPEG_QUALITY)
    return buffer.getvalue()


def build_trajectory(
    ran: RunningEpisode,
    episode: Episode,
    record: Mapping[str, Any],
    control_dt: float,
    action_channels: Sequence[str],
    cameras: Mapping[str, CameraSpec],
    calibration: Mapping[str, tuple[np.ndarray, np.ndarray]],
    draw: Callable[[Sequence[Mapping[str, np.ndarray]]], Mapping[str, list[np.ndarray]]] | None,
    frame_every: int,
) -> Trajectory:
    """The recorded episode as a `Trajectory`.

    Args:
        ran: what the rollout kept.
        episode: its draws.
        record: its line of ``episodes.jsonl``.
        control_dt: duration of a step [s].
        action_channels: name and unit of each channel.
        cameras: calibrated cameras of the scene.
        calibration: pose of each fixed camera in this episode: position ``[3]`` [m], OpenCV axes ``[3, 3]``.
        draw: renders states; None for no images.
        frame_every: steps between two images.
    """
    arm = np.stack([state["joint_pos"] for state in ran.states])
    width = np.array([state["gripper_width"] for state in ran.states])
    poses = np.stack([state["body_pose"] for state in ran.states])
    position, rotation, _ = forward(torch.from_numpy(arm).double())
    tracks = {}
    for name, spec in cameras.items():
        if name in calibration:
            at, axes = (np.broadcast_to(a, (len(arm), *a.shape)) for a in calibration[name])
        else:
            hand = position - rotation @ torch.tensor(PANDA.tool_offset).double()
            at = (hand + rotation @ torch.tensor(WRIST_OFFSET).double()).numpy()
            axes = (rotation @ wrist_axes().double()).numpy()
        tracks[name] = CameraTrack(
            spec.width, spec.height, spec.intrinsics().numpy(), np.array(at), np.array(axes)
        )
    steps = np.arange(0, len(arm), frame_every)
    if steps[-1] != len(arm) - 1:
        steps = np.append(steps, len(arm) - 1)
    images = draw([ran.states[i] for i in steps]) if draw is not None else {}
    return Trajectory(
        record=record,
        control_dt=control_dt,
        joint_names=(*PANDA.arm_joints, *PANDA.finger_joints),
        joint_pos=np.column_stack((arm, width / 2, width / 2)),
        gripper_width=width,
        tool_position=position.numpy(),
        tool_rotation=rotation.numpy(),
        action_channels=tuple(action_channels),
        actions=np.stack(ran.actions),
        bodies=_bodies(episode, poses),
        cameras=tracks,
        decisions=tuple(ran.decisions),
        true_grounding=tuple(ran.truths),
        frame_steps=steps if images else np.zeros(0, np.int64),
        frames={name: tuple(jpeg(image) for image in shots) for name, shots in images.items()},
    )


def _bodies(episode: Episode, poses: np.ndarray) -> tuple[BodyTrack, ...]:
    slots = pool()
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
