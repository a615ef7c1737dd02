"""A published run is imported whole or refused by name, and its normalisation traps are resolved."""

import pickle

import pytest
import torch

from policy.m1.diffusion import row_noise
from policy.m1.import_published import import_published
from policy.m1.presets import preset
from policy.m1.qwen_folder import read_qwen
from tests.policy.m1.importing import CHOICES, refused
from tests.policy.m1.meta_dino import vision_transformer
from tests.policy.m1.published import (
    older_names,
    published_tensors,
    qwen_weights,
    write_run,
)
from tests.policy.m1.tiny import SHORT, SPEC, random_images


def test_every_tensor_arrives(imported, tensors):
    model, _ = imported
    held = sum(p.numel() for p in model.parameters())
    tied = tensors["qwen_vl_interface.model.lm_head.weight"].numel()
    assert held == sum(t.numel() for t in tensors.values()) - tied
    head = model.action_head.transformer
    block = "action_model.net.blocks.11"
    assert torch.equal(head.blocks[11].fc2.bias, tensors[f"{block}.mlp.fc2.bias"])
    assert torch.equal(model.qformer.query_tokens, tensors["layer_qformer.query_tokens"])
    assert torch.equal(model.vlm.model.lm_head.weight, tensors["qwen_vl_interface.model.lm_head.weight"])


def test_dinos_tokens_are_those_of_metas_weights(imported, tensors):
    images = torch.randn(1, 3, 56, 56)
    prefix = "dino_encoder.body."
    weights = {k.removeprefix(prefix): v for k, v in tensors.items() if k.startswith(prefix)}
    with torch.no_grad():
        found = imported[0].dino(images)
    torch.testing.assert_close(found, vision_transformer(weights, images, heads=1), rtol=1e-4, atol=1e-5)


def test_the_imported_model_acts(imported):
    model, _ = imported
    noise = row_noise([1], [0], (8, 7))
    actions = model.decide(random_images(model.config, 1), [SHORT], noise)[0]
    assert actions.shape == (1, 8, 7)
    assert actions.isfinite().all()


def test_weights_in_bfloat16_act_too(qwen, tensors, tmp_path):
    half = {name: tensor.bfloat16() for name, tensor in tensors.items()}
    model, _ = import_published(write_run(tmp_path, half), qwen, CHOICES)
    assert model.vlm.model.dtype == torch.bfloat16
    assert model.action_head.transformer.output.weight.dtype == torch.float32
    noise = row_noise([1], [0], (8, 7))
    assert model.decide(random_images(model.config, 1), [SHORT], noise)[0].isfinite().all()


def test_settings_and_corrections_are_kept(imported):
    model, notes = imported
    config = model.config
    assert config.prompt.action == "Your task is {instruction}. Locate the key objects."
    assert (config.chunk_length, config.execute_steps) == (8, 4)
    assert config.provenance.origin == "imported"
    assert config.provenance.steps == 30000
    assert config.provenance.datasets == ("libero_goal",)
    assert list(config.provenance.notes) == notes
    assert any("dinov2_vits14" in note for note in notes)
    assert config.dino.position_grid == 9


def test_names_of_older_releases_give_the_same_model(qwen, tensors, imported, tmp_path):
    state = qwen_weights()
    old = published_tensors(qwen=older_names(state))
    assert not any(".language_model." in name for name in old)
    model, _ = import_published(write_run(tmp_path, old), qwen, CHOICES)
    for (name, a), (_, b) in zip(model.state_dict().items(), imported[0].state_dict().items(), strict=True):
        assert torch.equal(a, b), name


def test_a_tied_output_layer_may_be_left_out_but_not_contradict(qwen, tensors, tmp_path):
    name = "qwen_vl_interface.model.lm_head.weight"
    without = {k: v for k, v in tensors.items() if k != name}
    import_published(write_run(tmp_path / "without", without), qwen, CHOICES)
    other = write_run(tmp_path / "other", tensors | {name: tensors[name] + 1})
    assert "lm_head" in refused(other, qwen)


@pytest.mark.parametrize(
    ("name", "called"),
    [
        ("layer_qformer.query_tokens", "qformer.query_tokens"),
        ("action_model.net.blocks.11.mlp.fc1.weight", "action_head.transformer.blocks.11.fc1.weight"),
        ("dino_encoder.body.blocks.1.attn.qkv.bias", "encoder.layer.1.attention.attention.value.bias"),
        (
            "qwen_vl_interface.model.model.visual.merger.ln_q.weight",
            "vlm.model.model.visual.merger.ln_q.weight",
        ),
    ],
)
def test_a_missing_and_a_misshapen_tensor_are_named(qwen, tensors, tmp_path, name, called):
    missing = {k: v for k, v in tensors.items() if k != name}
    message = refused(write_run(tmp_path / "missing", missing), qwen)
    assert "missing" in message
    assert called in message
    longer = tensors | {name: torch.cat([tensors[name]] * 2)}
    message = refused(write_run(tmp_path / "misshapen", longer), qwen)
    assert "misshapen" in message
    assert called in message


