"""The frames of an archive, one by one, without holding its pictures in memory."""

from __future__ import annotations

import io
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from PIL import Image

from workbench.data.archive.archive import EPISODES, ArchiveError, Chunk, chunks
from workbench.data.episode import DatasetEpisode
from workbench.training.attempts import failed_attempt_until


class ArchiveFrames:
    """Every rendered episode of a dataset, with annotations in memory and pictures on the disk."""

    def __init__(self, data: Path, cameras: Sequence[str]) -> None:
        """``data`` is a folder that ``workbench generate`` made.

        Raises ArchiveError for a folder without episodes, and for an episode without one of ``cameras``.
        """
        self.views = tuple(cameras)
        """Cameras that are seen."""
        folder = data / EPISODES if (data / EPISODES).is_dir() else data
        self.episodes: list[DatasetEpisode] = []
        for path in chunks(folder):
            with Chunk(path) as chunk:
                self.episodes += [chunk.read(row, cameras, pictures=False) for row in range(len(chunk))]
        if not self.episodes:
            raise ArchiveError(f"{folder} holds no episodes (files chunk-*.hdf5)")
        for episode in self.episodes:
            for name in cameras:
                if name not in episode.cameras:
                    raise ArchiveError(f"episode {episode.name} in {folder} has no camera {name}")
        first = self.episodes[0].action_spec
        for episode in self.episodes:
            if problems := first.mismatches(episode.action_spec, bounds=False):
                raise ArchiveError(f"episodes of {folder} mean different actions: {'; '.join(problems)}")
        self.action_spec = first
        labels = sorted({body.label for episode in self.episodes for body in episode.bodies})
        self.colors = sorted({color_and_shape(label)[0] for label in labels})
        self.shapes = sorted({color_and_shape(label)[1] for label in labels})

    def rows(self, before_end: bool) -> list[tuple[int, int]]:
        """Episode and frame of every frame; ``before_end`` leaves out those after which no action comes."""
        return [
            (number, frame)
            for number, episode in enumerate(self.episodes)
            for frame, step in enumerate(episode.frame_steps)
            if not before_end or step < episode.steps
        ]

    def imitable_rows(self) -> list[tuple[int, int]]:
        """Episode and frame of every frame whose actions are to be imitated: see `workbench.training.attempts`."""
        since = [failed_attempt_until(episode) for episode in self.episodes]
        return [
            (number, frame)
            for number, frame in self.rows(before_end=True)
            if self.episodes[number].frame_steps[frame] >= since[number]
        ]

    def picture(self, number: int, camera: str, frame: int) -> np.ndarray:
        """``[H, W, 3]`` RGB uint8; ArchiveError for bytes that are no picture."""
        episode = self.episodes[number]
        view = episode.cameras[camera]
        try:
            with Image.open(io.BytesIO(view.jpeg[frame])) as picture:
                found = np.array(picture.convert("RGB"))
        except (KeyError, OSError, RuntimeError) as problem:
            raise ArchiveError(
                f"episode {episode.name}, camera {camera}, frame {frame}: the picture cannot be read: {problem}"
            ) from None
        return found


def color_and_shape(label: str) -> tuple[str, str]:
    """A label's first word and the rest: ``red cube`` is a red thing and a cube."""
    color, _, shape = label.partition(" ")
    return color, shape or color
