"""What the archive's streams give: the frame's own actions, true coordinates, the same batch every time."""

from copy import copy
from dataclasses import replace

import numpy as np
import pytest
import torch

from policy.m1.prompt import measured_hand
from policy.m1.training.batches import Marked
from policy.m1.training.phases import ACTION, ANSWERS, LANGUAGE, NUMBERS, READING, VISION
from tests.workbench.data.made_up import made_up_episode
from tests.workbench.training.test_cutouts import red_square
from workbench.cli.options import OptionError
from workbench.data.archive.archive import ArchiveError, Chunk
from workbench.data.archive.chunk_writer import ChunkWriter
from workbench.data.projection import project_frames
from workbench.training.action_stream import ActionStream, chunk_at, with_statistics
from workbench.training.annotations import another_slot_places, another_task, hand_at, slot_places, worded
from workbench.training.answer_stream import FIRST_FRAMES, AnswerStream
from workbench.training.attempts import failed_attempt_until
from workbench.training.augment import crop, mirrored
from workbench.training.frames import ArchiveFrames
from workbench.training.hand_perturbation import PERTURBATION, PERTURBED_SHARE
from workbench.training.lessons import FIRST_LESSON, FULL_LESSON, NAMING_LESSON
from workbench.training.numbers_stream import PLACE_ERROR, NumbersStream
from workbench.training.options import TrainOptions
from workbench.training.recipes import phases_of
from workbench.training.scene_stream import SceneStream
from workbench.training.vocabulary import vocabulary_of

VIEWS = ("front", "wrist")


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


def test_pictures_left_in_the_file_are_those_that_are_read_at_once(frames):
    stored = frames.episodes[1].cameras["wrist"]
    with Chunk(stored.jpeg.path) as chunk:
        whole = chunk.read(1).cameras["wrist"]
    assert tuple(stored.jpeg) == whole.jpeg
    assert stored.jpeg[1:3] == list(whole.jpeg[1:3])
    assert (stored.mask[2] == whole.mask[2]).all()
    assert stored.depth is None


def test_a_frames_chunk_begins_at_its_own_step_not_at_the_one_shown(frames):
    stream = ActionStream(frames, VIEWS, 4, seed=0, augment=False)
    for row, (number, frame) in enumerate(stream.rows):
        batch = stream.batch([(row, 0)])
        episode = frames.episodes[number]
        step = int(episode.frame_steps[frame])
        there = min(4, episode.steps - step)
        assert (batch.actions[0, :there].numpy() == episode.actions[step : step + there]).all()
        assert batch.valid[0].tolist() == [True] * there + [False] * (4 - there)
        assert (batch.images["wrist"][0].numpy() == frames.picture(number, "wrist", frame)).all()


def test_past_the_end_the_gripper_keeps_its_last_command():
    actions = np.array([[0.1, 1.0], [0.2, -1.0]], np.float32)
    chunk, had = chunk_at(actions, 1, 3)
    assert chunk[:, 1].tolist() == [-1.0] * 3
    assert had.tolist() == [True, False, False]


def test_a_state_after_the_last_action_is_no_sample(frames):
    episode = frames.episodes[0]
    frames_at_end = replace(episode, frame_steps=np.array([0, 12]))
    shown = object.__new__(ArchiveFrames)
    shown.episodes = [frames_at_end]
    assert shown.rows(before_end=True) == [(0, 0)]
    assert shown.rows(before_end=False) == [(0, 0), (0, 1)]


def test_statistics_are_exact_and_count_a_demonstration_once(frames):
    actions = np.concatenate([frames.episodes[0].actions, frames.episodes[2].actions]).astype(np.float64)
    exact = with_statistics(frames, "min_max").normalisation
    assert np.allclose(exact.low, actions.min(0))
    assert np.allclose(exact.high, actions.max(0))
    assert exact.mask == (True,) * 6 + (False,)


def test_episodes_of_one_index_and_two_seeds_are_two_demonstrations(frames):
    first, other = frames.episodes[0], frames.episodes[2]
    other = replace(other, record=first.record | {"seed": first.record["seed"] + 1})
    merged = copy(frames)
    merged.episodes = [first, other]
    actions = np.concatenate([first.actions, other.actions])
    assert np.allclose(with_statistics(merged, "min_max").normalisation.low, actions.min(0))
    quantiles = with_statistics(frames, "q01_q99").normalisation
    assert np.allclose(quantiles.high, np.quantile(actions, 0.99, axis=0))