def test_a_tensor_that_nothing_takes_is_named(qwen, tensors, tmp_path):
    more = tensors | {
        "state_encoder.weight": torch.zeros(2),
        "layer_qformer.layers.1.norm1.bias": torch.zeros(48),
    }
    message = refused(write_run(tmp_path, more), qwen)
    assert "2 not expected: qformer.layers.1.norm1.bias, state_encoder.weight" in message


@pytest.mark.parametrize(
    ("spoilt", "words"),
    [
        (lambda t: t.masked_fill(t == t.max(), float("nan")), "1 not finite: qformer.query_tokens"),
        (lambda t: t.masked_fill(t == t.max(), float("inf")), "1 not finite: qformer.query_tokens"),
        (lambda t: t.int(), "1 not floating-point numbers: qformer.query_tokens holds int32"),
    ],
)
def test_tensors_that_are_no_weights_are_named(qwen, tensors, tmp_path, spoilt, words):
    name = "layer_qformer.query_tokens"
    assert words in refused(write_run(tmp_path, tensors | {name: spoilt(tensors[name])}), qwen)


def test_the_same_tensor_under_two_names_is_refused(qwen, tensors, tmp_path):
    name = "qwen_vl_interface.model.model.visual.merger.ln_q.weight"
    twice = tensors | {name.replace("model.visual", "visual"): tensors[name]}
    assert "are both" in refused(write_run(tmp_path, twice), qwen)


class Program:
    """What a malicious file might hold."""

    ran = False

    def __reduce__(self):
        return (setattr, (Program, "ran", True))


@pytest.mark.parametrize("writer", ["torch", "pickle"])
def test_a_malicious_pickle_is_refused_and_not_run(qwen, tensors, tmp_path, writer):
    run = write_run(tmp_path, tensors)
    path = run / "checkpoints" / "steps_30000_pytorch_model.pt"
    if writer == "torch":
        torch.save({"x": Program()}, path)
    else:
        path.write_bytes(pickle.dumps({"x": Program()}))
    message = refused(run, qwen)
    assert str(path) in message
    assert not Program.ran


def test_what_is_no_flat_dictionary_of_tensors_is_refused(qwen, tensors, tmp_path):
    run = write_run(tmp_path, {"model": tensors, "step": 5})
    assert "more than tensors: model, step" in refused(run, qwen)


def test_a_cut_off_file_is_refused(qwen, tensors, tmp_path):
    run = write_run(tmp_path, tensors)
    path = run / "checkpoints" / "steps_30000_pytorch_model.pt"
    path.write_bytes(path.read_bytes()[:1000])
    assert "cannot be read" in refused(run, qwen)


@pytest.mark.parametrize(
    "lost", ["config.yaml", "dataset_statistics.json", "checkpoints/steps_30000_pytorch_model.pt"]
)
def test_a_file_that_is_not_there_is_named(qwen, tensors, tmp_path, lost):
    run = write_run(tmp_path, tensors)
    (run / lost).unlink()
    assert lost.split("/")[0] in refused(run, qwen)


def test_a_folder_that_is_not_qwens_is_refused(tensors, tmp_path):
    run = write_run(tmp_path / "run", tensors)
    assert "config.json" in refused(run, tmp_path)
    (tmp_path / "config.json").write_text('{"model_type": "llama"}')
    assert "'llama', not qwen2_5_vl" in refused(run, tmp_path)


def test_the_large_presets_sizes_are_those_of_qwens_own_file(tmp_path):
    """Qwen2.5-VL-3B-Instruct's config.json: sizes at the top, as releases before 4.52 write them."""
    import json

    content = {
        "model_type": "qwen2_5_vl",
        "hidden_size": 2048,
        "initializer_range": 0.02,
        "intermediate_size": 11008,
        "max_position_embeddings": 128000,
        "num_attention_heads": 16,
        "num_hidden_layers": 36,
        "num_key_value_heads": 2,
        "rms_norm_eps": 1e-06,
        "rope_theta": 1000000.0,
        "tie_word_embeddings": True,
        "vocab_size": 151936,
        "rope_scaling": {"type": "mrope", "mrope_section": [16, 24, 24]},
        "vision_config": {
            "depth": 32,
            "hidden_size": 1280,
            "intermediate_size": 3420,
            "num_heads": 16,
            "out_hidden_size": 2048,
            "patch_size": 14,
            "spatial_merge_size": 2,
            "window_size": 112,
            "fullatt_block_indexes": [7, 15, 23, 31],
            "tokens_per_second": 2,
            "temporal_patch_size": 2,
        },
    }
    (tmp_path / "config.json").write_text(json.dumps(content))
    large = preset("m1-3b", SPEC, ("front",))
    assert read_qwen(tmp_path) == (large.vision, large.language)
