"""``workbench data``: each verb end to end, and what it says when something is wrong."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from tests.workbench.data.archives import write_archive
from tests.workbench.data.demonstrated import demonstrated_episode
from tests.workbench.data.made_up import made_up_episode
from tests.workbench.synthetic import synthetic_trajectory
from workbench.cli.main import main
from workbench.data import view_command
from workbench.data.lerobot.reading import load_lerobot


@pytest.fixture(scope="module")
def archive(tmp_path_factory):
    made = (demonstrated_episode(k, r, stride=4, images=False) for k in range(4) for r in range(2))
    return write_archive(tmp_path_factory.mktemp("data") / "archive", *made)


def workbench(capsys, *words):
    """Exit status and output of ``workbench data``."""
    status = main(["data", *map(str, words)])
    done = capsys.readouterr()
    return status, done.out + done.err


@pytest.mark.parametrize("form", ["lerobot_v21", "lerobot_v3"])
def test_what_is_converted_is_valid_and_can_be_inspected(archive, tmp_path, capsys, form):
    out = tmp_path / "out"
    status, text = workbench(capsys, "convert", archive, f"format={form}", f"out={out}")
    assert status == 0
    assert "8 episodes, 128 frames at 5 Hz" in text
    status, text = workbench(capsys, "validate", out)
    assert status == 0
    assert text.endswith(f"{out}: no problems\n")
    assert "checked in no episode for want of depth" in text, "what it could not look at is said"
    status, text = workbench(capsys, "inspect", out)
    assert status == 0
    assert "command.delta_joints 7 float32" in text
    assert demonstrated_episode(1).instruction in text


def test_options_of_a_format_arrive(archive, tmp_path, capsys):
    words = ("export", archive, "format=lerobot_v3", f"out={tmp_path / 'out'}", "action_space=delta_joints")
    assert workbench(capsys, *words)[0] == 0
    info = json.loads((tmp_path / "out/meta/info.json").read_text())
    assert info["features"]["action"]["shape"] == [8]


def test_questions_and_answers_are_a_format_like_the_others(archive, tmp_path, capsys):
    out = tmp_path / "out"
    status, text = workbench(capsys, "convert", archive, "format=qa", f"out={out}", "kinds=box", "frames=1")
    assert status == 0
    questions = int(text.split(": ")[1].split()[0])
    assert questions > 0
    assert len((out / "grounding_qa.jsonl").read_text().splitlines()) == questions
    status, text = workbench(capsys, "convert", archive, "format=qa", f"out={tmp_path / 'x'}", "kinds=song")
    assert status == 2
    assert "there are box, point, trace, planner" in text


def test_damage_is_listed_and_the_exit_status_says_so(archive, tmp_path, capsys):
    out = tmp_path / "out"
    workbench(capsys, "convert", archive, "format=lerobot_v21", f"out={out}")
    (out / "videos/chunk-000/observation.images.base_view/episode_000002.mp4").unlink()
    status, text = workbench(capsys, "validate", out)
    assert status == 1
    assert "episode_000002.mp4, observation.images.base_view: is missing" in text
    assert "1 problems" in text or "2 problems" in text


def test_split_parts_merge_again(archive, tmp_path, capsys):
    parts = tmp_path / "parts"
    assert workbench(capsys, "split", archive, f"out={parts}", "shares=a:0.5,b:0.5")[0] == 0
    status, text = workbench(capsys, "merge", parts / "a", parts / "b", f"out={tmp_path / 'whole'}")
    assert status == 0
    assert "2 archives, 8 rendered episodes" in text
    assert workbench(capsys, "validate", tmp_path / "whole")[0] == 0
    status, text = workbench(capsys, "inspect", tmp_path / "whole")
    assert "8 in " in text
    assert "scenes       4" in text


@pytest.mark.skipif("WORKBENCH_TEST_DATA" not in os.environ, reason="WORKBENCH_TEST_DATA is not set")
def test_the_public_demo_imports(tmp_path, capsys):
    demo = Path(os.environ["WORKBENCH_TEST_DATA"]) / "internvla_m1_demo"
    status, text = workbench(capsys, "import", demo, f"out={tmp_path / 'demo'}")
    assert status == 0
    assert "2 episodes, 823 frames at 30 Hz" in text
    first = load_lerobot(tmp_path / "demo").episode(0)
    assert first.columns["action.joints"].shape == (412, 7)
    assert first.task == "Move the shoe to the top of the cooking pot."
    assert first.metadata["frame_status"]["0/grasp"] == 74


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (("frob",), "data does not know 'frob': choose one of inspect, validate"),
        (("inspect",), "usage: workbench data inspect DATASET"),
        (("inspect", "nowhere"), "there is no folder nowhere"),
        (("inspect", "."), "is no LeRobot dataset"),
        (("convert", "ARCHIVE", "format=zip", "out=x"), "must be one of lerobot_v21, lerobot_v3, qa, not 'zip'"),
        (("convert", "ARCHIVE", "format=lerobot_v3"), "out= is missing"),
        (("convert", "ARCHIVE", "format=lerobot_v3", "out=x", "actoin_space=y"), "did you mean action_space=?"),
        (("convert", "ARCHIVE", "format=lerobot_v3", "out=x", "action_space=y"), "choose one of delta_eef"),
        (("convert", "ARCHIVE", "format=lerobot_v3", "out=x", "video_mb=0"), "video_mb must be positive"),
        (("convert", "ARCHIVE", "format=lerobot_v21", "out=ARCHIVE"), "already exists"),
        (("convert", "ARCHIVE", "format=lerobot_v21", "out=x", "action_space=y"), "choose one of delta_eef"),
        (("convert", "ARCHIVE", "format=lerobot_v21", "out=x", "shares=a:2"), "shares must be positive and add up"),
        (("convert", "ARCHIVE", "format=lerobot_v3", "out=x", "depth=true"), "has no depth: leave depth=true away"),
        (("convert", ".", "format=lerobot_v21", "out=x"), "is no archive"),
        (("split", "ARCHIVE", "out=x", "shares=train:0.9,val:0.3"), "shares must be positive and add up to 1"),
        (("split", "ARCHIVE", "out=x", "shares=train:0.9,../val:0.1"), "'../val' is no name for a part"),
        (("split", "ARCHIVE", "out=x", "shares=a:0.5,a:0.5"), "'a' is given twice"),
        (("merge", "ARCHIVE", "out=x"), "usage: workbench data merge DATASET DATASET"),
        (("merge", "ARCHIVE", "ARCHIVE", "out=x"), "is in"),
        (("import", "ARCHIVE", "out=x"), "is an archive: every command takes it as it is"),
        (("import", ".", "out=x"), "is no archive, and is no LeRobot dataset"),
    ],
)  # fmt: skip
def test_what_cannot_be_is_one_sentence(archive, tmp_path, capsys, monkeypatch, words, sentence):
    monkeypatch.chdir(tmp_path)
    status, text = workbench(capsys, *(word.replace("ARCHIVE", str(archive)) for word in words))
    assert status == 2
    assert sentence in text
    assert text.startswith("workbench data: ")
    assert len(text.splitlines()) == 1
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("verb", ["", "inspect", "validate", "convert", "export", "merge", "split", "import"])
def test_help_names_the_verb_and_its_options(capsys, verb):
    status, text = workbench(capsys, *filter(None, (verb, "--help")))
    assert status == 0
    assert f"workbench data {verb or 'inspect'}" in text
    options = {"convert": "action_space", "split": "shares", "merge": "out", "import": "out"}
    assert options.get(verb, "") in text


@pytest.mark.parametrize(
    ("config", "said"),
    [
        ("a: [", "config.yaml cannot be read"),
        ("[1, 2]", "must hold keys and values, not a list"),
        ("command: merge", "was not made by `workbench generate`"),
        ("command: generate\nepisodes: many", "impossible options"),
    ],
)
def test_a_config_that_nothing_can_be_made_from_again_is_one_sentence(tmp_path, capsys, config, said):
    folder = write_archive(tmp_path / "archive", made_up_episode(0))
    (folder / "config.yaml").write_text(config)
    status, text = workbench(capsys, "replay", folder)
    assert (status, text.count("\n")) == (2, 1), text
    assert said in text


@pytest.mark.parametrize("to", ["folder", "file/recording.rrd"])
def test_a_recording_that_cannot_be_written_is_one_sentence(archive, tmp_path, capsys, monkeypatch, to):
    monkeypatch.setattr(view_command, "to_trajectory", lambda _: synthetic_trajectory())
    (tmp_path / "folder").mkdir()
    (tmp_path / "file").touch()
    status, text = workbench(capsys, "view", archive, "episodes=1", f"to={tmp_path / to}")
    assert (status, text.count("\n")) == (2, 1), text
    assert "cannot be written" in text


def test_a_file_is_told_from_a_folder_that_is_not_there(archive, tmp_path, capsys):
    (tmp_path / "table.parquet").touch()
    status, text = workbench(capsys, "inspect", tmp_path / "table.parquet")
    assert (status, "is a file; give the folder" in text) == (2, True), text
    status, text = workbench(capsys, "inspect", next((archive / "episodes").glob("*.hdf5")))
    assert (status, "is a chunk of an archive; give the archive's folder" in text) == (2, True), text
