from pathlib import Path

import pytest

from workbench.cli.options import OptionError
from workbench.validate.requirements import KINDS, load_requirements
from workbench.verdict.decide import FORBIDS, RESTRICTS


def read(tmp_path: Path, text: str):
    file = tmp_path / "req.yaml"
    file.write_text(text)
    return load_requirements(str(file))


def test_what_ships_asks_for_everything_there_is_with_a_reason_each() -> None:
    shipped = load_requirements("")
    assert [one.name for one in shipped.all] == list(KINDS)
    assert all(len(one.why) > 5 for one in shipped.all)
    assert {one.name for one in shipped.all if one.not_evaluated.does == FORBIDS} >= {
        "contract",
        "success",
        "engine",
    }


def test_a_file_asks_for_what_it_names_and_the_rest_of_an_entry_is_as_shipped(tmp_path: Path) -> None:
    asked = read(tmp_path, "checks: {success: {least: 0.9}, contract: , shadow: {not_evaluated: no_go}}")
    assert [one.name for one in asked.all] == ["contract", "success", "shadow"], "causes first"
    assert (asked["success"].threshold, asked["success"].episodes) == (0.9, 64)
    assert asked["contract"].threshold == 0
    assert asked["shadow"].not_evaluated.does == FORBIDS
    assert asked.confidence == 0.95


def test_objects_that_were_met_are_left_to_the_check() -> None:
    then = load_requirements("")["objects"].failed
    assert (then.does, dict(then.to)) == (RESTRICTS, {})


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("checks: {contract: }", "checks must hold success"),
        ("checks: {success: , speed: }", "there is no key 'speed'; there are contract, latency"),
        ("checks: {success: {most: 1}}", "success: there is no key 'most'; there are least"),
        ("checks: {success: {least: high}}", "least must be a number, not 'high'"),
        ("checks: {success: {episodes: 0}}", "episodes must be a whole number above 0, not 0"),
        ("checks: {success: {episodes: 2.5}}", "episodes must be a whole number above 0, not 2.5"),
        ("checks: {success: {failed: {speed: 2}}}", "speed must be from 0.1 to 1, not 2"),
        ("checks: {success: {failed: {colour: red}}}", "there is no key 'colour'; there are speed"),
        ("checks: {success: {failed: maybe}}", "failed must be no_go, or restrict one of speed"),
        ("checks: {success: {failed: {workspace: [[0, 0, 0], [1, 1, 0]]}}}", "two corners"),
        ("checks: {success: }\nconfidence: 1", "confidence must lie between 0.5 and 1"),
        ("checks: {success: }\nvalid_days: 0", "valid_days must be above 0"),
        ("checks: [success]", "checks must hold success"),
        ("hello", "must hold keys and values"),
        ("a: [", "cannot be read"),
    ],
)
def test_what_is_wrong_in_a_file_is_said(tmp_path: Path, text: str, said: str) -> None:
    with pytest.raises(OptionError) as found:
        read(tmp_path, text)
    assert said in str(found.value)


def test_a_file_that_is_not_there_is_said() -> None:
    with pytest.raises(OptionError, match="cannot be read"):
        load_requirements("/nowhere/req.yaml")
