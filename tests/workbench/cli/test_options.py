"""Options as ``key=value``: typed, explained, and refused in one sentence."""

from __future__ import annotations

import dataclasses

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.console import Console

from workbench.cli.options import OptionError, help_table, listed, option, parse_options, words
from workbench.evaluation.options import EvalOptions


@dataclasses.dataclass
class Options:
    """Options of a made-up command."""

    episodes: int = option(64, "how many", "episodes")
    time_limit_s: float = option(15.0, "how long", "s")
    policy: str = option("expert", "who acts")
    record: bool = option(True, "whether to record")
    stop_above: float | None = option(None, "when to stop")


def refusal(*words, cls=Options):
    with pytest.raises(OptionError) as error:
        parse_options(cls, words)
    said = str(error.value)
    assert "\n" not in said, "more than one line"
    return said


def test_without_words_the_defaults_hold():
    assert parse_options(Options, []) == Options()


def test_words_set_values_of_the_declared_type():
    words = ("episodes=8", "time_limit_s=2", "policy=random", "record=false", "stop_above=0.7")
    assert parse_options(Options, words) == Options(8, 2.0, "random", False, 0.7)


@given(st.integers(-(10**9), 10**9), st.floats(allow_nan=False, allow_infinity=False), st.booleans())
def test_numbers_come_through_as_they_are(whole, number, flag):
    given_ = parse_options(Options, (f"episodes={whole}", f"time_limit_s={number!r}", f"record={flag}"))
    assert (given_.episodes, given_.time_limit_s, given_.record) == (whole, number, flag)


@pytest.mark.parametrize(
    "text", ["1e3", "007", "runs/a=b", "a,b", "yes", "12", "it's", "a b", "x:y", "", "[1]", "${x}"]
)
def test_text_is_taken_as_it_is_typed(text):
    """A folder called ``007`` or ``[1]`` is a folder of that name."""
    assert parse_options(Options, (f"policy={text}",)).policy == text


@pytest.mark.parametrize(("typed", "seed"), [("008", 8), ("8", 8), ("010", 10), ("0100", 100)])
def test_a_sweep_with_zeros_in_front_names_its_own_runs(typed, seed):
    options = parse_options(EvalOptions, ("device=cpu", f"seed={typed}"))
    options.resolve()
    assert (options.seed, options.out) == (seed, f"runs/pick_place-expert-ovphysx-seed{seed}")


@pytest.mark.parametrize("word", ["none", "None", "null"])
def test_what_may_be_absent_takes_none(word):
    assert parse_options(Options, (f"stop_above={word}",)).stop_above is None


@pytest.mark.parametrize("names", ["a,,b", ",a", "a,", " , "])
def test_a_list_with_nothing_between_two_commas_is_refused(names):
    with pytest.raises(OptionError, match=f"option views={names}: a name is missing beside a comma"):
        listed("views", names)
    assert listed("views", " a, b ") == ("a", "b")
    assert listed("views", "") == ()


@pytest.mark.parametrize("typed", ["episode=3", "--episodes=3", "epsiodes=3"])
def test_an_unknown_option_suggests_the_nearest(typed):
    assert refusal(typed) == f"there is no option {typed[:-2]!r}; did you mean episodes=?"


def test_an_option_unlike_any_lists_them_all():
    said = refusal("zzz=3")
    assert said == "there is no option 'zzz'; there are episodes, time_limit_s, policy, record, stop_above"


@pytest.mark.parametrize("word", ["episodes", "--episodes", "episodes:3"])
def test_a_word_without_equals_sign_says_how_options_are_written(word):
    assert refusal(word).startswith(f"options are written key=value, not {word!r}; did you mean episodes=?")


@pytest.mark.parametrize(
    ("word", "expected"),
    [
        ("episodes=many", "a whole number"),
        ("episodes=2.5", "a whole number"),
        ("episodes=", "a whole number"),
        ("episodes=null", "a whole number"),
        ("episodes=0x10", "a whole number"),
        ("episodes=1:00", "a whole number"),
        ("episodes=1_000", "a whole number"),
        ("episodes=1e3", "a whole number"),
        ("episodes=???", "a whole number"),
        ("episodes=5 # note", "a whole number"),
        ("episodes=${x}", "a whole number"),
        ("time_limit_s=long", "a number"),
        ("time_limit_s=nan", "a number"),
        ("time_limit_s=inf", "a finite number"),
        ("time_limit_s=1e999", "a number of a size between 1e-307 and 1e308"),
        ("record=2", "true or false"),
        ("record=1", "true or false"),
        ("record=yes", "true or false"),
        ("record=perhaps", "true or false"),
        ("stop_above=high", "a number"),
    ],
)
def test_a_value_of_the_wrong_type_says_what_is_expected(word, expected):
    assert refusal(word) == f"option {word}: expected {expected}"


