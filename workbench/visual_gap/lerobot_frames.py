"""Pictures of LeRobot datasets, each with the joints of its own row.

The bench's own exports say more: where things stood, and how old a picture is, so that it gets the state that it shows.
"""

from __future__ import annotations

import io
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from PIL import Image

from robots.protocol import RobotModel
from workbench.data.episode import Body
from workbench.data.lerobot.columns import VIEWS, arranged
from workbench.data.lerobot.reading import ImportedEpisode, load_lerobot
from workbench.data.lerobot.video_spans import SpanReader
from workbench.identification.motion_log import LogError
from workbench.visual_gap.pairs import HALVED
from workbench.visual_gap.real_frames import RealFrames, interpolated, jpeg_quality, jpeg_sampling

JOINTS = ("state.joints", "observation.state")
"""Columns of joint positions [rad], the first that is there."""
WIDTH = "state.gripper_width"
IMAGES = "observation.images."
AGE = "annotation.picture_age"
POSITION, QUATERNION = "annotation.body_position", "annotation.body_quaternion"
STRIDE = 5
"""One row of so many is compared."""


def lerobot_frames(path: Path, model: RobotModel) -> Iterator[RealFrames]:
    """The pictures of a dataset's episodes, camera by camera; LogError for one without joints.

    A column ``observation.images.NAME`` is camera NAME; of the bench's own exports, the camera that it was.
    """
    for episode in load_lerobot(path):
        yield from _episode(episode, path, model)


def _episode(episode: ImportedEpisode, path: Path, model: RobotModel) -> Iterator[RealFrames]:
    joints = len(model.spec.arm_joints)
    state = next((episode.column(n) for n in JOINTS if n in episode.columns), None)
    if state is None or state.shape[1] < joints:
        raise LogError(
            f"{path} episode {episode.index} has no {joints} joint positions in any of {', '.join(JOINTS)}"
        )
    arm = state[:, :joints].astype(np.float64)
    width = episode.column(WIDTH)[:, 0] if WIDTH in episode.columns else np.zeros(len(arm))
    speed = np.abs(np.gradient(arm, axis=0)).max(1) * episode.fps if len(arm) > 1 else np.zeros(len(arm))
    rows, every = np.arange(0, len(arm), STRIDE), np.arange(len(arm))
    age = episode.column(AGE)[rows, 0] if AGE in episode.columns else np.zeros(len(rows))
    shown = rows - age * episode.fps
    bodies = _bodies(episode)
    cameras = {view: name for name, view in VIEWS.items()}
    for column in (*episode.videos, *episode.pictures):
        if not column.startswith(IMAGES):
            continue
        pictures, first = _pictures(episode, column, rows)
        name = column.removeprefix(IMAGES)
        yield RealFrames(
            camera=cameras.get(name, name),
            source=f"{path} episode {episode.index}",
            pictures=pictures,
            joint_pos=interpolated(shown, every, arm),
            gripper_width=interpolated(shown, every, width[:, None])[:, 0],
            bodies=bodies,
            body_pose=_body_pose(episode, len(bodies), shown),
            speed=speed[rows],
            jpeg_quality=None if first is None else jpeg_quality(first),
            jpeg_sampling=HALVED if first is None else jpeg_sampling(first),
            coded=column in episode.videos,
            instruction=episode.task,
        )


def _bodies(episode: ImportedEpisode) -> tuple[Body, ...]:
    """The things whose poses its annotations say, which the bench's own exports name."""
    if POSITION not in episode.columns:
        return ()
    return tuple(
        Body(said["slot"], said["role"], said["label"], tuple(said["extents"]))
        for said in episode.metadata.get("bodies", ())
    )


def _body_pose(episode: ImportedEpisode, bodies: int, shown: np.ndarray) -> np.ndarray:
    """``[R, P, 7]``: position [m], quaternion x y z w, base frame, at rows ``[R]`` and between them."""
    if not bodies:
        return np.zeros((len(shown), 0, 7))
    # Quaternions of the exports, w x y z, change continuously; rows have places for bodies of other episodes, too.
    position, quaternion = (
        arranged(name, episode.column(name))[:, :bodies] for name in (POSITION, QUATERNION)
    )
    rows = np.concatenate((position, np.roll(quaternion, -1, -1)), -1).reshape(episode.frames, -1)
    pose = interpolated(shown, np.arange(episode.frames), rows).reshape(len(shown), bodies, 7)
    pose[..., 3:] /= np.linalg.norm(pose[..., 3:], axis=-1, keepdims=True)
    return pose


def _pictures(episode: ImportedEpisode, column: str, rows: np.ndarray) -> tuple[np.ndarray, bytes | None]:
    """Pictures of some rows ``[F, H, W, 3]`` uint8, and the first as it is stored; None for videos."""
    if column in episode.videos:
        wanted = set(rows.tolist())
        frames = SpanReader().frames(episode.videos[column], episode.frames, episode.fps)
        return np.stack([picture for k, picture in enumerate(frames) if k in wanted]), None
    data = [episode.pictures[column][k] for k in rows.tolist()]
    pictures = [np.asarray(Image.open(io.BytesIO(d)).convert("RGB")) for d in data]
    return np.stack(pictures), data[0]
