"""Questions and answers from the archive: true of their pictures, in the published shapes, the same ones every time."""

from __future__ import annotations

import dataclasses
import json
from collections import Counter

import numpy as np
import pytest
from PIL import Image

from policy.answer_grounding import answer_grounding
from policy.answer_parser import parse_answer
from policy.answers import Boxes, Labelled, PickPlace, Plan, Points, Sentence, Trace, coordinates
from tests.workbench.data.made_up import COLORS, SIZE, without
from tests.workbench.data.qa.questions import changed, lines, write
from workbench.data.qa.export import export_qa
from workbench.data.qa.options import KINDS, QaOptions
from workbench.data.qa.questions import questions
from workbench.data.qa.wordings import WORDINGS

TARGET, RECEPTACLE = "red cube", "blue plate"


def asked(episode, frame=0, **options):
    found, _ = questions(episode, "front", frame, QaOptions(**options))
    return found


@pytest.fixture(scope="module")
def exported(tmp_path_factory, episodes):
    folder = tmp_path_factory.mktemp("archive")
    options = QaOptions(image_size="252x168", per_kind=4, frames=5)
    summary = export_qa(write(folder, *episodes), folder / "qa", options)
    return summary, lines(summary), {e.name: e for e in episodes}


def truth(entry, episode):
    """The annotation that an entry's answer must repeat [px of the camera's image]; None for an answer without."""
    view, f = episode.cameras[entry["camera"]], entry["frame"]
    labels = [b.label for b in episode.bodies]
    text = entry["conversations"][1]["value"]
    match entry["ask"]:
        case "box of a thing":
            return view.boxes[f, labels.index(json.loads(text)[0]["label"])]
        case "boxes of the task" | "key objects" | "sentence":
            return view.boxes[f, :2]
        case "grasp":
            return view.grasp[f]
        case "contacts":
            return view.contact[f]
        case "place":
            return view.place[f]
        case "point at a thing":
            return (view.grasp if json.loads(text)[0]["label"] == TARGET else view.place)[f]
        case "trace":
            at = np.linspace(0, 23, 8)
            return np.stack([np.interp(at, np.arange(24), view.trace[f, :, axis]) for axis in range(2)], -1)
        case "plan" | "thoughtful plan":
            row = 0 if "<box>" in text and f"{TARGET}<box>" in text else 1
            return view.boxes[f, row] if "<box>" in text else np.zeros(0)


def test_every_answer_reads_back_as_what_the_archive_says(exported):
    _, entries, episodes = exported
    assert {e["ask"] for e in entries} == set(WORDINGS), "some questions were never tried"
    for entry in entries:
        seen, camera_size = tuple(entry["image_size"]), tuple(entry["camera_size"])
        reading = parse_answer(entry["conversations"][1]["value"], seen)
        assert reading.answer is not None, entry
        assert not reading.repairs, entry
        scale = np.divide(seen, camera_size)
        exact = np.reshape(truth(entry, episodes[entry["episode"]]), (-1, 2)) * scale
        said = np.reshape(coordinates(reading.answer), (-1, 2))
        assert said.shape == exact.shape, entry
        assert np.abs(said - exact).max(initial=0) <= 0.5 + 1e-4, entry
        assert (said == said.round()).all()


def test_through_the_grounding_and_back_in_the_cameras_pixels(exported):
    _, entries, episodes = exported
    tasks = [e for e in entries if e["ask"] in ("boxes of the task", "sentence", "key objects")]
    assert tasks
    for entry in tasks:
        seen, camera_size = tuple(entry["image_size"]), tuple(entry["camera_size"])
        answer = parse_answer(entry["conversations"][1]["value"], seen).answer
        claim = answer_grounding(answer, entry["camera"], seen, camera_size)
        assert claim.image_size == (SIZE, SIZE)
        view = episodes[entry["episode"]].cameras[entry["camera"]]
        for label, row in (("target", 0), ("receptacle", 1)):
            box = next(b.xyxy for b in claim.boxes if b.label == label)
            error = np.abs(np.subtract(box, view.boxes[entry["frame"], row]))
            assert (error <= 0.5 * np.tile(np.divide(camera_size, seen), 2) + 1e-4).all(), entry