def test_an_option_given_twice_is_an_error():
    assert refusal("episodes=3", "policy=hold", "episodes=4") == "option 'episodes' is given twice"


def test_the_first_mistake_is_reported_before_any_value_is_looked_at():
    assert "no option 'colour'" in refusal("episodes=many", "colour=red")


def text_of_help(cls):
    console = Console(width=200, color_system=None)
    with console.capture() as capture:
        console.print(help_table(cls))
    return capture.get()


@pytest.mark.parametrize("cls", [Options, EvalOptions])
def test_help_lists_every_option_with_default_unit_and_meaning(cls):
    lines = {line.split()[0]: line for line in text_of_help(cls).splitlines() if line.split()}
    for f in dataclasses.fields(cls):
        if "form" in f.metadata:
            assert f.metadata["form"] in lines, f"{f.name} is missing"
            continue
        assert f.name in lines, f"{f.name} is missing"
        assert f.metadata["help"].split()[0] in lines[f.name]
        assert f.metadata["unit"] in lines[f.name]
        if f.default not in (None, ""):
            shown = str(f.default).lower() if isinstance(f.default, bool) else str(f.default)
            assert shown in lines[f.name].split(), f"{f.name}: the default {shown} is not shown"


@dataclasses.dataclass
class Open:
    """Options of which some are not known by name."""

    policy: str = option("expert", "who acts")
    changes: dict[str, str] = dataclasses.field(
        default_factory=dict, metadata=words("dr.", "dr.FACTOR[.KEY]", "changes to the set")
    )


def test_options_that_begin_alike_are_collected():
    parsed = parse_options(Open, ("dr.mass.hi=3", "policy=hold", "dr.delay=a=b"))
    assert parsed == Open("hold", {"mass.hi": "3", "delay": "a=b"})


def test_the_field_that_collects_them_is_no_option_itself():
    assert "no option 'changes'" in refusal("changes=3", cls=Open)
    assert refusal("dr.mass=1", "dr.mass=2", cls=Open) == "option 'dr.mass' is given twice"


# -- the options of `workbench eval`


@pytest.mark.parametrize("f", dataclasses.fields(EvalOptions), ids=lambda f: f.name)
def test_every_option_of_eval_is_explained(f):
    assert f.metadata["help"]


@pytest.mark.parametrize(
    ("word", "said"),
    [
        ("task=juggle", "no task 'juggle': choose one of pick_place"),
        ("policy=genius", "no policy 'genius': choose one of expert, noisy_expert"),
        ("action_space=torque", "no action_space 'torque': choose one of delta_eef, delta_joints"),
        ("episodes=0", "episodes must be at least 1, not 0"),
        ("num_envs=-1", "num_envs must be at least 1, not -1"),
        ("seed=-1", "seed must be at least 0, not -1"),
        ("episodes=99999999999999999999", "episodes must be at most 10000000, not 99999999999999999999"),
        ("num_envs=99999999999", "num_envs must be at most 10000000"),
        ("latency_steps=99999999999", "latency_steps must be at most 10000000"),
        ("latency_steps=-1", "latency_steps must be at least 0, not -1"),
        ("error_attempts=-1", "error_attempts must be at least 0, not -1"),
        ("grounding_error_px=-0.5", "grounding_error_px must be at least 0, not -0.5"),
        ("time_limit_s=0", "time_limit_s must be positive, not 0"),
        ("time_limit_s=0.01", "time_limit_s must be"),  # less than one control step
        ("confidence=95", "confidence must lie between 0 and 1, not 95"),
        ("stop_above=1", "stop_above must lie between 0 and 1, not 1"),
    ],
)
def test_a_value_that_makes_no_sense_is_refused(word, said):
    options = parse_options(EvalOptions, (word, "device=cpu"))
    with pytest.raises(OptionError) as error:
        options.resolve()
    assert said in str(error.value)


def test_auto_is_replaced_by_what_it_means():
    options = parse_options(EvalOptions, ("device=cpu", "episodes=3", "seed=7"))
    options.resolve()
    assert (options.physics, options.num_envs) == ("ovphysx", 3)
    assert options.out == "runs/pick_place-expert-ovphysx-seed7"
    assert options.max_steps == 300
