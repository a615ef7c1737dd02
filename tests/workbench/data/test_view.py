"""A dataset's episode in Rerun: pictures, annotations and states are in the recording."""

import numpy as np
import pytest

from tests.workbench.data.made_up import SIZE, made_up_episode
from workbench.cli.options import OptionError
from workbench.data.archive.chunk_writer import ChunkWriter
from workbench.data.to_trajectory import to_trajectory
from workbench.data.view_command import choose
from workbench.views.recording import read_recording, write_recording


@pytest.fixture
def archive(tmp_path):
    with ChunkWriter(tmp_path / "episodes" / "chunk-0.hdf5", "pick_place") as writer:
        for index, render in ((0, 0), (0, 1), (3, 0)):
            writer.add(of_pool(made_up_episode(index, render)))
    return tmp_path


def of_pool(episode):
    """With bodies that the task has."""
    from dataclasses import replace

    slots = ("cube_small", "plate", "dome_large")
    bodies = tuple(replace(b, slot=slot) for b, slot in zip(episode.bodies, slots, strict=True))
    return replace(episode, bodies=bodies)


def test_the_first_episodes_come_in_one_rendering_each(archive):
    assert [e.name for e in choose(archive, [], 5)] == ["000000-00", "000003-00"]
    assert [e.name for e in choose(archive, ["000000-01"], 5)] == ["000000-01"]


def test_names_that_are_not_there_are_told(archive):
    with pytest.raises(OptionError, match="000009-00"):
        choose(archive, ["000009-00"], 1)
    with pytest.raises(OptionError, match="two renderings"):
        choose(archive, ["000000-00", "000000-01"], 1)


def test_annotations_become_true_grounding():
    episode = of_pool(made_up_episode(stride=3))
    trajectory = to_trajectory(episode)
    step, truth = trajectory.true_grounding[2]
    assert (step, truth.camera, truth.image_size) == (3, "front", (SIZE, SIZE))
    np.testing.assert_allclose(truth.boxes[0].xyxy, episode.cameras["front"].boxes[1, 0])
    np.testing.assert_allclose(truth.points[1].uv, episode.cameras["front"].place[1])
    assert len(truth.trace) == episode.trace.shape[1]


def test_recording_holds_pictures_and_boxes(archive, tmp_path):
    trajectories = [to_trajectory(episode) for episode in choose(archive, [], 5)]
    write_recording(trajectories, tmp_path / "some.rrd")
    episodes = read_recording(tmp_path / "some.rrd", values=True)
    assert sorted(episodes) == ["episode_000000", "episode_000003"]
    shown = episodes["episode_000003"].entities["/world/cameras/front/image"].values["EncodedImage:blob"]
    assert len(shown) == len(trajectories[1].frame_steps)
    boxes = episodes["episode_000003"].entities["/world/cameras/front/true/boxes"].values["Boxes2D:centers"]
    assert [len(row) for row in boxes] == [2] * len(shown), "the wrist's boxes took the front's away"
