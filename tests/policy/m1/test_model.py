"""The whole model: sizes, gradients, batches."""

import math
from dataclasses import replace

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from scipy.spatial.transform import Rotation

from policy.m1.diffusion import row_noise
from policy.m1.gradient import scale_gradient
from policy.m1.model import M1Model
from policy.m1.presets import preset
from policy.m1.prompt import conversation, measured_hand
from policy.m1.strict import ConfigError
from policy.m1.tokenizer import build_tokenizer, coordinate_tokens
from tests.policy.m1.tiny import LONG, SHORT, SPEC, WORDS, random_images, rows, tiny_config, tiny_model


def count(module):
    return sum(parameter.numel() for parameter in module.parameters())


def noise_of(config, *seeds):
    return row_noise(seeds, [0] * len(seeds), (config.chunk_length, config.action_spec.dim))


def test_the_large_preset_has_the_published_number_of_parameters():
    with torch.device("meta"):
        model = M1Model(preset("m1-3b", SPEC, ("base", "ego")))
    assert count(model.action_head) == 86_524_423
    assert count(model.qformer) == 8_710_656
    assert count(model.vlm) == 3_754_622_976  # Qwen2.5-VL-3B-Instruct, embeddings counted once
    assert count(model.dino) == 304_368_640  # DINOv2 ViT-L/14
    assert count(model) == 4_156_325_895  # the paper says about 4.1 billion


def test_the_small_preset_is_small():
    config = preset("m1-mini", SPEC, ("front", "wrist"), WORDS)
    model = M1Model(config, build_tokenizer(config.tokenizer))
    assert count(model) < 30e6
    assert len(model.tokenizer) == config.language.vocab_size


def test_the_small_preset_acts():
    config = preset("m1-mini", SPEC, ("front", "wrist"), WORDS)
    model = M1Model(config, build_tokenizer(config.tokenizer)).eval()
    hand = torch.tensor([[0.5, 0.0, 0.3, 0.0, 0.08]])
    actions = model.decide(random_images(config, 1), [SHORT], noise_of(config, 1), hand=hand)[0]
    assert actions.shape == (1, 16, 7)
    assert actions.isfinite().all()


def test_losses_can_be_called_by_name():
    model = tiny_model()
    images = random_images(model.config, 1)
    by_name = model("answer", images, ["locate: the red cube"], ["[[1, 2, 3, 4]]"])
    assert by_name == model.answer_loss(images, ["locate: the red cube"], ["[[1, 2, 3, 4]]"])


def test_gradients_shrink_by_exactly_the_scale():
    x = torch.randn(5, dtype=torch.double, requires_grad=True)
    (scale_gradient(x, 0.5) ** 3).sum().backward()
    assert torch.equal(x.grad, 0.5 * 3 * x.detach() ** 2)


def gradients(scale):
    """Gradients of the action loss of one model, by parameter."""
    config = tiny_config(vlm_gradient_scale=scale)
    model = tiny_model(config)
    images = random_images(config, 2)
    actions = torch.rand(2, config.chunk_length, 7) * 0.02
    valid = torch.ones(2, config.chunk_length, dtype=torch.bool)
    torch.manual_seed(3)
    loss = model.action_loss(
        images, [SHORT, LONG], torch.zeros_like(actions), valid, torch.Generator().manual_seed(5)
    )
    loss.backward()
    return loss.detach(), {name: p.grad for name, p in model.named_parameters()}


def test_the_action_loss_reaches_the_vision_language_model_exactly_scaled_and_all_else_in_full():
    full_loss, full = gradients(1.0)
    half_loss, half = gradients(0.5)
    assert full_loss == half_loss
    assert sum(g.abs().sum() for name, g in full.items() if name.startswith("vlm.")) > 0
    for name, gradient in full.items():
        if gradient is None:
            continue
        expected = gradient * 0.5 if name.startswith("vlm.") else gradient
        torch.testing.assert_close(
            half[name], expected, rtol=1e-5, atol=1e-8, msg=lambda t, n=name: f"{n}: {t}"
        )


