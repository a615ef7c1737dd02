"""Demonstrations in robomimic's HDF5 layout, which Isaac Lab and LIBERO share, read as LeRobot datasets are.

    data                      attributes: env_args (JSON: control_freq), perhaps problem_info (language_instruction)
    data/demo_<i>             attributes: num_samples, perhaps ep_meta (JSON: lang)
        actions               [T, A]                                   column ``action``
        obs/<name>            [T, ...]                                 ``observation.<name>``
        obs/<name>            [T, H, W, 3] uint8                       ``observation.images.<name>``, as PNG
        rewards, dones        [T]                                      ``next.reward``, ``next.done``
        <group>/<name>        [T, ...]                                 ``<group>.<name>``
    mask/<name>               names of demonstrations                  a subset, as ``train``

Numbers keep their bits and types, pictures their pixels.
"""

from __future__ import annotations

import io
import json
import math
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import h5py
import numpy as np
from PIL import Image

from workbench.data.lerobot.files import LeRobotImportError
from workbench.data.lerobot.places import Place, VideoSpan
from workbench.data.lerobot.reading import ImportedDataset
from workbench.data.lerobot.rows import Rows
from workbench.data.progress import Progress
from workbench.data.validation.problems import Problem

LAYOUT = "robomimic"
_NAMES = {"actions": "action", "rewards": "next.reward", "dones": "next.done"}
_REPEATED = "next_obs"
"""What ``obs`` says, a step later."""
_DAMAGE = (AttributeError, KeyError, OSError, RuntimeError, TypeError, ValueError)
"""What HDF5 raises for a damaged file depends on what it stumbles over first."""


@dataclass(frozen=True)
class RobomimicDataset(ImportedDataset):
    """A file of demonstrations."""

    left_out: tuple[str, ...] = ()

    def skipped(self) -> tuple[str, ...]:
        """Datasets that are not a row a step."""
        return self.left_out

    def reader(self, columns: Sequence[str] | None = None) -> _Reader:
        """A reader of the file."""
        return _Reader(self.root, self.left_out, columns)


@dataclass(frozen=True)
class _Demonstrations:
    """Where the demonstrations of a file lie; see `workbench.data.lerobot.places.Lines`."""

    path: Path

    def table(self, place: Place) -> Path:
        return self.path

    def videos(self, place: Place) -> Mapping[str, VideoSpan]:
        return {}

    def metadata(self, place: Place) -> Mapping[str, Any]:
        return {"original_demo": place.numbers[0]}


@dataclass(frozen=True)
class _Reader:
    path: Path
    left_out: tuple[str, ...]
    columns: Sequence[str] | None

    def rows(self, place: Place) -> Rows:
        """The steps of a demonstration."""
        name, task, fps = place.numbers
        columns: dict[str, np.ndarray] = {}
        pictures: dict[str, tuple[bytes, ...]] = {}
        try:
            with h5py.File(self.path, "r") as file:
                for column, dataset in _each_column(file[f"data/{name}"]):
                    stored_as = _picture_name(column) if _is_picture(dataset) else column
                    if column in self.left_out or (
                        self.columns is not None and stored_as not in self.columns
                    ):
                        continue
                    if len(dataset) != place.length:
                        raise LeRobotImportError(
                            f"{self.path} {dataset.name.strip('/')} has {len(dataset)} rows, num_samples says "
                            f"{place.length}"
                        )
                    if _is_picture(dataset):
                        pictures[_picture_name(column)] = tuple(_png(p) for p in dataset[()])
                    else:
                        columns[column] = dataset[()]
        except _DAMAGE as problem:
            raise LeRobotImportError(f"{self.path} data/{name}: {_first_line(problem)}") from None
        k = np.arange(place.length)
        columns |= {"frame_index": k, "timestamp": (k / fps).astype(np.float32)}
        columns |= {n: np.full(len(k), v) for n, v in (("episode_index", place.index), ("task_index", task))}
        return Rows(columns, {}, pictures, (), place.length)


def load_robomimic(path: Path, fps: float = 0.0, instruction: str = "") -> ImportedDataset:
    """Read what a file says about itself.

    Args:
        path: the file.
        fps: steps a second [Hz], where the file does not say; 0 for none.
        instruction: what was asked, where a demonstration does not say.

    Raises:
        LeRobotImportError: a file that is damaged or of another layout, or that does not say its rate.
    """
    try:
        with h5py.File(path, "r") as file:
            return _load(path, file, fps, instruction)
    except _DAMAGE as problem:
        raise LeRobotImportError(f"{path} cannot be read as demonstrations: {_first_line(problem)}") from None


def demonstration_problems(path: Path, progress: Progress | None = None) -> Iterator[Problem]:
    """What is wrong with a file: demonstrations that cannot be read, and numbers that are not finite."""
    try:
        dataset = load_robomimic(path)
    except LeRobotImportError as problem:
        yield Problem(path.name, "", str(problem).removeprefix(f"{path} "))
        return
    for done, (place, episode) in enumerate(dataset.each(), 1):
        name = f"data/{place.numbers[0]}"
        if isinstance(episode, LeRobotImportError):
            yield Problem(path.name, name, str(episode).removeprefix(f"{path} "))
        else:
            for column, value in episode.columns.items():
                if not np.isfinite(value).all():
                    yield Problem(path.name, f"{name}, {column}", "holds numbers that are not finite")
        if progress:
            progress(done, len(dataset))


