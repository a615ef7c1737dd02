"""What counts as right: answers of the wanted shape in the right place, and nothing for what is missing."""

import json

import numpy as np
import pytest
import torch
from rich.console import Console

from policy.answers import Boxes, Labelled, PickPlace, Points, Trace
from policy.grounding import Box, Point
from tests.workbench.data.made_up import made_up_episode
from workbench.data.archive.chunk_writer import ChunkWriter
from workbench.data.qa.entries import chosen_frames
from workbench.training import grounding_eval
from workbench.training.annotations import slot_places
from workbench.training.grounding_eval import BOXES, NAMED, POINTS, TASK, TRACE, YAW, Trial, measure
from workbench.training.grounding_eval_options import GroundingEvalOptions
from workbench.training.slot_eval import FIRST_IN_MIND, POINTS_IN_MIND, WAY_IN_MIND

OPTIONS = GroundingEvalOptions(checkpoint="x", data="y")
A, B = (10.0, 10.0, 30.0, 30.0), (40.0, 40.0, 60.0, 60.0)


def trial(metric, answer, episode="0", region=None):
    return Trial(metric, episode, 0, "front", 0, "?", answer, region)


def test_a_box_is_right_from_half_its_overlap_and_a_missing_one_is_wrong():
    trials = [trial(TASK, PickPlace(A, B), str(i)) for i in range(3)]
    said = [PickPlace(A, (41.0, 40.0, 60.0, 60.0)), PickPlace(A, None), None]
    found = measure(trials, said, 224, OPTIONS)[TASK]
    assert (found.right, found.count, found.missing) == (3, 6, 3)


def test_an_answer_of_another_shape_is_no_answer():
    found = measure([trial(NAMED, Labelled((Box("red cube", A),)))], [Points(((20, 20),))], 224, OPTIONS)[
        NAMED
    ]
    assert (found.right, found.missing) == (0, 1)


def test_both_ways_to_write_two_boxes_count():
    found = measure([trial(BOXES, Boxes((A, B)))], [PickPlace(A, B)], 224, OPTIONS)[BOXES]
    assert found.right == 2


def test_points_and_boxes_count_with_names_and_without():
    region = np.ones((224, 224), bool)
    named = Labelled(points=(Point("cube", (20.0, 20.0)),))
    found = measure([trial(POINTS, Points(((20.0, 20.0),)), region=region)], [named], 224, OPTIONS)[POINTS]
    assert (found.right, found.missing) == (1, 0)
    trials = [trial(NAMED, Labelled((Box("red cube", A),)))]
    assert measure(trials, [Boxes((A,))], 224, OPTIONS)[NAMED].right == 1


def test_points_are_held_against_their_region():
    region = np.zeros((224, 224), bool)
    region[10:30, 10:30] = True
    trials = [trial(POINTS, Points(((20.0, 20.0),)), str(i), region) for i in range(2)]
    found = measure(trials, [Points(((12.0, 28.0),)), Points(((50.0, 20.0),))], 224, OPTIONS)[POINTS]
    assert (found.right, found.count) == (1, 2)


class Turned:
    """Right where the second contact is to the right of the first."""

    def error(self, claimed):
        return float(np.degrees(abs(np.arctan2(*(claimed[1] - claimed[0])[::-1]))))


def test_contacts_are_held_against_the_direction_of_the_fingers():
    """Both claims lie on the thing, as the metric of points says; one would turn the hand across it."""
    region = np.ones((224, 224), bool)
    contacts = Points(((50.0, 50.0), (70.0, 50.0)))
    trials = [Trial(POINTS, str(i), 0, "front", 0, "?", contacts, region, Turned()) for i in range(3)]
    said = [
        Points(((52.0, 50.0), (72.0, 52.0))),
        Points(((60.0, 40.0), (60.0, 60.0))),
        Points(((60.0, 50.0),)),
    ]
    found = measure(trials, said, 224, OPTIONS)
    assert (found[POINTS].right, found[POINTS].count) == (5, 6)
    assert (found[YAW].right, found[YAW].count, found[YAW].missing) == (1, 3, 1)


