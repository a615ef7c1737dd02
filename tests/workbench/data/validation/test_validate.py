"""Validation: what is whole passes, and every kind of damage is named with its file and field."""

from __future__ import annotations

import json
import os
import shutil
from dataclasses import replace
from pathlib import Path

import h5py
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from tests.workbench.data.archives import write_archive
from tests.workbench.data.demonstrated import SIZE, demonstrated_episode
from tests.workbench.data.made_up import jpeg, without
from workbench.data.archive.statistics import write_archive_statistics
from workbench.data.lerobot.v3 import export_lerobot_v3
from workbench.data.lerobot.v21 import export_lerobot_v21
from workbench.data.validation.validate import validate
from workbench.data.video import VideoWriter, decode


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    folder = tmp_path_factory.mktemp("whole")
    write_archive(folder / "archive", *(demonstrated_episode(k) for k in range(3)))
    write_archive_statistics(folder / "archive")
    export_lerobot_v21(folder / "archive", folder / "v21")
    export_lerobot_v3(folder / "archive", folder / "v3")
    return folder


@pytest.fixture
def copy(whole, tmp_path):
    """Gives a function that makes a copy of a dataset to damage."""

    def make(name):
        return shutil.copytree(whole / name, tmp_path / name)

    return make


def found(root):
    """Files and fields of all problems."""
    return [(p.file, p.field) for p in validate(root)]


@pytest.mark.parametrize("name", ["archive", "v21", "v3"])
def test_what_is_whole_passes(whole, name):
    assert [str(p) for p in validate(whole / name)] == []


@pytest.mark.skipif("WORKBENCH_TEST_DATA" not in os.environ, reason="WORKBENCH_TEST_DATA is not set")
def test_the_public_demo_passes_without_its_pictures():
    assert validate(Path(os.environ["WORKBENCH_TEST_DATA"]) / "internvla_m1_demo") == []


def test_what_is_no_dataset_is_said(tmp_path):
    assert "holds neither" in str(validate(tmp_path)[0])
    assert "is no folder" in str(validate(tmp_path / "nowhere")[0])


# Archives


FIRST = "episodes/chunk-000000.hdf5"


def test_a_chunk_cut_short(copy):
    root = copy("archive")
    path = root / FIRST
    path.write_bytes(path.read_bytes()[:-1000])
    assert (FIRST, "") in found(root)
    assert "no whole HDF5 file" in str(validate(root)[0])


def test_damage_within_a_chunk(copy):
    root = copy("archive")
    with h5py.File(root / FIRST, "a") as file:
        demo = file["data/demo_0"]
        demo["obs/joint_pos"][:] = 0  # read from elsewhere: no problem
        demo["cameras/front/jpeg"][:20] = 0
        demo["states/articulation/robot/joint_position"][3, 2] = np.nan
        demo["cameras/wrist/boxes"][2, 1] = (0, 0, 5, 5)
        del file["data/demo_1/trajectory/phase"]
    (root / "statistics.json").unlink()
    problems = validate(root)
    text = "\n".join(map(str, problems))
    assert f"{FIRST}, data/demo_0/cameras/front/jpeg: picture 0 cannot be decoded" in text
    assert f"{FIRST}, data/demo_0/joint_pos: joint_pos holds numbers that are not finite" in text
    assert f"{FIRST}, data/demo_0/cameras/wrist/boxes: frame 2: body 1 is in" in text
    assert f"{FIRST}, data/demo_1: trajectory/phase is missing" in text
    assert len(problems) == 4, text


def test_pictures_of_another_size(tmp_path):
    episode = demonstrated_episode()
    small = jpeg(np.zeros((32, 32, 3), np.uint8))
    front = replace(episode.cameras["front"], jpeg=(*episode.cameras["front"].jpeg[:-1], small))
    write_archive(tmp_path / "archive", without(episode, cameras={"front": front}))
    problem = next(p for p in validate(tmp_path / "archive") if p.field == "data/demo_0/cameras/front/jpeg")
    last = len(front.jpeg) - 1
    assert problem.message == f"picture {last} has 32x32 px, not {SIZE}x{SIZE}"


def test_names_and_lines(copy):
    root = copy("archive")
    second = "episodes/chunk-000002.hdf5"
    shutil.copy(root / FIRST, root / second)
    (root / "statistics.json").unlink()
    assert found(root) == [(second, "data/demo_0/name"), (second, "data/demo_1/name")]
    with h5py.File(root / second, "w") as file:
        file.attrs["workbench_format"] = 1
        file.create_group("data")
        line = json.dumps({"index": 7, "kept": True}) + "\n"
        file["lines"] = np.frombuffer(line.encode(), np.uint8)
    assert [str(p) for p in validate(root)] == [
        f"{second}, lines: a line says that episode 000007 was kept, and it is not stored"
    ]


def test_a_wrong_statistic_of_an_archive(copy):
    root = copy("archive")
    path = root / "statistics.json"
    content = json.loads(path.read_text())
    content["actions"]["q99"][2] += 0.01
    path.write_text(json.dumps(content))
    assert found(root) == [("statistics.json", "actions/q99")]


# LeRobot datasets


def edit(path, change):
    content = json.loads(path.read_text())
    change(content)
    path.write_text(json.dumps(content))


def rewrite(path, name, change):
    """Change one column of a table."""
    table = pq.read_table(path)
    values = change(np.array(table[name].to_pylist()))
    column = pa.array(values.tolist(), table.schema.field(name).type)
    pq.write_table(table.set_column(table.column_names.index(name), name, column), path)


