"""What tests of exported questions share."""

from __future__ import annotations

import dataclasses
import json

from tests.workbench.data.made_up import without
from workbench.data.archive.chunk_writer import ChunkWriter


def write(folder, *made, name="0"):
    with ChunkWriter(folder / f"chunk-{name}.hdf5", "pick_place") as writer:
        for episode in made:
            writer.add(episode)
    return folder


def lines(summary):
    return [json.loads(line) for line in summary.path.read_text().splitlines()]


def changed(episode, **of_cameras):
    """The episode with something else in all its cameras."""
    cameras = {name: dataclasses.replace(c, **of_cameras) for name, c in episode.cameras.items()}
    return without(episode, cameras=cameras)
