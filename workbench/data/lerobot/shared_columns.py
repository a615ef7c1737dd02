"""`SharedColumns`: what the episodes of one or several datasets of others have in common, and what is left out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from workbench.data.lerobot.columns import INDEX
from workbench.data.lerobot.files import LeRobotImportError, picture_size, video_keys
from workbench.data.lerobot.reading import ImportedDataset, ImportedEpisode


@dataclass
class SharedColumns:
    """The columns that are written, each with its description for ``info.json``."""

    fps: int | float
    robot: str | None
    numbers: dict[str, dict[str, Any]] = field(default_factory=dict)
    texts: dict[str, dict[str, Any]] = field(default_factory=dict)
    pictures: dict[str, dict[str, Any]] = field(default_factory=dict)
    videos: dict[str, dict[str, Any]] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)
    """What is left out or was mended, in plain sentences."""

    @property
    def features(self) -> dict[str, dict[str, Any]]:
        """All of them, without the index."""
        return self.videos | self.pictures | self.texts | self.numbers

    def check(self, episode: ImportedEpisode, source: ImportedDataset) -> None:
        """LeRobotImportError for an episode that is not of these columns."""
        where = f"{source.root}, episode {episode.index}"
        for kind, has in (
            (self.numbers, episode.columns),
            (self.texts, episode.texts),
            (self.pictures, episode.pictures),
        ):
            for name, feature in kind.items():
                if name not in has:
                    raise LeRobotImportError(f"{where}, has no column {name!r}, which other episodes have")
                if kind is self.numbers:
                    shape, wanted = list(episode.column(name).shape[1:]), feature["shape"]
                    if shape != wanted and [1, *shape] != wanted:
                        raise LeRobotImportError(
                            f"{where}, column {name!r}: rows have shape {shape}, others have {wanted}"
                        )


def shared_columns(sources: Sequence[ImportedDataset]) -> SharedColumns:
    """What datasets have in common; columns that not all have are left out, and named.

    LeRobotImportError for datasets that cannot be one: no episode, another rate, other shapes.
    """
    for source in sources:
        if not len(source):
            raise LeRobotImportError(f"{source.root} holds no episode")
        if source.fps != sources[0].fps:
            raise LeRobotImportError(
                f"{source.root} has {source.fps:g} frames a second, {sources[0].root} has {sources[0].fps:g}: a "
                "dataset has one rate"
            )
    found = [_of(source) for source in sources]
    first = found[0]
    for source, other in zip(sources[1:], found[1:], strict=True):
        first.notes += other.notes
        for kind in ("numbers", "texts", "pictures", "videos"):
            mine, theirs = getattr(first, kind), getattr(other, kind)
            for name in sorted(mine.keys() ^ theirs.keys()):
                lacks = source.root if name in mine else sources[0].root
                first.notes.append(f"{name} is left out: {lacks} has no such column")
                mine.pop(name, None)
            for name in mine:
                _agree(name, mine[name], theirs[name], sources[0], source)
        if other.robot != first.robot:
            first.notes.append(f"{source.root} is of robot {other.robot}, {sources[0].root} of {first.robot}")
    return first


def _of(source: ImportedDataset) -> SharedColumns:
    """The columns of one dataset, as its first episode has them."""
    _, episode = next(iter(source.each()))
    if isinstance(episode, LeRobotImportError):
        raise episode
    stated: Mapping[str, Any] = source.info.get("features", {})
    fps = source.info.get("fps", source.fps)
    found = SharedColumns(int(fps) if float(fps).is_integer() else fps, source.info.get("robot_type"))
    found.notes += source.notes
    for name, value in episode.columns.items():
        if name not in INDEX:
            shape = list(episode.column(name).shape[1:])
            said = dict(stated.get(name, {"names": None}))
            found.numbers[name] = said | {"dtype": _name(value.dtype), "shape": shape}
    found.texts = {
        name: dict(stated.get(name, {})) | {"dtype": "string", "shape": [1], "names": None}
        for name in episode.texts
    }
    for name in episode.pictures:
        if name not in stated:
            found.notes.append(f"{name} is left out: info.json does not say how large its pictures are")
            continue
        found.pictures[name] = dict(stated[name])
    for key in video_keys(source.info):
        missing = [p for p in source.places if key not in p.videos or not p.videos[key].path.exists()]
        if len(missing) == len(source.places):
            found.notes.append(f"{key} is left out: info.json names it, and none of its videos is there")
        elif missing:
            span = missing[0].videos[key]
            raise LeRobotImportError(f"{span.path} is missing; episode {missing[0].index} needs it")
        else:
            found.videos[key] = dict(stated[key])
    found.notes += [f"{name} is left out: it holds bytes of unknown meaning" for name in episode.skipped]
    known = {*found.features, *INDEX, *episode.pictures, *video_keys(source.info)}
    found.notes += [
        f"{name} is left out: info.json names it, and the tables do not have it"
        for name in stated
        if name not in known
    ]
    return found


def _agree(
    name: str, mine: dict[str, Any], theirs: Mapping[str, Any], a: ImportedDataset, b: ImportedDataset
) -> None:
    """Whether two datasets mean the same by a column; a number's type becomes one that holds both exactly."""
    if mine["dtype"] in ("video", "image"):
        same = picture_size(mine) == picture_size(theirs)
        if not same:
            sizes = ("{}x{}".format(*picture_size(f)) for f in (mine, theirs))
            one, other = sizes
            raise LeRobotImportError(
                f"{name} has {one} px in {a.root} and {other} px in {b.root}: they cannot be one dataset"
            )
        return
    if mine["shape"] != theirs["shape"]:
        raise LeRobotImportError(
            f"{name} has rows of shape {mine['shape']} in {a.root} and {theirs['shape']} in {b.root}: they cannot be "
            "one dataset"
        )
    names = mine.get("names"), theirs.get("names")
    if all(names) and names[0] != names[1]:
        raise LeRobotImportError(
            f"{name} is {names[0]} in {a.root} and {names[1]} in {b.root}: they cannot be one dataset"
        )
    if mine["dtype"] != theirs["dtype"]:
        mine["dtype"] = _name(np.result_type(mine["dtype"], theirs["dtype"]))


def _name(kind: np.dtype) -> str:
    return np.dtype(kind).name
