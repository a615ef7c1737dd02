"""The archive: episodes in HDF5, laid out as Isaac Lab and robomimic do, in files that are whole or not there.

    <stage>/chunk-<name>.hdf5
        lines                     JSON lines: every episode that this file settles, kept or not, and why not
        data/demo_<i>             one kept episode; attributes: name, num_samples, seed, success, meta (JSON)
            actions               [T, A]
            obs/...               [T, ...] what the robot reported before each action
            states/...            [T, ...] true state after each action; initial_state/... [1, ...] before the first
            trajectory/...        what else belongs to the control steps
            cameras/<name>/...    pictures (JPEG bytes end to end, and where each ends), calibration, annotations

A chunk is made in memory, written under another name, flushed to the disk, and renamed: what bears the name
``chunk-*.hdf5`` is complete, and a crash costs at most the chunk in hand. The chunks are the only truth about what was
done: an index would be a second one.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import h5py
import numpy as np

from policy.action import ActionSpec
from workbench.data.episode import Body, CameraFrames, DatasetEpisode
from workbench.data.hdf5_image import new_image, write_image
from workbench.data.stored import StoredArray, StoredPictures

FORMAT = 1
"""Version of this layout; stored as ``workbench_format``."""
ISAAC_LAB_FORMAT = 1
"""Isaac Lab's own version: quaternions are x y z w."""
ARM, FINGERS = 7, 2

_TRAJECTORY = (
    "commanded_joints", "measured_joint_pos", "measured_ee_pose", "measured_gripper_width", "ee_pose", "phase",
    "grasp", "contact", "place", "base_pose", "frame_steps", "shown_steps", "trace",
)  # fmt: skip
_CAMERA = ("intrinsics", "position", "rotation", "boxes", "visibility", "grasp", "contact", "place", "trace")
_IMAGES = ("depth", "mask")
_DAMAGE = (AttributeError, KeyError, OSError, RuntimeError, TypeError, ValueError)
"""What HDF5 raises for a damaged file depends on what it stumbles over first."""


class ArchiveError(Exception):
    """A chunk that is not what this module writes; one sentence names the file and the field."""


class ChunkWriter:
    """Writes one chunk; a context manager. Leaving it normally makes the chunk appear, by an exception does not."""

    def __init__(self, path: Path, env_name: str) -> None:
        self.path = path
        self._partial = path.with_name(f"{path.name}.partial-{os.getpid()}")
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
        write_image(self._file, self.path, self._partial)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        if kind is None:
            self.close()
        else:
            self._file.close()


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
    fingers = np.repeat(episode.gripper_width[:, None] / 2, FINGERS, 1)
    joint_position = np.concatenate((episode.joint_pos, fingers), 1)
    for name, rows in (("initial_state", slice(0, 1)), ("states", slice(1, None))):
        _put(group, f"{name}/articulation/robot/joint_position", joint_position[rows])
        _put(group, f"{name}/articulation/robot/joint_velocity", episode.joint_vel[rows])
        _put(group, f"{name}/rigid_object_collection/bodies/body_pose", episode.body_pose[rows])
    _put(group, "obs/joint_pos", episode.measured_joint_pos[:-1])
    _put(group, "obs/ee_pose", episode.measured_ee_pose[:-1])
    _put(group, "obs/gripper_width", episode.measured_gripper_width[:-1, None])
    for name in _TRAJECTORY:
        _put(group, f"trajectory/{name}", getattr(episode, name))
    for name, camera in episode.cameras.items():
        _put(group, f"cameras/{name}/jpeg", np.frombuffer(b"".join(camera.jpeg), np.uint8))
        _put(group, f"cameras/{name}/jpeg_ends", np.cumsum([len(j) for j in camera.jpeg], dtype=np.int64))
        for key in _CAMERA:
            _put(group, f"cameras/{name}/{key}", getattr(camera, key))
        for key in _IMAGES:
            if (value := getattr(camera, key)) is not None:
                chunks = (1, camera.height, camera.width) if len(value) else None
                group.create_dataset(
                    f"cameras/{name}/{key}", data=value, chunks=chunks, compression="gzip", compression_opts=2
                )


def _put(group: h5py.Group, name: str, value: np.ndarray) -> None:
    value = np.asarray(value)
    group.create_dataset(name, data=value.astype(np.float32) if value.dtype == np.float64 else value)


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
        taken = [path.stem.removeprefix(stem) for path in self.folder.glob(f"{stem}*.hdf5")]
        number = 1 + max((int(name) for name in taken if name.isdigit()), default=-1)
        return self.folder / f"{stem}{number:05d}.hdf5"

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


