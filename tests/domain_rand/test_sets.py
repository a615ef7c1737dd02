"""Factor sets from files: every kind of mistake gets one sentence that says what and where."""

import json

import pytest

from domain_rand import draw_episode
from domain_rand.distributions import Choice, Fixed, Integers, LogRange, Range
from domain_rand.factor import REGISTRY
from domain_rand.sets import (
    FactorSetError,
    available_sets,
    build_set,
    check_supported,
    explicit_set,
    load_set,
)
from tasks.episode import EpisodeSpec

ENGINES = ("ovphysx", "newton_mjwarp")
"""Those that run without Isaac Sim."""


def test_the_sets_that_come_along_can_all_be_loaded():
    assert {"none", "default", "mild", "heavy"} <= set(available_sets())
    for name in available_sets():
        assert load_set(name).name == name


@pytest.mark.parametrize("name", available_sets())
def test_a_set_that_comes_along_runs_everywhere_that_the_defaults_run(name):
    tools = {*ENGINES, "newton_warp"}
    assert not [f.name for f in load_set(name).factors if tools & set(f.unsupported)]


def test_the_default_set_takes_its_factors_over_their_defaults():
    for factor in load_set("default").factors:
        assert factor.distribution == type(factor).default, factor.name


OF_THE_POLICY = {"control.inference_latency", "control.inference_burst"}
"""How long a policy takes to answer is its own, and no property of the world that it is tried in."""

OF_THE_PLACE = {"appearance.background_overlay"}
"""Whose default shows a chart: what it is for is a picture of somebody's own."""


def test_the_heavy_set_covers_all_that_both_engines_can_apply_over_its_default():
    factors = {f.name: f.distribution for f in load_set("heavy").factors}
    everywhere = [n for n, cls in REGISTRY.items() if not {*ENGINES, "newton_warp"} & set(cls.unsupported)]
    assert factors == {
        name: REGISTRY[name].default for name in everywhere if name not in OF_THE_POLICY | OF_THE_PLACE
    }


@pytest.mark.parametrize("name", available_sets())
def test_no_set_that_comes_along_goes_beyond_the_heavy_one(name):
    heavy = {f.name: f.distribution for f in load_set("heavy").factors}
    for factor in load_set(name).factors:
        assert factor.name in heavy
        if factor.distribution is not None:
            assert heavy[factor.name].outside(factor.distribution) == [], factor.name


def test_the_mild_set_leaves_something_of_every_range_to_the_heavy_one():
    heavy = {f.name: f.distribution for f in load_set("heavy").factors}
    ranges = [f for f in load_set("mild").factors if isinstance(f.distribution, Range)]
    assert len(ranges) > 40
    assert not [f.name for f in ranges if f.distribution == heavy[f.name]]


def test_the_nominal_set_draws_the_scene_and_the_seed_of_what_happens_in_it_only():
    names = {f.name for f in load_set("none").factors}
    assert names == {name for name, cls in REGISTRY.items() if cls.nominal is None}
    assert all(name.startswith("scene.") for name in names - {"episode.noise_seed", "episode.policy_seed"})


def test_factors_keep_the_order_of_the_catalogue_whatever_the_file_says():
    names = [f.name for f in build_set("reversed", dict.fromkeys(reversed(REGISTRY), "default")).factors]
    assert names == list(REGISTRY)


def test_what_a_file_gives_is_used_and_the_rest_stays_nominal(tmp_path):
    path = tmp_path / "mine.yaml"
    path.write_text("dynamics.object_friction: {lo: 0.3}\ncontrol.action_delay: nominal\n")
    factors = {f.name: f.distribution for f in load_set(str(path)).factors if f.nominal is not None}
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
    everything = build_set("everything", dict.fromkeys(REGISTRY, "default"))
    description = everything.describe()
    assert json.loads(json.dumps(description)).keys() == REGISTRY.keys()
    assert description["dynamics.object_mass"] == {"kind": "log_range", "lo": 0.5, "hi": 2.0}
    assert description["scene.poses"] == {"kind": "composed"}


