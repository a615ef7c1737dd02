"""What is wrong with an archive: each stage's chunks, each chunk's episodes, each episode's pictures.

`chunk_problems` is a pure function of one chunk: its problems, and what must be known of it to judge the whole.
"""

from __future__ import annotations

import io
import json
from collections.abc import Iterator, Mapping
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from workbench.data.archive.archive import EPISODES, PLAN, ArchiveError, Chunk, chunks, kept_name
from workbench.data.archive.content import episode_content
from workbench.data.archive.statistics import FIELDS, STATISTICS
from workbench.data.episode import STATES, CameraFrames, DatasetEpisode
from workbench.data.generate.silhouette import label_boxes
from workbench.data.lerobot.digest import LOOKS, DatasetDigest, numbers_hash
from workbench.data.progress import Progress
from workbench.data.statistics import ColumnStatistics
from workbench.data.thumbnails import thumbnail
from workbench.data.validation.checks.archive_evidence import archive_evidence
from workbench.data.validation.checks.run import check_episode
from workbench.data.validation.problems import Problem, statistics_problems
from workbench.scale.ordered_map import HERE, Workers, ordered_map


def archive_problems(
    root: Path,
    progress: Progress | None = None,
    whole: DatasetDigest | None = None,
    workers: Workers = HERE,
) -> Iterator[Problem]:
    """Everything that is wrong with an archive, or with a bare folder of chunks.

    Args:
        root: the archive's folder.
        progress: told after each chunk.
        whole: filled with the digest of the rendered episodes, where an archive has both stages.
        workers: who checks the chunks; what is found does not depend on it.
    """
    stages = [folder for folder in (root / PLAN, root / EPISODES) if chunks(folder)] or [root]
    total, done = sum(len(chunks(folder)) for folder in stages), 0
    for folder in stages:
        digest = whole if whole is not None and folder == stages[-1] else DatasetDigest()
        for found, part in ordered_map(partial(chunk_problems, root), chunks(folder), workers):
            yield from found
            digest.merge(part)
            done += 1
            if progress:
                progress(done, total)
        yield from digest.problems()
        if folder == stages[-1] and (root / STATISTICS).exists():
            yield from _statistics_problems(root / STATISTICS, digest.columns)


def chunk_problems(root: Path, path: Path) -> tuple[list[Problem], DatasetDigest]:
    """What is wrong with a chunk, by itself, and its digest.

    Args:
        root: the archive.
        path: the chunk.
    """
    digest = DatasetDigest()
    return list(_chunk_problems(path, str(path.relative_to(root)), digest)), digest


def _chunk_problems(path: Path, file: str, digest: DatasetDigest) -> Iterator[Problem]:
    try:
        with Chunk(path) as chunk:
            names = chunk.names()
            for row in range(len(names)):
                field = f"data/demo_{row}"
                try:
                    episode = chunk.read(row)
                    meta = chunk.attributes(row)
                except ArchiveError as problem:
                    yield Problem(file, field, _without(str(problem), str(path), field))
                    continue
                yield from _episode_problems(episode, meta, file, field, digest)
            yield from _line_problems(chunk, file, names)
    except ArchiveError as problem:
        yield Problem(file, "", _without(str(problem), str(path)))


def _episode_problems(
    episode: DatasetEpisode, attributes: Mapping[str, Any], file: str, field: str, digest: DatasetDigest
) -> Iterator[Problem]:
    found = episode.problems()
    yield from (Problem(file, f"{field}/{text.split(' ')[0]}", text) for text in found)
    yield from _attribute_problems(episode, attributes, file, field)
    whole = list(_picture_problems(episode, file, field, digest))
    yield from whole
    numbers = {name: getattr(episode, name) for name in ("actions", *STATES)}
    cameras = {f"{n}/{k}": getattr(c, k) for n, c in episode.cameras.items() for k in ("position", "boxes")}
    pictures = b"".join(j for c in episode.cameras.values() for j in c.jpeg[:1])
    key = numbers_hash(numbers | cameras | {"pictures": np.frombuffer(pictures, np.uint8)}, episode.render)
    digest.add_episode(episode.name, file, field, key)
    digest.contents[episode.name] = episode_content(episode)
    if found:
        return
    evidence = archive_evidence(episode)
    for finding in check_episode(evidence, digest.made):
        yield Problem(file, f"{field}/{finding.field}", finding.message)
    digest.columns.add({name: getattr(episode, name) for name in FIELDS})


def _attribute_problems(
    episode: DatasetEpisode, attributes: Mapping[str, Any], file: str, field: str
) -> Iterator[Problem]:
    """What HDF5 readers see of an episode before they open it, against what it says itself."""
    record = episode.record
    truth = {"num_samples": episode.steps, "seed": record.get("seed"), "success": record.get("success")}
    for name, value in truth.items():
        if name in attributes and value is not None and attributes[name] != value:
            yield Problem(file, f"{field}/{name}", f"is {attributes[name]}, the episode itself says {value}")
    if "steps" in record and record["steps"] != episode.steps:
        message = f"is {record['steps']}, the episode has {episode.steps} actions"
        yield Problem(file, f"{field}/meta/record/steps", message)


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


def _picture_problems(
    episode: DatasetEpisode, file: str, field: str, digest: DatasetDigest
) -> Iterator[Problem]:
    for name, camera in episode.cameras.items():
        where = f"{field}/cameras/{name}"
        small: list[tuple[int, np.ndarray]] = []
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
            if camera.thumbnails is not None:
                small.append((k, thumbnail(np.asarray(picture.convert("RGB")))))
        yield from _mask_problems(episode, camera, file, where)
        if camera.thumbnails is not None and len(camera.thumbnails) == len(camera.jpeg):
            kept = dict(enumerate(camera.thumbnails))
            digest.add_looks(episode.name, name, kept, small, file, f"{where}/jpeg")
    if episode.cameras and all(c.thumbnails is not None for c in episode.cameras.values()):
        digest.made[LOOKS] = digest.made.get(LOOKS, 0) + 1


def _mask_problems(episode: DatasetEpisode, camera: CameraFrames, file: str, where: str) -> Iterator[Problem]:
    """Whether each box lies around its body's pixels, where the pixels are known."""
    if camera.mask is None or camera.mask.shape[1:] != (camera.height, camera.width):
        return
    found = []
    for f, mask in enumerate(camera.mask):
        bounds, pixels = label_boxes(np.asarray(mask).astype(int) - 1, len(episode.bodies))
        for k, (truth, box) in enumerate(zip(bounds, camera.boxes[f], strict=True)):
            if not pixels[k]:
                if not np.isnan(box).any():
                    found.append(f"frame {f}: body {k} has a box and no pixel")
            elif not (np.abs(box - truth) <= 1).all():
                edges = [int(edge) for edge in truth]
                found.append(f"frame {f}: body {k} is in {edges}, its box is {box.tolist()}")
    if found:
        more = f" (and {len(found) - 1} more boxes that are not those of the mask)" if len(found) > 1 else ""
        yield Problem(file, f"{where}/boxes", found[0] + more)


def _statistics_problems(path: Path, statistics: ColumnStatistics) -> Iterator[Problem]:
    try:
        stored = json.loads(path.read_text("utf-8"))
    except ValueError as problem:
        yield Problem(path.name, "", f"is no JSON: {problem}")
        return
    yield from statistics_problems(path.name, stored, statistics.result())


def _without(text: str, *known: str) -> str:
    """A sentence without the file and the field that its problem names already."""
    for word in known:
        text = text.replace(f"{word} ", "").replace(f"{word}: ", "").replace(f"{word}/", "")
    return text
