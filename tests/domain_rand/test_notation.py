"""A word means what a person reads in it, or it is refused: the same on the command line and in a file."""

from __future__ import annotations

import dataclasses
import math

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from domain_rand.distributions import Choice, Integers, Range
from domain_rand.notation import NotationError, number, scalar, truth, whole
from domain_rand.sets import FactorSetError, load_set
from domain_rand.yaml_notation import load
from workbench.cli.options import OptionError, option, parse_options
from workbench.randomisation.overrides import parse_overrides

EXPOSURE, DELAY, COLOR = "camera.exposure", "control.action_delay", "scene.target_color"


@pytest.mark.parametrize(
    ("word", "value"),
    [("8", 8), ("008", 8), ("010", 10), ("0100", 100), ("+7", 7), ("-3", -3), ("-0", 0), (" 5 ", 5)],
)
def test_zeros_in_front_of_a_whole_number_mean_nothing(word, value):
    assert whole(word) == scalar(word) == load(word) == value


@pytest.mark.parametrize(
    ("word", "value"),
    [
        ("015", 15.0),
        ("1e-1", 0.1),
        ("1E3", 1000.0),
        (".5", 0.5),
        ("5.", 5.0),
        ("-0.25", -0.25),
        ("09.5", 9.5),
    ],
)
def test_a_number_has_a_point_or_an_exponent_or_neither(word, value):
    assert number(word) == value
    assert load(word) == scalar(word) == value


NEITHER = ["0x10", "0o10", "0b1", "1:00", "1_000", "1,000", "1 000", "???", "5 # note", "${x}", "many", "", "--5",
           "1e", "e5", ".", "٣", "²", "٣.٥", "nan", ".nan", "5%", "1/2", "0x1p3", "True", "~", "null"]  # fmt: skip


@pytest.mark.parametrize("word", [*NEITHER, "inf", "-inf", "Infinity", ".inf", "1e999", "1e-999", "9" * 5000])
def test_what_is_no_number_to_a_reader_is_none(word):
    with pytest.raises(NotationError):
        number(word)
    assert scalar(word) in (word, None) or len(word) > 4000


@pytest.mark.parametrize("word", [*NEITHER, "2.0", "1e3", "2.5", "9" * 5000])
def test_what_is_no_whole_number_to_a_reader_is_none(word):
    with pytest.raises(NotationError, match="a whole number"):
        whole(word)


def test_truth_is_true_or_false_and_nothing_else():
    assert [truth(word) for word in ("true", "True", "TRUE", "false", "False")] == [True] * 3 + [False] * 2
    for word in ("1", "0", "2", "yes", "no", "on", "off", "y", "", "null"):
        with pytest.raises(NotationError, match="true or false"):
            truth(word)


@pytest.mark.parametrize("text", ["[off, no, yes, null, ~, 2020-01-01, 1:00, 0x10]", "[on, 'true', \"010\"]"])
def test_words_in_yaml_stay_words(text):
    assert all(isinstance(value, str) for value in load(text))


@pytest.mark.parametrize(
    "text",
    [
        "[1, 2",
        "a: 1\na: 2",
        "&a [*a]",
        "{x: &a {y: *a}}",
        "[" * 3000 + "]" * 3000,
        "{[1]: 2}",
        "a: *b",
        "!!python/x 1",
    ],
)
def test_yaml_that_means_nothing_is_one_line(text):
    with pytest.raises(NotationError) as error:
        load(text)
    assert "\n" not in str(error.value)


# -- what a plain reader gives, and the same from the command line and from a file


@dataclasses.dataclass
class Options:
    """Options of every type."""

    seed: int = option(0, "a whole number")
    time_limit_s: float = option(15.0, "a number")
    repair: bool = option(False, "true or false")
    out: str = option("", "text")
    stop_above: float | None = option(None, "a number, or none")
    steps: int | None = option(None, "a whole number, or none")


