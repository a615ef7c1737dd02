"""`RealFrames`: pictures of a log, each with the state of the robot and of the things on the table when it was taken.

Of a run of the bridge, each picture's own time of capture counts: joints are interpolated between the ticks around it.
Archives and LeRobot datasets say which control step a picture shows.
"""

from __future__ import annotations

import base64
import io
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image, JpegImagePlugin

from robots.protocol import RobotModel
from workbench.data.archive.archive import EPISODES, ArchiveError, chunks, episodes
from workbench.data.episode import DEPTH_UNIT, Body, DatasetEpisode
from workbench.identification.motion_log import LogError
from workbench.visual_gap.pairs import HALVED

COMPRESSION_TABLE = (16, 11, 10, 16, 24, 40, 51, 61)
"""First row of the luminance table that the JPEG standard suggests (ITU-T T.81, table K.1): quality 50."""


@dataclass(frozen=True)
class RealFrames:
    """``F`` pictures of one camera."""

    camera: str
    source: str
    pictures: np.ndarray
    """``[F, H, W, 3]`` RGB uint8."""
    joint_pos: np.ndarray
    """Arm joint positions ``[F, J]`` [rad]."""
    gripper_width: np.ndarray
    """``[F]`` [m]"""
    bodies: tuple[Body, ...] = ()
    """Things whose poses are known ``[P]``."""
    body_pose: np.ndarray = field(default_factory=lambda: np.zeros((0, 0, 7)))
    """``[F, P, 7]``: position [m], quaternion x y z w, base frame."""
    speed: np.ndarray = field(default_factory=lambda: np.zeros(0))
    """Of the fastest joint ``[F]`` [rad/s]: what a picture that is late shows wrong."""
    depth: np.ndarray | None = None
    """``[F, H, W]`` [m]; 0 is unknown. None where the log has none."""
    jpeg_quality: int | None = None
    """Of the log's own compression; None where it is not JPEG."""
    jpeg_sampling: int = HALVED
    """How much of the colour it keeps, see `compressed`."""
    coded: bool = False
    """Whether they come from a video."""
    instruction: str = ""
    """What was asked; empty where the log does not say."""

    def evenly(self, count: int) -> np.ndarray:
        """Numbers of ``count`` of them at most, spread evenly over the slower two thirds, in the order of time."""
        if len(self.pictures) <= count:
            return np.arange(len(self.pictures))
        slow = np.flatnonzero(self.speed <= np.quantile(self.speed, 2 / 3))
        slow = slow if len(slow) >= count else np.arange(len(self.pictures))
        return slow[np.unique(np.linspace(0, len(slow) - 1, count).round().astype(int))]

    def rows(self, taken: np.ndarray) -> RealFrames:
        """Some of the pictures, by number."""
        return replace(
            self,
            pictures=self.pictures[taken],
            joint_pos=self.joint_pos[taken],
            gripper_width=self.gripper_width[taken],
            body_pose=self.body_pose[taken],
            speed=self.speed[taken],
            depth=None if self.depth is None else self.depth[taken],
        )


def read_real(words: Sequence[str], model: RobotModel) -> list[RealFrames]:
    """The pictures of logs, camera by camera and episode by episode; LogError, in a sentence, where there are none."""
    found = [frames for word in words for frames in _read(Path(word), model)]
    if not found:
        raise LogError("no log is named")
    return found


def _read(path: Path, model: RobotModel) -> list[RealFrames]:
    try:
        if path.suffix == ".mcap":
            made = list(_bridged(path))
        elif (path / "ticks").is_dir():
            made = [f for file in sorted((path / "ticks").glob("*.mcap")) for f in _bridged(file)]
        elif chunks(path / EPISODES) or chunks(path):
            stage = path / EPISODES if chunks(path / EPISODES) else path
            made = [f for episode in episodes(stage) for f in _of_episode(episode, path)]
        elif (path / "meta/info.json").is_file():
            from workbench.visual_gap.lerobot_frames import lerobot_frames

            made = list(lerobot_frames(path, model))
        elif not path.exists():
            raise LogError(f"there is no log {path}")
        else:
            raise LogError(
                f"{path} is no log with pictures: known are runs and MCAP files of the bridge, archives and "
                "LeRobot datasets"
            )
    except ArchiveError as problem:
        raise LogError(str(problem)) from problem
    if not made:
        raise LogError(f"{path} has no pictures: the bridge keeps them with pictures=true")
    return made


