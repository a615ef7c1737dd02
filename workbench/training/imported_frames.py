"""The frames of a dataset that others made, one by one: what acting is learned from, and nothing else.

Needed are pictures, a column ``action`` and a text that says what was asked. Where the tool is, is told to the model if
the dataset has it. Boxes and places, which spatial guidance learns from, only archives have.
"""

from __future__ import annotations

import io
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import Any

import av
import numpy as np
from PIL import Image

from policy.action import GRIPPER, ActionChannel, ActionSpec
from workbench.data.lerobot.columns import ACTION, VIDEO, video_key
from workbench.data.lerobot.files import LeRobotImportError, image_keys, read_json, video_keys
from workbench.data.lerobot.metadata import CONVENTIONS
from workbench.data.lerobot.places import VideoSpan
from workbench.data.lerobot.reading import ImportedDataset, ImportedEpisode
from workbench.training.attempts import failed_attempt_until

TOOL = ("state.eef_position", "state.eef_quaternion", "state.gripper_width")
"""Columns that tell the hand: tool [m], quaternion w x y z, distance of the fingertips [m]."""
OPEN_VIDEOS, HELD_EPISODES = 16, 32
"""Videos held open, and episodes whose encoded pictures are held."""
LEAST_RANGE = 1e-3
"""Half of the range that a channel is given which never changes."""


@dataclass(frozen=True)
class ImportedDemonstration:
    """Frames of an episode for which one thing was asked: ``F`` of them, an action each."""

    name: str
    demonstration: tuple[int, int]
    """Index of the episode, and its first frame: no two are of one."""
    instruction: str
    actions: np.ndarray
    """``[F, A]``"""
    action_spec: ActionSpec
    measured_ee_pose: np.ndarray
    """Tool ``[F, 7]``: position [m], quaternion x y z w; zeros where it is not known."""
    measured_gripper_width: np.ndarray
    """``[F]`` [m]; zeros where it is not known."""
    first: int
    """Its first frame in the episode."""
    paraphrases: tuple[str, ...] = ()
    bodies: tuple[Any, ...] = ()
    frame_steps: np.ndarray = field(default_factory=lambda: np.zeros(0, int))

    @property
    def steps(self) -> int:
        """Actions."""
        return len(self.actions)


class ImportedFrames:
    """Every frame of a dataset of others, with its numbers in memory and its pictures on the disk."""

    def __init__(self, dataset: ImportedDataset, views: Sequence[str] = ()) -> None:
        """``views`` are cameras by the names of their columns, or by what follows ``observation.images.``; none: the
        first.

        Raises LeRobotImportError in one sentence for what a policy cannot be trained without.
        """
        self.dataset = dataset
        cameras = [*video_keys(dataset.info), *image_keys(dataset.info)]
        if not cameras:
            raise LeRobotImportError(
                f"{dataset.root} cannot be trained on: it lacks pictures (columns of videos or images)"
            )
        self.keys = {view: _key(view, cameras, dataset) for view in views or (_short(cameras[0]),)}
        self.views = tuple(self.keys)
        self.colors: list[str] = []
        self.shapes: list[str] = []
        self.episodes: list[ImportedDemonstration] = []
        episodes = list(self._numbers())
        self.knows_hand = all(name in episode.columns for episode in episodes for name in TOOL)
        self.action_spec = _spec(dataset, [episode.column(ACTION) for episode in episodes])
        for episode in episodes:
            self.episodes += self._pieces(episode)
        if not any(piece.instruction for piece in self.episodes):
            raise LeRobotImportError(
                f"{dataset.root} cannot be trained on: it lacks an instruction, no text says what was asked (for "
                "demonstrations in HDF5, `workbench data import` takes instruction=)"
            )

    def _numbers(self) -> Iterator[ImportedEpisode]:
        """Episodes without their pictures."""
        for place, episode in self.dataset.each((ACTION, *TOOL, "task_index", "frame_index")):
            if isinstance(episode, LeRobotImportError):
                raise episode
            if ACTION not in episode.columns:
                raise LeRobotImportError(
                    f"{self.dataset.root} cannot be trained on: episode {place.index} lacks the column {ACTION!r}"
                )
            for key in self.keys.values():
                if key in episode.videos and not episode.videos[key].path.exists():
                    raise LeRobotImportError(f"{episode.videos[key].path} is missing")
            yield episode.in_order()

    def _pieces(self, episode: ImportedEpisode) -> Iterator[ImportedDemonstration]:
        """An episode, or its parts where what is asked changes."""
        count = episode.frames
        pose, width = np.zeros((count, 7), np.float32), np.zeros(count, np.float32)
        if self.knows_hand:
            pose[:, :3] = episode.column(TOOL[0])
            pose[:, 3:] = np.roll(episode.column(TOOL[1]), -1, -1)
            width[:] = episode.column(TOOL[2])[:, 0]
        asked = episode.columns.get("task_index")
        changes = [] if asked is None else (np.flatnonzero(np.diff(asked.reshape(-1))) + 1).tolist()
        actions = episode.column(ACTION).astype(np.float32)
        for begin, end in zip([0, *changes], [*changes, count], strict=True):
            text = episode.task
            if asked is not None:
                text = self.dataset.tasks.get(int(asked.reshape(-1)[begin]), text)
            yield ImportedDemonstration(
                f"{episode.index:06d}" + (f"-{begin}" if changes else ""),
                (episode.index, begin),
                text,
                actions[begin:end],
                self.action_spec,
                pose[begin:end],
                width[begin:end],
                begin,
                frame_steps=np.arange(end - begin),
            )

    def rows(self, before_end: bool) -> list[tuple[int, int]]:
        """Demonstration and frame of every frame; an action comes after each."""
        return [(number, k) for number, piece in enumerate(self.episodes) for k in range(piece.steps)]

    def imitable_rows(self) -> list[tuple[int, int]]:
        """Those whose actions are to be imitated: see `workbench.training.attempts`."""
        since = [failed_attempt_until(piece) for piece in self.episodes]
        return [(number, k) for number, k in self.rows(True) if k >= since[number]]

    def picture(self, number: int, camera: str, frame: int) -> np.ndarray:
        """``[H, W, 3]`` RGB uint8; LeRobotImportError for what is no picture."""
        piece, key = self.episodes[number], self.keys[camera]
        index, k = piece.demonstration[0], piece.first + frame
        if key in video_keys(self.dataset.info):
            span = self._places[index].videos[key]
            return _frame(span, k, self.dataset.fps)
        try:
            with Image.open(io.BytesIO(self._encoded(index, key)[k])) as picture:
                return np.array(picture.convert("RGB"))
        except OSError as problem:
            raise LeRobotImportError(
                f"episode {index}, column {key!r}, frame {k}: the picture cannot be read: {problem}"
            ) from None

    @property
    def _places(self) -> Mapping[int, Any]:
        if not hasattr(self, "_by_index"):
            self._by_index = {place.index: place for place in self.dataset.places}
        return self._by_index

    def _encoded(self, index: int, key: str) -> tuple[bytes, ...]:
        if not hasattr(self, "_held"):
            self._held = lru_cache(HELD_EPISODES)(self._read)
        return self._held(index, key)

    def _read(self, index: int, key: str) -> tuple[bytes, ...]:
        # A number too, by which the rows are put in order.
        episode = self.dataset.episode(index, (key, "frame_index"))
        return episode.pictures[key]