def plainly(word: str) -> float | None:
    """Decimal notation by another road: ASCII digits, sign, point and exponent, and what Python makes of them."""
    if not word or not set(word) <= set("0123456789+-.eE"):
        return None
    try:
        value = float(word)
    except ValueError:
        return None
    digits = word.lower().partition("e")[0]
    return value if math.isfinite(value) and (value or not set(digits) & set("123456789")) else None


def read(key: str, word: str):
    """An option's value, or None where it is refused in one line."""
    try:
        return getattr(parse_options(Options, [f"{key}={word}"]), key)
    except OptionError as error:
        return None if "\n" not in str(error) else pytest.fail(f"several lines: {error}")


WORDS = st.text(alphabet="0123456789+-._eExXoObB:,naif~$", min_size=1, max_size=9)


@given(WORDS)
@example("010")
@example("1_0")
@example("0x10")
@example("1e999")
@example("1e-999")
@example("0e9")
def test_an_option_has_the_value_that_a_plain_reader_gives_or_is_refused(word):
    value = plainly(word)
    is_whole = value is not None and word.lstrip("+-").isdigit()
    for key in ("seed", "steps"):
        assert read(key, word) == (int(word) if is_whole else None)
    for key in ("time_limit_s", "stop_above"):
        assert read(key, word) == value
    assert read("repair", word) is None
    assert read("out", word) == word


@given(st.text(alphabet=st.characters(blacklist_categories=("Cs",)), max_size=12))
def test_no_word_whatever_ends_in_anything_but_a_value_or_one_sentence(word):
    for f in dataclasses.fields(Options):
        value = read(f.name, word)
        assert value is None or isinstance(value, int | float | str)
        assert value is None or isinstance(value, str) or math.isfinite(value)


def from_file(folder, name: str, key: str, word: str):
    path = folder / "set.yaml"
    path.write_text(f"{name}:\n  {key}: {word}\n", "utf-8")
    return meaning(str(path), {}, name)


def from_words(name: str, key: str, word: str):
    try:
        overrides = parse_overrides({f"{name}.{key}": word}, [name])
    except OptionError:
        return None
    return meaning("none", overrides, name)


def meaning(factor_set: str, overrides: dict, name: str):
    """The distribution of a factor, or None where the set is refused."""
    try:
        found = {f.name: f.distribution for f in load_set(factor_set, overrides).factors}
    except FactorSetError:
        return None
    return found[name]


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("sets")


@given(
    st.one_of(WORDS, st.sampled_from(["010", "1e-1", "1_0", "0x1", "1:00", "1.2.3", "+1", ".9", "1.", "-0"]))
)
@example("010")
@example("1e-1")
def test_a_factor_file_and_the_command_line_read_a_word_alike(folder, word):
    if not word.strip("~"):
        return  # nothing, in a file
    for name, key in (
        (EXPOSURE, "hi"),
        (EXPOSURE, "value"),
        (DELAY, "hi"),
        (DELAY, "value"),
        (COLOR, "value"),
    ):
        assert from_file(folder, name, key, word) == from_words(name, key, word)


def test_ten_is_ten_in_a_file_too(folder):
    assert from_file(folder, DELAY, "hi", "06") == from_words(DELAY, "hi", "06") == Integers(0, 6)
    assert from_file(folder, DELAY, "value", "010") == from_words(DELAY, "value", "010")
    low = from_file(folder, EXPOSURE, "lo", "9e-1")
    assert isinstance(low, Range)
    assert low.lo == 0.9 == from_words(EXPOSURE, "lo", "9e-1").lo


def test_words_like_off_are_words_in_a_file_too(folder):
    (folder / "set.yaml").write_text("appearance.table_texture: {options: [wood, off]}")
    with pytest.raises(FactorSetError, match="'off' cannot be applied"):
        load_set(str(folder / "set.yaml"))
    assert from_file(folder, COLOR, "options", "[red, blue]") == Choice(("red", "blue"))


def test_a_note_behind_a_value_is_not_left_out_in_silence():
    for text in ("1.5 # note", "[0, 0, 0.01] # note"):
        with pytest.raises((OptionError, FactorSetError)):
            load_set(
                "none", parse_overrides({"camera.front_position.value": text}, ["camera.front_position"])
            )
