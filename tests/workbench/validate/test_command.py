import io
import json
from pathlib import Path

import pytest
from rich.console import Console

from tests.workbench.verdict.made import files, verdict
from workbench.cli.options import OptionError
from workbench.validate.command import validate_command
from workbench.validate.options import ValidateOptions
from workbench.validate.plan import Plan
from workbench.validate.requirements import load_requirements
from workbench.validate.runs import Runs


def run(*words: str) -> tuple[int, str]:
    out = io.StringIO()
    status = validate_command(words, Console(file=out, width=200))
    return status, out.getvalue()


@pytest.mark.parametrize(
    ("words", "status", "said"),
    [
        (["camera.exposure=0.9", "instruction=red cube", "speed=0.5"], 0, "evaluated: the verdict is go"),
        (["camera.exposure=3"], 1, "not evaluated: camera.exposure=3 was not evaluated: 0.8 to 1.1 was"),
        (["robot=so_arm"], 1, "not evaluated: robot=so_arm"),
    ],
)
def test_a_verdict_says_what_it_covers(tmp_path: Path, words: list[str], status: int, said: str) -> None:
    path, _ = files(tmp_path, verdict())
    assert run(f"covers={path}", *words)[0] == status
    assert said in run(f"covers={path}", *words)[1]


def test_a_question_without_a_verdict_or_without_words_is_refused(tmp_path: Path) -> None:
    with pytest.raises(OptionError, match="cannot be read"):
        run(f"covers={tmp_path / 'none.json'}", "speed=1")
    with pytest.raises(OptionError, match="needs what is asked about"):
        run("covers=verdict.json")


def test_what_would_be_run_is_said_before(tmp_path: Path) -> None:
    status, said = run("policy=expert", "dr=none", "plan_only=true", f"out={tmp_path / 'out'}", "episodes=8")
    assert status == 0
    assert "success: 8 episodes" in said
    assert "factors: 8 episodes in up to 13 conditions" in said
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["key=/nowhere"], "key=/nowhere cannot be read"),
        (["calibration=/nowhere.yaml"], "is no file"),
        (["requirements=/nowhere.yaml"], "cannot be read"),
        (["bounds=/nowhere.yaml"], "cannot be read"),
        (["launcher=ray"], "launcher=ray is not for it"),
        (["episodes=-1"], "episodes must be at least 0"),
    ],
)
def test_what_cannot_be_is_said_before_anything_is_made(tmp_path: Path, words: list[str], said: str) -> None:
    with pytest.raises(OptionError) as found:
        run("policy=expert", "dr=none", f"out={tmp_path / 'out'}", *words)
    assert said in str(found.value)
    assert not (tmp_path / "out").exists()


def test_a_folder_of_something_else_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "asked.json").write_text(json.dumps({"bound": {}, "requirements": {}, "words": []}))
    with pytest.raises(OptionError, match="holds a validation of something else"):
        run("policy=expert", "dr=none", f"out={tmp_path}")
    other = tmp_path / "other"
    other.mkdir()
    (other / "notes.txt").write_text("mine")
    with pytest.raises(OptionError, match="is not empty and holds no validation"):
        run("policy=expert", "dr=none", f"out={other}")


def test_evaluations_get_the_words_of_the_validation_and_their_own(tmp_path: Path) -> None:
    given = [
        "policy=m1",
        "seed=3",
        "dr=mild",
        "requirements=r",
        "key=k",
        "all=true",
        "execute=receding",
        "episodes=9",
    ]
    runs = Runs(given, tmp_path, Console())
    words = runs.evaluation_words("factors", 16, {"dr": "heavy", "attribute": "ladder"})
    assert words == [
        "policy=m1", "seed=3", "execute=receding", "record=0", "last_frames=0", "dr=heavy", "attribute=ladder",
        "episodes=16", f"out={tmp_path / 'factors'}",
    ]  # fmt: skip


def test_a_factor_that_there_is_not_is_said(tmp_path: Path) -> None:
    file = tmp_path / "req.yaml"
    file.write_text("checks: {success: , factors: {names: [camera.fog]}}")
    with pytest.raises(OptionError, match=r"there is no factor 'camera.fog'"):
        Plan(ValidateOptions(), load_requirements(str(file)))
