"""The model as a policy: what it promises to whoever runs it."""

from dataclasses import replace

import pytest
import torch

from policy import Box, Grounding, Observation, Point, Policy
from policy.contract import Committed
from policy.m1.checkpoint import save_checkpoint
from policy.m1.policy import M1Policy
from policy.m1.strict import ConfigError
from tests.policy.m1.tiny import LONG, SHORT, random_images, rows, tiny_config, tiny_model

INSTRUCTIONS = {0: SHORT, 1: LONG, 2: SHORT, 3: LONG}


@pytest.fixture(scope="module")
def model():
    """Without slots in its prompt: it says something only when asked aloud."""
    prompt = tiny_config().prompt
    return tiny_model(tiny_config(prompt=replace(prompt, action="{instruction}", slots=())))


@pytest.fixture(scope="module")
def thinking():
    return tiny_model()


def observe(model, envs, steps):
    """What environments ``envs`` see at ``steps``; each always sees its own image."""
    n = len(envs)
    images = rows(random_images(model.config, 4), *envs)
    return Observation(
        env_ids=envs,
        step=torch.tensor(steps),
        instruction=[INSTRUCTIONS[env] for env in envs],
        joint_pos=torch.zeros(n, 7),
        joint_vel=torch.zeros(n, 7),
        gripper_width=torch.zeros(n),
        ee_pose=torch.zeros(n, 7),
        images=images,
    )


def started(model, **settings):
    policy = M1Policy(model, **settings)
    policy.reset([0, 1, 2, 3], [100, 101, 102, 103])
    return policy


def test_it_is_a_policy(model):
    policy = started(model)
    assert isinstance(policy, Policy)
    assert policy.cameras == ("front", "wrist")
    assert 1 <= policy.execute_steps <= model.config.chunk_length
    decision = policy.act(observe(model, [0, 1], [0, 0]))
    assert decision.actions.shape == (2, model.config.chunk_length, 7)
    assert decision.actions.dtype == torch.float32
    assert list(decision.grounding) == [None, None]


def test_actions_are_within_the_limits_of_the_spec(model):
    actions = started(model).act(observe(model, [0, 1, 2, 3], [0] * 4)).actions.reshape(-1, 7).numpy()
    spec = model.config.action_spec
    assert (actions >= spec.low - 1e-6).all()
    assert (actions <= spec.high + 1e-6).all()
    assert set(actions[:, 6]) <= {-1.0, 1.0}


def test_an_environment_does_not_notice_its_neighbours(model):
    """Asked alone, in another order, or after others were asked: the same actions."""
    together = started(model).act(observe(model, [0, 1, 2], [0, 4, 8])).actions
    policy = started(model)
    policy.act(observe(model, [2, 3], [0, 0]))
    swapped = policy.act(observe(model, [2, 0], [8, 0])).actions
    torch.testing.assert_close(swapped, together[[2, 0]], rtol=1e-4, atol=1e-4)
    alone = started(model).act(observe(model, [1], [4])).actions
    torch.testing.assert_close(alone[0], together[1], rtol=1e-4, atol=1e-4)


def test_the_seed_and_the_step_decide(model):
    first = started(model).act(observe(model, [0], [0])).actions
    again = started(model).act(observe(model, [0], [0])).actions
    assert torch.equal(first, again)
    assert not torch.equal(started(model).act(observe(model, [0], [4])).actions, first)
    other = M1Policy(model)
    other.reset([0], [999])
    assert not torch.equal(other.act(observe(model, [0], [0])).actions, first)


def test_a_chunk_goes_on_from_what_is_committed(model):
    """In physical units, whatever the model's own are."""
    (first,) = started(model).act(observe(model, [0], [0])).actions
    length = len(first)
    weight = torch.zeros(1, length)
    weight[:, :2] = 1.0
    again = replace(observe(model, [0], [4]), committed=Committed(first[None], weight))
    (second,) = started(model).act(again).actions
    torch.testing.assert_close(second[:2], first[:2], rtol=1e-4, atol=1e-5)
    free = replace(again, committed=Committed(first[None] * 0, weight * 0))
    (alone,) = started(model).act(free).actions
    assert not torch.allclose(alone[:2], first[:2], atol=1e-4)


def test_an_episode_begins_with_a_reset(model):
    policy = M1Policy(model)
    policy.reset([0], [1])
    with pytest.raises(ValueError, match=r"environments \[3\] act before they were reset"):
        policy.act(observe(model, [0, 3], [0, 0]))