def test_a_scale_of_zero_shields_the_vision_language_model():
    _, none = gradients(0.0)
    assert not any(g is not None and g.any() for name, g in none.items() if name.startswith("vlm."))


def test_every_parameter_learns_from_actions_and_answers_except_those_that_say_they_do_not():
    config = tiny_config(diffusion=replace(tiny_config().diffusion, condition_dropout=0.5))
    model = tiny_model(config)
    model.action_head.train()  # conditions are dropped in training alone
    images = random_images(config, 2)
    shape = (2, config.chunk_length)
    generator = torch.Generator().manual_seed(0)  # of eight draws, it drops some
    loss = model.action_loss(
        images, [SHORT, LONG], torch.zeros(*shape, 7), torch.ones(shape, dtype=torch.bool), generator
    )
    loss = loss + model.answer_loss(images, [SHORT, LONG], ["[[1, 2, 3, 4]]", "[(5, 6)]"])
    loss.backward()
    idle = [
        n for n, p in model.named_parameters() if p.requires_grad and (p.grad is None or not p.grad.any())
    ]
    assert not idle
    fixed = {n for n, p in model.named_parameters() if not p.requires_grad}
    head = "action_head.transformer.history_embedder"
    assert fixed == {"dino.model.embeddings.mask_token", f"{head}.weight", f"{head}.bias"}


def test_wrong_shapes_are_named():
    config = tiny_config()
    model = tiny_model(config)
    valid = torch.ones(1, config.chunk_length, dtype=torch.bool)
    with pytest.raises(ValueError, match=r"\[1, 6, 7\] .* not \[1, 16, 7\]"):
        model.action_loss(random_images(config, 1), [SHORT], torch.zeros(1, 16, 7), valid)


