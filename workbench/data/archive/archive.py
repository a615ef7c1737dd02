"""The archive: episodes in HDF5, laid out as Isaac Lab and robomimic do, in files that are whole or not there.

    <stage>/chunk-<name>.hdf5
        lines                     JSON lines: every episode that this file settles, kept or not, and why not
        data/demo_<i>             one kept episode; attributes: name, num_samples, seed, success, meta (JSON)
            actions               [T, A]
            obs/...               [T, ...] what the robot reported before each action
            states/...            [T, ...] true state after each action; initial_state/... [1, ...] before the first
            trajectory/...        what else belongs to the control steps
            cameras/<name>/...    pictures (JPEG bytes end to end, and where each ends), calibration, annotations

What bears the name ``chunk-*.hdf5`` is complete (`workbench.data.archive.chunk_writer`). The chunks are the only truth
about what was done: an index would be a second one.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Self

import h5py
import numpy as np

from policy.action import ActionSpec
from workbench.data.archive.gripper_joints import gripper_width
from workbench.data.episode import Body, CameraFrames, DatasetEpisode
from workbench.data.stored import StoredArray, StoredPictures

PLAN, EPISODES = "plan", "episodes"
"""Stages of an archive: trajectories without pictures, and rendered episodes, which exports read."""
FORMAT = 1
"""Version of this layout; stored as ``workbench_format``."""
ISAAC_LAB_FORMAT = 1
"""Isaac Lab's own version: quaternions are x y z w."""

TRAJECTORY = (
    "commanded_joints", "measured_joint_pos", "measured_ee_pose", "measured_gripper_width", "ee_pose", "phase",
    "grasp", "contact", "place", "base_pose", "frame_steps", "shown_steps", "trace",
)  # fmt: skip
CAMERA = ("intrinsics", "position", "rotation", "boxes", "visibility", "grasp", "contact", "place", "trace")
IMAGES = ("depth", "mask")
THUMBNAILS = "thumbnails"
"""Members of an episode's groups ``trajectory`` and ``cameras/<name>``, by their names in `DatasetEpisode`; images and
thumbnails are not in every archive."""
_DAMAGE = (AttributeError, KeyError, OSError, RuntimeError, TypeError, ValueError)
"""What HDF5 raises for a damaged file depends on what it stumbles over first."""


class ArchiveError(Exception):
    """A chunk that is not of this layout; one sentence names the file and the field."""


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

    def times(self, row: int) -> tuple[int, np.ndarray]:
        """Control steps of an episode, and those of its frames ``[F]``, without its other arrays."""
        with self._reading(f"data/demo_{row}"):
            demo = self._demo(row)
            if "actions" not in demo:
                raise ArchiveError(f"{self.path} data/demo_{row}/actions is missing")
            return len(demo["actions"]), self._read(demo, "trajectory/frame_steps")

    def attributes(self, row: int) -> dict[str, Any]:
        """What HDF5 readers see of an episode before they open it: ``num_samples``, ``seed``, ``success``."""
        with self._reading(f"data/demo_{row}"):
            return {name: np.asarray(value).item() for name, value in self._demo(row).attrs.items()}

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

        joints, velocity = (states(f"articulation/robot/joint_{what}") for what in ("position", "velocity"))
        action_spec, arm = ActionSpec.from_dict(meta["action_spec"]), velocity.shape[1]
        return DatasetEpisode(
            name=meta["name"],
            record=meta["record"],
            render=meta["render"],
            factors=meta["factors"],
            paraphrases=tuple(meta["paraphrases"]),
            control_hz=meta["control_hz"],
            action_spec=action_spec,
            bodies=tuple(Body(**{**b, "extents": tuple(b["extents"])}) for b in meta["bodies"]),
            actions=self._read(demo, "actions"),
            joint_pos=joints[:, :arm],
            joint_vel=velocity,
            gripper_width=gripper_width(joints[:, arm:], action_spec.robot),
            body_pose=states("rigid_object_collection/bodies/body_pose"),
            cameras={
                name: self._camera(demo, name, size, pictures)
                for name, size in meta["cameras"].items()
                if cameras is None or name in cameras
            },
            **{name: self._read(demo, f"trajectory/{name}") for name in TRAJECTORY},
        )

    def _camera(self, demo: h5py.Group, name: str, size: Mapping[str, Any], pictures: bool) -> CameraFrames:
        ends = self._read(demo, f"cameras/{name}/jpeg_ends").tolist()
        spans = list(zip([0, *ends[:-1]], ends, strict=True))
        where, small = f"{demo.name}/cameras/{name}", f"cameras/{name}/{THUMBNAILS}"
        jpeg: Any = StoredPictures(self.path, f"{where}/jpeg", spans)
        images: dict[str, Any] = dict.fromkeys(IMAGES)
        if pictures:
            data = self._read(demo, f"cameras/{name}/jpeg").tobytes()
            jpeg = tuple(data[a:b] for a, b in spans)
            for key in IMAGES:
                if f"cameras/{name}/{key}" in demo:
                    images[key] = self._read(demo, f"cameras/{name}/{key}")
        elif f"cameras/{name}/mask" in demo:
            images["mask"] = StoredArray(self.path, f"{where}/mask")
        return CameraFrames(
            width=size["width"],
            height=size["height"],
            distortion=size["distortion"],
            jpeg=jpeg,
            **{key: self._read(demo, f"cameras/{name}/{key}") for key in CAMERA},
            **images,
            thumbnails=self._read(demo, small) if small in demo else None,
        )


def chunks(folder: Path, tag: str = "") -> list[Path]:
    """The chunks in a folder, or those of one writer, by name; those still being written do not count."""
    return sorted(folder.glob(f"chunk-{tag}*.hdf5"))


def kept_name(line: Mapping[str, Any]) -> str:
    """Name of the episode that a line keeps; lines of episodes that have no renderings yet may know it by index."""
    return line.get("name") or f"{line['index']:06d}"


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


def _first_line(problem: BaseException) -> str:
    return (str(problem).splitlines() or [type(problem).__name__])[0]