def claim(text, camera, seen_size, image_size):
    box = Box("target", (0.0, 0.0, *map(float, seen_size)))
    return Grounding(camera, seen_size, boxes=(box,)).resized(*image_size)


def test_grounding_comes_every_few_decisions_of_each_environment(model):
    policy = started(model, ground_every=2, read_answer=claim, max_answer_tokens=3)
    given = [[g is not None for g in policy.act(observe(model, [0, 1], [s, s])).grounding] for s in (0, 4, 8)]
    assert given == [[True, True], [False, False], [True, True]]
    policy.reset([1], [5])
    mixed = policy.act(observe(model, [0, 1], [12, 0])).grounding
    assert [g is not None for g in mixed] == [False, True]


def test_grounding_is_in_the_pixels_of_the_cameras_own_image(model):
    policy = started(model, ground_every=1, read_answer=claim, max_answer_tokens=3)
    (grounding,) = policy.act(observe(model, [0], [0])).grounding
    assert grounding.camera == "front"
    assert grounding.image_size == (90, 70)
    assert grounding.boxes[0].xyxy == (0.0, 0.0, 90.0, 70.0)


def test_every_decision_says_what_its_slots_stand_for(thinking):
    """In the pixels of the first camera's own image, 90 x 70, of which the model saw 56 x 56."""
    observation = observe(thinking, [0, 1], [4, 8])
    decision = started(thinking).act(observation)
    _, places = thinking.decide(observation.images, observation.instruction, torch.zeros(2, 6, 7))
    assert places.shape == (2, 6, 2)
    for claim_, seen in zip(decision.grounding, places.tolist(), strict=True):
        assert claim_.camera == "front"
        assert [point.label for point in claim_.points] == ["grasp", "place"]
        said = [*(point.uv for point in claim_.points), *claim_.trace]
        assert said == [pytest.approx((u * 90 / 56, v * 70 / 56)) for u, v in seen]


def test_what_was_said_aloud_goes_before_what_was_thought(thinking):
    policy = started(thinking, ground_every=2, read_answer=claim, max_answer_tokens=3)
    thought = started(thinking).act(observe(thinking, [0], [0])).grounding[0]
    (asked,) = policy.act(observe(thinking, [0], [0])).grounding
    assert [box.label for box in asked.boxes] == ["target"]
    assert (asked.points, asked.trace) == (thought.points, thought.trace)
    pointed = replace(asked, points=(Point("grasp", (1.0, 2.0)),), boxes=())
    policy = started(thinking, ground_every=1, read_answer=lambda *_: pointed, max_answer_tokens=3)
    assert policy.act(observe(thinking, [0], [0])).grounding[0].points == pointed.points


def test_being_asked_aloud_changes_no_action(model):
    silent = started(model).act(observe(model, [0, 1], [0, 0])).actions
    asked = started(model, ground_every=1, read_answer=claim, max_answer_tokens=3)
    assert torch.equal(asked.act(observe(model, [0, 1], [0, 0])).actions, silent)


def test_an_answer_that_claims_nothing_is_no_grounding(model):
    policy = started(model, ground_every=1, read_answer=lambda *_: None, max_answer_tokens=3)
    assert policy.act(observe(model, [0], [0])).grounding == [None]


def test_the_projects_own_parser_reads_answers_by_default(model, monkeypatch):
    pytest.importorskip("policy.answer_parser")
    said = '[{"bbox_2d": [14, 7, 28, 28], "label": "red cube"}]'
    monkeypatch.setattr(model, "answer", lambda images, instructions, most: [said] * len(instructions))
    (grounding,) = started(model, ground_every=1).act(observe(model, [0], [0])).grounding
    assert grounding.image_size == (90, 70)
    assert grounding.boxes[0].xyxy == pytest.approx((22.5, 8.75, 45.0, 35.0))


def test_a_policy_comes_from_a_checkpoint(model, tmp_path):
    save_checkpoint(model, tmp_path / "checkpoint")
    policy = M1Policy.from_checkpoint(tmp_path / "checkpoint")
    policy.reset([0], [100])
    expected = started(model).act(observe(model, [0], [0])).actions
    assert torch.equal(policy.act(observe(model, [0], [0])).actions, expected)


def test_a_negative_rate_is_refused(model):
    with pytest.raises(ConfigError, match="0 or more"):
        M1Policy(model, ground_every=-1)
