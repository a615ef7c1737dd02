"""Factor sets from files: every kind of mistake gets one sentence that says what and where."""

import json

import pytest

from domain_rand.factor import REGISTRY
from domain_rand.sets import FOLDER, FactorSetError, available_sets, build_set, load_set


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
}


@pytest.mark.parametrize(("content", "value"), IMPOSSIBLE.values(), ids=IMPOSSIBLE)
def test_a_value_that_cannot_be_applied_is_refused_when_the_file_is_read(tmp_path, content, value):
    said = refusal(tmp_path, content)
    assert content.split(":")[0] in said
    assert value.lower() in said.lower()


def test_an_unknown_set_lists_those_that_there_are():
    with pytest.raises(
        FactorSetError, match="no factor set 'nonesuch': choose one of default, none, or give a YAML"
    ):
        load_set("nonesuch")
    with pytest.raises(FactorSetError, match="no factor set"):
        load_set(str(FOLDER))  # a folder is no file


def test_the_sets_that_come_along_can_all_be_loaded():
    assert {"default", "none"} <= set(available_sets())
    for name in available_sets():
        assert load_set(name).name == name


def test_the_default_set_covers_every_factor_over_its_default():
    factors = {f.name: f.distribution for f in load_set("default").factors}
    assert factors == {name: cls.default for name, cls in REGISTRY.items()}


def test_the_nominal_set_draws_the_scene_only():
    names = {f.name for f in load_set("none").factors}
    assert names == {name for name, cls in REGISTRY.items() if cls.nominal is None}
    assert all(name.startswith("scene.") for name in names)


def test_factors_keep_the_order_of_the_catalogue_whatever_the_file_says():
    names = [f.name for f in build_set("reversed", dict.fromkeys(reversed(REGISTRY), "default")).factors]
    assert names == list(REGISTRY)


def test_what_a_file_gives_is_used_and_the_rest_stays_nominal(tmp_path):
    path = tmp_path / "mine.yaml"
    path.write_text("dynamics.object_friction: {lo: 0.3}\ncontrol.action_delay: nominal\n")
    factors = {f.name: f.distribution for f in load_set(str(path)).factors if not f.name.startswith("scene.")}
    assert list(factors) == ["dynamics.object_friction"]
    default = REGISTRY["dynamics.object_friction"].default
    assert (factors["dynamics.object_friction"].lo, factors["dynamics.object_friction"].hi) == (
        0.3,
        default.hi,
    )


def test_a_fingerprint_tells_what_a_set_means_and_not_what_it_is_called():
    everything = dict.fromkeys(REGISTRY, "default")
    same = build_set("a", everything).fingerprint()
    assert build_set("b", dict(reversed(everything.items()))).fingerprint() == same
    changed = {
        "dynamics.object_mass": {"hi": 2.5},
        "control.action_delay": "nominal",
        "scene.target_color": {"options": ["red"]},
    }
    others = {build_set("a", everything | {k: v}).fingerprint() for k, v in changed.items()}
    assert len(others | {same}) == 4


def test_a_description_is_plain_json_that_names_every_distribution():
    description = load_set("default").describe()
    assert json.loads(json.dumps(description)).keys() == REGISTRY.keys()
    assert description["dynamics.object_mass"] == {"kind": "log_range", "lo": 0.5, "hi": 2.0}
    assert description["scene.poses"] == {"kind": "composed"}
