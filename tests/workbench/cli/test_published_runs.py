"""Run folders of the public kinds: each becomes a checkpoint that acts as the reference does, or is refused truly."""

import json
from copy import deepcopy

import numpy as np
import pytest
import torch
import yaml
from safetensors.torch import save_file

from policy import Observation
from policy.m1.checkpoint import load_checkpoint
from policy.m1.diffusion import row_noise
from policy.m1.policy import M1Policy
from tests.policy.m1.published import CONFIG, STATISTICS, config_with, published_tensors, write_qwen
from tests.policy.m1.published_reference import physical, sampled
from tests.policy.m1.tiny import LONG, SHORT, SPEC, random_images
from workbench.cli.main import main

SMALL = {"framework__action_model__action_model_type": "DiT-S"}
DEPTH, HEADS = 6, 4
LIBERO = {"metres": 0.05, "radians": 0.5, "euler": False}
STILL = {**STATISTICS, "q01": [*STATISTICS["q01"][:2], 0.0, *STATISTICS["q01"][3:]]}
STILL["q99"] = [*STATISTICS["q99"][:2], 0.0, *STATISTICS["q99"][3:]]
JOINTS = {k: [*v[:6], v[0], v[6]] for k, v in STATISTICS.items()}


@pytest.fixture(scope="module")
def qwen(tmp_path_factory):
    return write_qwen(tmp_path_factory.mktemp("qwen"))


def m1(mixture, **changes):
    """A configuration as InternVLA-M1's code saves it."""
    return config_with(**SMALL, datasets__vla_data__data_mix=mixture, **changes)


def starvla(mixture, framework="InternVLA-M1"):
    """A configuration as starVLA's code saves it: other names, defaults left out."""
    config = deepcopy(CONFIG)
    head = {"action_model_type": "DiT-S", "action_horizon": 8, "hidden_size": 1024, "state_dim": 7}
    config["framework"] = {
        "name": framework,
        "qwenvl": config["framework"]["qwenvl"],
        "layer_qformer": {"qformer_start_layer": 2, "qformer_end_layer": 3},
        "action_model": head,
    }
    config["datasets"] = {"vla_data": {"data_mix": mixture, "obs_image_size": [56, 56]}}
    return config


def tensors_of(action_dim=7, chunk=8):
    return published_tensors(action_dim, chunk, depth=DEPTH)


def pickled(folder, tensors):
    folder.parent.mkdir(parents=True, exist_ok=True)
    torch.save(tensors, folder.with_name(folder.name + "_pytorch_model.pt"))


def in_one_file(folder, tensors):
    folder.parent.mkdir(parents=True, exist_ok=True)
    # Safetensors hold no tensor twice: the tied output layer is left out.
    untied = {name: t.contiguous() for name, t in tensors.items() if "lm_head" not in name}
    save_file(untied, folder.with_name(folder.name + "_model.safetensors"))


def in_shards(folder, tensors):
    folder.mkdir(parents=True)
    names = [name for name in tensors if "lm_head" not in name]
    places = {name: f"model-{1 + i % 2:05}-of-00002.safetensors" for i, name in enumerate(names)}
    for file in sorted(set(places.values())):
        save_file({n: tensors[n].contiguous() for n in names if places[n] == file}, folder / file)
    index = {"metadata": {"total_size": 1}, "weight_map": places}
    (folder / "model.safetensors.index.json").write_text(json.dumps(index))


def write(
    folder, config, statistics, tag, tensors, where="checkpoints/steps_20000", how=pickled, files=("yaml",)
):
    folder.mkdir(parents=True, exist_ok=True)
    for kind in files:
        text = yaml.safe_dump(config) if kind != "json" else json.dumps(config)
        (folder / f"config.{kind}").write_text(text)
    stats = {tag: {"action": statistics, "num_transitions": 5}}
    (folder / "dataset_statistics.json").write_text(json.dumps(stats))
    how(folder / where, tensors)
    return folder


