"""Writing chunks of `workbench.data.archive.archive`'s layout.

A chunk is made in memory, written under another name, flushed to the disk, and renamed: a crash costs at most the chunk
in hand.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import h5py
import numpy as np

from workbench.data.archive.archive import (
    CAMERA,
    FORMAT,
    IMAGES,
    ISAAC_LAB_FORMAT,
    THUMBNAILS,
    TRAJECTORY,
)
from workbench.data.archive.gripper_joints import gripper_joints
from workbench.data.archive.hdf5_image import new_image, write_image
from workbench.data.episode import DatasetEpisode
from workbench.runs.durable import TEMPORARY


class ChunkWriter:
    """Writes one chunk; a context manager. Leaving it normally makes the chunk appear, by an exception does not."""

    def __init__(self, path: Path, env_name: str) -> None:
        self.path = path
        path.parent.mkdir(parents=True, exist_ok=True)
        self._file = new_image()
        self._file.attrs["format_version"] = ISAAC_LAB_FORMAT
        self._file.attrs["workbench_format"] = FORMAT
        self._data = self._file.create_group("data")
        self._data.attrs["total"] = 0
        self._data.attrs["env_args"] = json.dumps({"env_name": env_name, "type": 2})
        self.lines: list[dict[str, Any]] = []
        """What the chunk settles, a line each; the caller adds to it."""

    def add(self, episode: DatasetEpisode) -> None:
        """Add a kept episode; ValueError if it contradicts itself."""
        problems = episode.problems()
        if problems:
            raise ValueError(f"episode {episode.name}: " + "; ".join(problems))
        group = self._data.create_group(f"demo_{len(self._data)}")
        _write_episode(group, episode)
        self._data.attrs["total"] += episode.steps

    def close(self) -> None:
        """Make the chunk appear under its name; on disk when this returns."""
        text = "".join(json.dumps(line, ensure_ascii=False, allow_nan=False) + "\n" for line in self.lines)
        self._file.create_dataset("lines", data=np.frombuffer(text.encode(), np.uint8))
        write_image(self._file, self.path)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        if kind is None:
            self.close()
        else:
            self._file.close()


class RollingWriter:
    """Writes chunk after chunk into a folder, each closed when it settles ``size`` lines; a context manager.

    What is in hand when it is left by an exception is given up.
    """

    def __init__(
        self,
        folder: Path,
        env_name: str,
        size: int,
        tag: str = "",
        before_close: Callable[[], Any] = lambda: None,
    ) -> None:
        """``tag`` keeps the names of several writers in one folder apart; ``before_close`` may object by raising."""
        self.folder, self.env_name, self.size, self.tag = folder, env_name, size, tag
        self._before_close = before_close
        self._chunk: ChunkWriter | None = None
        self._number: int | None = None
        """Of the chunk before; None until the first."""

    def settle(self, line: Mapping[str, Any], episode: DatasetEpisode | None = None) -> None:
        """Book a line, and the episode that it keeps, if any."""
        if self._chunk is None:
            self._chunk = ChunkWriter(self._next_path(), self.env_name)
        if episode is not None:
            self._chunk.add(episode)
        self._chunk.lines.append(dict(line))
        if len(self._chunk.lines) >= self.size:
            self.flush()

    def flush(self) -> None:
        """Close the chunk in hand."""
        if self._chunk is not None:
            self._before_close()
            self._chunk.close()
            self._chunk = None

    def _next_path(self) -> Path:
        stem = f"chunk-{self.tag}"
        if self._number is None:  # once: looking for each chunk would take longer the more there are
            taken = [path.stem.removeprefix(stem) for path in self.folder.glob(f"{stem}*.hdf5")]
            self._number = max((int(name) for name in taken if name.isdigit()), default=-1)
        self._number += 1
        return self.folder / f"{stem}{self._number:05d}.hdf5"

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        if kind is None:
            self.flush()
        elif self._chunk is not None:
            self._chunk.__exit__(kind, value, trace)
            self._chunk = None


def clear_partial(folder: Path) -> int:
    """Remove what writers that were killed left behind, chunks never finished; how many. Nobody may be writing."""
    found = list(folder.glob(f"chunk-*.hdf5{TEMPORARY}"))
    for path in found:
        path.unlink()
    return len(found)


def _write_episode(group: h5py.Group, episode: DatasetEpisode) -> None:
    meta = {
        "name": episode.name,
        "record": dict(episode.record),
        "render": episode.render,
        "factors": dict(episode.factors),
        "paraphrases": list(episode.paraphrases),
        "control_hz": episode.control_hz,
        "action_spec": episode.action_spec.to_dict(),
        "bodies": [
            {"slot": b.slot, "role": b.role, "label": b.label, "extents": b.extents} for b in episode.bodies
        ],
        "cameras": {
            name: {"width": c.width, "height": c.height, "distortion": c.distortion}
            for name, c in episode.cameras.items()
        },
    }
    group.attrs["num_samples"] = episode.steps
    group.attrs["name"] = episode.name
    group.attrs["seed"] = int(episode.record["seed"])
    group.attrs["success"] = bool(episode.record["success"])
    # A dataset, not an attribute: those hold 64 KiB.
    _put(
        group, "meta", np.frombuffer(json.dumps(meta, ensure_ascii=False, allow_nan=False).encode(), np.uint8)
    )
    _put(group, "actions", episode.actions.astype(np.float32))
    fingers = gripper_joints(episode.gripper_width, episode.action_spec.robot)
    joint_position = np.concatenate((episode.joint_pos, fingers), 1)
    for name, rows in (("initial_state", slice(0, 1)), ("states", slice(1, None))):
        _put(group, f"{name}/articulation/robot/joint_position", joint_position[rows])
        _put(group, f"{name}/articulation/robot/joint_velocity", episode.joint_vel[rows])
        _put(group, f"{name}/rigid_object_collection/bodies/body_pose", episode.body_pose[rows])
    _put(group, "obs/joint_pos", episode.measured_joint_pos[:-1])
    _put(group, "obs/ee_pose", episode.measured_ee_pose[:-1])
    _put(group, "obs/gripper_width", episode.measured_gripper_width[:-1, None])
    for name in TRAJECTORY:
        _put(group, f"trajectory/{name}", getattr(episode, name))
    for name, camera in episode.cameras.items():
        _put(group, f"cameras/{name}/jpeg", np.frombuffer(b"".join(camera.jpeg), np.uint8))
        _put(group, f"cameras/{name}/jpeg_ends", np.cumsum([len(j) for j in camera.jpeg], dtype=np.int64))
        for key in CAMERA:
            _put(group, f"cameras/{name}/{key}", getattr(camera, key))
        if camera.thumbnails is not None:
            _put(group, f"cameras/{name}/{THUMBNAILS}", camera.thumbnails)
        for key in IMAGES:
            if (value := getattr(camera, key)) is not None:
                chunks = (1, camera.height, camera.width) if len(value) else None
                group.create_dataset(
                    f"cameras/{name}/{key}", data=value, chunks=chunks, compression="gzip", compression_opts=2
                )


def _put(group: h5py.Group, name: str, value: np.ndarray) -> None:
    value = np.asarray(value)
    group.create_dataset(name, data=value.astype(np.float32) if value.dtype == np.float64 else value)
