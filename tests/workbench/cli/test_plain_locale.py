"""A locale without UTF-8, and Python without docstrings, lose nothing and break nothing."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from tests.workbench.data.archives import write_archive
from tests.workbench.data.made_up import made_up_episode
from workbench.cli.main import main

ROOT = Path(__file__).parents[3]
COMMAND = str(Path(sys.executable).parent / "workbench")
ASCII = {"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"}
TASK = "setze den Würfel auf 青い皿"


def said(*command: str | Path, **environment: str) -> str:
    """What a command prints, read as ASCII."""
    # Names of files arrive as their bytes, whatever the locale of this process.
    done = subprocess.run(
        [os.fsencode(word) for word in command],
        env={**os.environ, **environment},
        capture_output=True,
        cwd=ROOT,
    )
    assert done.returncode == 0, done.stderr.decode("utf-8", "replace")
    return done.stdout.decode("ascii")


@pytest.fixture(scope="module")
def archive(tmp_path_factory: pytest.TempPathFactory) -> Path:
    episode = made_up_episode(0, stride=2)
    episode = replace(episode, record={**episode.record, "instruction": TASK})
    return write_archive(tmp_path_factory.mktemp("data") / "Würfel", episode)


@pytest.fixture(scope="module")
def dataset(archive: Path) -> Path:
    assert (
        main(["data", "export", str(archive), "format=lerobot_v21", f"out={archive.parent / 'größe'}"]) == 0
    )
    return archive.parent / "größe"


def test_what_the_terminal_cannot_say_is_escaped(dataset: Path) -> None:
    text = said(COMMAND, "data", "inspect", dataset, **ASCII)
    assert "setze den W\\xfcrfel auf \\u9752\\u3044\\u76bf" in text


def test_the_function_behind_the_command_escapes_too(dataset: Path, tmp_path: Path) -> None:
    """It cannot start again in UTF-8, so the name of the folder is ASCII."""
    copy = shutil.copytree(dataset, tmp_path / "dataset")
    ask = "import sys; from workbench.cli.main import main; sys.exit(main(sys.argv[1:]))"
    text = said(sys.executable, "-c", ask, "data", "inspect", copy, **ASCII)
    assert "setze den W\\xfcrfel auf \\u9752\\u3044\\u76bf" in text


def test_files_are_the_same_in_every_locale(archive: Path, dataset: Path, tmp_path: Path) -> None:
    out = tmp_path / "größe"
    said(COMMAND, "data", "export", archive, "format=lerobot_v21", f"out={out}", **ASCII)
    tasks = (out / "meta" / "tasks.jsonl").read_bytes()
    assert TASK in tasks.decode("utf-8")
    assert tasks == (dataset / "meta" / "tasks.jsonl").read_bytes()


RECORD = """
import sys
from pathlib import Path
from tests.workbench.synthetic import synthetic_trajectory
from workbench.views.recording import read_recording, write_recording
path = write_recording([synthetic_trajectory(k, steps=4, size=32) for k in (1, 2)], Path(sys.argv[1]))
print(sorted(read_recording(path)))
"""


def test_a_recording_is_written_in_an_ascii_locale(tmp_path: Path) -> None:
    text = said(sys.executable, "-c", RECORD, tmp_path / "recording.rrd", **ASCII)
    assert text == "['episode_000001', 'episode_000002']\n"


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["--help"], "run a policy on named episodes in parallel environments"),
        (["eval", "--help"], "run a policy on named episodes in parallel environments; for example:"),
        (["dr", "list", "camera.exposure"], "    Gain on the light: 2 is a stop more."),
    ],
)
def test_help_needs_no_docstrings(words: list[str], says: str) -> None:
    text = said(COMMAND, *words, PYTHONOPTIMIZE="2", PYTHONUTF8="1", PYTHONIOENCODING="ascii:replace")
    assert "None" not in text.split("\n")[0]
    assert says in text