def wrapped(tensors, first="", inner=""):
    """Names as wrappers of the model leave them: something in front, something behind the first part."""
    return {first + name.replace(".", f".{inner}", 1): tensor for name, tensor in tensors.items()}


def run_folder(kind, folder):
    """(folder, more words of the command, tensors in their plain names, how the reference scales)."""
    seven, min_max, quantiles = tensors_of(), ("min", "max"), ("q01", "q99")
    if kind == "InternVLA-M1 on LIBERO-10":
        run = write(folder, m1("libero_10"), STATISTICS, "franka", seven)
        return run, [], seven, (STATISTICS, *min_max, LIBERO)
    if kind == "InternVLA-M1 on LIBERO, chunks of 16 as before September 28":
        long = tensors_of(chunk=16)
        config = m1("libero_goal", framework__action_model__future_action_window_size=15)
        run = write(folder, config, STATISTICS, "franka", long)
        return run, [], long, (STATISTICS, *quantiles, LIBERO)
    if kind == "InternVLA-M1 on Bridge, compiled":
        given = wrapped(seven, "_orig_mod.")
        run = write(folder, m1("bridge"), STATISTICS, "oxe_bridge", given)
        return run, [], seven, (STATISTICS, *quantiles, {})
    if kind == "InternVLA-M1 on Bridge and RT-1, FSDP":
        given = wrapped(seven, "_fsdp_wrapped_module.", "_fsdp_wrapped_module.")
        run = write(folder, m1("bridge_rt_1"), STATISTICS, "oxe_rt1", given)
        return run, ["robot=oxe_rt1"], seven, (STATISTICS, *quantiles, {})
    if kind == "InternVLA-M1's demonstration in joints":
        eight = tensors_of(8)
        config = m1("demo_sim_pick_place", framework__action_model__action_dim=8)
        run = write(folder, config, JOINTS, "franka", eight)
        return run, [], eight, (JOINTS, *min_max, {"joints": True})
    if kind == "data of one's own, DDP, without a spatial prompt":
        config = m1("custom_dataset")
        del config["datasets"]["vla_data"]["CoT_prompt"]
        run = write(folder, config, STATISTICS, "new_embodiment", wrapped(seven, "module."))
        return run, ["control_hz=15"], seven, (STATISTICS, *min_max, {})
    if kind == "starVLA on LIBERO, config.json alone, safetensors":
        run = write(
            folder, starvla("libero_all"), STATISTICS, "franka", seven, how=in_one_file, files=("json",)
        )
        return run, [], seven, (STATISTICS, *min_max, LIBERO)
    if kind == "starVLA on LIBERO, final_model in shards beside an older checkpoint":
        older = {name: tensor + 1 for name, tensor in seven.items()}
        write(folder, starvla("libero_goal"), STATISTICS, "franka", older)
        run = write(
            folder,
            starvla("libero_goal"),
            STATISTICS,
            "franka",
            seven,
            "final_model",
            in_shards,
            ("full.yaml",),
        )
        return run, [], seven, (STATISTICS, *min_max, LIBERO)
    if kind == "Bridge with a channel that never moved":
        run = write(folder, m1("bridge"), STILL, "oxe_bridge", seven)
        return run, [], seven, (STILL, *quantiles, {})
    assert kind == "an unknown mixture with an action spec"
    spec = folder.with_suffix(".json")
    spec.write_text(json.dumps(SPEC.to_dict()))
    run = write(folder, m1("mine"), STATISTICS, "franka", seven)
    own = {"own low": SPEC.normalisation.low, "own high": SPEC.normalisation.high}
    words = [f"action_spec={spec}", "rotation=rotation_vector"]
    return run, words, seven, (own, "own low", "own high", {"euler": False})


