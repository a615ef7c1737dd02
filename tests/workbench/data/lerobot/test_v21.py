"""LeRobot v2.1 as the public loaders of InternVLA-M1 and GR00T read it: their rules, one by one."""

from __future__ import annotations

import io
import json
from dataclasses import replace

import numpy as np
import pyarrow.parquet as pq
import pytest
from PIL import Image

from tests.workbench.data.archives import write_archive
from tests.workbench.data.made_up import made_up_episode, without
from workbench.data.archive.archive import ArchiveError
from workbench.data.export_folder import ExportError
from workbench.data.frame_actions import REACHED, SENT
from workbench.data.lerobot.columns import arranged
from workbench.data.lerobot.frame_columns import frame_columns
from workbench.data.lerobot.v21 import export_lerobot_v21
from workbench.data.video import decode

STRIDE = 2
EPISODES = [made_up_episode(k // 2, k % 2, steps=12 + k, stride=STRIDE) for k in range(4)]
EPISODES[2] = without(EPISODES[2], record=EPISODES[2].record | {"instruction": "move the green ball"})


@pytest.fixture(scope="module")
def exported(tmp_path_factory):
    folder = tmp_path_factory.mktemp("v21")
    # Chunks come in any order, as many workers write them.
    write_archive(folder / "archive", *EPISODES[::-1])
    export_lerobot_v21(folder / "archive", folder / "out")
    return folder / "out"


def lines(path):
    return [json.loads(line) for line in path.read_text().splitlines()]


def table(root, index):
    return pq.read_table(root / f"data/chunk-000/episode_{index:06d}.parquet")


def stacked(table, name):
    """A column as the public loader makes it an array."""
    return np.stack(table.column(name).to_pandas().tolist())


def test_the_names_that_internvla_m1_trains_on_are_there(exported):
    modality = json.loads((exported / "meta/modality.json").read_text())
    for key in (
        "action.joints", "action.delta_joints", "action.gripper_close", "action.eef_position",
        "action.eef_rotation", "action.eef_quaternion", "action.delta_eef_position",
        "action.delta_eef_rotation", "action.delta_eef_quaternion", "state.joints", "state.eef_position",
        "state.eef_rotation", "state.eef_quaternion", "state.joints_velocity", "state.gripper_width",
        "video.base_view", "video.ego_view",
    ):  # fmt: skip
        kind, name = key.split(".")
        assert name in modality[kind], key
    assert modality["state"]["eef_rotation"]["original_key"] == "state.eef_rotation_vector"
    info = json.loads((exported / "meta/info.json").read_text())
    assert info["codebase_version"] == "v2.1"
    videos = {"observation.images.base_view", "observation.images.ego_view"}
    assert {*videos, *table(exported, 0).column_names} == info["features"].keys()


def test_one_column_is_the_action_and_one_the_state(exported):
    """``lerobot`` takes every column that begins so for an output, or an input, of a policy."""
    features = json.loads((exported / "meta/info.json").read_text())["features"]
    assert [n for n in features if n.startswith("action")] == ["action"]
    numbers = [n for n, f in features.items() if n.startswith("observation") and f["dtype"] != "video"]
    assert numbers == ["observation.state"]
    assert features["action"]["names"] == ["dx", "dy", "dz", "drot_x", "drot_y", "drot_z", "gripper"]
    assert features["observation.state"]["shape"] == [8]


def test_every_row_is_flat_and_every_number_has_a_name(exported):
    features = json.loads((exported / "meta/info.json").read_text())["features"]
    tables = json.loads((exported / "meta/conventions.json").read_text())["tables"]
    for name, feature in features.items():
        if feature["dtype"] == "video":
            continue
        assert len(feature["shape"]) == 1, name
        if feature["names"] is not None:
            assert len(set(feature["names"])) == feature["shape"][0], name
        if name in tables:
            assert feature["shape"] == [np.prod(tables[name])], name
    assert features["annotation.base_view.boxes"]["names"][4:6] == ["body1_u_min", "body1_v_min"]
    episode, rows = EPISODES[1], table(exported, 1)
    for name, value in (
        ("annotation.trace", episode.trace),
        ("annotation.ego_view.trace", episode.cameras["wrist"].trace),
        ("annotation.base_view.boxes", episode.cameras["front"].boxes),
        ("annotation.base_view.camera_rotation", episode.cameras["front"].rotation),
        ("annotation.base_view.contact", episode.cameras["front"].contact),
    ):
        found = arranged(name, np.array(rows[name].to_pylist(), np.float32))
        np.testing.assert_array_equal(found, value, err_msg=name)
        assert list(found.shape[1:]) == tables[name]


def test_modality_slices_cover_every_column(exported):
    modality = json.loads((exported / "meta/modality.json").read_text())
    rows = table(exported, 1)
    seen = set()
    for kind, prefix in (("state", "state"), ("action", "command")):
        for key, part in modality[kind].items():
            name = part["original_key"]
            assert name == f"{prefix}.{key}" or key == "eef_rotation"
            values = stacked(rows, name)
            assert values.ndim == 2, "the loader wants a table, also of one number a row"
            assert (part["start"], part["end"]) == (0, values.shape[1])
            assert part["absolute"] == ("delta" not in name)
            seen.add(name)
    assert seen == {n for n in rows.column_names if n.startswith(("state.", "command."))}
    assert {k: v["original_key"] for k, v in modality["video"].items()} == {
        "base_view": "observation.images.base_view",
        "ego_view": "observation.images.ego_view",
    }
    language = modality["annotation"]["human.action.task_description"]["original_key"]
    tasks = {line["task_index"]: line["task"] for line in lines(exported / "meta/tasks.jsonl")}
    for k, episode in enumerate(EPISODES):
        for value in table(exported, k).column(language).to_pylist():
            assert tasks[int(value)] == episode.instruction


def test_indices_run_through_and_times_are_index_over_rate(exported):
    info = json.loads((exported / "meta/info.json").read_text())
    assert info["fps"] == 20 / STRIDE
    first = 0
    for k, line in enumerate(lines(exported / "meta/episodes.jsonl")):
        rows = table(exported, k)
        assert line["episode_index"] == k
        assert line["length"] == rows.num_rows == len(EPISODES[k].frame_steps)
        assert line["tasks"] == [EPISODES[k].instruction]
        assert rows["frame_index"].to_pylist() == list(range(rows.num_rows))
        assert rows["index"].to_pylist() == list(range(first, first + rows.num_rows))
        assert set(rows["episode_index"].to_pylist()) == {k}
        np.testing.assert_allclose(rows["timestamp"], np.arange(rows.num_rows) / info["fps"], atol=1e-6)
        first += rows.num_rows
    assert (info["total_frames"], info["total_episodes"], info["total_tasks"]) == (first, 4, 2)


def test_the_columns_are_the_episodes(exported):
    for k, episode in enumerate(EPISODES):
        rows = table(exported, k)
        for name, value in frame_columns(episode, 3).items():
            found = np.array(rows[name].to_pylist(), value.dtype).reshape(value.shape)
            np.testing.assert_array_equal(found, value, err_msg=name)


def test_every_frame_of_every_video_is_its_picture(exported):
    for k, episode in enumerate(EPISODES):
        for camera, view in (("front", "base_view"), ("wrist", "ego_view")):
            found = list(decode(exported / f"videos/chunk-000/observation.images.{view}/episode_{k:06d}.mp4"))
            assert len(found) == len(episode.frame_steps)
            for f, (time, picture) in enumerate(found):
                assert time == pytest.approx(f * STRIDE / 20, abs=1e-4)
                truth = np.asarray(Image.open(io.BytesIO(episode.cameras[camera].jpeg[f])))
                assert np.abs(picture.astype(int) - truth).mean() < 6


def test_statistics_are_those_that_the_public_loader_would_compute(exported):
    stored = json.loads((exported / "meta/stats_gr00t.json").read_text())
    rows = [table(exported, k) for k in range(4)]
    assert stored.keys() == {n for n in rows[0].column_names if not n.startswith("annotation.")}
    for name, found in stored.items():
        values = np.concatenate([np.array(r[name].to_pylist()).reshape(r.num_rows, -1) for r in rows])
        assert found.keys() == {"mean", "std", "min", "max", "q01", "q99"}, (
            "the loader indexes each by channel"
        )
        for key, value in (
            ("mean", values.mean(0)), ("std", values.std(0)), ("min", values.min(0)), ("max", values.max(0)),
            ("q01", np.quantile(values, 0.01, axis=0)), ("q99", np.quantile(values, 0.99, axis=0)),
        ):  # fmt: skip
            np.testing.assert_allclose(found[key], value, rtol=1e-9, atol=1e-12, err_msg=f"{name} {key}")
    for k, line in enumerate(lines(exported / "meta/episodes_stats.jsonl")):
        assert line["stats"]["command.joints"]["count"] == [rows[k].num_rows]
        assert np.shape(line["stats"]["observation.images.base_view"]["mean"]) == (3, 1, 1)


@pytest.mark.parametrize("file", ["stats.json", "stats_gr00t.json"])
def test_every_statistic_has_a_number_for_every_channel(exported, file):
    """The loaders of GR00T and InternVLA-M1 take, of every statistic that a column has, those of a part's channels."""
    stored = json.loads((exported / "meta" / file).read_text())
    modality = json.loads((exported / "meta/modality.json").read_text())
    for kind in ("state", "action"):
        for key, part in modality[kind].items():
            for name, values in stored[part["original_key"]].items():
                taken = np.array(values)[np.arange(part["start"], part["end"])]
                assert taken.shape == (part["end"] - part["start"],), f"{key} {name}"


def test_what_the_public_data_lacks_is_there(exported):
    for episode, line in zip(EPISODES, lines(exported / "meta/episodes.jsonl"), strict=True):
        data = line["task_data"]
        assert data["original_episode_name"] == episode.name
        assert data["factors"] == episode.factors
        assert data["base_pose"] == {"position": [0, 0, 0], "orientation": [1, 0, 0, 0]}
        camera = data["camera_data"]["base_view"]
        assert camera["camera_params"] == [70, 70, 32, 32, 64, 64]
        assert camera["distortion"] == 0.05
        phase = episode.phase[episode.frame_steps]
        assert data["frame_status"]["0/reach"] == 0
        assert data["frame_status"]["0/carry"] == list(phase).index(2)
        assert [b["label"] for b in data["bodies"]] == ["red cube", "blue plate", "green ball"]
    said = json.loads((exported / "meta/conventions.json").read_text())
    assert said["delta_reference"] == "previous_command"
    assert said["delta_source"] == {"delta_eef": SENT, "delta_joints": REACHED}
    assert said["gripper_close"] == {"open": -1, "closed": 1}
    assert json.loads((exported / "meta/origin.json").read_text())["config"] == {
        "task": "pick_place",
        "seed": 5,
    }
    assert said["frame_action_specs"]["delta_eef"]["control_hz"] == 10


def test_nothing_is_pickled(exported):
    for path in exported.rglob("*"):
        assert path.suffix != ".pkl"
    assert not [f.name for f in table(exported, 0).schema if "binary" in str(f.type)]


@pytest.mark.parametrize(
    ("second", "sentence"),
    [
        (made_up_episode(1, stride=3), "000001-00 has frames every so many steps 3, episode 000000-00 has 1"),
        (made_up_episode(1, cameras=("front",)), "000001-00 has cameras"),
        (without(made_up_episode(1), control_hz=10.0), "000001-00 has control_hz 10.0"),
        (without(made_up_episode(1), name="000000-00"), "both hold episode 000000-00"),
        (made_up_episode(1, cameras=()), "000001-00 has cameras"),
    ],
)
def test_episodes_of_different_kinds_are_refused(tmp_path, second, sentence):
    write_archive(tmp_path / "archive", made_up_episode(0), second)
    with pytest.raises(ArchiveError, match=sentence):
        export_lerobot_v21(tmp_path / "archive", tmp_path / "out")
    assert [p.name for p in tmp_path.iterdir()] == ["archive"]


def test_a_broken_picture_is_named(tmp_path):
    episode = made_up_episode()
    front = replace(episode.cameras["front"], jpeg=(b"x" * 50, *episode.cameras["front"].jpeg[1:]))
    write_archive(tmp_path / "archive", without(episode, cameras={"front": front}))
    with pytest.raises(ExportError, match="episode 000000-00, camera front, picture 0"):
        export_lerobot_v21(tmp_path / "archive", tmp_path / "out")
