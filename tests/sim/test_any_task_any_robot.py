"""What the default task and robot can, the others can: searches, data and resuming."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.sim.conftest import records, workbench
from workbench.data.archive.archive import settled

pytestmark = [pytest.mark.sim, pytest.mark.long]

PUSH, STACK, SO_ARM = ("task=push",), ("task=stack",), ("robot=so_arm",)
"""Each search and command is tried with one of them: with all, this takes a quarter of an hour."""
SMALL = ("dr=mild", "num_envs=8", "physics=ovphysx", "device=cpu")
PLAIN = ("policy=expert", "seed=1", "record=0", "last_frames=0", *SMALL)


def test_how_far_a_factor_can_go_is_searched(tmp_path):
    words = ("factors=dynamics.object_mass", "batch=4", "most=12", "inside=0", "resolution=0.5")
    workbench("tune", "adr", *PUSH, *PLAIN, *words, f"out={tmp_path / 'adr'}")
    assert "dynamics.object_mass" in (tmp_path / "adr/ranges.yaml").read_text("utf-8")
    assert len(records(tmp_path / "adr")) >= 12, "at the nominal value and at two bounds"


def test_a_ladder_of_severities_is_climbed(tmp_path):
    words = (
        "attribute=ladder",
        "factors=dynamics.object_mass,control.action_delay",
        "severities=1",
        "episodes=2",
    )
    run = workbench("eval", *STACK, *PLAIN, *words, f"out={tmp_path / 'ladder'}")
    assert "dynamics.object_mass" in run.stdout
    conditions = {record["condition"] for record in records(tmp_path / "ladder").values()}
    assert len(conditions) == 4, "clean, lighter, heavier, and later"


@pytest.fixture(scope="module")
def made(tmp_path_factory) -> Path:
    out = tmp_path_factory.mktemp("data") / "made"
    words = ("episodes=4", "renders=1", "frame_every=4", "image_size=96", "seed=1")
    workbench("generate", *SO_ARM, *SMALL, *words, f"out={out}")
    assert len(settled(out / "episodes")) >= 2, "the expert should succeed"
    return out


def test_data_is_valid_and_shows_what_its_actions_do(made):
    assert "no problems" in workbench("data", "validate", str(made)).stdout
    assert "episodes" in workbench("data", "inspect", str(made)).stdout
    replayed = workbench("data", "replay", str(made)).stdout
    assert "at most 0.0 mm" in replayed
    to = made.with_suffix(".rrd")
    workbench("data", "view", str(made), f"to={to}")
    assert to.stat().st_size > 10_000


@pytest.mark.parametrize("layout", ["lerobot_v3", "lerobot_v21", "qa"])
def test_data_is_exported_and_the_export_is_right(made, layout):
    out = made.with_name(layout)
    workbench("data", "export", str(made), f"format={layout}", f"out={out}")
    if layout == "qa":
        lines = (out / "grounding_qa.jsonl").read_text("utf-8").splitlines()
        assert lines
        assert all(json.loads(line) for line in lines)
        return
    assert "no problems" in workbench("data", "validate", str(out)).stdout
    if layout == "lerobot_v21":
        return  # the same columns as in version 3
    # What was done between two frames is played spread evenly, so that it comes out almost the same.
    replayed = workbench("data", "replay", str(out), "tool_mm=30", check=False)
    assert replayed.returncode in (0, 1), replayed.stderr
    again, of = replayed.stdout.split("succeeded again ")[1].split(" ")[0].split("/")
    assert int(again) >= int(of) - 1, replayed.stdout


def test_data_is_split_and_what_was_split_is_merged_again(made):
    parts, merged = made.with_name("parts"), made.with_name("merged")
    workbench("data", "split", str(made), f"out={parts}", "shares=train:0.5,val:0.5")
    found = sorted(part for part in parts.iterdir() if part.is_dir())
    workbench("data", "merge", *map(str, found), f"out={merged}")
    assert "no problems" in workbench("data", "validate", str(merged)).stdout
    names = [[line["index"] for line in settled(folder / "episodes")] for folder in (made, merged)]
    assert sorted(names[0]) == sorted(names[1])


def outcomes(run: Path) -> dict[int, dict]:
    """Records apart from times."""
    return {i: {k: v for k, v in r.items() if k != "wall_s"} for i, r in records(run).items()}


def test_a_run_is_repeated_to_the_last_digit_also_when_it_was_killed(tmp_path):
    words = ("eval", *PUSH, *PLAIN, "episodes=12")
    whole, killed = tmp_path / "whole", tmp_path / "killed"
    workbench(*words, f"out={whole}")
    process = subprocess.Popen(
        [sys.executable, "-m", "workbench.cli.main", *words, f"out={killed}"],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    lines, deadline = killed / "episodes.jsonl", time.monotonic() + 300
    while not (lines.exists() and len(lines.read_bytes().splitlines()) >= 3):
        assert time.monotonic() < deadline, "three episodes were not finished within five minutes"
        assert process.poll() is None, "the run ended before it could be killed"
        time.sleep(0.05)
    os.kill(process.pid, signal.SIGKILL)
    process.wait()
    assert len(lines.read_bytes().splitlines()) < 12, "the kill came too late to test anything"
    workbench(*words, f"out={killed}")
    assert outcomes(killed) == outcomes(whole)