VIDEOS = {
    "v21": "videos/chunk-000/observation.images.ego_view/episode_000001.mp4",
    "v3": "videos/observation.images.ego_view/chunk-000/file-000.mp4",
}
TABLES = {"v21": "data/chunk-000/episode_000001.parquet", "v3": "data/chunk-000/file-000.parquet"}
KEYS = {"v21": "observation.images.ego_view", "v3": "observation.images.ego_view"}
VERSIONS = pytest.mark.parametrize("version", ["v21", "v3"])


@VERSIONS
def test_a_missing_video(copy, version):
    root = copy(version)
    (root / VIDEOS[version]).unlink()
    assert (VIDEOS[version], KEYS[version]) in found(root)
    assert any("is missing; episode" in p.message for p in validate(root))


@VERSIONS
def test_a_broken_video(copy, version):
    root = copy(version)
    path = root / VIDEOS[version]
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    assert (VIDEOS[version], KEYS[version]) in found(root)


@VERSIONS
@pytest.mark.parametrize("frames", [-1, 1])
def test_a_video_with_other_frames(copy, version, frames):
    root = copy(version)
    path = root / VIDEOS[version]
    pictures = [p for _, p in decode(path)]
    pictures = pictures[:frames] if frames < 0 else [*pictures, pictures[0]]
    with VideoWriter(path, (SIZE, SIZE), 10.0) as video:
        for picture in pictures:
            video.add(picture)
    messages = [p.message for p in validate(root) if p.file == VIDEOS[version]]
    assert messages == [f"has {len(pictures)} frames, its episodes have {len(pictures) - frames}"]


def test_a_video_of_another_size_or_rate(copy):
    root = copy("v21")
    for size, fps, word in (
        ((32, 64), 10.0, f"32x64 px, not {SIZE}x{SIZE}"),
        ((SIZE, SIZE), 5.0, "is at 0.2000 s, not 0.1"),
    ):
        with VideoWriter(root / VIDEOS["v21"], size, fps) as video:
            for _ in range(6):
                video.add(np.zeros((size[1], size[0], 3), np.uint8))
        assert any(word in p.message for p in validate(root) if p.file == VIDEOS["v21"])


@VERSIONS
@pytest.mark.parametrize(
    ("column", "change"),
    [
        ("index", lambda v: v + 1),
        ("frame_index", lambda v: v[::-1]),
        ("timestamp", lambda v: v * 1.01),
        ("task_index", lambda v: v + 3),
    ],
)
def test_rows_that_do_not_run_through(copy, version, column, change):
    root = copy(version)
    rewrite(root / TABLES[version], column, change)
    assert (TABLES[version], column) in found(root)


@VERSIONS
def test_a_wrong_statistic(copy, version):
    root = copy(version)

    def spoil(content):
        content["command.delta_eef_position"]["std"][1] *= 1.2
        content[KEYS[version]]["mean"][0] = [[0.9]]

    edit(root / "meta/stats.json", spoil)
    assert found(root) == [
        ("meta/stats.json", "command.delta_eef_position/std"),
        ("meta/stats.json", f"{KEYS[version]}/mean"),
    ]


def test_quantiles_that_lerobot_wrote_are_not_held_against_a_dataset(copy):
    """It averages those of the episodes; its other statistics are exact."""
    root = copy("v3")
    (root / "meta/conventions.json").unlink()
    edit(root / "meta/stats.json", lambda c: c["index"].update(q01=[12.0]))
    assert found(root) == []
    edit(root / "meta/stats.json", lambda c: c["index"].update(mean=[12.0]))
    assert found(root) == [("meta/stats.json", "index/mean")]


@VERSIONS
def test_a_number_that_changed_shows_in_the_statistics(copy, version):
    root = copy(version)
    rewrite(root / TABLES[version], "command.joints", lambda v: v + 0.5)
    assert ("meta/stats.json", "command.joints/mean") in found(root)


def test_statistics_of_one_episode(copy):
    root = copy("v21")
    path = root / "meta/episodes_stats.jsonl"
    first, *rest = path.read_text().splitlines(keepends=True)
    content = json.loads(first)
    content["stats"]["state.joints"]["max"][3] += 1
    path.write_text(json.dumps(content) + "\n" + "".join(rest))
    assert found(root) == [("meta/episodes_stats.jsonl", "episode 0/state.joints/max")]
    path.write_text("".join(rest))
    assert found(root) == [("meta/episodes_stats.jsonl", "episode 0")]


def test_metadata_that_says_something_else(copy):
    root = copy("v21")
    edit(root / "meta/info.json", lambda c: c.update(total_frames=99))
    edit(root / "meta/modality.json", lambda c: c["action"]["joints"].update(end=9))
    assert found(root) == [("meta/info.json", "total_frames"), ("meta/modality.json", "action.joints")]


def test_a_table_that_is_missing_or_cut_short(copy):
    root = copy("v21")
    path = root / TABLES["v21"]
    content = path.read_bytes()
    path.write_bytes(content[:-20])
    assert (TABLES["v21"], "") in found(root)
    path.unlink()
    (root / "data/chunk-000/episode_000000.parquet").unlink()
    assert [p.message for p in validate(root) if p.file == TABLES["v21"]] == ["is missing"]


def test_an_episode_that_begins_elsewhere_in_its_video(copy):
    root = copy("v3")
    path = root / "meta/episodes/chunk-000/file-000.parquet"
    rewrite(path, "videos/observation.images.base_view/from_timestamp", lambda v: v + 0.1 * (v > 0))
    file = "videos/observation.images.base_view/chunk-000/file-000.mp4"
    assert (file, "observation.images.base_view/from_timestamp") in found(root)


def test_a_modality_file_of_another_kind(copy):
    root = copy("v21")
    (root / "meta/modality.json").write_text('{"action": 3}')
    assert ("meta/modality.json", "") in found(root)
