"""A checkpoint gives back the model that was saved, or says why not."""

import json

import pytest
import torch
from safetensors.torch import load_file, save_file

from policy.m1.checkpoint import CheckpointError, load_checkpoint, read_config, save_checkpoint
from policy.m1.diffusion import row_noise
from tests.policy.m1.tiny import LONG, SHORT, random_images, tiny_model

NOISE = row_noise([1, 2], [0, 0], (6, 7))


@pytest.fixture(scope="module")
def model():
    return tiny_model()


@pytest.fixture
def folder(model, tmp_path):
    save_checkpoint(model, tmp_path / "checkpoint")
    return tmp_path / "checkpoint"


def test_a_loaded_model_acts_and_speaks_as_the_saved_one(model, folder):
    loaded = load_checkpoint(folder)
    images = random_images(model.config, 2)
    instructions = [SHORT, LONG]
    assert loaded.config == model.config
    assert not loaded.training
    expected = model.decide(images, instructions, NOISE)[0]
    assert torch.equal(loaded.decide(images, instructions, NOISE)[0], expected)
    assert loaded.answer(images, instructions, 6) == model.answer(images, instructions, 6)


def test_a_loaded_model_can_be_trained_further(model, folder):
    loaded = load_checkpoint(folder)
    trained = {n for n, p in loaded.named_parameters() if p.requires_grad}
    assert trained == {n for n, p in model.named_parameters() if p.requires_grad}
    embeddings = loaded.vlm.model.get_input_embeddings().weight
    assert loaded.vlm.model.lm_head.weight is embeddings, "the output layer lost its tie to the embeddings"


def test_the_folder_holds_nothing_that_runs(folder):
    names = {path.name for path in folder.iterdir()}
    assert names == {"config.json", "model.safetensors", "tokenizer.json", "tokenizer_config.json"}


def test_backbones_may_be_loaded_in_half_the_memory(model, folder):
    loaded = load_checkpoint(folder, backbone_dtype=torch.bfloat16)
    assert loaded.vlm.model.dtype == loaded.dino.model.dtype == torch.bfloat16
    assert (
        loaded.qformer.proj.weight.dtype
        == loaded.action_head.transformer.output.weight.dtype
        == torch.float32
    )
    rotary = loaded.vlm.model.model.language_model.rotary_emb
    assert torch.equal(rotary.inv_freq, model.vlm.model.model.language_model.rotary_emb.inv_freq)
    images = random_images(model.config, 2)
    expected = model.decide(images, [SHORT, LONG], NOISE)[0]
    found = loaded.decide(images, [SHORT, LONG], NOISE)[0]
    assert (found - expected).abs().max() < 0.05 * expected.abs().max()


def test_a_checkpoint_is_never_overwritten(model, folder):
    with pytest.raises(CheckpointError, match="holds a checkpoint already"):
        save_checkpoint(model, folder)


@pytest.mark.parametrize("damage", ["missing", "extra", "misshapen"])
def test_a_damaged_tensor_is_named(folder, damage):
    path = folder / "model.safetensors"
    tensors = load_file(path)
    if damage == "missing":
        del tensors["qformer.query_tokens"]
    elif damage == "extra":
        tensors["qformer.query_tokens_2"] = torch.zeros(1)
    else:
        tensors["qformer.query_tokens"] = torch.zeros(8, 47)
    save_file(tensors, path)
    with pytest.raises(CheckpointError) as error:
        load_checkpoint(folder)
    wanted = {
        "missing": "1 missing: qformer.query_tokens",
        "extra": "1 not expected: qformer.query_tokens_2",
        "misshapen": "1 misshapen: qformer.query_tokens is [8, 47], not [8, 48]",
    }
    assert wanted[damage] in str(error.value)


@pytest.mark.parametrize("lost", ["config.json", "model.safetensors", "tokenizer.json"])
def test_a_lost_file_is_named(folder, lost):
    (folder / lost).unlink()
    with pytest.raises(CheckpointError, match=lost):
        load_checkpoint(folder)


def test_a_cut_off_file_is_refused(folder):
    path = folder / "model.safetensors"
    path.write_bytes(path.read_bytes()[:5000])
    with pytest.raises(CheckpointError, match="cannot be read"):
        load_checkpoint(folder)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"format": "other"}, "not of format"),
        ({"version": 2}, "is of version 2"),
        ({"model": {}}, "config lacks name"),
    ],
)
def test_a_configuration_of_another_kind_is_refused(folder, change, words):
    path = folder / "config.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | change))
    with pytest.raises(CheckpointError, match=words):
        read_config(folder)


@pytest.mark.parametrize("value", [float("nan"), float("inf"), float("-inf")])
def test_weights_that_are_not_finite_are_neither_loaded_nor_saved(folder, tmp_path, value):
    path = folder / "model.safetensors"
    tensors = load_file(path)
    tensors["qformer.query_tokens"][3, 5] = value
    save_file(tensors, path)
    with pytest.raises(CheckpointError, match=r"cannot be used: 1 not finite: qformer\.query_tokens"):
        load_checkpoint(folder)
    broken = tiny_model()
    with torch.no_grad():
        broken.qformer.query_tokens[3, 5] = value
    with pytest.raises(CheckpointError, match=r"not saved: 1 not finite: qformer\.query_tokens"):
        save_checkpoint(broken, tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_weights_that_are_whole_numbers_are_refused(folder):
    path = folder / "model.safetensors"
    tensors = load_file(path)
    tensors["qformer.query_tokens"] = tensors["qformer.query_tokens"].long()
    save_file(tensors, path)
    with pytest.raises(
        CheckpointError, match=r"1 not floating-point numbers: qformer\.query_tokens holds int64"
    ):
        load_checkpoint(folder)


@pytest.mark.parametrize("value", ["NaN", "Infinity", "-Infinity", "1e999"])
def test_statistics_that_are_not_finite_are_refused(folder, value):
    path = folder / "config.json"
    content = json.loads(path.read_text())
    content["model"]["action_spec"]["normalisation"]["high"][2] = "HERE"
    path.write_text(json.dumps(content).replace('"HERE"', value))
    with pytest.raises(CheckpointError, match=r"normalisation\.high\[2\] must be a finite number"):
        load_checkpoint(folder)
