"""A command that looks at evaluations says what another folder is, and which command is for it."""

from __future__ import annotations

import json

import pytest
import yaml

from workbench.cli.main import main
from workbench.runs.folder import RunFolder


def folder_of(path, command):
    """A folder as ``command`` leaves it, without what this test does not look at."""
    path.mkdir()
    (path / "config.yaml").write_text(yaml.safe_dump({"command": command, "seed": 0}))
    if command in ("generate", "train"):
        (path / "provenance.json").write_text("{}")
        (path / "sessions.jsonl").write_text(json.dumps({"stage": "plan", "wall_s": 1.0}) + "\n")
    return path


@pytest.mark.parametrize(
    "words", [["compare", "F", "F"], ["report", "F"], ["view", "F"], ["dr", "export", "F", "episode=0"]]
)
@pytest.mark.parametrize(
    ("command", "said"),
    [
        ("generate", "is no evaluation but a dataset, made by `workbench generate`: `workbench data inspect"),
        ("merge", "is no evaluation but a dataset, made by `workbench data merge`"),
        ("split", "is no evaluation but a dataset, made by `workbench data split`"),
        ("train", "is no evaluation but a training, made by `workbench train`"),
    ],
)
def test_another_folder_is_called_what_it_is(tmp_path, capsys, words, command, said):
    folder = folder_of(tmp_path / "folder", command)
    if (command, words[0]) == ("generate", "report"):
        said = "has no summary.json yet: finish the run with `workbench generate`"
    assert main([word.replace("F", str(folder)) for word in words]) == 2
    told = capsys.readouterr().err
    assert said in told
    assert told.count("\n") == 1


def test_the_report_of_a_dataset_is_written_again(tmp_path, capsys):
    from workbench.data.generate.summary import summarise_dataset

    config = {
        "command": "generate", "policy": "expert", "task": "pick_place", "dr": "heavy", "physics": "ovphysx",
        "renderer": "newton_warp", "device": "cpu", "num_envs": 4, "seed": 0, "cameras": "front", "episodes": 4,
        "renders": 1,
    }  # fmt: skip
    path = tmp_path / "data"
    with RunFolder(path) as folder:
        folder.create_or_resume(config, {})
        folder.write_summary(summarise_dataset(config, [], [], []))
    assert main(["report", str(path)]) == 0
    assert capsys.readouterr().out == f"{path}/report.html\n"
    assert "Dataset data" in (path / "report.html").read_text("utf-8")
