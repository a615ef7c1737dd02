"""What pictures are asked, and that answers follow their picture."""

from copy import copy
from dataclasses import replace

import numpy as np
import pytest

from policy.m1.training.batches import Marked
from tests.workbench.training.streamed import VIEWS
from tests.workbench.training.test_cutouts import red_square
from workbench.training.annotations import another_task
from workbench.training.answer_stream import FIRST_FRAMES, AnswerStream
from workbench.training.augment import crop, mirrored
from workbench.training.lessons import FIRST_LESSON, FULL_LESSON, NAMING_LESSON
from workbench.training.scene_stream import SceneStream


@pytest.mark.parametrize("lesson", [FIRST_LESSON, FULL_LESSON])
def test_questions_are_the_same_for_a_row_and_an_epoch_and_others_in_the_next(frames, lesson):
    stream = AnswerStream(frames, VIEWS, 0, 224, "locate: {instruction}", lambda text: True, True, lesson)
    first, again, later = (stream.batch([(5, epoch)]) for epoch in (0, 0, 1))
    assert first.asked == again.asked
    assert (first.pictures == again.pictures).all()
    assert first.asked != later.asked
    assert all(stream.batch([(row, 0)]).asked[0] for row in range(stream.size))


def test_first_pictures_come_more_often_than_others(frames):
    stream = AnswerStream(frames, VIEWS, 0, 224, "{instruction}", lambda text: True)
    counts = {row: stream.rows.count(row) for row in stream.rows}
    assert {counts[row] for row in counts if row[1] == 0} == {FIRST_FRAMES}
    assert {counts[row] for row in counts if row[1] > 0} == {1}


def with_distractor_seen(frames, visibility):
    """The archive with its distractor in the front camera's sight, in a box of its own."""
    episodes = []
    for episode in frames.episodes:
        view = episode.cameras["front"]
        boxes, seen = view.boxes.copy(), view.visibility.copy()
        boxes[:, 2], seen[:, 2] = (40, 40, 48, 52), visibility
        cameras = {**episode.cameras, "front": replace(view, boxes=boxes, visibility=seen)}
        episodes.append(replace(episode, cameras=cameras))
    shown = copy(frames)
    shown.episodes = episodes
    return shown


def test_the_task_is_asked_with_another_object_too(frames):
    shown = with_distractor_seen(frames, 1.0)
    stream = AnswerStream(shown, ("front",), 0, 224, "locate: {instruction}", lambda text: True)
    told, other = "put the red cube on the blue plate", "put the green ball on the blue plate"
    for row in range(stream.size):
        answers = {one.question: one.answer for one in stream.batch([(row, 0)]).asked[0]}
        assert answers[f"locate: {told}"] != answers[f"locate: {other}"]
        assert "[140, 140, 168, 182]" in answers[f"locate: {other}"]  # 224 / 64 times the box


@pytest.mark.parametrize(("visibility", "told"), [(1.0, 2), (0.5, 1)])
def test_the_prompt_is_marked_for_another_object_seen_whole(frames, visibility, told):
    shown = with_distractor_seen(frames, visibility)
    slots = ("grasp", "place", "path", "path")
    stream = AnswerStream(
        shown, ("front",), 0, 224, "locate: {instruction}", lambda text: True, augment=False, slots=slots
    )
    for row in range(stream.size):
        marked = [one for one in stream.batch([(row, 0)]).asked[0] if isinstance(one, Marked)]
        assert len(marked) == told
        own, *other = marked
        assert own.instruction == "put the red cube on the blue plate"
        for one in other:
            assert one.instruction == "put the green ball on the blue plate"
            assert one.places == ((154.0, 161.0), own.places[1], own.places[2], None)
            assert one.hand == own.hand


def test_in_a_crowd_the_task_stays_clear_and_more_is_asked(frames):
    """Some pictures have things pasted in: named by their own boxes, never called what the task names."""
    asked = {}
    for crowd in (0, 8):
        stream = AnswerStream(
            frames, ("front",), 0, 224, "locate: {instruction}", lambda text: True, False, pasted=crowd
        )
        stream._cutouts = {"front": [red_square(8, "green cone"), red_square(8, "red cube")]} if crowd else {}
        asked[crowd] = [stream.batch([(row, epoch)]) for row in range(stream.size) for epoch in range(4)]
    changed = 0
    for plain, crowded in zip(asked[0], asked[8], strict=True):
        changed += bool((plain.pictures != crowded.pictures).any())
        before, after = ({one.question: one.answer for one in batch.asked[0]} for batch in (plain, crowded))
        task = "locate: put the red cube on the blue plate"
        assert after[task] == before.get(task, after[task])
        for question in {"locate: red cube", "locate: blue plate"} & before.keys() & after.keys():
            assert after[question] == before[question]
    assert 0 < changed < len(asked[0])