def _key(view: str, cameras: Sequence[str], dataset: ImportedDataset) -> str:
    for name in (view, VIDEO + view, video_key(view)):
        if name in cameras:
            return name
    raise LeRobotImportError(
        f"{dataset.root} has no camera {view}; views= may name {', '.join(map(_short, cameras))}"
    )


def _short(key: str) -> str:
    return key.removeprefix(VIDEO)


def _spec(dataset: ImportedDataset, actions: Sequence[np.ndarray]) -> ActionSpec:
    """What the dataset says its actions mean; where it says nothing, their names and the range that they have."""
    path = dataset.root / CONVENTIONS
    if dataset.root.is_dir() and path.exists():
        try:
            return ActionSpec.from_dict(read_json(path)["action"]["spec"])
        except (AttributeError, KeyError, TypeError, ValueError) as problem:
            raise LeRobotImportError(f"{path} does not say what the actions mean: {problem}") from None
    width = actions[0].shape[1]
    if any(value.ndim != 2 or value.shape[1] != width for value in actions):
        raise LeRobotImportError(f"{dataset.root}: rows of {ACTION!r} have different lengths")
    low = np.min([value.min(0) for value in actions], 0).astype(float)
    high = np.max([value.max(0) for value in actions], 0).astype(float)
    still = high - low < 2 * LEAST_RANGE
    low, high = np.where(still, low - LEAST_RANGE, low), np.where(still, high + LEAST_RANGE, high)
    names = _names(dataset.info.get("features", {}).get(ACTION, {}).get("names"), width)
    # The model takes a channel of this name for a switch.
    is_switch = [
        bool(np.isin(np.concatenate([v[:, i] for v in actions]), (-1, 1)).all()) for i in range(width)
    ]
    names = [f"{n}_position" if n == GRIPPER and not is_switch[i] else n for i, n in enumerate(names)]
    channels = tuple(
        ActionChannel(name, "1", "joint", "absolute", float(a), float(b))
        for name, a, b in zip(names, low, high, strict=True)
    )
    robot = str(dataset.info.get("robot_type") or "unknown")
    return ActionSpec("as_recorded", robot, dataset.fps, channels, rotation="none")


def _names(said: Any, width: int) -> list[str]:
    """Names of the channels: a list, or a list in a mapping, as ``{"motors": [...]}``."""
    if isinstance(said, dict) and len(said) == 1:
        said = next(iter(said.values()))
    if isinstance(said, list) and len(set(map(str, said))) == width:
        return [str(name) for name in said]
    return [f"action_{k}" for k in range(width)]


@lru_cache(OPEN_VIDEOS)
def _opened(path: Path) -> Any:
    return av.open(str(path))


def _frame(span: VideoSpan, number: int, fps: float) -> np.ndarray:
    """A frame of a span ``[H, W, 3]``, decoded from the key frame before it."""
    wanted = span.first + (number - 0.5) / fps
    try:
        container = _opened(span.path)
        stream = container.streams.video[0]
        container.seek(max(0, int(wanted / stream.time_base)), stream=stream)
        for frame in container.decode(stream):
            if float(frame.pts * frame.time_base) >= wanted:
                found: np.ndarray = frame.to_ndarray(format="rgb24")
                return found
    except (av.error.FFmpegError, IndexError) as problem:
        raise LeRobotImportError(f"{span.path} cannot be decoded: {problem}") from None
    raise LeRobotImportError(f"{span.path} ends before frame {number} that begins at {span.first:.4f} s")
