"""A published run is imported whole or refused by name, and its normalisation traps are resolved."""

import pickle
from dataclasses import replace

import pytest
import torch

from policy.m1.actions import decode_actions
from policy.m1.diffusion import row_noise
from policy.m1.import_published import Choices, PublishedError, import_published
from policy.m1.mixtures import MIXTURES
from policy.m1.presets import preset
from policy.m1.qwen_folder import read_qwen
from tests.policy.m1.meta_dino import vision_transformer
from tests.policy.m1.published import (
    STATISTICS,
    config_with,
    older_names,
    published_tensors,
    qwen_weights,
    write_qwen,
    write_run,
)
from tests.policy.m1.tiny import SHORT, SPEC, random_images

CHOICES = Choices(("front", "wrist"))


@pytest.fixture(scope="module")
def qwen(tmp_path_factory):
    return write_qwen(tmp_path_factory.mktemp("qwen"))


@pytest.fixture(scope="module")
def tensors():
    return published_tensors()


@pytest.fixture(scope="module")
def imported(qwen, tensors, tmp_path_factory):
    return import_published(write_run(tmp_path_factory.mktemp("run"), tensors), qwen, CHOICES)


def refused(folder, qwen, choices=CHOICES):
    with pytest.raises(PublishedError) as error:
        import_published(folder, qwen, choices)
    return str(error.value)


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


def test_the_latest_checkpoint_is_taken_unless_a_step_is_named(qwen, tensors, tmp_path):
    write_run(tmp_path, tensors, step=9000)
    write_run(tmp_path, tensors, step=10000)
    assert import_published(tmp_path, qwen, CHOICES)[0].config.provenance.steps == 10000
    assert import_published(tmp_path, qwen, CHOICES, step=9000)[0].config.provenance.steps == 9000
    with pytest.raises(PublishedError, match="no checkpoint of step 1; it has"):
        import_published(tmp_path, qwen, CHOICES, step=1)


def test_libero_is_scaled_by_minimum_and_maximum(imported):
    """1 of a recorded translation is 0.05 m, of a rotation 0.5 rad."""
    spec = imported[0].config.action_spec
    assert spec.normalisation.scheme == "min_max"
    assert spec.normalisation.low[:6] == pytest.approx([-0.045, -0.04, -0.035, -0.15, -0.1, -0.125])
    assert spec.normalisation.high[3] == pytest.approx(0.175)
    assert imported[0].config.encoding.rotation == "rotation_vector"
    assert spec.gripper_sign == "+1 opens"


JOINTS = {
    **{key: [*values[:6], values[0], values[6]] for key, values in STATISTICS.items()},
    "mask": [True] * 6 + [False] * 2,
}


@pytest.fixture(scope="module")
def demo(qwen, tmp_path_factory):
    config = config_with(
        datasets__vla_data__data_mix="demo_sim_pick_place", framework__action_model__action_dim=8
    )
    run = write_run(tmp_path_factory.mktemp("demo"), published_tensors(8), config, JOINTS)
    return import_published(run, qwen, CHOICES)


def test_minimum_and_maximum_are_used_where_training_used_them(demo):
    spec = demo[0].config.action_spec
    assert spec.normalisation.scheme == "min_max"
    assert spec.normalisation.low[:7] == tuple(JOINTS["min"][:7])
    assert spec.normalisation.high[:7] == tuple(JOINTS["max"][:7])
    assert spec.control_hz == 30.0
    assert (spec.channels[0].unit, spec.channels[0].reference) == ("rad", "previous_command")


def test_joint_seven_is_a_joint_and_the_gripper_closes_at_one(demo):
    """The published code thresholds channel 6 of eight, a joint, and passes the gripper on as it is."""
    model, notes = demo
    config = model.config
    assert config.action_spec.index("gripper") == 7
    assert config.action_spec.gripper_sign == "+1 closes"
    own = torch.zeros(1, 1, 8)
    own[..., 6], own[..., 7] = 0.3, 0.9
    physical = decode_actions(own, config)[0, 0]
    low, high = JOINTS["min"][6], JOINTS["max"][6]
    assert physical[6] == pytest.approx(low + (0.3 + 1) / 2 * (high - low))
    assert physical[7] == 1.0
    own[..., 7] = 0.1
    assert decode_actions(own, config)[0, 0, 7] == -1.0
    assert any("is not that of training" in note for note in notes)


def test_a_mixture_of_robots_asks_which(qwen, tensors, tmp_path):
    config = config_with(datasets__vla_data__data_mix="bridge_rt_1")
    run = write_run(tmp_path, tensors, config, tag="oxe_rt1")
    assert "robot=oxe_bridge or oxe_rt1" in refused(run, qwen)
    model, _ = import_published(run, qwen, replace(CHOICES, robot="oxe_rt1"))
    assert model.config.action_spec.robot == "google_robot"
    assert model.config.encoding.rotation == "euler_xyz"
    assert "no action statistics of 'oxe_bridge'; it has oxe_rt1" in refused(
        run, qwen, replace(CHOICES, robot="oxe_bridge")
    )


def test_an_unknown_mixture_asks_for_an_action_spec(qwen, tensors, tmp_path):
    run = write_run(tmp_path, tensors, config_with(datasets__vla_data__data_mix="my_robot"))
    message = refused(run, qwen)
    assert all(name in message for name in MIXTURES)
    assert "action_spec=" in message
    assert "rotation=rotation_vector or rotation=euler_xyz" in refused(
        run, qwen, replace(CHOICES, action_spec=SPEC)
    )
    model, _ = import_published(run, qwen, replace(CHOICES, action_spec=SPEC, rotation="rotation_vector"))
    assert model.config.action_spec == SPEC
    assert model.config.encoding.rotation == "rotation_vector"


def test_a_rate_that_nothing_records_is_asked_for(qwen, tensors, tmp_path):
    config = config_with(datasets__vla_data__data_mix="custom_dataset")
    run = write_run(tmp_path, tensors, config, tag="new_embodiment")
    assert "control_hz=" in refused(run, qwen)
    model, notes = import_published(run, qwen, replace(CHOICES, control_hz=15.0))
    assert model.config.action_spec.control_hz == 15.0
    assert any("p' - R p" in note for note in notes)


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"framework__action_model__action_model_type": "DiT-XXL"}, "DiT-S, DiT-B, DiT-L"),
        ({"framework__action_model__action_dim": 8}, "has 7 channels"),
        ({"framework__action_model__future_action_window_size": 15}, "positions is [16, 48], not [24, 48]"),
        ({"framework__layer_qformer": {}}, "has no framework.layer_qformer.qformer_start_layer"),
        ({"framework__action_model__action_dim": "seven"}, "must be a whole number"),
        ({"datasets__vla_data__image_size": [224, 56]}, "must be square"),
        ({"datasets__vla_data__CoT_prompt": "Do it."}, "lacks {instruction}"),
    ],
)
def test_settings_that_do_not_fit_are_named(qwen, tensors, tmp_path, changes, words):
    assert words in refused(write_run(tmp_path, tensors, config_with(**changes)), qwen)


def test_statistics_that_do_not_fit_are_named(qwen, tensors, tmp_path):
    short = {**STATISTICS, "max": [1.0] * 6}
    assert "need 7 numbers 'max', not 6" in refused(write_run(tmp_path, tensors, statistics=short), qwen)
    flat = {**STATISTICS, "max": STATISTICS["min"]}
    assert "leave no channel of the arm a range" in refused(
        write_run(tmp_path, tensors, statistics=flat), qwen
    )


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