def test_the_pictures_show_what_the_answers_say(exported):
    summary, entries, _ = exported
    checked = 0
    for entry in entries:
        with Image.open(summary.path.parent / entry["image"]) as picture:
            assert list(picture.size) == entry["image_size"]
            pixels = np.asarray(picture.convert("RGB"), float)
        text = entry["conversations"][1]["value"]
        if entry["ask"] == "box of a thing" and RECEPTACLE in text:
            u0, v0, u1, v1 = json.loads(text)[0]["bbox_2d"]
            is_blue = np.linalg.norm(pixels - COLORS[RECEPTACLE], axis=-1) < 60
            assert is_blue[v0 + 3 : v1 - 3, u0 + 3 : u1 - 3].mean() > 0.85, entry["id"]
            is_blue[max(v0 - 3, 0) : v1 + 3, max(u0 - 3, 0) : u1 + 3] = False
            assert not is_blue.any(), entry["id"]
            checked += 1
    assert checked > 5


def test_an_entry_is_what_llavas_loaders_read(exported):
    summary, entries, episodes = exported
    assert len({e["id"] for e in entries}) == len(entries)
    for entry in entries:
        assert entry["images"] == [entry["image"]], (
            "one loader reads the one key, its documentation names the other"
        )
        assert (summary.path.parent / entry["image"]).exists()
        human, model = entry["conversations"]
        assert (human["from"], model["from"]) == ("human", "gpt")
        assert human["value"].startswith("<image>\n")
        assert human["value"].count("<image>") == 1
        assert entry["kind"] in KINDS
        assert entry["step"] == episodes[entry["episode"]].frame_steps[entry["frame"]]


def test_the_literal_shapes(exported):
    shapes = {
        "box of a thing": Labelled,
        "boxes of the task": PickPlace,
        "key objects": Boxes,
        "sentence": Sentence,
        "grasp": Points,
        "contacts": Points,
        "place": Points,
        "point at a thing": Labelled,
        "trace": Trace,
        "plan": Plan,
        "thoughtful plan": Plan,
    }
    starts = {"grasp": "[(", "trace": "[[", "plan": '{"response": ', "thoughtful plan": "<response>"}
    for entry in exported[1]:
        text = entry["conversations"][1]["value"]
        assert type(parse_answer(text, tuple(entry["image_size"])).answer) is shapes[entry["ask"]], text
        assert text.startswith(starts.get(entry["ask"], "")), text


def test_the_summary_counts_what_is_in_the_file(exported):
    summary, entries, episodes = exported
    assert summary.questions == Counter(e["kind"] for e in entries)
    assert summary.pictures == len({e["image"] for e in entries})
    assert summary.episodes == len(episodes)
    assert summary.passed["box"]["not visible enough"] > 0, "the distractor is never visible"
    stored = json.loads((summary.path.parent / "summary.json").read_text())
    assert stored["questions"] == summary.questions


def test_what_cannot_be_seen_is_not_asked_about(episodes):
    for frame in range(12):
        texts = [q.text + q.answer.text() for q in asked(episodes[0], frame, per_kind=9)]
        assert not [t for t in texts if "green ball" in t]
    view = episodes[0].cameras["front"]
    hidden = changed(episodes[0], visibility=np.where([True, False, False], 0.29, view.visibility))
    for frame in range(12):
        for q in asked(hidden, frame, per_kind=9):
            assert f"{TARGET}<box>" not in q.answer.text()
            assert q.ask not in ("boxes of the task", "key objects", "sentence", "grasp", "contacts")
    _, passed = questions(hidden, "front", 0, QaOptions(per_kind=9))
    assert passed["point", "not visible enough"] > 0
    assert {q.ask for q in asked(hidden, 0, per_kind=9, min_visibility=0.2)} >= {"grasp", "boxes of the task"}