def test_what_is_normalised_comes_back(frames):
    norm = with_statistics(frames, "min_max").normalisation
    actions = frames.episodes[2].actions.astype(np.float64)
    scaled = norm.normalise(actions)
    assert np.abs(scaled[:, :6]).max() <= 1.0
    assert np.allclose(norm.denormalise(scaled), actions, atol=1e-9)


def test_a_channel_that_never_moves_stays_where_it_is(frames):
    still = object.__new__(ArchiveFrames)
    actions = frames.episodes[0].actions.copy()
    actions[:, 3] = 0.002 + 1e-9 * np.arange(12)
    still.episodes = [replace(frames.episodes[0], actions=actions)]
    still.action_spec = frames.action_spec
    norm = with_statistics(still, "min_max").normalisation
    anything = np.random.default_rng(0).normal(size=(20, 7))
    assert np.allclose(norm.denormalise(anything)[:, 3], 0.002, atol=1e-6)


@pytest.mark.parametrize("lesson", [FIRST_LESSON, FULL_LESSON])
def test_questions_are_the_same_for_a_row_and_an_epoch_and_others_in_the_next(frames, lesson):
    stream = AnswerStream(frames, VIEWS, 0, 224, "locate: {instruction}", lambda text: True, True, lesson)
    first, again, later = (stream.batch([(5, epoch)]) for epoch in (0, 0, 1))
    assert first.asked == again.asked
    assert (first.pictures == again.pictures).all()
    assert first.asked != later.asked
    assert all(stream.batch([(row, 0)]).asked[0] for row in range(stream.size))


def test_the_prompt_for_acting_is_taught_the_annotated_places_of_the_first_view(frames):
    slots = ("grasp", "place", "path", "path")
    stream = AnswerStream(
        frames, VIEWS, 0, 112, "locate: {instruction}", lambda text: True, lesson=FIRST_LESSON, slots=slots
    )
    shown = 0
    for row, (number, frame, view) in enumerate(stream.rows):
        told = [one for one in stream.batch([(row, 0)]).asked[0] if isinstance(one, Marked)]
        episode, camera = frames.episodes[number], frames.episodes[number].cameras[view]
        assert len(told) == (view == "front")
        if told:
            shown += 1
            assert told[0].instruction in (episode.instruction, *episode.paraphrases)
            way = camera.trace[frame]
            true = np.stack([camera.grasp[frame], camera.place[frame], way[0], way[-1]])
            true = true * 112 / (camera.width, camera.height)
            at = int(episode.frame_steps[frame])
            pose, width = (
                torch.from_numpy(x[[at]]).float()
                for x in (episode.measured_ee_pose, episode.measured_gripper_width)
            )
            assert told[0].hand == pytest.approx(measured_hand(pose, width)[0].tolist())
            for k, (said, place) in enumerate(zip(told[0].places, true, strict=True)):
                is_inside = ((place >= 0) & (place <= 112)).all()
                assert (said is None) == (k < 2 and not is_inside), "a way goes on at the edge"
                assert said is None or said == pytest.approx(tuple(place.clip(0, 112)))
    assert shown


def test_every_coordinate_is_about_a_place_on_its_thing(frames):
    """The made-up pictures show coloured rectangles exactly where boxes are, so the colour tells."""
    stream = AnswerStream(
        frames, VIEWS, 0, 224, "locate: {instruction}", lambda text: True, False, FIRST_LESSON
    )
    checked = 0
    for row in range(stream.size):
        batch = stream.batch([(row, 0)])
        for asked in batch.asked[0]:
            if asked.question == "locate: red cube":
                u, v = (x * 64 / 224 for x in asked.looks[0])
                r, g, b = batch.pictures[0, int(v), int(u)].tolist()
                assert len(asked.looks) == 4
                # Where the plate was drawn over the cube's middle, blue is right, too.
                assert r > 120 > g or b > 120, (r, g, b)
                checked += 1
    assert checked > 5


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


def test_the_vocabulary_has_the_language_and_the_labels_but_no_slips(frames):
    words = vocabulary_of(frames)
    assert {"red", "cube", "tangerine", "locate", "nearest", "retreat"} <= set(words)
    assert not [word for word in words if word != word.lower()]
    slipped = replace(
        frames.episodes[2], record={**frames.episodes[2].record, "instruction": "put teh cube on the plate"}
    )
    other = object.__new__(ArchiveFrames)
    other.episodes = [*frames.episodes[:2], slipped]
    assert "teh" not in vocabulary_of(other)


def test_a_folder_without_episodes_is_named(tmp_path):
    with pytest.raises(ArchiveError, match="holds no episodes"):
        ArchiveFrames(tmp_path, VIEWS)


