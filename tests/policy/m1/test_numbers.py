"""What is measured and meant reaches the action head as numbers."""

import copy
from dataclasses import replace

import pytest
import torch

from policy.m1.checkpoint import load_checkpoint, save_checkpoint
from policy.m1.config import HAND_HIGH, HAND_LOW
from policy.m1.numbers import NumberQueries
from tests.policy.m1.tiny import LONG, SHORT, random_images, tiny_config, tiny_model

SIDE = 56
HANDS = torch.tensor([[0.4, 0.0, 0.2, 0.1, 0.05], [0.5, -0.1, 0.1, -0.3, 0.08]])


@pytest.fixture(scope="module")
def model():
    config = tiny_config()
    return tiny_model(replace(config, qformer=replace(config.qformer, told_numbers=True, number_places=6)))


def decide(model, hand):
    noise = torch.zeros(2, model.config.chunk_length, 7)
    return model.decide(random_images(model.config, 2), [SHORT, LONG], noise, hand=hand)


def test_every_number_moves_the_tokens_and_those_out_of_range_count_as_its_ends():
    torch.manual_seed(0)
    tokens = NumberQueries(2, 3, 16)
    places = torch.tensor([[[10.0, 20.0], [30.0, 40.0]]])
    before = tokens(HANDS[:1], places, SIDE)
    assert before.shape == (1, 3, 16)
    for i in range(5):
        moved = HANDS[:1].clone()
        moved[0, i] += 0.02 * (HAND_HIGH[i] - HAND_LOW[i])
        assert not torch.allclose(tokens(moved, places, SIDE), before, atol=1e-4)
    for i in range(4):
        moved = places.clone()
        moved.view(-1)[i] += 1
        assert not torch.allclose(tokens(HANDS[:1], moved, SIDE), before, atol=1e-4)
    more = torch.cat([places, places], dim=1)
    assert torch.equal(tokens(HANDS[:1], more, SIDE), before)
    assert not torch.allclose(tokens(HANDS[:1], places[:, :0], SIDE), before, atol=1e-4)
    far, end = HANDS[:1].clone(), HANDS[:1].clone()
    far[0, 0], end[0, 0] = HAND_HIGH[0] + 1, HAND_HIGH[0]
    assert torch.equal(tokens(far, places, SIDE), tokens(end, places, SIDE))


def test_how_far_a_place_is_from_the_tool_is_told_apart_from_where_both_are():
    """Moving all places together changes what is told less than moving one of them as far."""
    torch.manual_seed(0)
    tokens = NumberQueries(3, 3, 16)
    places = torch.tensor([[[20.0, 20.0], [30.0, 40.0], [22.0, 24.0]]])
    offsets = tokens.read[0].in_features - (5 + 6) * 13
    assert offsets == 2 * 2 * (13 + 2)
    with torch.no_grad():
        tokens.read[0].weight[:, :-offsets] = 0.0
    before = tokens(HANDS[:1], places, SIDE)
    assert torch.allclose(tokens(HANDS[:1], places + 3, SIDE), before, atol=1e-5)
    for i in range(3):
        moved = places.clone()
        moved[0, i, 0] += 1
        assert not torch.allclose(tokens(HANDS[:1], moved, SIDE), before, atol=1e-3)
    # One place fewer is none that could be the tool's.
    silent = tokens(HANDS[:1], places[:, :0], SIDE)
    assert torch.allclose(tokens(HANDS[:1], places[:, :2], SIDE), silent, atol=1e-5)


def test_actions_depend_on_the_hand_though_the_prompt_does_not_tell_it(model):
    assert "{hand}" not in model.config.prompt.action
    actions, places = decide(model, HANDS)
    other, same = decide(model, HANDS.flip(0))
    assert torch.equal(places, same)
    assert not torch.allclose(actions, other, atol=1e-4)


def test_without_a_measured_hand_there_is_no_decision(model):
    with pytest.raises(ValueError, match="what is measured of it is missing"):
        decide(model, None)


def test_what_was_read_once_gives_the_same_loss(model):
    images = random_images(model.config, 2)
    actions, valid = torch.zeros(2, 6, 7), torch.ones(2, 6, dtype=torch.bool)

    def loss(reading):
        generator = torch.Generator().manual_seed(0)
        return model.action_loss(images, [SHORT, LONG], actions, valid, generator, HANDS, reading)

    assert torch.allclose(loss(None), loss(model.read(images, [SHORT, LONG], HANDS)))


def test_from_a_checkpoint_of_half_precision_they_compute_in_single(model, tmp_path):
    save_checkpoint(copy.deepcopy(model).half(), tmp_path)
    loaded = load_checkpoint(tmp_path, backbone_dtype=torch.float32)
    assert {parameter.dtype for parameter in loaded.parameters()} == {torch.float32}
    assert torch.allclose(decide(loaded, HANDS)[0], decide(model, HANDS)[0], atol=0.05)


def test_a_checkpoint_holds_them(model, tmp_path):
    save_checkpoint(model, tmp_path)
    assert torch.equal(decide(load_checkpoint(tmp_path), HANDS)[0], decide(model, HANDS)[0])
