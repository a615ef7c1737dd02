"""A set file that cannot be read, or asks for what cannot be, gets one sentence."""

import pytest

from domain_rand.sets import (
    FOLDER,
    FactorSetError,
    available_sets,
    load_set,
)


def refusal(tmp_path, content):
    """What a file with this content is refused with."""
    path = tmp_path / "mine.yaml"
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    with pytest.raises(FactorSetError) as error:
        load_set(str(path))
    return str(error.value)


BAD_FILES = {
    "an unknown factor": (
        "dynamics.object_masss: default",
        "there is no factor 'dynamics.object_masss'",
        "object_mass",
    ),
    "a factor unlike any": ("qqq: default", "there is no factor 'qqq'", "scene.target_shape"),
    "a key that is no text": ("3: default", "no factor 3", ""),
    "a list": ("- dynamics.object_mass", "must map factor names to distributions", "list"),
    "a word": ("default", "must map factor names to distributions", "str"),
    "no YAML": ("a: [1, 2", "is not YAML", ""),
    "no text": (b"\xff\xfe\x00", "mine.yaml", ""),
    "a factor twice": (
        "dynamics.object_mass: nominal\ndynamics.object_mass: default",
        "dynamics.object_mass",
        "",
    ),
    "an inverted range": (
        "dynamics.object_friction: {lo: 1, hi: 0.5}",
        "dynamics.object_friction",
        "lo <= hi",
    ),
    "an endless range": ("dynamics.object_friction: {hi: .inf}", "dynamics.object_friction", "finite"),
    "a range of words": ("dynamics.object_friction: {lo: rough}", "dynamics.object_friction", ""),
    "a negative scale": ("dynamics.object_mass: {lo: -1}", "dynamics.object_mass", "lo > 0"),
    "half a step": ("control.action_delay: {lo: 0.5}", "control.action_delay", "whole"),
    "an unknown key": ("dynamics.object_mass: {low: 1}", "unknown key 'low'", "hi, lo"),
    "a bare number": ("dynamics.object_mass: 1.5", "dynamics.object_mass", "mapping, not 1.5"),
    "nothing": ("dynamics.object_mass:", "dynamics.object_mass", "not None"),
    "a range for a composed factor": ("scene.poses: {lo: 0}", "scene.poses", "write 'default'"),
    "no options": ("scene.target_color: {options: []}", "scene.target_color", "at least one"),
    "an option twice": ("scene.target_color: {options: [red, red]}", "scene.target_color", "no repeats"),
    "too few components": (
        "camera.front_position: {value: [0, 0]}",
        "camera.front_position",
        "list of 3 numbers",
    ),
    "too many components": (
        "control.encoder_bias: {value: [0, 0, 0, 0, 0, 0, 0, 0]}",
        "control.encoder_bias",
        "list of 7 numbers",
    ),
    "one number for many": (
        "camera.front_position: {value: 0.01}",
        "camera.front_position",
        "list of 3 numbers",
    ),
    "many seeds for one": ("episode.noise_seed: {value: [1, 2]}", "episode.noise_seed", "a single one"),
    "many numbers for one": ("dynamics.object_mass: {value: [1, 2]}", "dynamics.object_mass", "a single one"),
    "a value and a range": (
        "dynamics.object_mass: {value: 1, hi: 2}",
        "dynamics.object_mass",
        "unknown key 'value'",
    ),
}


@pytest.mark.parametrize(("content", "what", "hint"), BAD_FILES.values(), ids=BAD_FILES)
def test_a_bad_file_gets_one_sentence(tmp_path, content, what, hint):
    said = refusal(tmp_path, content)
    assert what in said
    assert hint in said
    assert "\n" not in said, "more than one line"


# Values that can be written down and that no scene or simulator can take.
IMPOSSIBLE = {
    "an unknown colour": ("scene.target_color: {options: [red, beige]}", "beige"),
    "an unknown shape": ("scene.target_shape: {options: [banana]}", "banana"),
    "a word for a list": ("scene.target_color: {options: red}", "red"),
    "more distractors than there are": ("scene.distractor_count: {hi: 9}", "9"),
    "fewer than no distractors": ("scene.distractor_count: {lo: -2}", "-2"),
    "a delay into the future": ("control.action_delay: {lo: -3}", "-3"),
    "a delay beyond the buffer": ("control.action_delay: {hi: 20}", "20"),
    "negative friction": ("dynamics.object_friction: {lo: -0.5}", "-0.5"),
    "truth for a number": ("dynamics.object_friction: {lo: false}", "False"),
    "a fixed value beyond what can be": ("dynamics.object_friction: {value: 9.0}", "9.0"),
    "a fixed word for a number": ("dynamics.object_friction: {value: rough}", "rough"),
    "a fixed truth for a number": ("dynamics.object_friction: {value: true}", "True"),
    "an endless fixed value": ("dynamics.object_friction: {value: .nan}", "nan"),
    "half a fixed step": ("control.action_delay: {value: 1.5}", "1.5"),
    "a fixed word that is none of the options": ("scene.target_color: {value: beige}", "beige"),
    "a component beyond what can be": ("camera.front_position: {value: [0.0, 0.7, 0.0]}", "0.7"),
    "a word among components": ("camera.front_position: {value: [0.0, left, 0.0]}", "left"),
    "a seed that is none": ("episode.noise_seed: {value: abc}", "abc"),
    "a negative seed": ("episode.noise_seed: {value: -1}", "-1"),
    "a share beyond all": ("sensing.depth_holes: {hi: 1.0}", "1.0"),
    "a scale that turns things over": ("control.arm_gain: {lo: 0.001}", "0.001"),
}


@pytest.mark.parametrize(("content", "value"), IMPOSSIBLE.values(), ids=IMPOSSIBLE)
def test_a_value_that_cannot_be_applied_is_refused_when_the_file_is_read(tmp_path, content, value):
    said = refusal(tmp_path, content)
    assert content.split(":")[0] in said
    assert value.lower() in said.lower()


def test_a_long_value_is_cut_in_the_sentence(tmp_path):
    said = refusal(tmp_path, f"camera.front_position: {{value: {list(range(5000))}}}")
    assert "list of 3 numbers" in said
    assert len(said) < 300


@pytest.mark.parametrize("name", ["x" * 300, "a\tb", "mine.yaml/below", "."])
def test_a_name_that_no_file_can_have_is_one_sentence(tmp_path, monkeypatch, name):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "mine.yaml").write_text("")
    with pytest.raises(FactorSetError, match="factor set"):
        load_set(name)


def test_an_unknown_set_lists_those_that_there_are():
    known = ", ".join(available_sets())
    with pytest.raises(
        FactorSetError, match=f"no factor set 'nonesuch': choose one of {known}, or give a YAML"
    ):
        load_set("nonesuch")
    with pytest.raises(FactorSetError, match="no factor set"):
        load_set(str(FOLDER))  # a folder is no file