def test_a_frozen_language_model_is_asked_nothing(frames):
    from workbench.training.build import build_model

    options = TrainOptions(stage="action", data="x", lr_vision=0.0, lr_language=0.0, device="cpu")
    options.resolve()
    _, _, phase = phases_of(options, build_model(options, frames).config)
    assert phase.objectives.keys() == {ACTION, READING, NUMBERS}
    assert not phase.rates.keys() & {VISION, LANGUAGE}


@pytest.mark.parametrize(("stage", "option"), [("action", "vision_steps"), ("grounding", "head_steps")])
def test_steps_of_a_phase_that_a_stage_has_not_are_refused(frames, stage, option):
    from workbench.training.build import build_model

    options = TrainOptions(stage=stage, data="x", device="cpu", **{option: 5})
    options.resolve()
    with pytest.raises(OptionError, match=f"{option}: stage={stage} of m1-mini has no phase"):
        phases_of(options, build_model(options, frames).config)


def test_a_share_of_tasks_is_told_in_other_words(frames):
    episode = replace(frames.episodes[0], paraphrases=("other words", "still others"))
    rng = np.random.default_rng(0)
    told = [worded(episode, 0.25, rng) for _ in range(2000)]
    own = told.count(episode.instruction) / 2000
    assert abs(own - 0.75) < 0.04  # four standard errors
    assert set(told) == {episode.instruction, *episode.paraphrases}
    assert {worded(episode, 0.0, rng) for _ in range(20)} == {episode.instruction}


def test_without_guidance_a_policy_is_not_trained_blind(frames):
    from workbench.training.build import build_model

    options = TrainOptions(stage="action", data="x", guidance="off", device="cpu")
    options.resolve()
    config = build_model(options, frames).config
    with pytest.raises(OptionError, match="never saw a picture: give head_steps= or steps="):
        phases_of(options, config)
    assert phases_of(replace(options, steps=1), config)[-1].steps == 1


def test_guidance_off_changes_nothing_but_what_it_says(frames):
    from workbench.training.build import build_model

    made = {}
    for guidance in ("on", "off"):
        options = TrainOptions(stage="action", data="x", guidance=guidance, head_steps=400, device="cpu")
        options.resolve()
        model = build_model(options, frames)
        made[guidance] = (model, phases_of(options, model.config))
    (guided, (numbers, head, phase)), (plain, (plain_numbers, plain_head, plain_phase)) = (
        made["on"],
        made["off"],
    )
    assert numbers == plain_numbers
    spatial = guided.config.prompt
    prompt = replace(plain.config.prompt, action=spatial.action, slots=spatial.slots)
    assert replace(plain.config, prompt=prompt) == guided.config
    assert plain.config.prompt.action == "{instruction}. hand {hand}"
    assert ANSWERS in phase.objectives
    assert ANSWERS not in plain_phase.objectives
    objectives = {k: v for k, v in phase.objectives.items() if k != ANSWERS}
    batch = {k: v for k, v in phase.batch.items() if k != ANSWERS}
    assert replace(phase, objectives=objectives, batch=batch) == plain_phase
    # What was never grounded is not frozen while the head learns; steps and samples are the same.
    assert plain_head.rates.keys() == head.rates.keys() | {VISION, LANGUAGE}
    assert replace(plain_head, rates=head.rates, remember=head.remember) == head
    weights = zip(guided.state_dict().values(), plain.state_dict().values(), strict=True)
    assert all((a == b).all() for a, b in weights), "the first weights differ"


def numbers_told(frames, epochs=400):
    """Each row of the stream with what it is: episode, frame, annotated places, chunk; and several epochs of it."""
    slots = ("grasp", "place", "path")
    stream = NumbersStream(frames, "front", slots, 224, 8, seed=0)
    seen = [(n, f, slot_places(frames.episodes[n], "front", f, slots, 224)) for n, f in frames.rows(True)]
    whole = [row for row in seen if None not in row[2]]
    assert stream.size == len(whole) > 0
    for row, (number, frame, places) in enumerate(whole):
        episode = frames.episodes[number]
        chunk, had = chunk_at(episode.actions, int(episode.frame_steps[frame]), 8)
        batch = stream.batch([(row, epoch) for epoch in range(epochs)])
        assert (batch.valid == torch.from_numpy(had)).all()
        assert (stream.batch([(row, 3)]).hand == batch.hand[3]).all()
        by = batch.hand.double().numpy() - np.array(hand_at(episode, frame))
        yield episode, frame, np.array(places), chunk, batch, by


