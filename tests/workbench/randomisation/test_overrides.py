"""Words ``dr.*`` change the factor set, belong to the run, and are refused in one sentence when they cannot be."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain_rand.sets import FactorSetError
from workbench.cli.options import OptionError, parse_options
from workbench.evaluation.options import EvalOptions
from workbench.randomisation.overrides import parse_overrides

FACTORS = ("camera.exposure", "camera.exposure_time", "control.action_delay", "camera.front_position")


@pytest.mark.parametrize(
    ("words", "overrides"),
    [
        ({"camera.exposure.hi": "1.5"}, {"camera.exposure": {"hi": 1.5}}),
        (
            {"camera.exposure.lo": "1e-3", "camera.exposure.hi": "2"},
            {"camera.exposure": {"lo": 0.001, "hi": 2}},
        ),
        ({"camera.exposure_time.hi": "2"}, {"camera.exposure_time": {"hi": 2}}),
        ({"control.action_delay": "nominal"}, {"control.action_delay": "nominal"}),
        ({"camera.front_position.value": "[0,0,0.01]"}, {"camera.front_position": {"value": [0, 0, 0.01]}}),
        ({"camera.exposure.options": "[off, no]"}, {"camera.exposure": {"options": ["off", "no"]}}),
        ({"camera.exposure": "{lo: 0.3, hi: 1}"}, {"camera.exposure": {"lo": 0.3, "hi": 1}}),
    ],
)
def test_words_become_what_a_file_would_hold(words, overrides):
    assert parse_overrides(words, FACTORS) == overrides


def test_what_is_parsed_stays_as_it_is():
    once = parse_overrides({"camera.exposure.hi": "1.5", "control.action_delay": "nominal"}, FACTORS)
    assert parse_overrides(once, FACTORS) == once


@given(st.floats(allow_nan=False, allow_infinity=False))
def test_numbers_come_through_as_they_are(value):
    parsed = parse_overrides({"camera.exposure.hi": repr(value)}, FACTORS)
    assert parsed["camera.exposure"]["hi"] == value


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ({"camera.exposre.hi": "1"}, "did you mean dr.camera.exposure?"),
        (
            {"camera.brightness": "1"},
            "there are camera.exposure, camera.exposure_time, camera.front_position",
        ),
        ({"light.power": "1"}, "families of factors are camera, control"),
        ({"camera.exposure.hi.x": "1"}, "'hi.x' is no key"),
        ({"camera.exposure.hi": ""}, "expected a number, a word or a list"),
        ({"camera.exposure.hi": "[1"}, "expected a number, a word or a list"),
        ({"camera.exposure": "nominal", "camera.exposure.hi": "1"}, "given twice"),
        ({"camera.exposure.hi": "1", "camera.exposure": "nominal"}, "given twice"),
    ],
)
def test_what_cannot_be_is_one_sentence(words, said):
    with pytest.raises(OptionError) as error:
        parse_overrides(words, FACTORS)
    assert said in str(error.value)
    assert "\n" not in str(error.value)


def resolved(*words: str) -> EvalOptions:
    options = parse_options(EvalOptions, ("device=cpu", *words))
    options.resolve()
    return options


def test_the_changes_reach_the_factor_set_and_the_configuration():
    options = resolved("dr.control.action_delay.value=2", "dr.dynamics.object_mass=nominal")
    drawn = {f.name: f.distribution for f in options.factor_set().factors}
    assert drawn["control.action_delay"].value == 2
    assert "dynamics.object_mass" not in drawn
    config = options.config("eval")
    assert config["dr_overrides"] == {
        "control.action_delay": {"value": 2},
        "dynamics.object_mass": "nominal",
    }
    assert "dr_overrides" not in resolved().config("eval"), "runs from before there were any go on"


@pytest.mark.parametrize(
    "word",
    [
        "dr.dynamics.object_mass.lo=3",
        "dr.dynamics.object_mass.hi=heavy",
        "dr.dynamics.object_mass.middle=1",
        "dr.dynamics.object_mass.hi=inf",
        "dr.control.action_delay.value=1.5",
        "dr.camera.front_position.value=[0,0]",
        "dr.dynamics.object_mass.hi=1e6",
    ],
)
def test_what_no_set_can_hold_names_the_factor(word):
    with pytest.raises(FactorSetError) as error:
        resolved(word)
    assert word[3:].partition("=")[0].rpartition(".")[0] in str(error.value)
