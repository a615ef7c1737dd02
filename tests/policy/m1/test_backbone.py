"""Qwen2.5-VL: the hidden states of `transformers`, with positions that know rows from columns."""

import pytest
import torch
from transformers import Qwen2_5_VLForConditionalGeneration

from policy.m1.backbone import VisionLanguageModel, initialise_coordinates
from policy.m1.images import gather_views, qwen_grid, qwen_patches
from policy.m1.prompt import IGNORED, TokenBatch, conversation, tokenise
from policy.m1.tokenizer import IMAGE, build_tokenizer, coordinate_tokens
from tests.policy.m1.tiny import LONG, SHORT, random_images, tiny_config, tiny_model

CONFIG = tiny_config()
TOKENIZER = build_tokenizer(CONFIG.tokenizer)


@pytest.fixture(scope="module")
def model():
    return tiny_model()


def prompts(*instructions, answers=None):
    return tokenise(TOKENIZER, CONFIG, CONFIG.prompt.action, instructions, 2, answers)


def pixels(batch):
    return gather_views(random_images(CONFIG, batch), CONFIG.images.views, CONFIG.images)


def test_hidden_states_are_those_of_transformers(model):
    """A second model of the same configuration and weights, called as its own documentation says."""
    own = model.vlm
    theirs = Qwen2_5_VLForConditionalGeneration(own.model.config).eval()
    theirs.load_state_dict(own.model.state_dict())
    images, tokens = pixels(2), prompts(SHORT, LONG)
    with torch.no_grad():
        expected = theirs(
            input_ids=tokens.input_ids,
            attention_mask=tokens.attention_mask,
            mm_token_type_ids=tokens.mm_token_type_ids,
            pixel_values=qwen_patches(images, CONFIG.vision),
            image_grid_thw=qwen_grid(images, CONFIG.vision),
            output_hidden_states=True,
        ).hidden_states
        found = own.hidden_states(images, tokens, range(len(expected)))
    assert len(expected) == CONFIG.language.num_hidden_layers + 1
    for layer, (a, b) in enumerate(zip(found, expected, strict=True)):
        torch.testing.assert_close(
            a, b, rtol=1e-4, atol=1e-4, msg=lambda text, layer=layer: f"hidden state {layer}: {text}"
        )


@pytest.mark.parametrize("size", [56, 84])
def test_the_faster_vision_tower_computes_the_same(model, size):
    """56 px: one window an image, 84 px: windows of several sizes (the tower's windows are 56 px)."""
    own = model.vlm
    theirs = Qwen2_5_VLForConditionalGeneration(own.model.config).model.visual.eval()
    theirs.load_state_dict(own.model.model.visual.state_dict())
    images = torch.randint(0, 256, (2, 2, 3, size, size), dtype=torch.uint8)
    patches, grid = qwen_patches(images, CONFIG.vision), qwen_grid(images, CONFIG.vision)
    with torch.no_grad():
        expected = theirs(patches, grid_thw=grid).pooler_output
        found = own.model.model.visual(patches, grid_thw=grid).pooler_output
    torch.testing.assert_close(found, expected, rtol=1e-4, atol=1e-5)


def positions_seen(vlm: VisionLanguageModel, images, tokens):
    """Position numbers [3, B, L] that reach the rotary embedding."""
    seen = []
    rotary = vlm.model.model.language_model.rotary_emb
    hook = rotary.register_forward_pre_hook(
        lambda module, args, kwargs: seen.append(args[1]), with_kwargs=True
    )
    with torch.no_grad():
        vlm.hidden_states(images, tokens, [CONFIG.language.num_hidden_layers])
    hook.remove()
    return seen[0]


def test_positions_are_three_dimensional(model):
    """A view of 2 x 2 tokens: one time, two rows, two columns. One-dimensional positions would count 0 1 2 3."""
    tokens = prompts(SHORT)
    positions = positions_seen(model.vlm, pixels(1), tokens)[:, 0]
    views = tokens.mm_token_type_ids[0].nonzero()[:, 0].reshape(2, 4)
    for view in views:
        time, row, column = positions[:, view] - positions[0, view[0]]
        assert time.tolist() == [0, 0, 0, 0]
        assert row.tolist() == [0, 0, 1, 1]
        assert column.tolist() == [0, 1, 0, 1]