def _load(path: Path, file: h5py.File, fps: float, instruction: str) -> ImportedDataset:
    if "workbench_format" in file.attrs:
        raise LeRobotImportError(f"{path} is a chunk of an archive; give the archive's folder")
    names = sorted(
        (n for n in file.get("data", ()) if re.fullmatch(r"demo_\d+", n)), key=lambda n: int(n[5:])
    )
    if not names:
        raise LeRobotImportError(f"{path} is no file of demonstrations: it has no data/demo_<i>")
    data = file["data"]
    said = _mapping(data.attrs.get("env_args"))
    arguments = said.get("env_kwargs", {})
    rate = arguments.get("control_freq") if isinstance(arguments, dict) else None
    rate = fps or rate
    if not isinstance(rate, int | float) or not 0 < rate < math.inf:
        raise LeRobotImportError(
            f"{path} does not say how many steps a second it has (env_args, control_freq): give fps= to "
            "`workbench data import`"
        )
    common = _mapping(data.attrs.get("problem_info")).get("language_instruction", "") or instruction
    texts = [str(_mapping(data[n].attrs.get("ep_meta")).get("lang") or common) for n in names]
    tasks = {text: k for k, text in enumerate(dict.fromkeys(texts))}
    lines = _Demonstrations(path)
    places = tuple(
        Place(k, (text,), len(data[name]["actions"]), k, (name, tasks[text], float(rate)), lines)
        for k, (name, text) in enumerate(zip(names, texts, strict=True))
    )
    features, left_out = _features(data[names[0]], places[0].length)
    index = {name: k for k, name in enumerate(names)}
    filters = {
        name: tuple(sorted(index[n] for n in _words(members) if n in index))
        for name, members in file.get("mask", {}).items()
    }
    notes = [f"it does not say what was asked{': give instruction=' if not instruction else ''}"] * (
        texts == [""] * len(texts)
    )
    notes += [f"{name} is left out: it is not a row a step, or repeats obs" for name in left_out]
    robots = arguments.get("robots") if isinstance(arguments, dict) else None
    info = {
        "fps": rate,
        "robot_type": robots if isinstance(robots, str) else ", ".join(robots or []) or None,
        "features": features,
    }
    return RobomimicDataset(
        path, LAYOUT, float(rate), info, {k: text for text, k in tasks.items()}, places, tuple(notes),
        {name: members for name, members in filters.items() if members}, tuple(left_out),
    )  # fmt: skip


def _features(demo: h5py.Group, steps: int) -> tuple[dict[str, Any], list[str]]:
    """Description of the columns, by the first demonstration, and the names of what is left out."""
    found: dict[str, Any] = {}
    left_out = []
    for column, dataset in _each_column(demo):
        if column.startswith(f"{_REPEATED}.") or dataset.ndim == 0 or len(dataset) != steps:
            left_out.append(column)
        elif _is_picture(dataset):
            names = ["height", "width", "channels"]
            found[_picture_name(column)] = {
                "dtype": "image", "shape": list(dataset.shape[1:]), "names": names,
            }  # fmt: skip
        elif dataset.dtype.kind not in "biuf":
            left_out.append(column)
        else:
            shape = list(dataset.shape[1:]) or [1]
            found[column] = {"dtype": dataset.dtype.name, "shape": shape, "names": None}
    return found, left_out


def _each_column(demo: h5py.Group) -> Iterator[tuple[str, h5py.Dataset]]:
    """Every dataset of a demonstration with the name of its column."""

    def walk(group: h5py.Group, path: tuple[str, ...]) -> Iterator[tuple[str, h5py.Dataset]]:
        for name, member in group.items():
            if isinstance(member, h5py.Group):
                yield from walk(member, (*path, name))
            else:
                yield _column((*path, name)), member

    return walk(demo, ())


def _column(path: tuple[str, ...]) -> str:
    if len(path) == 1:
        return _NAMES.get(path[0], path[0])
    first = "observation" if path[0] == "obs" else path[0]
    return ".".join((first, *path[1:]))


def _is_picture(dataset: h5py.Dataset) -> bool:
    return dataset.dtype == np.uint8 and dataset.ndim == 4 and dataset.shape[-1] in (1, 3)


def _picture_name(column: str) -> str:
    return column.replace("observation.", "observation.images.", 1)


def _png(picture: np.ndarray) -> bytes:
    buffer = io.BytesIO()
    Image.fromarray(picture if picture.shape[-1] == 3 else picture[..., 0]).save(
        buffer, "PNG", compress_level=3
    )
    return buffer.getvalue()


def _mapping(text: Any) -> dict[str, Any]:
    """A JSON object from an attribute; empty where there is none."""
    try:
        found = json.loads(text) if isinstance(text, str | bytes) else {}
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}


def _words(dataset: h5py.Dataset) -> list[str]:
    return [n.decode() if isinstance(n, bytes) else str(n) for n in dataset[()].tolist()]


def _first_line(problem: BaseException) -> str:
    return (str(problem).splitlines() or [type(problem).__name__])[0]