class Chunk:
    """One chunk, for reading; a context manager. ArchiveError for a file that is cut short or something else."""

    def __init__(self, path: Path) -> None:
        self.path = path
        try:
            self._file = h5py.File(path, "r")
        except OSError as problem:
            raise ArchiveError(f"{path} is no whole HDF5 file: {_first_line(problem)}") from None
        with self._reading():
            version = self._file.attrs.get("workbench_format")
        if version != FORMAT:
            self._file.close()
            raise ArchiveError(f"{path} has archive format {version}, this version reads {FORMAT}")

    @property
    def env_name(self) -> str:
        """Of the environment that the episodes are of."""
        with self._reading("data"):
            return json.loads(self._group().attrs["env_args"])["env_name"]

    def lines(self) -> list[dict[str, Any]]:
        """What the chunk settles."""
        with self._reading("lines"):
            text = self._read(self._file, "lines").tobytes().decode()
            return [json.loads(line) for line in text.splitlines()]

    def names(self) -> list[str]:
        """Names of the kept episodes, in the order in which they were added."""
        with self._reading("data"):
            return [str(self._demo(i).attrs["name"]) for i in range(len(self._group()))]

    def __len__(self) -> int:
        with self._reading("data"):
            return len(self._group())

    def meta(self, row: int) -> dict[str, Any]:
        """What an episode says about itself, without its arrays: record, factors, bodies, cameras' sizes."""
        with self._reading(f"data/demo_{row}"):
            return json.loads(self._read(self._demo(row), "meta").tobytes())

    def read(self, row: int, cameras: Sequence[str] | None = None, pictures: bool = True) -> DatasetEpisode:
        """An episode.

        Args:
            row: its position in the chunk.
            cameras: cameras to read; None reads all, ``()`` none, which is fast.
            pictures: whether to read all pictures now; otherwise `CameraFrames.jpeg` and ``mask`` read each frame from
                the file when it is asked for (`workbench.data.stored`), and ``depth`` is None.
        """
        with self._reading(f"data/demo_{row}"):
            return self._episode(self._demo(row), cameras, pictures)

    def close(self) -> None:
        """Close the file."""
        self._file.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    @contextmanager
    def _reading(self, what: str = "the file") -> Iterator[None]:
        try:
            yield
        except _DAMAGE as problem:
            raise ArchiveError(f"{self.path} {what}: {_first_line(problem)}") from None

    def _group(self) -> h5py.Group:
        if "data" not in self._file:
            raise ArchiveError(f"{self.path} has no group 'data'")
        return self._file["data"]

    def _demo(self, row: int) -> h5py.Group:
        group = self._group()
        if f"demo_{row}" not in group:
            raise ArchiveError(f"{self.path} has no data/demo_{row}")
        return group[f"demo_{row}"]

    def _read(self, group: h5py.Group, name: str) -> np.ndarray:
        if name not in group:
            raise ArchiveError(f"{self.path} {group.name.strip('/')}/{name} is missing".replace("  ", " "))
        try:
            return group[name][()]
        except OSError as problem:
            raise ArchiveError(
                f"{self.path} {group.name.strip('/')}/{name}: {_first_line(problem)}"
            ) from None

    def _episode(self, demo: h5py.Group, cameras: Sequence[str] | None, pictures: bool) -> DatasetEpisode:
        meta = json.loads(self._read(demo, "meta").tobytes())

        def states(name: str) -> np.ndarray:
            return np.concatenate(
                [self._read(demo, f"{part}/{name}") for part in ("initial_state", "states")]
            )

        joints = states("articulation/robot/joint_position")
        return DatasetEpisode(
            name=meta["name"],
            record=meta["record"],
            render=meta["render"],
            factors=meta["factors"],
            paraphrases=tuple(meta["paraphrases"]),
            control_hz=meta["control_hz"],
            action_spec=ActionSpec.from_dict(meta["action_spec"]),
            bodies=tuple(Body(**{**b, "extents": tuple(b["extents"])}) for b in meta["bodies"]),
            actions=self._read(demo, "actions"),
            joint_pos=joints[:, :ARM],
            joint_vel=states("articulation/robot/joint_velocity"),
            gripper_width=joints[:, ARM:].sum(1),
            body_pose=states("rigid_object_collection/bodies/body_pose"),
            cameras={
                name: self._camera(demo, name, size, pictures)
                for name, size in meta["cameras"].items()
                if cameras is None or name in cameras
            },
            **{name: self._read(demo, f"trajectory/{name}") for name in _TRAJECTORY},
        )

    def _camera(self, demo: h5py.Group, name: str, size: Mapping[str, Any], pictures: bool) -> CameraFrames:
        ends = self._read(demo, f"cameras/{name}/jpeg_ends").tolist()
        spans = list(zip([0, *ends[:-1]], ends, strict=True))
        where = f"{demo.name}/cameras/{name}"
        jpeg: Any = StoredPictures(self.path, f"{where}/jpeg", spans)
        images: dict[str, Any] = dict.fromkeys(_IMAGES)
        if pictures:
            data = self._read(demo, f"cameras/{name}/jpeg").tobytes()
            jpeg = tuple(data[a:b] for a, b in spans)
            for key in _IMAGES:
                if f"cameras/{name}/{key}" in demo:
                    images[key] = self._read(demo, f"cameras/{name}/{key}")
        elif f"cameras/{name}/mask" in demo:
            images["mask"] = StoredArray(self.path, f"{where}/mask")
        return CameraFrames(
            width=size["width"],
            height=size["height"],
            distortion=size["distortion"],
            jpeg=jpeg,
            **{key: self._read(demo, f"cameras/{name}/{key}") for key in _CAMERA},
            **images,
        )


def chunks(folder: Path, tag: str = "") -> list[Path]:
    """The chunks in a folder, or those of one writer, by name; those still being written do not count."""
    return sorted(folder.glob(f"chunk-{tag}*.hdf5"))


def settled(folder: Path, tag: str = "") -> list[dict[str, Any]]:
    """The lines of all chunks in a folder, or of those of one writer."""
    found = []
    for path in chunks(folder, tag):
        with Chunk(path) as chunk:
            found += chunk.lines()
    return found


def episodes(folder: Path, cameras: Sequence[str] | None = None) -> Iterator[DatasetEpisode]:
    """All kept episodes in a folder, chunk by chunk."""
    for path in chunks(folder):
        with Chunk(path) as chunk:
            for row in range(len(chunk)):
                yield chunk.read(row, cameras)


def clear_partial(folder: Path) -> int:
    """Remove what writers that were killed left behind, chunks never finished; how many. Nobody may be writing."""
    found = list(folder.glob("chunk-*.hdf5.partial-*"))
    for path in found:
        path.unlink()
    return len(found)


def _first_line(problem: BaseException) -> str:
    return (str(problem).splitlines() or [type(problem).__name__])[0]