def test_each_word_said_is_the_likeliest_after_all_before(model):
    """Speaking remembers what it has computed; saying the same without memory must give the same words."""
    images, tokens = pixels(2), prompts(SHORT, LONG)
    with torch.no_grad():
        said = model.vlm.generate(images, tokens, 4)
        for i in range(said.shape[1]):
            logits = model.vlm.model(**model.vlm.inputs(images, tokens), use_cache=False).logits[:, -1]
            going_on = (said[:, :i] != TOKENIZER.eos_token_id).all(dim=1)
            assert torch.equal(logits.argmax(dim=-1)[going_on], said[going_on, i])
            longer = {
                "input_ids": said[:, i : i + 1],
                "attention_mask": torch.ones(2, 1, dtype=torch.long),
                "mm_token_type_ids": torch.zeros(2, 1, dtype=torch.int32),
                "labels": said[:, i : i + 1],
            }
            tokens = TokenBatch(*(torch.cat([old, longer[n]], dim=1) for n, old in vars(tokens).items()))


def test_a_prompt_without_token_types_cannot_be_made():
    tokens = vars(prompts(SHORT)) | {"mm_token_type_ids": None}
    del tokens["mm_token_type_ids"]
    with pytest.raises(TypeError, match="mm_token_type_ids"):
        type(prompts(SHORT))(**tokens)


def test_padding_changes_nothing(model):
    images = pixels(2)
    both, alone = prompts(SHORT, LONG), prompts(SHORT)
    assert both.input_ids.shape[1] > alone.input_ids.shape[1]
    layer = [CONFIG.language.num_hidden_layers]
    with torch.no_grad():
        padded = model.vlm.hidden_states(images, both, layer)[0][:1, -alone.input_ids.shape[1] :]
        plain = model.vlm.hidden_states(images[:1], alone, layer)[0]
    torch.testing.assert_close(padded, plain, rtol=1e-4, atol=1e-4)


def test_prompts_show_every_view_and_end_together():
    tokens = prompts(SHORT, LONG)
    text = TOKENIZER.decode(tokens.input_ids[1])
    assert text.count(IMAGE) == len(CONFIG.images.views) * CONFIG.image_tokens == 8
    assert LONG in text
    assert tokens.attention_mask.sum(dim=1).tolist() == [
        len(TOKENIZER(conversation(CONFIG, CONFIG.prompt.action, i, 2)).input_ids) for i in (SHORT, LONG)
    ]
    assert tokens.attention_mask[0, 0] == 0
    assert tokens.attention_mask[:, -1].all()
    assert torch.equal(tokens.input_ids[0, -3:], tokens.input_ids[1, -3:])


def test_instructions_are_put_in_lower_case_and_otherwise_left_alone():
    said = conversation(CONFIG, CONFIG.prompt.action, "Put the {red} CUBE", 2)
    assert "put the {red} cube" in said


def test_an_instruction_cannot_smuggle_in_control_tokens():
    with pytest.raises(ValueError, match="control token"):
        prompts(f"put the {IMAGE} on the plate")


def test_labels_are_the_answer_and_the_end_of_the_turn():
    answer = "[[1, 2, 30, 40]]"
    tokens = prompts(SHORT, LONG, answers=[answer, "[(1, 2)]"])
    labelled = tokens.labels[0] != IGNORED
    assert TOKENIZER.decode(tokens.labels[0][labelled]) == answer + "<|im_end|>"
    assert torch.equal(tokens.labels[0][labelled], tokens.input_ids[0][labelled])


def test_an_answer_that_cannot_be_said_is_refused():
    with pytest.raises(ValueError, match="does not know"):
        prompts(SHORT, answers=["[[1, 2, 3, 999]]"])


def test_near_coordinates_begin_alike():
    model = tiny_model()
    numbers = coordinate_tokens(TOKENIZER, 56)
    initialise_coordinates(model.vlm, numbers)
    places = model.vlm.model.get_input_embeddings().weight[torch.tensor(numbers)]
    similarity = torch.nn.functional.cosine_similarity(places[20:21], places)
    assert similarity.argmax() == 20
    assert similarity[19] > 0.9
    assert similarity[21] > 0.9
    assert similarity[50] < 0.7


def test_the_coordinates_of_a_fresh_model_are_initialised():
    places = (
        tiny_model().vlm.model.get_input_embeddings().weight[torch.tensor(coordinate_tokens(TOKENIZER, 56))]
    )
    assert torch.nn.functional.cosine_similarity(places[20], places[21], dim=0) > 0.9
