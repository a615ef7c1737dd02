"""LeRobot v3.0: many episodes to a file, each found again, and read by the ``lerobot`` package itself."""

from __future__ import annotations

import io
import json
import os
import subprocess
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest
from PIL import Image

from tests.workbench.data.archives import write_archive
from tests.workbench.data.made_up import made_up_episode, without
from workbench.data.export_folder import ExportError
from workbench.data.lerobot.export_choices import ExportChoices
from workbench.data.lerobot.reading import load_lerobot
from workbench.data.lerobot.v3 import export_lerobot_v3
from workbench.data.lerobot.v21 import export_lerobot_v21
from workbench.data.video import decode

STRIDE = 3
EPISODES = [made_up_episode(k, steps=12 + 3 * k, stride=STRIDE) for k in range(5)]
EPISODES[3] = without(EPISODES[3], record=EPISODES[3].record | {"instruction": "move the green ball"})
SMALL = 0
"""File size [MiB] that makes every episode begin a new file."""


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("v3")
    write_archive(folder / "archive", *EPISODES)
    export_lerobot_v3(folder / "archive", folder / "one")
    export_lerobot_v3(
        folder / "archive", folder / "many", ExportChoices("delta_joints"), data_mb=SMALL, video_mb=SMALL
    )
    export_lerobot_v21(folder / "archive", folder / "v21")
    return folder


def metadata(root):
    return [
        row for p in sorted(root.glob("meta/episodes/*/*.parquet")) for row in pq.read_table(p).to_pylist()
    ]


@pytest.mark.parametrize("name", ["one", "many"])
def test_every_episode_is_found_where_the_metadata_says(folder, name):
    root, first = folder / name, 0
    info = json.loads((root / "meta/info.json").read_text())
    rows = metadata(root)
    assert [r["episode_index"] for r in rows] == list(range(5))
    for row, episode in zip(rows, EPISODES, strict=True):
        frames = len(episode.frame_steps)
        assert (row["dataset_from_index"], row["dataset_to_index"]) == (first, first + frames)
        assert row["tasks"] == [episode.instruction]
        path = info["data_path"].format(
            chunk_index=row["data/chunk_index"], file_index=row["data/file_index"]
        )
        table = pq.read_table(root / path).to_pandas()
        mine = table[table["episode_index"] == row["episode_index"]]
        assert list(mine["index"]) == list(range(first, first + frames))
        np.testing.assert_allclose(mine["timestamp"], np.arange(frames) * STRIDE / 20, atol=1e-6)
        np.testing.assert_array_equal(
            np.stack(mine["state.joints"]), episode.measured_joint_pos[episode.frame_steps]
        )
        for camera, view in (("front", "base_view"), ("wrist", "ego_view")):
            key = f"observation.images.{view}"
            place = {part: row[f"videos/{key}/{part}"] for part in ("chunk_index", "file_index")}
            video = list(decode(root / info["video_path"].format(video_key=key, **place)))
            begin = round(row[f"videos/{key}/from_timestamp"] * 20 / STRIDE)
            assert row[f"videos/{key}/to_timestamp"] * 20 / STRIDE == pytest.approx(begin + frames)
            for f in range(frames):
                time, picture = video[begin + f]
                assert time == pytest.approx((begin + f) * STRIDE / 20, abs=1e-4)
                truth = np.asarray(Image.open(io.BytesIO(episode.cameras[camera].jpeg[f])))
                assert np.abs(picture.astype(int) - truth).mean() < 6
        first += frames


def test_files_are_cut_by_size(folder):
    assert len(list((folder / "one/data").rglob("*.parquet"))) == 1
    assert len(list((folder / "one/videos").rglob("*.mp4"))) == 2
    assert len(list((folder / "many/data").rglob("*.parquet"))) == 5
    assert len(list((folder / "many/videos").rglob("*.mp4"))) == 10
    assert (folder / "many/data/chunk-000/file-004.parquet").exists()


