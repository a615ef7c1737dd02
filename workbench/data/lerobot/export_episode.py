"""What an episode becomes in LeRobot's formats: made by whoever is free, put together by whoever exports.

`exported` is a function of the episode and its place in the dataset alone, and writes nothing. A dataset is the same,
byte for byte, whoever made its episodes.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import pyarrow as pa

from workbench.data.archive.survey import Entry
from workbench.data.lerobot.columns import ANNOTATION, video_key
from workbench.data.lerobot.episode_video import episode_video
from workbench.data.lerobot.export_choices import ExportChoices
from workbench.data.lerobot.frame_columns import frame_columns
from workbench.data.lerobot.metadata import arrow_table, index_columns, task_data
from workbench.data.lerobot.picture_columns import with_pictures
from workbench.data.progress import Progress
from workbench.data.statistics import ColumnStatistics, PictureStatistics, Table
from workbench.scale.ordered_map import Workers, ordered_map


@dataclass(frozen=True)
class Recipe:
    """What all episodes of an export have in common."""

    columns: tuple[str, ...]
    """In their order."""
    scalars: Sequence[str]
    """Columns of plain numbers, see `arrow_table`."""
    fixed_size: bool
    """Whether lists of numbers are of a type that has their length."""
    choices: ExportChoices
    bodies: int
    """Rows of annotations about bodies."""
    fps: float
    """Frames a second [Hz]."""


@dataclass(frozen=True)
class Place:
    """Where an episode belongs in the dataset."""

    entry: Entry
    index: int
    first: int
    """Frames before it."""
    task: int
    """Number of its instruction."""


@dataclass(frozen=True)
class ExportedEpisode:
    """What an episode becomes."""

    place: Place
    table: pa.Table
    """A row a frame."""
    numbers: ColumnStatistics
    """Of the columns that have statistics."""
    statistics: dict[str, Table]
    """The same as they are written, and those of the pictures, by column."""
    videos: dict[str, bytes]
    """An MP4 file a camera."""
    pictures: dict[str, PictureStatistics]
    task_data: dict[str, Any]


def places(entries: Sequence[Entry]) -> Iterator[Place]:
    """Every episode's place, in the order of the dataset."""
    first, tasks = 0, tasks_of(entries)
    for index, entry in enumerate(entries):
        yield Place(entry, index, first, tasks[entry.instruction])
        first += entry.frames


def tasks_of(entries: Sequence[Entry]) -> dict[str, int]:
    """Number of each instruction, in the order in which they come first."""
    return {text: k for k, text in enumerate(dict.fromkeys(e.instruction for e in entries))}


def exported_episodes(
    entries: Sequence[Entry], recipe: Recipe, workers: Workers, progress: Progress | None
) -> Iterator[ExportedEpisode]:
    """All episodes in their order; ``progress`` is told when the next is asked for."""
    for done, made in enumerate(ordered_map(partial(exported, recipe), places(entries), workers), 1):
        yield made
        if progress:
            progress(done, len(entries))


def exported(recipe: Recipe, place: Place) -> ExportedEpisode:
    """What an episode becomes; ArchiveError for one that cannot be read, ExportError for pictures that are broken."""
    episode = place.entry.read()
    rows = frame_columns(episode, recipe.bodies, recipe.choices.action_space, recipe.choices.annotations)
    rows |= index_columns(place.index, place.first, place.entry.frames, recipe.fps, place.task)
    rows = {name: rows[name] for name in recipe.columns}
    table = arrow_table(rows, recipe.scalars, recipe.fixed_size)
    numbers = ColumnStatistics()
    numbers.add({name: v for name, v in rows.items() if not name.startswith(ANNOTATION)})
    made = {name: episode_video(episode, name, recipe.fps) for name in episode.cameras}
    pictures = {name: seen for name, (_, seen) in made.items()}
    return ExportedEpisode(
        place=place,
        table=with_pictures(table, episode, recipe.choices),
        numbers=numbers,
        statistics=numbers.result() | {video_key(name): seen.result() for name, seen in pictures.items()},
        videos={name: video for name, (video, _) in made.items()},
        pictures=pictures,
        task_data=task_data(episode),
    )
