"""What the archive's streams give: the frame's own actions, true coordinates, the same batch every time."""

from copy import copy
from dataclasses import replace

import numpy as np
import pytest
import torch

from policy.m1.prompt import measured_hand
from policy.m1.training.batches import Marked
from policy.m1.training.phases import ACTION, ANSWERS, LANGUAGE, NUMBERS, READING, VISION
from tests.workbench.training.streamed import VIEWS
from workbench.cli.options import OptionError
from workbench.data.archive.archive import ArchiveError, Chunk
from workbench.training.action_stream import ActionStream, chunk_at, with_statistics
from workbench.training.annotations import another_slot_places, slot_places, worded
from workbench.training.answer_stream import AnswerStream
from workbench.training.attempts import failed_attempt_until
from workbench.training.frames import ArchiveFrames
from workbench.training.lessons import FIRST_LESSON
from workbench.training.options import TrainOptions
from workbench.training.recipes import phases_of
from workbench.training.vocabulary import vocabulary_of


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