KINDS = (
    "InternVLA-M1 on LIBERO-10",
    "InternVLA-M1 on LIBERO, chunks of 16 as before September 28",
    "InternVLA-M1 on Bridge, compiled",
    "InternVLA-M1 on Bridge and RT-1, FSDP",
    "InternVLA-M1's demonstration in joints",
    "data of one's own, DDP, without a spatial prompt",
    "starVLA on LIBERO, config.json alone, safetensors",
    "starVLA on LIBERO, final_model in shards beside an older checkpoint",
    "Bridge with a channel that never moved",
    "an unknown mixture with an action spec",
)


@pytest.mark.parametrize("kind", KINDS)
def test_actions_are_those_of_the_reference(kind, qwen, tmp_path, capsys):
    run, words, tensors, (statistics, low, high, units) = run_folder(kind, tmp_path / "run")
    out = tmp_path / "out"
    assert main(["policy", "import", str(run), f"qwen={qwen}", f"out={out}", *words]) == 0
    said = " ".join(capsys.readouterr().out.split())
    model = load_checkpoint(out)
    images, asked = random_images(model.config, 2), [SHORT, LONG]
    policy = M1Policy(model)
    policy.reset([0, 1], [11, 12])
    zeros = torch.zeros(2, 7)
    seen = Observation([0, 1], torch.zeros(2).long(), asked, zeros, zeros, torch.zeros(2), zeros, images)
    actions = policy.act(seen).actions.numpy()

    with torch.no_grad():
        condition = model.condition(images, asked)
    noise = row_noise([11, 12], [0, 0], actions.shape[1:])
    normalised = sampled(tensors, condition, noise, HEADS)
    expected = physical(normalised, statistics, low, high, **units)
    within = np.clip(expected, model.config.action_spec.low, model.config.action_spec.high)
    np.testing.assert_allclose(actions, within, atol=2e-5)
    assert np.ptp(actions[..., :6]) > 0.01, "the comparison is of actions that hardly differ"
    if "final_model" in kind:
        assert "final_model was taken" in said
        assert "step=20000" in said
    if "never moved" in kind:
        assert "constant in training, and kept so whatever the model writes: dz" in said
        assert not actions[..., 2].any()
    if "without a spatial prompt" in kind:
        assert model.config.prompt.action == "{instruction}"


@pytest.mark.parametrize(
    ("framework", "change", "message"),
    [
        ("QwenOFT", {"action_model.net.": "action_model."}, "has no dino_encoder, dino_pro, layer_qformer, action"),
        ("QwenGR00T", {"action_model.net.": "action_model.model."}, "its framework is 'QwenGR00T'; import a run whose"),
        ("QwenFast", {"action_model.net.": None}, "is no InternVLA-M1: its framework is 'QwenFast'"),
        ("InternVLA-M1", {"qwen_vl_interface.model.model.visual.merger": "qwen_vl_interface.model.model.visual."
                          "deepstack_merger_list.0"}, "built on Qwen3-VL: import a run built on Qwen2.5-VL"),
        ("InternVLA-M1", {"action_model.net.blocks.0.attn.qkv.weight": "action_model.net._flat_param"},
         "lays them end to end"),
    ],
)  # fmt: skip
def test_other_models_are_refused_in_a_true_sentence(framework, change, message, qwen, tmp_path, capsys):
    tensors = tensors_of()
    if framework != "InternVLA-M1":
        dropped = ("dino_encoder.", "dino_pro.", "layer_qformer.")
        tensors = {name: t for name, t in tensors.items() if not name.startswith(dropped)}
    for old, new in change.items():
        tensors = {
            name if new is None else name.replace(old, new): tensor
            for name, tensor in tensors.items()
            if new is not None or not name.startswith(old)
        }
    run = write(tmp_path / "run", starvla("libero_all", framework), STATISTICS, "franka", tensors)
    assert main(["policy", "import", str(run), f"qwen={qwen}", f"out={tmp_path / 'out'}"]) == 2
    assert message in " ".join(capsys.readouterr().err.split())
    assert not (tmp_path / "out").exists()