def test_the_action_is_what_the_environment_takes(folder):
    """At a stride of 3 the sum of what was sent; the gripper as the action space signs it: +1 opens."""
    found = load_lerobot(folder / "one").episode(0)
    sent = EPISODES[0].actions
    np.testing.assert_allclose(found.column("action")[0, :3], sent[:3, :3].sum(0), rtol=1e-5)
    assert (found.column("action")[:, -1] == -found.column("command.gripper_close")[:, 0]).all()
    assert found.column("action")[0, -1] == sent[0, -1] == 1.0
    joints = load_lerobot(folder / "many").episode(0)
    np.testing.assert_array_equal(joints.column("action")[:, :7], joints.column("command.delta_joints"))
    said = json.loads((folder / "many/meta/conventions.json").read_text())["action"]
    assert said["space"] == "delta_joints"
    assert said["spec"]["control_hz"] == pytest.approx(20 / STRIDE)
    assert [c["name"] for c in said["spec"]["channels"]][-1] == "gripper"


def test_both_versions_hold_the_same_numbers(folder):
    for a, b in zip(load_lerobot(folder / "v21"), load_lerobot(folder / "one"), strict=True):
        assert a.task == b.task
        assert a.metadata == b.metadata
        assert a.columns.keys() == b.columns.keys()
        for name in a.columns:
            np.testing.assert_array_equal(a.column(name), b.column(name), err_msg=name)


def test_statistics_are_those_of_all_rows(folder):
    stored = json.loads((folder / "many/meta/stats.json").read_text())
    actions = np.concatenate([e.column("action") for e in load_lerobot(folder / "many")])
    np.testing.assert_allclose(stored["action"]["q99"], np.quantile(actions, 0.99, axis=0), rtol=1e-6)
    assert stored["action"]["count"] == [len(actions)]
    pixels = [np.asarray(Image.open(io.BytesIO(j))) for e in EPISODES for j in e.cameras["front"].jpeg]
    mean = np.mean(pixels, (0, 1, 2)) / 255
    np.testing.assert_allclose(np.ravel(stored["observation.images.base_view"]["mean"]), mean, atol=1e-9)
    own = metadata(folder / "many")[2]
    np.testing.assert_allclose(
        own["stats/action/mean"], load_lerobot(folder / "many").episode(2).column("action").mean(0), atol=1e-6
    )


def test_an_unknown_action_space_is_named(folder):
    with pytest.raises(ExportError, match="no action space 'torque': choose one of delta_eef, delta_joints"):
        export_lerobot_v3(folder / "archive", folder / "never", ExportChoices("torque"))
    assert not (folder / "never").exists()


@pytest.mark.skipif(
    "WORKBENCH_LEROBOT_PYTHON" not in os.environ, reason="WORKBENCH_LEROBOT_PYTHON is not set"
)
def test_lerobot_itself_reads_every_frame(folder):
    """WORKBENCH_LEROBOT_PYTHON is an interpreter that has ``lerobot``; see ``tools/check_lerobot.py``."""
    tool = Path(__file__).parents[4] / "tools/check_lerobot.py"
    environment = {k: v for k, v in os.environ.items() if k != "PYTHONPATH"}
    done = subprocess.run(
        [os.environ["WORKBENCH_LEROBOT_PYTHON"], tool, folder / "one", folder / "many"],
        capture_output=True,
        text=True,
        env=environment,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-2000:]
    one, many = map(json.loads, done.stdout.splitlines()[-2:])
    assert (one["action_chunk"], many["action_chunk"]) == ([4, 7], [4, 8])
    for found in one, many:
        assert found["episodes"] == 5
        assert found["frames"] == sum(len(e.frame_steps) for e in EPISODES)
        assert found["fps"] == pytest.approx(20 / STRIDE)
        assert found["cameras"] == ["observation.images.base_view", "observation.images.ego_view"]
        assert found["tasks"] == ["put the red cube on the blue plate", "move the green ball"]
        assert found["furthest_mean_of_a_frame"] < 0.1