def test_a_batch_gives_what_its_rows_give_alone():
    """Prompts of different lengths, different images, different noise: no row sees another."""
    config = tiny_config()
    model = tiny_model(config)
    images = random_images(config, 3)
    instructions = [SHORT, LONG, SHORT]
    together = model.decide(images, instructions, noise_of(config, 7, 8, 9))[0]
    for i in range(3):
        alone = model.decide(rows(images, i), instructions[i : i + 1], noise_of(config, 7 + i))[0]
        torch.testing.assert_close(alone[0], together[i], rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("what", ["instruction", "front", "wrist", "noise"])
def test_everything_that_is_shown_matters(what):
    config = tiny_config()
    model = tiny_model(config)
    images = random_images(config, 1)
    before = model.decide(images, [SHORT], noise_of(config, 1))[0]
    instruction, noise = [SHORT], noise_of(config, 1)
    if what == "instruction":
        instruction = [LONG]
    elif what == "noise":
        noise = noise_of(config, 2)
    else:
        images = {**images, what: 255 - images[what]}
    assert (model.decide(images, instruction, noise)[0] - before).abs().max() > 1e-4


def test_several_hidden_states_can_be_read():
    config = tiny_config(qformer=replace(tiny_config().qformer, start_layer=0, end_layer=3))
    model = tiny_model(config)
    assert len(model.qformer.layers) == 3
    assert model.decide(random_images(config, 1), [SHORT], noise_of(config, 1))[0].shape == (1, 6, 7)


def test_answers_are_text_and_do_not_depend_on_the_batch():
    config = tiny_config()
    model = tiny_model(config)
    images = random_images(config, 2)
    both = model.answer(images, [SHORT, LONG], max_new_tokens=8)
    alone = [model.answer(rows(images, i), [(SHORT, LONG)[i]], max_new_tokens=8)[0] for i in range(2)]
    assert both == alone
    assert all(isinstance(text, str) for text in both)


def test_answers_may_be_about_one_image():
    config = tiny_config()
    model = tiny_model(config)
    images = random_images(config, 1)
    one = {"anything": images["wrist"]}
    assert len(model.answer(one, [SHORT], max_new_tokens=2)) == 1
    loss = model.answer_loss(one, ["locate: the red cube"], ["[[1, 2, 3, 4]]"])
    assert loss != model.answer_loss(images, ["locate: the red cube"], ["[[1, 2, 3, 4]]"])


def test_acting_after_speaking_is_acting_all_the_same():
    """The language model remembers position offsets between calls; a stale one must not leak into the next."""
    config = tiny_config()
    model = tiny_model(config)
    images = random_images(config, 2)
    before = model.decide(images, [SHORT, LONG], noise_of(config, 1, 2))[0]
    model.answer(rows(images, 0), [LONG], max_new_tokens=4)
    assert torch.equal(model.decide(images, [SHORT, LONG], noise_of(config, 1, 2))[0], before)


def test_a_tokenizer_that_does_not_fit_is_refused():
    config = tiny_config()
    larger = build_tokenizer(replace(config.tokenizer, coordinate_bins=500))
    with pytest.raises(ConfigError, match="tokens, but the language model of tiny has"):
        M1Model(config, larger)
    with pytest.raises(ConfigError, match="needs its tokenizer"):
        M1Model(config)


def test_a_model_that_is_told_of_its_hand_acts_by_it_and_misses_it():
    """Numbers of the measured hand stand in the prompt; the instruction cannot put others there."""
    plain = tiny_config()
    told = replace(plain.prompt, action=plain.prompt.action.replace(". grasp", ". hand {hand}. grasp"))
    model = tiny_model(replace(plain, prompt=told))
    images, noise = random_images(plain, 2), noise_of(plain, 1, 2)
    hand = torch.tensor([[0.5, 0.0, 0.3, 0.0, 0.08], [0.3, 0.2, 0.1, math.pi / 4, 0.0]])
    asked = [SHORT, "put {hand} on the plate"]
    acted = model.decide(images, asked, noise, hand=hand)[0]
    moved = model.decide(images, asked, noise, hand=hand + torch.tensor([0.0, 0.1, 0.0, 0.0, 0.0]))[0]
    assert (acted - moved).abs().amax((1, 2)).min() > 1e-4
    words = conversation(model.config, told.action, asked[1], 1, hand[1].tolist())
    assert "hand 14 39 14 42 0. grasp" in words
    assert "put {hand} on the plate" in words
    with pytest.raises(ValueError, match="what is measured of it is missing"):
        model.decide(images, asked, noise)


@given(st.floats(-7, 7), st.floats(-0.3, 0.3), st.booleans())
def test_the_measured_turn_is_that_of_the_hand_but_for_half_a_turn(turn, tilt, is_flipped):
    """Tool down: the home pose turned about the base's vertical, and a little about its own x axis."""
    down = Rotation.from_euler("x", math.pi)
    pose = Rotation.from_euler("z", turn + math.pi * is_flipped) * down * Rotation.from_euler("x", tilt)
    ee_pose = torch.tensor([[0.4, 0.1, 0.2, *pose.as_quat()]], dtype=torch.float32)
    x, y, z, measured, width = measured_hand(ee_pose, torch.tensor([0.05]))[0].tolist()
    assert (x, y, z, width) == pytest.approx((0.4, 0.1, 0.2, 0.05))
    assert -math.pi / 2 <= measured <= math.pi / 2
    assert math.sin(measured - turn) == pytest.approx(0, abs=1e-5)


class Thinks(torch.nn.Module):
    """A language head to which every state means the same."""

    def __init__(self, shares, vocabulary):
        super().__init__()
        self.logits = torch.full((vocabulary,), -30.0)
        for token, share in shares.items():
            self.logits[token] = float(np.log(share))

    def forward(self, states):
        return self.logits.expand(*states.shape[:-1], -1)


def test_a_slot_stands_for_the_mean_around_its_likeliest_coordinate():
    """Two neighbours share one place; what is thought of another thing, far away, does not pull at it."""
    config = tiny_config()
    model = tiny_model(config)
    number = coordinate_tokens(model.tokenizer, config.tokenizer.coordinate_bins)
    shares = {number[20]: 0.45, number[24]: 0.15, number[50]: 0.40}
    model.vlm.model.lm_head = Thinks(shares, config.language.vocab_size)
    places = model.think(random_images(config, 2), [SHORT, LONG])
    assert places.shape == (2, 6, 2)
    assert torch.allclose(places, torch.full_like(places, 21.0), atol=1e-4)