def test_numbers_tell_the_annotated_places_and_err_otherwise_each_epoch(frames):
    told = [batch.places.numpy()[:, :2] - places[:2] for _, _, places, _, batch, _ in numbers_told(frames)]
    errors = np.concatenate(told)
    assert np.abs(errors.mean(0)).max() < 0.5
    assert np.allclose(errors.std(0), PLACE_ERROR, rtol=0.1)


def test_perturbed_hands_are_led_back_and_others_are_as_recorded(frames):
    shifts, kinds = [], set()
    for _, _, _, chunk, batch, by in numbers_told(frames):
        steady = bool((np.sign(chunk[:, 6]) == np.sign(chunk[0, 6])).all())
        is_perturbed = np.abs(by[:, :4]).max(axis=1) > 1e-6
        kinds.add(steady)
        assert is_perturbed.any() == steady
        straight = batch.actions.numpy()[~is_perturbed]
        assert np.allclose(straight, chunk, atol=1e-6)
        # Where the hand ends, seen from where it is told to be, is where the demonstrated one ends.
        led = batch.actions.numpy()[is_perturbed]
        ends = by[is_perturbed, :3] + led[..., :3].sum(1)
        assert np.allclose(ends, chunk[:, :3].sum(0), atol=1e-5)
        turned = (by[is_perturbed, 3] + led[..., 5].sum(1) - chunk[:, 5].sum()) / np.pi
        assert np.allclose(turned, turned.round(), atol=1e-5), "off by other than half a turn"
        assert np.allclose(led[:, 6:], chunk[6:], atol=1e-6)
        assert np.allclose(led[..., [3, 4, 6]], chunk[..., [3, 4, 6]], atol=1e-6)
        assert np.allclose(by[:, 4], 0.0, atol=1e-6)
        if steady:
            shifts.append(by[is_perturbed, :3])
            assert abs(is_perturbed.mean() - PERTURBED_SHARE) < 0.1
    assert kinds == {True, False}
    assert np.allclose(np.concatenate(shifts).std(0), PERTURBATION[:3], rtol=0.1)


def test_a_perturbed_hand_is_seen_where_it_was_moved_to(frames):
    """Apart from the error of every place: its mean over many epochs is that of the true pixels."""
    for episode, frame, places, _, batch, by in numbers_told(frames):
        camera = episode.cameras["front"]
        tool = episode.ee_pose[episode.shown_steps[frame], :3]
        where = project_frames(
            (tool + by[:, :3])[None],
            camera.position[frame : frame + 1],
            camera.rotation[frame : frame + 1],
            camera.intrinsics,
            camera.distortion,
        )[0]
        true = (where * 224 / np.array((camera.width, camera.height))).clip(0, 224)
        true[np.abs(by[:, :3]).max(axis=1) < 1e-6] = places[2]
        in_front = ~np.isnan(true).any(axis=1)
        errors = (batch.places.numpy()[:, 2] - true)[in_front]
        assert len(errors) > 100
        assert np.abs(errors.mean(0)).max() < 5 * PLACE_ERROR / len(errors) ** 0.5
        assert np.abs(errors.std(0) / PLACE_ERROR - 1).max() < 0.2


def test_behind_pictures_the_hand_told_is_perturbed_but_not_what_is_seen_and_said(frames):
    plain = ActionStream(frames, VIEWS, 8, seed=0)
    stream = ActionStream(frames, VIEWS, 8, seed=0, perturbed_at=224)
    went = 0
    for row, (number, frame) in enumerate(stream.rows):
        rows = [(row, epoch) for epoch in range(40)]
        batch, was = stream.batch(rows), plain.batch(rows)
        assert was.perturbed is None
        assert all(torch.equal(batch.images[view], was.images[view]) for view in VIEWS)
        assert torch.equal(batch.hand, was.hand)
        by = (batch.perturbed.hand - batch.hand).double().numpy()
        is_perturbed = np.abs(by[:, :3]).max(axis=1) > 1e-6
        straight = torch.from_numpy(~is_perturbed)
        assert torch.equal(batch.actions[straight], was.actions[straight])
        ends = by[:, :3] + batch.actions.numpy()[..., :3].sum(1)
        assert np.allclose(ends, was.actions.numpy()[..., :3].sum(1), atol=1e-5)
        camera = frames.episodes[number].cameras["front"]
        tool = frames.episodes[number].ee_pose[frames.episodes[number].shown_steps[frame], :3]
        scale = 224 / np.array((camera.width, camera.height))
        where = [
            (
                project_frames(
                    (tool + shift)[None],
                    camera.position[frame : frame + 1],
                    camera.rotation[frame : frame + 1],
                    camera.intrinsics,
                    camera.distortion,
                )[0]
                * scale
            ).clip(0, 224)
            for shift in (np.zeros((1, 3)), by[:, :3])
        ]
        behind = np.isnan(where[0]).any()
        assert not (behind and is_perturbed.any())
        shift = np.zeros((40, 2)) if behind else where[1] - where[0]
        assert np.allclose(batch.perturbed.tool_moved.numpy(), shift, atol=2e-2)
        went += is_perturbed.sum()
    assert went > 50