def test_points_outside_the_picture_or_behind_the_camera_are_not_asked_for(episodes):
    view = episodes[0].cameras["front"]
    for value in (np.nan, -0.1, SIZE + 0.1):
        gone = changed(
            episodes[0],
            grasp=np.full_like(view.grasp, value),
            place=np.full_like(view.place, value),
            contact=np.where([[True, False], [False, False]], value, view.contact).astype(np.float32),
            trace=np.where(np.arange(24)[:, None] == 23, value, view.trace).astype(np.float32),
        )
        assert {q.kind for q in asked(gone, 0, per_kind=9)} == {"box", "planner"}


def test_a_way_of_a_few_pixels_is_no_trace(episodes):
    view = episodes[0].cameras["front"]
    still = changed(episodes[0], trace=np.repeat(view.trace[:, :1], 24, 1))
    found, passed = questions(still, "front", 0, QaOptions(kinds="trace"))
    assert not found
    assert passed["trace", "hardly any way left"] == 1


def test_pointing_at_a_thing_needs_it_to_be_drawn_there(episodes):
    covered = changed(episodes[0], mask=np.full((12, SIZE, SIZE), 255, np.uint8))
    for frame in range(12):
        assert "point at a thing" not in {q.ask for q in asked(covered, frame, per_kind=9)}
    assert any("point at a thing" in {q.ask for q in asked(episodes[0], f, per_kind=9)} for f in range(12))


def test_what_is_asked_follows_the_phase(episodes):
    rows = {"reach": 0, "carry": 2, "retreat": 4}
    phases = {name: without(episodes[0], phase=np.full(13, k, np.uint8)) for name, k in rows.items()}
    found = {name: asked(phases[name], per_kind=9) for name in rows}
    asks = {name: {q.ask for q in those} for name, those in found.items()}
    assert asks["reach"] >= {"grasp", "contacts", "place"}
    assert asks["carry"] & {"grasp", "contacts", "place"} == {"place"}
    assert not asks["retreat"] & {"grasp", "contacts", "place"}
    plans = {name: [q.answer for q in those if q.kind == "planner"] for name, those in found.items()}
    view = episodes[0].cameras["front"]
    for name, row in (("reach", 0), ("carry", 1)):
        for plan in plans[name]:
            said = np.array(coordinates(plan)) / 3.5
            np.testing.assert_allclose(said, view.boxes[0, row], atol=1e-4)
    assert [plan.subtask.boxes for plan in plans["retreat"]] == [(), ()]


def test_after_something_moved_the_task_is_told_by_name(episodes):
    by_place = "put the object that is nearest to the robot's base on the blue plate"
    still = np.repeat(episodes[0].body_pose[:1], 13, 0)
    told = without(episodes[0], record=dict(episodes[0].record) | {"instruction": by_place}, paraphrases=())
    moved = still.copy()
    moved[:, 2, 0] += 0.02 * (np.arange(13) >= 6)
    for pose, frame, by_name in ((still, 8, False), (moved, 5, False), (moved, 6, True)):
        texts = [q.text for q in asked(without(told, body_pose=pose), frame, per_kind=9)]
        assert any("nearest to the robot" in t for t in texts) != by_name
        assert any("put the red cube on the blue plate" in t for t in texts) == by_name


def test_names_with_capitals_are_found_in_instructions(episodes):
    bodies = (dataclasses.replace(episodes[0].bodies[0], label="red L-block"), *episodes[0].bodies[1:])
    said = "lay the red L-block onto the blue plate"
    told = without(
        episodes[0], bodies=bodies, paraphrases=(said,), body_pose=np.cumsum(np.ones((13, 3, 7)), 0)
    )
    texts = [q.text for frame in range(1, 12) for q in asked(told, frame, per_kind=9)]
    assert any(said in t for t in texts)
    assert not any("put the red" in t for t in texts)


def test_where_nothing_is_grasped_no_question_speaks_of_holding_or_putting(episodes):
    nothing = np.full((2, 3), np.nan, np.float32)
    pushed = without(episodes[0], grasp=nothing, contact=nothing)
    asked = set()
    for frame in range(len(pushed.frame_steps)):
        found, _ = questions(pushed, "front", frame, QaOptions(per_kind=9))
        asked |= {question.ask for question in found}
    assert asked
    assert asked <= {"box of a thing", "key objects", "place", "trace"}
