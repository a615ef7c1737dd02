"""Things pasted into pictures are where they are said to be, and lie on nothing that was there."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.workbench.data.made_up import made_up_episode
from workbench.data.archive.chunk_writer import ChunkWriter
from workbench.training.cutouts import MARGIN, Cutout, cut_out, overlapping, paste, varied
from workbench.training.frames import ArchiveFrames
from workbench.training.scene_stream import SceneStream

TABLE, RED = (90, 90, 100), (220, 20, 20)


def red_square(side, label="red cube"):
    """A cutout of a square on a table of its own."""
    whole = side + 2 * MARGIN
    picture = np.full((whole, whole, 3), TABLE, np.uint8)
    opacity = np.zeros((whole, whole, 1), np.float32)
    inner = slice(MARGIN, MARGIN + side)
    picture[inner, inner], opacity[inner, inner] = RED, 1.0
    return Cutout(
        picture, opacity, np.array([MARGIN, MARGIN, MARGIN + side, MARGIN + side], np.float32), label
    )


@given(st.integers(0, 10**6), st.lists(st.integers(8, 20), max_size=8))
def test_what_is_pasted_is_in_its_box_and_nothing_else_changes(seed, sides):
    rng = np.random.default_rng(seed)
    picture = np.full((64, 80, 3), 200, np.uint8)
    there = np.array([[10, 10, 30, 40], [np.nan] * 4], np.float32)
    pasted, boxes, labels = paste(picture, there, [red_square(side) for side in sides], rng)
    assert len(boxes) == len(labels) <= len(sides)
    covered = np.zeros((64, 80), bool)
    for number, box in enumerate(boxes):
        u0, v0, u1, v1 = box.astype(int)
        assert (pasted[v0:v1, u0:u1] == RED).all()
        assert not overlapping(box, np.concatenate([there, np.delete(boxes, number, 0)])).any()
        covered[v0:v1, u0:u1] = True
    assert (pasted[~covered] == 200).all(), "the table around a thing came along"


def test_a_thing_too_large_for_the_picture_is_left_out():
    picture = np.full((20, 20, 3), 200, np.uint8)
    pasted, boxes, labels = paste(picture, np.zeros((0, 4)), [red_square(30)], np.random.default_rng(0))
    assert (pasted == picture).all()
    assert (len(boxes), labels) == (0, [])


@given(st.integers(0, 10**6), st.integers(8, 20))
def test_a_varied_thing_is_still_in_its_box(seed, side):
    one = red_square(side)
    one.picture[MARGIN, MARGIN] = one.picture[0, 0]  # so that its left is not its right
    other = varied(one, np.random.default_rng(seed))
    u0, v0, u1, v1 = other.box
    assert np.allclose((u1 - u0, v1 - v0), (side, side), atol=0.2 * side + 1)
    solid = np.argwhere(other.opacity[..., 0] > 0.5)[:, ::-1]
    assert np.allclose(solid.min(0), (u0, v0), atol=1)
    assert np.allclose(solid.max(0) + 1, (u1, v1), atol=1)


@pytest.fixture(scope="module")
def frames(tmp_path_factory):
    folder = tmp_path_factory.mktemp("data") / "episodes"
    with ChunkWriter(folder / "chunk-00000.hdf5", "made-up") as chunk:
        for index in range(4):
            chunk.add(made_up_episode(index, images=True))
    return ArchiveFrames(folder, ("front",))


def test_only_things_that_stand_alone_are_cut_out(frames):
    known = cut_out(frames, "front")
    assert known
    labels = {body.label for episode in frames.episodes for body in episode.bodies}
    for one in known:
        u0, v0, u1, v1 = one.box.round().astype(int)
        assert one.label in labels
        assert one.picture.shape[:2] == one.opacity.shape[:2]
        assert one.opacity[v0:v1, u0:u1].mean() > 0.9 > one.opacity[0].mean()


def test_a_lesson_names_what_was_pasted_into_it(frames):
    plain, more = (SceneStream(frames, ("front",), 0, 224, False, 0.0, pasted) for pasted in (0, 8))
    rows = [(row, 0) for row in range(plain.size)]
    few, many = plain.batch(rows), more.batch(rows)
    gained = [len(b) - len(a) for a, b in zip(few.boxes, many.boxes, strict=True)]
    assert min(gained) == 0 < max(gained), "all pictures, or none, had things pasted into them"
    for boxes, colors, shapes in zip(many.boxes, many.colors, many.shapes, strict=True):
        assert len(boxes) == len(colors) == len(shapes)
    for number, count in enumerate(gained):
        same = (few.pictures[number] == many.pictures[number]).all()
        assert bool(same) == (count == 0)