def test_without_slots_numbers_tell_of_the_hand_alone_and_nothing_is_perturbed(frames):
    """Who is told no place cannot know from where it was moved."""
    stream = NumbersStream(frames, "front", (), 224, 8, seed=0)
    assert stream.size == len(frames.rows(before_end=True))
    rows = [(row, epoch) for row in range(stream.size) for epoch in range(10)]
    batch = stream.batch(rows)
    assert batch.places.shape == (len(rows), 0, 2)
    asked = ActionStream(frames, VIEWS, 8, seed=0).batch(rows)
    assert torch.equal(batch.actions, asked.actions)
    assert torch.equal(batch.hand, asked.hand)


def test_a_frame_with_a_place_outside_the_picture_is_no_lesson_in_numbers(frames):
    episode = frames.episodes[0]
    camera = episode.cameras["front"]
    away = camera.grasp.copy()
    away[1] = np.nan
    other = copy(frames)
    other.episodes = [replace(episode, cameras={"front": replace(camera, grasp=away)})]
    whole = copy(frames)
    whole.episodes = [episode]
    sizes = [NumbersStream(one, "front", ("grasp",), 224, 4, seed=0).size for one in (whole, other)]
    assert sizes[0] - sizes[1] == 1


def test_numbers_of_frames_that_show_no_place_are_refused_in_one_sentence(frames):
    episode = frames.episodes[0]
    camera = episode.cameras["front"]
    blind = copy(frames)
    blind.episodes = [
        replace(episode, cameras={"front": replace(camera, grasp=np.full_like(camera.grasp, np.nan))})
    ]
    with pytest.raises(ArchiveError, match="no frame of camera front shows all of grasp"):
        NumbersStream(blind, "front", ("grasp",), 224, 4, seed=0)


def with_gripper(episode, told):
    """The episode with its hand told to be open (+) or closed (-) at each step."""
    actions = episode.actions.copy()
    actions[:, 6] = [1.0 if one == "+" else -1.0 for one in told]
    return replace(episode, actions=actions)


@pytest.mark.parametrize(
    ("told", "until"),
    [
        ("++++--------", 0),
        ("++--------++", 0),
        ("-+++--------", 8),
        ("++-++---++++", 10),
        ("+-+-++--++++", 11),
        ("++++++++++++", 0),
    ],
)
def test_an_attempt_failed_until_the_last_vain_grasp_was_shut(frames, told, until):
    assert failed_attempt_until(with_gripper(frames.episodes[0], told)) == until


def test_the_way_to_a_vain_grasp_is_neither_imitated_nor_foreseen(frames):
    other = copy(frames)
    other.episodes = [with_gripper(frames.episodes[0], "-+++--------"), frames.episodes[1]]
    began = [int(step) for step in other.episodes[0].frame_steps]
    assert [f for n, f in other.imitable_rows() if n == 0] == [
        f for f, step in enumerate(began) if 8 <= step < 12
    ]
    assert [row for row in other.imitable_rows() if row[0] == 1] == [
        row for row in frames.rows(before_end=True) if row[0] == 1
    ]
    assert ActionStream(other, VIEWS, 4, seed=0).rows == other.imitable_rows()
    slots = ("grasp", "path", "path")
    for frame, step in enumerate(began):
        honest = slot_places(frames.episodes[0], "front", frame, slots, 224)
        told = slot_places(other.episodes[0], "front", frame, slots, 224)
        assert told == ((*honest[:2], None) if step < 8 else honest)


def test_the_tool_is_where_it_is_whatever_the_task():
    places = ((1.0, 2.0), (3.0, 4.0), (5.0, 6.0), (7.0, 8.0), (9.0, 9.0))
    slots = ("grasp", "contact", "place", "path", "path")
    other = another_slot_places(places, slots, (10.0, 20.0, 30.0, 40.0))
    assert other == ((20.0, 30.0), None, (5.0, 6.0), (7.0, 8.0), None)