# -- values that do not vary


def episodes(factor_set, n=5):
    return [draw_episode(EpisodeSpec("pick_place", i, 0), factor_set) for i in range(n)]


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("dynamics.object_mass", 1.25),
        ("control.action_delay", 3),
        ("scene.target_color", "green"),
        ("appearance.table_texture", "checker"),
        ("camera.front_position", [0.01, 0.0, -0.02]),
        ("scene.robot_base", [0, 0, 0]),
    ],
)
def test_a_fixed_value_is_that_of_every_episode(name, value):
    for episode in episodes(build_set("fixed", {name: {"value": value}})):
        assert episode.factors[name] == value
        assert type(episode.factors[name]) is type(value)


@pytest.mark.parametrize("name", ["dynamics.object_mass", "scene.distractor_count", "scene.target_color"])
def test_fixing_a_factor_changes_no_other(name):
    free = build_set("free", dict.fromkeys(REGISTRY, "default"))
    value = episodes(free, 1)[0].factors[name]
    fixed = build_set("fixed", dict.fromkeys(REGISTRY, "default") | {name: {"value": value}})
    first, again = episodes(free, 1)[0], episodes(fixed, 1)[0]
    assert again.factors == first.factors
    assert again.scene == first.scene


def test_a_composed_factor_can_be_given_its_value():
    wanted = {
        "scene.target_shape": "cube",
        "scene.receptacle": "bowl",
        "scene.distractors": [],
        "scene.other_receptacle": "none",
        "scene.poses": [0.4, -0.1, 0.0, 0.55, 0.1, 0.0],
    }
    for episode in episodes(explicit_set("arranged", wanted)):
        placed = [(p.x, p.y, p.yaw) for p in episode.scene.placements]
        assert placed == [(0.4, -0.1, 0.0), (0.55, 0.1, 0.0)]


def test_an_explicit_set_takes_each_value_as_it_is():
    values = {"dynamics.object_mass": 1.5, "control.encoder_bias": [0.01] * 7, "scene.receptacle": "tray"}
    factors = {f.name: f.distribution for f in explicit_set("given", values).factors}
    assert {name: factors[name] for name in values} == {
        "dynamics.object_mass": Fixed(1.5),
        "control.encoder_bias": Fixed((0.01,) * 7),
        "scene.receptacle": Fixed("tray"),
    }
    always = {name for name, cls in REGISTRY.items() if cls.nominal is None}
    assert set(factors) == {*values, *always}


def test_an_explicit_set_refuses_what_a_file_would_be_refused_for():
    with pytest.raises(
        FactorSetError, match=r"dynamics.object_mass .* 99.0 cannot be applied; possible is lo="
    ):
        explicit_set("given", {"dynamics.object_mass": 99.0})
    with pytest.raises(FactorSetError, match=r"there is no factor 'weather\.wind'"):
        explicit_set("given", {"weather.wind": 1.0})


# -- overrides


def distributions(*args):
    return {f.name: f.distribution for f in load_set(*args).factors}


def test_overrides_change_what_they_name_and_nothing_else():
    overrides = {
        "dynamics.object_mass": {"hi": 3.0},
        "control.action_delay": {"value": 2},
        "camera.front_position": "nominal",
        "sensing.joint_noise": "default",
    }
    base, changed = distributions("default"), distributions("default", overrides)
    default = REGISTRY["dynamics.object_mass"].default
    assert changed.pop("dynamics.object_mass") == LogRange(default.lo, 3.0)
    assert changed.pop("control.action_delay") == Fixed(2)
    assert changed.pop("sensing.joint_noise") == REGISTRY["sensing.joint_noise"].default
    assert changed == {name: v for name, v in base.items() if name not in overrides}


