"""Validation by several processes finds what one finds, in the same order."""

from __future__ import annotations

import json
import shutil

import pytest

from tests.workbench.data.archives import write_archive
from tests.workbench.data.made_up import made_up_episode
from workbench.data.lerobot.v3 import export_lerobot_v3
from workbench.data.lerobot.v21 import export_lerobot_v21
from workbench.data.validation import batches as validate_batches
from workbench.data.validation.validate import examine
from workbench.scale.ordered_map import HERE, Workers

EPISODES = validate_batches.BATCH + 3


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """The same episodes as an archive and in both versions of LeRobot's format, a few of them damaged in each."""
    folder = tmp_path_factory.mktemp("validate")
    made = [made_up_episode(k, steps=4) for k in range(EPISODES)]
    write_archive(folder / "archive", *made)
    export_lerobot_v21(folder / "archive", folder / "v21")
    export_lerobot_v3(folder / "archive", folder / "v3", video_mb=0.001)
    (sorted((folder / "archive/episodes").glob("*.hdf5"))[4]).write_bytes(b"nothing" * 100)
    tables = sorted((folder / "v21").rglob("*.parquet"))
    tables[3].unlink()
    shutil.copy(tables[7], tables[EPISODES - 1])
    stats = folder / "v21/meta/episodes_stats.jsonl"
    lines = [json.loads(line) for line in stats.read_text().splitlines()]
    lines[EPISODES - 2]["stats"]["action"]["mean"][0] += 1
    del lines[1]
    stats.write_text("".join(json.dumps(line) + "\n" for line in lines))
    videos = sorted((folder / "v3").rglob("*.mp4"))
    assert len(videos) > 3
    videos[2].write_bytes(videos[2].read_bytes()[:400])
    return folder


@pytest.mark.parametrize(
    "name", [*(pytest.param(name, marks=pytest.mark.long) for name in ("archive", "v21")), "v3"]
)
def test_what_is_found_does_not_depend_on_the_workers(folder, name):
    one, two = examine(folder / name, workers=HERE), examine(folder / name, workers=Workers(2))
    assert one.problems == two.problems
    assert one == two
    assert one.problems, "or nothing is compared"


def test_an_episodes_own_statistics_are_checked_in_every_batch(folder):
    found = [p for p in examine(folder / "v21").problems if p.file == validate_batches.EPISODE_STATISTICS]
    assert [p.field for p in found if "no line" in p.message] == ["episode 1"]
    assert f"episode {EPISODES - 2}/action/mean" in [p.field for p in found]


def test_a_file_of_statistics_that_cannot_be_read_is_a_problem(folder, tmp_path):
    shutil.copytree(folder / "v21", tmp_path / "v21")
    (tmp_path / "v21" / validate_batches.EPISODE_STATISTICS).write_text("no JSON\n")
    found = [p for p in examine(tmp_path / "v21").problems if p.file == validate_batches.EPISODE_STATISTICS]
    assert [p.message for p in found] == ["line 1, is no JSON"]


def test_progress_reaches_the_end_of_episodes_and_videos(folder):
    told = []
    examine(folder / "v3", lambda done, total: told.append((done, total)))
    assert told[-1][0] == told[-1][1] > EPISODES
    assert [done for done, _ in told] == sorted(done for done, _ in told)
