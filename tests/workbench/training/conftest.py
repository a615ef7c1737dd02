"""Frames of a dataset made for tests."""

from dataclasses import replace

import numpy as np
import pytest

from tests.workbench.data.made_up import made_up_episode
from tests.workbench.training.streamed import VIEWS
from workbench.data.archive.chunk_writer import ChunkWriter
from workbench.training.frames import ArchiveFrames


@pytest.fixture(scope="module")
def frames(tmp_path_factory):
    """Two demonstrations, the first drawn twice, frames at every third step, some pictures late."""
    folder = tmp_path_factory.mktemp("data") / "episodes"
    with ChunkWriter(folder / "chunk-00000.hdf5", "made-up") as chunk:
        for index, render in ((0, 0), (0, 1), (1, 0)):
            episode = made_up_episode(index, render, steps=12, stride=3, images=True)
            if render:  # the same demonstration: its actions are the first rendering's
                episode = replace(episode, actions=made_up_episode(index, 0, steps=12).actions)
            late = np.maximum(episode.frame_steps - 2, 0)
            chunk.add(replace(episode, shown_steps=late))
    return ArchiveFrames(folder.parent, VIEWS)
