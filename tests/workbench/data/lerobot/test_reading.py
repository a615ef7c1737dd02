"""Import of LeRobot datasets that others wrote."""

from __future__ import annotations

import json
import os
import pickle
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from tests.workbench.data.archives import write_archive
from tests.workbench.data.made_up import made_up_episode
from workbench.data.lerobot.reading import LeRobotImportError, load_lerobot
from workbench.data.lerobot.v21 import export_lerobot_v21


@pytest.fixture
def exported(tmp_path):
    write_archive(tmp_path / "archive", made_up_episode(0), made_up_episode(1, steps=8))
    export_lerobot_v21(tmp_path / "archive", tmp_path / "out")
    return tmp_path / "out"


def test_an_export_reads_back(exported):
    dataset = load_lerobot(exported)
    assert (dataset.version, dataset.fps, len(dataset)) == ("v2.1", 20.0, 2)
    assert [e.frames for e in dataset] == [12, 8]
    episode = dataset.episode(1)
    assert episode.task == "put the red cube on the blue plate"
    np.testing.assert_array_equal(
        episode.column("state.joints"), made_up_episode(1, steps=8).measured_joint_pos[:8]
    )
    assert episode.column("task_index").shape == (8, 1)
    assert episode.metadata["original_episode_name"] == "000001-00"
    assert episode.videos["observation.images.ego_view"].path.exists()


@pytest.mark.skipif("WORKBENCH_TEST_DATA" not in os.environ, reason="WORKBENCH_TEST_DATA is not set")
def test_the_public_demo_reads():
    dataset = load_lerobot(Path(os.environ["WORKBENCH_TEST_DATA"]) / "internvla_m1_demo")
    assert dataset.fps == 30.0
    assert [e.frames for e in dataset] == [412, 411]
    first = dataset.episode(0)
    assert first.task == "Move the shoe to the top of the cooking pot."
    joints = first.column("command.joints")
    assert joints.shape == (412, 7)
    np.testing.assert_allclose(np.diff(joints, axis=0), first.column("command.delta_joints")[1:], atol=1e-12)
    assert first.metadata["frame_status"]["0/grasp"] == 74


class Trap:
    """Leaves a trace when it is unpickled."""

    def __reduce__(self):
        return os.mkdir, ("unpickled",)


def test_pickles_are_named_and_never_opened(exported, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    path = exported / "data/chunk-000/episode_000000.parquet"
    table = pq.read_table(path)
    table = table.append_column("annotation.trap", pa.array([pickle.dumps(Trap())] * table.num_rows))
    pq.write_table(table, path)
    dataset = load_lerobot(exported)
    assert dataset.skipped() == ("annotation.trap",)
    assert "annotation.trap" not in dataset.episode(0).columns
    assert not (tmp_path / "unpickled").exists()


def test_what_is_wrong_is_named(exported, tmp_path):
    with pytest.raises(LeRobotImportError, match=r"no column 'action.torque'; it has .*command\.joints"):
        load_lerobot(exported).episode(0).column("action.torque")
    with pytest.raises(LeRobotImportError, match="no episode 7; it has 2"):
        load_lerobot(exported).episode(7)
    with pytest.raises(LeRobotImportError, match=r"archive is no LeRobot dataset: it has no meta/info\.json"):
        load_lerobot(tmp_path / "archive")

    path = exported / "data/chunk-000/episode_000001.parquet"
    whole = path.read_bytes()
    path.write_bytes(whole[: len(whole) // 2])
    with pytest.raises(LeRobotImportError, match=r"episode_000001\.parquet cannot be read"):
        list(load_lerobot(exported))
    pq.write_table(pq.read_table(pa.BufferReader(whole)).slice(0, 5), path)
    with pytest.raises(LeRobotImportError, match=r"episode_000001\.parquet has 5 rows .* says 8"):
        list(load_lerobot(exported))
    path.unlink()
    with pytest.raises(LeRobotImportError, match=r"episode_000001\.parquet is missing"):
        list(load_lerobot(exported))

    lines = exported / "meta/episodes.jsonl"
    lines.write_text(lines.read_text() + '{"episode_index": 2, "len')
    with pytest.raises(LeRobotImportError, match=r"episodes\.jsonl, line 3, is no JSON"):
        load_lerobot(exported)
    info = exported / "meta/info.json"
    content = json.loads(info.read_text())
    for change, sentence in (
        ({"fps": 0}, r"info\.json: fps must be positive, not 0"),
        ({"codebase_version": "v1.6"}, r"codebase_version is 'v1\.6', this reads v2\.0, v2\.1 and v3\.0"),
        ({"fps": None}, r"info\.json has no 'fps'"),
    ):
        info.write_text(json.dumps(content | change))
        with pytest.raises(LeRobotImportError, match=sentence):
            load_lerobot(exported)


def test_rows_of_different_lengths_are_refused(exported):
    path = exported / "data/chunk-000/episode_000000.parquet"
    table = pq.read_table(path)
    ragged = pa.array([[1.0]] * (table.num_rows - 1) + [[1.0, 2.0]])
    k = table.column_names.index("state.joints")
    pq.write_table(table.set_column(k, "state.joints", ragged), path)
    with pytest.raises(
        LeRobotImportError, match=r"episode_000000\.parquet, column 'state\.joints' has rows of diff"
    ):
        load_lerobot(exported).episode(0)


@pytest.mark.parametrize(
    ("file", "content", "said"),
    [
        ("info.json", {"features": ["action"]}, "features must be an object, not list"),
        (
            "info.json",
            {"features": {"action": {"dtype": "float32"}}},
            "feature 'action' has no dtype and shape",
        ),
        ("episodes.jsonl", {"episode_index": "first"}, "meta does not hold what"),
    ],
)
def test_metadata_of_another_kind_is_one_sentence(exported, file, content, said):
    path = exported / "meta" / file
    old = (
        json.loads(path.read_text().splitlines()[0])
        if file == "episodes.jsonl"
        else json.loads(path.read_text())
    )
    path.write_text(json.dumps(old | content) + "\n")
    with pytest.raises(LeRobotImportError, match=said):
        load_lerobot(exported)


def test_the_folder_of_a_run_is_no_dataset(tmp_path):
    (tmp_path / "config.yaml").write_text("command: eval\n")
    (tmp_path / "episodes.jsonl").write_text('{"index": 0}\n')
    with pytest.raises(LeRobotImportError, match="is no LeRobot dataset"):
        load_lerobot(tmp_path)