def test_a_traces_error_is_in_pixels_and_leaves_out_what_was_not_answered():
    way = Trace(((0.0, 0.0), (10.0, 0.0)))
    trials = [trial(TRACE, way, str(i)) for i in range(4)]
    said = [way, Trace(((0.0, 4.0), (10.0, 4.0))), None, way]
    found = measure(trials, said, 224, OPTIONS)[TRACE]
    assert found.mean == pytest.approx(2 / 3)
    assert (found.count, found.missing) == (3, 1)


@pytest.mark.parametrize("masks", [True, False])
def test_a_model_that_knows_the_truth_is_always_right(tmp_path, monkeypatch, masks):
    """Questions, regions and metrics agree with the archive: only rounding to whole pixels is left."""
    from tests.policy.m1.tiny import tiny_model

    with ChunkWriter(tmp_path / "data" / "episodes" / "chunk-00000.hdf5", "made-up") as chunk:
        for index in range(4):
            chunk.add(made_up_episode(index, images=masks))
    model = tiny_model()
    monkeypatch.setattr(grounding_eval, "load_checkpoint", lambda *_: model)
    truth = {}
    original = grounding_eval._trials

    def remembered(*args):
        for one in original(*args):
            truth[one.question, one.number, one.frame, one.view] = one.answer
            yield one

    monkeypatch.setattr(grounding_eval, "_trials", remembered)

    def all_knowing(model, frames, trials, options, console):
        from policy.answer_parser import parse_answer

        pairs = {POINTS: "points", TRACE: "trace"}
        return [parse_answer(t.answer.text(), (56, 56), pairs.get(t.metric)).answer for t in trials]

    monkeypatch.setattr(grounding_eval, "_ask", all_knowing)
    slots = model.config.prompt.slots

    def think(images, told, hand):
        assert set(images) == {"front", "wrist"}
        rows = [next(rows_thought) for _ in told]
        return torch.tensor([slot_places(*row, slots, 56) for row in rows]).round()

    def thought_of():
        for index in range(4):
            episode = made_up_episode(index, images=masks)
            for frame in chosen_frames(episode.name, len(episode.frame_steps), 4, 0):
                yield episode, "front", frame
        for index in range(4):
            yield made_up_episode(index, images=masks), "front", 0

    rows_thought = thought_of()
    monkeypatch.setattr(model, "think", think)
    # Both cameras: the model acts on what both show.
    options = GroundingEvalOptions(
        views="front,wrist",
        checkpoint="x",
        data=str(tmp_path / "data"),
        out=str(tmp_path / "result.json"),
        device="cpu",
    )
    options.resolve()
    result = grounding_eval.eval_grounding(options, Console(quiet=True))
    assert json.loads((tmp_path / "result.json").read_text())["metrics"]
    assert ("no masks" in result["points_inside"]) is not masks
    metrics = result["metrics"]
    assert set(metrics) == {
        NAMED,
        TASK,
        BOXES,
        POINTS,
        YAW,
        TRACE,
        POINTS_IN_MIND,
        FIRST_IN_MIND,
        WAY_IN_MIND,
    }
    assert metrics[POINTS_IN_MIND]["rate"] == 1.0
    assert metrics[POINTS_IN_MIND]["count"] > 10
    assert metrics[FIRST_IN_MIND]["rate"] == 1.0
    assert metrics[WAY_IN_MIND]["mean"] < 0.6
    assert metrics[YAW]["rate"] == 1.0
    for name in (NAMED, TASK, BOXES):
        assert metrics[name]["rate"] > 0.95, name
    # Grasps are marked where the made-up object may be covered by the receptacle: not on it in the mask.
    assert metrics[POINTS]["rate"] > (0.5 if masks else 0.9)
    assert metrics[TRACE]["mean"] < 0.6
