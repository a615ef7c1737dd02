"""The configuration: nothing is lost, guessed or ignored."""

import ast
import dataclasses
import json
from dataclasses import replace
from pathlib import Path

import pytest

import policy.m1
from policy.m1 import config as config_module
from policy.m1.config import M1Config, Provenance
from policy.m1.presets import PRESETS, preset
from policy.m1.strict import ConfigError
from tests.policy.m1.tiny import SPEC, WORDS, tiny_config

VIEWS = ("front", "wrist")


@pytest.mark.parametrize("name", PRESETS)
def test_a_configuration_comes_back_from_json_unchanged(name):
    config = preset(name, SPEC, VIEWS, WORDS if name == "m1-mini" else ())
    assert M1Config.from_plain(json.loads(json.dumps(config.to_plain()))) == config


HEADS = [
    (f"{part}.{name}", number, f"{part}.{name} must")
    for part, name, numbers in (
        ("vision", "num_heads", (5, 3, 0)),
        ("language", "num_attention_heads", (5, 3, 0)),
        ("language", "num_key_value_heads", (5, 3, 0)),
        ("dino", "num_attention_heads", (5, 3, 0)),
        ("qformer", "num_heads", (5, 7, 0)),  # three divide its width
        ("action_head", "num_heads", (5, 7, 0)),
    )
    for number in numbers
]
"""Numbers of attention heads that do not divide what they share."""


def edited(path, value=None, remove=False):
    data = json.loads(json.dumps(tiny_config().to_plain()))
    *parents, last = path.split(".")
    target = data
    for parent in parents:
        target = target[parent]
    if remove:
        del target[last]
    else:
        target[last] = value
    return data


@pytest.mark.parametrize(
    ("path", "value", "words"),
    [
        ("qformer.ouptput_dim", 768, ["config.qformer has no key ouptput_dim", "hidden_size"]),
        ("loss_scale", 0.1, ["config has no key loss_scale", "vlm_gradient_scale"]),
        ("action_spec.colour", "red", ["config.action_spec has no key colour"]),
        ("qformer.num_heads", "8", ["config.qformer.num_heads must be a whole number"]),
        ("qformer.num_heads", True, ["config.qformer.num_heads must be a whole number"]),
        ("images.resize", "nearest", ["bicubic, bilinear, area", "nearest"]),
        ("language.mrope_section", [16, 24], ["must have 3 entries"]),
        ("prompt", None, ["config.prompt must be a mapping"]),
        ("action_spec.control_hz", -5, ["control_hz must be positive"]),
        ("language.rope_theta", float("nan"), ["rope_theta must be a finite number"]),
        (
            "action_spec.normalisation.low",
            [float("-inf")] * 7,
            ["normalisation.low[0] must be a finite number"],
        ),
        ("action_spec.channels", [], ["is not valid"]),
    ],
)
def test_a_wrong_key_or_type_is_named(path, value, words):
    with pytest.raises(ConfigError) as error:
        M1Config.from_plain(edited(path, value))
    assert all(word in str(error.value) for word in words), error.value


def test_a_missing_key_is_named_rather_than_filled_in():
    with pytest.raises(ConfigError, match=r"config\.diffusion lacks guidance_scale"):
        M1Config.from_plain(edited("diffusion.guidance_scale", remove=True))


def test_a_checkpoint_from_before_actions_said_hand_and_idle_is_read_with_what_they_meant():
    data = edited("action_spec.gripper", remove=True)
    del data["action_spec"]["idle"]
    assert M1Config.from_plain(data) == tiny_config()


@pytest.mark.parametrize(
    ("path", "value", "words"),
    [
        ("images.size", 60, "multiple of 28 and 14"),
        ("images.views", [], "names no camera"),
        ("language.mrope_section", [8, 12, 12], "half a head's width, 16"),
        ("qformer.end_layer", 5, "hidden states 2 to 5"),
        ("diffusion.sample_steps", 40, "take 34 or 50"),
        ("execute_steps", 7, "1 to 6"),
        ("prompt.action", "Do it.", "lacks {instruction}"),
        ("prompt.action", "Do {instruction}: u v", "a word u and a word v for each"),
        ("prompt.slots", ["grasp", "somewhere"], "'somewhere'; there are grasp, contact, place, path"),
        ("qformer.end_layer", 2, "a Q-Former that reads the last layer"),
        ("encoding.gripper_levels", [0.0, 0.0], "equal"),
        ("encoding.rotation", "none", "the action spec has 'rotation_vector'"),
        ("action_spec.normalisation.mask", [True] * 7, "gripper channel has levels of its own"),
        ("vlm_gradient_scale", 2.0, "between 0 and 1"),
        *HEADS,
        ("vision.num_heads", 16, "four times vision.num_heads"),
        ("dino.hidden_size", 0, "dino.hidden_size must be 1 to"),
        ("language.num_hidden_layers", 10**9, "language.num_hidden_layers must be 1 to 1000"),
        ("chunk_length", -1, "chunk_length must be 1 to"),
        ("vision.fullatt_block_indexes", [7], "names block 7 of 2"),
        ("vision.window_size", 14, "window_size must be at least 28"),
        ("action_spec.normalisation.high", [-1.0] * 7, "runs from"),
    ],
)
def test_a_contradiction_is_named(path, value, words):
    with pytest.raises(ConfigError, match="not valid") as error:
        M1Config.from_plain(edited(path, value))
    assert words in str(error.value)


def test_presets_are_listed_when_a_name_is_unknown():
    with pytest.raises(ConfigError, match="m1-3b, m1-mini"):
        preset("m1-7b", SPEC, VIEWS)
    with pytest.raises(ConfigError, match="takes no words"):
        preset("m1-3b", SPEC, VIEWS, WORDS)
    with pytest.raises(ConfigError, match="needs words"):
        preset("m1-mini", SPEC, VIEWS)


def test_every_field_is_read_by_some_code():
    """A key that nothing reads is a promise that nothing keeps. Provenance alone is for people."""
    folder = Path(policy.m1.__file__).parent
    files = set(folder.glob("*.py")) - {folder / "config.py", folder / "config_checks.py"}
    read = {
        node.attr
        for file in files
        for node in ast.walk(ast.parse(file.read_text()))
        if isinstance(node, ast.Attribute) and isinstance(node.ctx, ast.Load)
    }
    classes = [
        c
        for c in vars(config_module).values()
        if dataclasses.is_dataclass(c) and c.__module__ == config_module.__name__ and c is not Provenance
    ]
    unread = [
        f"{c.__name__}.{f.name}"
        for c in classes
        for f in dataclasses.fields(c)
        if f.name not in {*read, "provenance"}
    ]
    assert len(classes) > 10
    assert not unread, f"nothing reads {unread}"


def test_numbers_that_belong_together_may_be_changed_together():
    assert replace(tiny_config(), chunk_length=12, execute_steps=12).execute_steps == 12