def test_naming_asks_for_one_thing_in_every_crowd_and_for_nothing_else(frames):
    stream = AnswerStream(
        frames,
        ("front",),
        0,
        224,
        "locate: {instruction}",
        lambda text: True,
        augment=False,
        lesson=NAMING_LESSON,
        slots=("grasp",),
        pasted=8,
    )
    stream._cutouts = {"front": [red_square(8, "green cone"), red_square(8, "blue dome")]}
    pasted = {"locate: green cone", "locate: blue dome"}
    seen = set()
    for row in range(stream.size):
        asked = stream.batch([(row, 0)]).asked[0]
        labels = [body.label for body in frames.episodes[stream.rows[row][0]].bodies]
        allowed = pasted | {f"locate: {label}" for label in labels}
        assert asked
        assert {one.question for one in asked} <= allowed
        assert not any(isinstance(one, Marked) for one in asked)
        seen |= {one.question for one in asked} & pasted
    assert seen == pasted


def test_another_task_names_another_thing_to_pick_and_where_it_is(frames):
    episode = frames.episodes[0]
    target, receptacle, other = (
        replace(episode.bodies[0], role=role, label=label)
        for role, label in (("target", "red cube"), ("receptacle", "blue bowl"), ("distractor", "green cone"))
    )
    plate = replace(other, label="red plate")
    episode = replace(
        episode,
        bodies=(target, receptacle, other, plate),
        record=episode.record | {"instruction": "put the red cube in the blue bowl"},
    )
    boxes = {k: (10.0 * k, 20.0, 10.0 * k + 5, 30.0) for k in range(4)}
    supports = {"bowl", "plate"}
    asked = [another_task(episode, boxes, supports, np.random.default_rng(k)) for k in range(8)]
    assert set(asked) == {("put the green cone in the blue bowl", 2)}
    unseen = {k: box for k, box in boxes.items() if k != 2}
    assert another_task(episode, unseen, supports, np.random.default_rng(0)) is None
    twins = replace(episode, bodies=(target, receptacle, other, other))
    assert another_task(twins, boxes, supports, np.random.default_rng(0)) is None
    by_place = replace(episode, record=episode.record | {"instruction": "put the left one in the bowl"})
    assert another_task(by_place, boxes, supports, np.random.default_rng(0)) is None


def test_an_answer_without_words_for_it_is_not_asked_for(frames):
    stream = AnswerStream(
        frames, VIEWS, 0, 224, "locate: {instruction}", lambda text: "red" not in text, True, FIRST_LESSON
    )
    answers = [a.answer for row in range(stream.size) for a in stream.batch([(row, 0)]).asked[0]]
    assert answers
    assert not [answer for answer in answers if "red" in answer]


def test_boxes_follow_their_picture_through_crop_and_mirror(frames):
    """The red rectangle's own pixels tell where its box is after any change."""
    stream = SceneStream(frames, ("front",), 0, 64, augment=True, crop_share=0.2)
    red = frames.colors.index("red")
    overlaps = []
    for epoch in range(8):
        batch = stream.batch([(row, epoch) for row in range(stream.size)])
        for picture, boxes, colors in zip(batch.pictures.numpy(), batch.boxes, batch.colors, strict=True):
            shown = picture.astype(int)
            is_red = (shown[..., 0] - shown[..., 1] > 70) & (shown[..., 0] - shown[..., 2] > 70)
            if is_red.sum() < 30 or red not in colors:
                continue
            v, u = np.nonzero(is_red)
            box = boxes[list(colors).index(red)]
            inside = (u + 1 >= box[0] - 1) & (u <= box[2] + 1) & (v + 1 >= box[1] - 1) & (v <= box[3] + 1)
            overlaps.append(inside.mean())
    assert len(overlaps) > 20
    assert min(overlaps) > 0.97, f"some red lies outside its box: {min(overlaps):.2f}"


def test_a_crop_keeps_the_aspect_and_a_mirror_undoes_itself():
    rng = np.random.default_rng(0)
    picture = rng.integers(0, 255, (60, 90, 3), dtype=np.uint8)
    for _ in range(20):
        window, (u, v) = crop(picture, 0.3, rng)
        assert abs(window.shape[1] / window.shape[0] - 1.5) < 0.05
        assert (window == picture[v : v + window.shape[0], u : u + window.shape[1]]).all()
    boxes = np.array([[1.0, 2.0, 30.0, 40.0]])
    twice = mirrored(*mirrored(picture, boxes))
    assert (twice[0] == picture).all()
    assert (twice[1] == boxes).all()
