"""Datasets of others in Rerun: pictures, what was asked, and every column of numbers as curves over time."""

from __future__ import annotations

import io
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import rerun as rr
from PIL import Image

from domain_rand.notation import scalar
from workbench.cli.options import OptionError
from workbench.data.lerobot.columns import ANNOTATION, INDEX
from workbench.data.lerobot.reading import ImportedDataset, ImportedEpisode
from workbench.data.lerobot.video_spans import SpanReader
from workbench.data.pictures import encode
from workbench.views.recording.writer import merge_recordings

_TIME = "episode_time"
_QUALITY = 90
"""Of frames that a video held, as JPEG."""


def chosen_episodes(dataset: ImportedDataset, names: Sequence[str], count: int) -> list[int]:
    """Indices of the episodes asked for, or of the first ones; OptionError names those that are not there."""
    there = [place.index for place in dataset.places]
    if not names:
        return there[:count]
    found = {name: scalar(name) for name in names}
    missing = [name for name, index in found.items() if not isinstance(index, int) or index not in there]
    if missing:
        raise OptionError(f"{dataset.root} has no episode {', '.join(missing)}; names are numbers, as 0")
    return [int(found[name]) for name in names]


def write_foreign(dataset: ImportedDataset, indices: Sequence[int], path: Path) -> Path:
    """Write episodes into one Rerun file, replacing it in one step; returns ``path``. OSError as from any write."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=".recording-", dir=path.parent) as scratch:
        parts = []
        for index in indices:
            parts.append(Path(scratch) / f"episode-{index:06d}.rrd")
            _write_episode(dataset.episode(index), dataset, parts[-1])
        whole = Path(scratch) / "whole.rrd"
        merge_recordings(parts, whole)
        whole.replace(path)
    return path


def _write_episode(episode: ImportedEpisode, dataset: ImportedDataset, path: Path) -> None:
    seconds = np.arange(episode.frames) / episode.fps
    with rr.RecordingStream(dataset.root.name, recording_id=f"episode-{episode.index:06d}") as stream:
        stream.save(path)
        times = [rr.TimeColumn(_TIME, duration=seconds)]
        stream.log("about", rr.TextDocument("\n\n".join(_about(episode, dataset))), static=True)
        for key in (*episode.videos, *episode.pictures):
            blobs, media = list(_pictures(episode, key)), "image/jpeg"
            if key in episode.pictures:
                media = "image/png" if blobs[0].startswith(b"\x89PNG") else media
            stream.log(f"pictures/{key}", rr.EncodedImage.from_fields(media_type=media), static=True)
            stream.send_columns(f"pictures/{key}", times, rr.EncodedImage.columns(blob=blobs))
        for name, value in episode.columns.items():
            if name in INDEX or name.startswith(ANNOTATION):
                continue
            rows = value.reshape(len(value), -1).astype(float)
            stream.send_columns(f"columns/{name}", times, rr.Scalars.columns(scalars=rows))
        stream.flush()
        stream.disconnect()


def _about(episode: ImportedEpisode, dataset: ImportedDataset) -> Iterator[str]:
    yield f"episode {episode.index} of {dataset.root}"
    yield from (text or "(it does not say what was asked)" for text in episode.tasks)


def _pictures(episode: ImportedEpisode, key: str) -> Iterator[bytes]:
    if key in episode.pictures:
        for data in episode.pictures[key]:
            image = Image.open(io.BytesIO(data))
            if image.format in ("PNG", "JPEG"):
                yield data
            else:
                yield encode(np.asarray(image.convert("RGB")), _QUALITY)
        return
    for picture in SpanReader().frames(episode.videos[key], episode.frames, episode.fps):
        yield encode(picture, _QUALITY)