def _of_episode(episode: DatasetEpisode, path: Path) -> Iterator[RealFrames]:
    shown = episode.shown_steps
    speed = np.abs(episode.joint_vel[shown]).max(1) if len(shown) else np.zeros(0)
    for name, camera in episode.cameras.items():
        if not camera.jpeg:
            continue
        _, first = np.unique(shown, return_index=True)  # a picture that is shown again says nothing new
        yield RealFrames(
            camera=name,
            source=f"{path} {episode.name}",
            pictures=_decoded([camera.jpeg[k] for k in first]),
            joint_pos=episode.joint_pos[shown][first],
            gripper_width=episode.gripper_width[shown][first],
            bodies=episode.bodies,
            body_pose=episode.body_pose[shown][first],
            speed=speed[first],
            depth=None if camera.depth is None else camera.depth[first] * np.float64(DEPTH_UNIT),
            jpeg_quality=jpeg_quality(camera.jpeg[0]),
            jpeg_sampling=jpeg_sampling(camera.jpeg[0]),
            instruction=episode.instruction,
        )


def _bridged(path: Path) -> Iterator[RealFrames]:
    """The pictures of a log of the bridge; each at the time at which it was taken."""
    from workbench.bridge.dataset import BODIES
    from workbench.bridge.ticks import read_ticks

    wall: int | None = None
    instruction = ""
    times: list[float] = []
    joints: list[list[float]] = []
    velocities: list[list[float]] = []
    widths: list[float] = []
    pose_times: list[float] = []
    poses: list[Mapping[str, Any]] = []
    taken: dict[str, list[tuple[float, bytes]]] = {}
    try:
        for topic, message in read_ticks(path):
            if topic == "/clock":
                wall = int(message["wall_minus_monotonic_ns"])
            elif topic == "/episode" and "begin" in message:
                instruction = str(message.get("instruction", ""))
            elif topic == "/tick" and "state" in message:
                state = message["state"]
                if not times or state["joint_pos"]["captured"] > times[-1]:
                    times.append(state["joint_pos"]["captured"])
                    joints.append(state["joint_pos"]["value"])
                    velocities.append(state["joint_vel"]["value"])
                    widths.append(state["gripper_width"]["value"][0] or 0.0)
                if message.get("control", {}).get("poses"):
                    pose_times.append(message["at"])
                    poses.append(message["control"]["poses"])
            elif topic.startswith("/picture/"):
                stamp = message["timestamp"]
                at = (stamp["sec"] * 10**9 + stamp["nsec"] - (wall or 0)) * 1e-9
                taken.setdefault(topic.rpartition("/")[2], []).append((at, base64.b64decode(message["data"])))
    except (KeyError, TypeError, ValueError) as problem:
        raise LogError(f"{path} is no log of the bridge: {problem}") from problem
    if len(times) < 2 or wall is None:
        return
    names = [name for name in BODIES if poses and all(name in known for known in poses)]
    for camera, shots in taken.items():
        # What was taken before the log began shows a state that nobody wrote down.
        shots = [(at, data) for at, data in shots if times[0] - 0.02 <= at <= times[-1] + 0.02]
        if not shots:
            continue
        at = np.array([time for time, _ in shots])
        where = np.searchsorted(pose_times, at).clip(0, max(len(poses) - 1, 0))
        rows = [[poses[k][name] for name in names] for k in where.tolist()] if names else []
        yield RealFrames(
            camera=camera,
            source=str(path),
            pictures=_decoded([data for _, data in shots]),
            joint_pos=interpolated(at, times, joints),
            gripper_width=np.clip(interpolated(at, times, [[w] for w in widths])[:, 0], 0.0, None),
            bodies=tuple(BODIES[name] for name in names),
            body_pose=np.array(rows, np.float64).reshape(len(at), len(names), 7),
            speed=np.abs(interpolated(at, times, velocities)).max(1),
            jpeg_quality=jpeg_quality(shots[0][1]),
            jpeg_sampling=jpeg_sampling(shots[0][1]),
            instruction=instruction,
        )


def interpolated(
    when: np.ndarray, times: Sequence[float] | np.ndarray, values: Sequence[Sequence[float]] | np.ndarray
) -> np.ndarray:
    """Rows ``[T, J]`` known at ``times`` ``[T]``, interpolated ``[F, J]``."""
    table = np.array(values, np.float64)
    return np.stack([np.interp(when, times, column) for column in table.T], 1)


def _decoded(pictures: Sequence[bytes]) -> np.ndarray:
    return np.stack([np.asarray(Image.open(io.BytesIO(data)).convert("RGB")) for data in pictures])


def jpeg_quality(data: bytes) -> int | None:
    """The quality, 1 to 100, of a picture on the scale of the Independent JPEG Group; None for other formats."""
    tables = getattr(Image.open(io.BytesIO(data)), "quantization", None)
    if not tables:
        return None
    row = np.array(tables[0][:8], np.float64)
    scale = float(np.median(100 * row / COMPRESSION_TABLE))
    found = (200 - scale) / 2 if scale <= 100 else 5000 / scale
    return int(np.clip(round(found), 1, 100))


def jpeg_sampling(data: bytes) -> int:
    """How much of its colour a picture keeps, see `compressed`; `HALVED` for other formats and kinds."""
    found = int(JpegImagePlugin.get_sampling(Image.open(io.BytesIO(data))))
    return found if found >= 0 else HALVED