def test_overrides_are_laid_over_a_file_key_by_key(tmp_path):
    path = tmp_path / "mine.yaml"
    path.write_text("dynamics.object_mass: {lo: 0.7, hi: 1.2}\ncontrol.rate: {value: 0.9}\n")
    over = {"dynamics.object_mass": {"hi": 1.4}, "control.rate": {"lo": 0.8}, "control.arm_gain": {"lo": 0.9}}
    found = distributions(str(path), over)
    assert found["dynamics.object_mass"] == LogRange(0.7, 1.4)
    assert found["control.rate"] == Range(0.8, REGISTRY["control.rate"].default.hi), (
        "a value has no range to keep"
    )
    assert found["control.arm_gain"] == LogRange(0.9, REGISTRY["control.arm_gain"].default.hi)
    fixed = distributions(str(path), {"dynamics.object_mass": {"value": 1.1}})
    assert fixed["dynamics.object_mass"] == Fixed(1.1), "a range has no place beside a value"


def test_an_override_that_cannot_be_is_refused_like_a_file():
    with pytest.raises(
        FactorSetError, match=r"factor set 'default', dynamics.object_mass .* unknown key 'high'"
    ):
        load_set("default", {"dynamics.object_mass": {"high": 2.0}})
    with pytest.raises(FactorSetError, match=r"there is no factor 'dynamics.masss'; did you mean"):
        load_set("default", {"dynamics.masss": "default"})


def test_overrides_change_the_fingerprint_and_not_the_set_on_disk():
    before = load_set("mild").fingerprint()
    assert load_set("mild", {"dynamics.object_mass": {"hi": 1.3}}).fingerprint() != before
    assert load_set("mild", {}).fingerprint() == load_set("mild").fingerprint() == before


# -- engines and renderers

UNSUPPORTED = [(name, tool, why) for name, cls in REGISTRY.items() for tool, why in cls.unsupported.items()]


@pytest.mark.parametrize(("name", "tool", "why"), UNSUPPORTED, ids=[f"{n}-{t}" for n, t, _ in UNSUPPORTED])
def test_a_factor_that_cannot_be_applied_is_an_error_that_says_why(name, tool, why):
    physics, renderer = (tool, "none") if tool in (*ENGINES, "isaacsim_physx") else ("none", tool)
    factor_set = build_set("some", {name: "default"})
    with pytest.raises(FactorSetError) as error:
        check_supported(factor_set, physics, renderer)
    assert str(error.value) == f"factor set 'some': {tool} cannot apply {name}: {why}"
    check_supported(build_set("some", {name: "nominal"}), physics, renderer)


def test_tools_that_cannot_apply_a_factor_are_known_ones():
    assert {tool for _, tool, _ in UNSUPPORTED} <= {*ENGINES, "isaacsim_physx", "newton_warp", "isaac_rtx"}


# -- what lies outside of what can be applied


def test_each_kind_of_distribution_says_what_of_another_it_does_not_hold():
    assert Range(0.0, 1.0).outside(Fixed((0.5, 2.0, -1.0))) == [2.0, -1.0]
    assert Range(0.0, 1.0).outside(Integers(0, 3)) == [3]
    assert Range(0.0, 1.0).outside(Choice(("a", "b"))) == ["a", "b"]
    assert Integers(0, 3).outside(Fixed(2.0)) == []
    assert Integers(0, 3).outside(Range(0.0, 2.5)) == [2.5]
    assert Choice(("a", "b")).outside(Fixed("c")) == ["c"]
    assert Choice(("a", "b")).outside(Range(0.0, 1.0)) == [0.0, 1.0]


@pytest.mark.parametrize(("task", "verb"), [("pick_place", "put"), ("push", "push")])
def test_the_nominal_verb_is_the_tasks_own(task, verb):
    (factor,) = (f for f in load_set("language", task=task).factors if f.name == "language.verb")
    assert factor.nominal == verb
