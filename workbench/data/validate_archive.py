"""What is wrong with an archive: each stage's chunks, each chunk's episodes, each episode's pictures."""

from __future__ import annotations

import io
import json
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from PIL import Image

from workbench.data.archive import EPISODES, PLAN, ArchiveError, Chunk, chunks, kept_name
from workbench.data.archive_statistics import FIELDS, STATISTICS
from workbench.data.episode import CameraFrames, DatasetEpisode
from workbench.data.problems import Problem, statistics_problems
from workbench.data.progress import Progress
from workbench.data.statistics import ColumnStatistics


def archive_problems(root: Path, progress: Progress | None = None) -> Iterator[Problem]:
    """Everything that is wrong with an archive, or with a bare folder of chunks."""
    stages = [folder for folder in (root / PLAN, root / EPISODES) if chunks(folder)] or [root]
    total, done = sum(len(chunks(folder)) for folder in stages), 0
    for folder in stages:
        statistics: ColumnStatistics
        seen: dict[str, str]
        statistics, seen = ColumnStatistics(), {}
        for path in chunks(folder):
            yield from _chunk_problems(path, str(path.relative_to(root)), statistics, seen)
            done += 1
            if progress:
                progress(done, total)
        # They are of the rendered episodes, where an archive has both.
        if folder == stages[-1] and (root / STATISTICS).exists():
            yield from _statistics_problems(root / STATISTICS, statistics)


def _chunk_problems(
    path: Path, file: str, statistics: ColumnStatistics, seen: dict[str, str]
) -> Iterator[Problem]:
    try:
        with Chunk(path) as chunk:
            names = chunk.names()
            for row, name in enumerate(names):
                field = f"data/demo_{row}"
                if name in seen:
                    yield Problem(file, f"{field}/name", f"episode {name} is in {seen[name]}, too")
                seen.setdefault(name, file)
                try:
                    episode = chunk.read(row)
                except ArchiveError as problem:
                    yield Problem(file, field, _without(str(problem), str(path), field))
                    continue
                found = episode.problems()
                yield from (Problem(file, f"{field}/{text.split(' ')[0]}", text) for text in found)
                yield from _picture_problems(episode, file, field)
                if not found:
                    statistics.add({name: getattr(episode, name) for name in FIELDS})
            yield from _line_problems(chunk, file, names)
    except ArchiveError as problem:
        yield Problem(file, "", _without(str(problem), str(path)))


def _line_problems(chunk: Chunk, file: str, names: list[str]) -> Iterator[Problem]:
    """Whether the lines say of every episode that is there that it was kept, and of no other."""
    try:
        lines = chunk.lines()
    except (ArchiveError, ValueError) as problem:
        yield Problem(file, "lines", _without(str(problem), str(chunk.path)))
        return
    kept = [kept_name(line) for line in lines if line.get("kept")]
    for name in names:
        if kept.count(name) != 1:
            yield Problem(
                file, "lines", f"episode {name} is stored, and {kept.count(name)} lines say it was kept"
            )
    for name in kept:
        if name not in names:
            yield Problem(file, "lines", f"a line says that episode {name} was kept, and it is not stored")


def _picture_problems(episode: DatasetEpisode, file: str, field: str) -> Iterator[Problem]:
    for name, camera in episode.cameras.items():
        where = f"{field}/cameras/{name}"
        for k, jpeg in enumerate(camera.jpeg):
            try:
                picture = Image.open(io.BytesIO(jpeg))
                picture.load()
            except (OSError, SyntaxError) as problem:
                yield Problem(file, f"{where}/jpeg", f"picture {k} cannot be decoded: {problem}")
                continue
            if picture.size != (camera.width, camera.height):
                size = "{}x{}".format(*picture.size)
                message = f"picture {k} has {size} px, not {camera.width}x{camera.height}"
                yield Problem(file, f"{where}/jpeg", message)
        yield from _mask_problems(episode, camera, file, where)


def _mask_problems(episode: DatasetEpisode, camera: CameraFrames, file: str, where: str) -> Iterator[Problem]:
    """Whether each box lies around its body's pixels, where the pixels are known."""
    if camera.mask is None or camera.mask.shape[1:] != (camera.height, camera.width):
        return
    for f, mask in enumerate(camera.mask):
        for k in range(len(episode.bodies)):
            v, u = np.nonzero(mask == k + 1)
            box = camera.boxes[f, k]
            if not len(u):
                if not np.isnan(box).any():
                    yield Problem(file, f"{where}/boxes", f"frame {f}: body {k} has a box and no pixel")
                continue
            truth = np.array((u.min(), v.min(), u.max() + 1, v.max() + 1))
            if not (np.abs(box - truth) <= 1).all():
                message = f"frame {f}: body {k} is in {truth.tolist()}, its box is {box.tolist()}"
                yield Problem(file, f"{where}/boxes", message)


def _statistics_problems(path: Path, statistics: ColumnStatistics) -> Iterator[Problem]:
    try:
        stored = json.loads(path.read_text())
    except ValueError as problem:
        yield Problem(path.name, "", f"is no JSON: {problem}")
        return
    yield from statistics_problems(path.name, stored, statistics.result())


def _without(text: str, *known: str) -> str:
    """A sentence without the file and the field that its problem names already."""
    for word in known:
        text = text.replace(f"{word} ", "").replace(f"{word}: ", "").replace(f"{word}/", "")
    return text
