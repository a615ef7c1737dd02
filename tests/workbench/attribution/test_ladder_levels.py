"""Which levels a ladder has, and what an episode is at each."""

from __future__ import annotations

import numpy as np
import pytest

from domain_rand.distributions import Integers, LogRange, Range
from domain_rand.episode import draw_episode
from domain_rand.factor import Factor
from domain_rand.sets import FactorSet, load_set
from tasks.episode import EpisodeSpec
from tests.workbench.attribution.ladder_runs import SET, run_on
from tests.workbench.planted import Exposure, Offset
from workbench.attribution.planning import draw_condition, plan_ladder
from workbench.cli.options import OptionError


def ladder(plan, factor, side="high"):
    return next(x for x in plan.ladders if (x.factor, x.side) == (factor, side))


def values(plan, factor, side="high"):
    return [plan.conditions[k].value for k in ladder(plan, factor, side).rungs]


# -- the plan


def test_a_scale_is_climbed_in_its_logarithm_and_ends_at_the_bound():
    plan = plan_ladder(SET, 4, 4, only=["dynamics.object_mass"])
    high = values(plan, "dynamics.object_mass")
    assert high == pytest.approx([2 ** (k / 4) for k in (1, 2, 3, 4)])
    assert values(plan, "dynamics.object_mass", "low") == pytest.approx(
        [0.5 ** (k / 4) for k in (1, 2, 3, 4)]
    )
    assert high[-1] == 2.0, "the last rung is the bound to the last digit"


@pytest.mark.parametrize(
    ("severities", "expected"), [(2, [3, 6]), (3, [2, 4, 6]), (5, [2, 3, 4, 5, 6]), (20, [1, 2, 3, 4, 5, 6])]
)
def test_whole_numbers_have_a_rung_each_at_most(severities, expected):
    plan = plan_ladder(SET, 4, severities, only=["control.action_delay"])
    assert values(plan, "control.action_delay") == expected


def test_words_are_tried_one_by_one():
    plan = plan_ladder(SET, 4, 5, only=["scene.target_size"])
    assert values(plan, "scene.target_size", "option") == ["small", "large"]


def test_numbers_that_are_names_are_tried_one_by_one():
    found = run_on(
        load_set("language"),
        lambda v: 0.05 if v.get("language.paraphrase") == 7 else 0.95,
        24,
        ["language.paraphrase"],
    )
    (template,) = found["factors"]
    assert [level["value"] for level in template["ladders"][0]["levels"]] == list(range(1, 10))
    assert [level["value"] for level in template["ladders"][0]["levels"] if level["breaks"]] == [7]
    assert template["recommended"] == {"lo": 0, "hi": 9, "without": [7]}
    assert load_set("language", {"language.paraphrase": template["recommended"]})


def test_what_has_no_ladder_says_why():
    plan = plan_ladder(SET, 4, 5)
    assert set(dict(plan.skipped)) >= {"scene.distractors", "scene.poses"}
    assert all(reason for _, reason in plan.skipped)


def test_a_family_stands_for_its_factors_and_an_unknown_name_is_an_error():
    assert {x.factor for x in plan_ladder(SET, 4, 5, only=["planted"]).ladders} == {
        Exposure.name,
        Offset.name,
    }
    with pytest.raises(OptionError, match=r"did you mean 'control\.action_delay'"):
        plan_ladder(SET, 4, 5, only=["control.action_dely"])


def test_one_factor_moves_and_everything_else_is_as_in_the_clean_episode():
    plan = plan_ladder(SET, 8, 2)
    for base in ("nominal", "set"):
        for index in (0, 5):
            spec = EpisodeSpec("pick_place", index, 3)
            clean = draw_condition(spec, SET, base, plan.conditions[0])
            for condition in plan.conditions[1:]:
                if condition.factor.startswith("scene."):
                    continue  # what stands where depends on what stands there
                here = draw_condition(spec, SET, base, condition)
                changed = {
                    name
                    for name in here.factors
                    if name not in clean.factors or here.factors[name] != clean.factors[name]
                }
                assert changed <= {condition.factor}, condition.name
                assert here.scene == clean.scene
    assert draw_condition(spec, SET, "set", plan.conditions[0]) == draw_episode(spec, SET)


def test_a_vector_moves_to_the_sides_that_the_episode_drew_at_every_severity():
    plan = plan_ladder(SET, 8, 4, only=[Offset.name])
    sides = set()
    for index in range(8):
        spec = EpisodeSpec("pick_place", index, 0)
        drawn = np.array(Offset().draw(spec.generator(Offset.name), {}))
        for condition in plan.conditions[1:]:
            value = draw_condition(spec, SET, "nominal", condition).factors[Offset.name]
            np.testing.assert_allclose(value, np.sign(drawn) * condition.severity * 0.02, rtol=1e-9)
        sides.add(tuple(np.sign(drawn)))
    assert len(sides) > 1, "all episodes go the same way"


def test_a_value_that_the_set_fixes_stays_fixed_in_the_clean_condition():
    fixed = load_set("default", {"control.action_delay": {"value": 1}})
    plan = plan_ladder(fixed, 4, 2)
    assert "control.action_delay" not in {x.factor for x in plan.ladders}
    for condition in plan.conditions[:3]:
        episode = draw_condition(EpisodeSpec("pick_place", 0, 0), fixed, "nominal", condition)
        assert episode.factors["control.action_delay"] == 1


def test_a_vector_of_whole_numbers_or_of_ratios_has_a_ladder_too():
    counts = type("Counts", (Factor,), {
        "name": "planted.counts", "unit": "1", "nominal": [0, 0], "default": Integers(-3, 3), "length": 2,
    })  # fmt: skip
    gains = type("Gains", (Factor,), {
        "name": "planted.gains", "unit": "x nominal", "nominal": [1.0] * 7, "default": LogRange(0.5, 2.0), "length": 7,
    })  # fmt: skip
    uneven = type("Uneven", (Factor,), {
        "name": "planted.uneven", "unit": "sRGB", "nominal": [0.5, 0.2], "default": Range(0.0, 1.0), "length": 2,
    })  # fmt: skip
    plan = plan_ladder(FactorSet("vectors", (counts(), gains(), uneven())), 4, 5)
    axes = {x.factor: (x.axis, [x.at(plan.conditions[k].severity) for k in x.rungs]) for x in plan.ladders}
    assert axes["planted.counts"] == ("deviation", [1, 2, 3])
    assert axes["planted.gains"][0] == "ratio"
    assert axes["planted.gains"][1] == pytest.approx([2 ** (k / 5) for k in (1, 2, 3, 4, 5)])
    assert axes["planted.uneven"][0] == "severity", (
        "components at unequal distances have only their share in common"
    )
