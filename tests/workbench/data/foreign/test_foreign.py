"""Datasets that others made: every command takes them, says what they lack, and changes no value."""

from __future__ import annotations

import json
import os
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from tests.workbench.data.archives import write_archive
from tests.workbench.data.foreign.imports import workbench
from tests.workbench.data.foreign_datasets import (
    TASKS,
    TOP,
    WRIST,
    png,
    rows,
    write_lines,
    write_v2,
    write_v3,
)
from tests.workbench.data.made_up import made_up_episode
from workbench.data.foreign.datasets import copy_dataset, merge_datasets, open_dataset, split_dataset
from workbench.data.lerobot.reading import LeRobotImportError, load_lerobot
from workbench.data.lerobot.video_spans import SpanReader

LAYOUTS = ("lerobot_v21", "lerobot_v3")
INDEX = ("episode_index", "index")


def assert_sound(capsys, folder):
    """Validation names no problem."""
    status, text = workbench(capsys, "validate", folder)
    assert (status, text.endswith(f"{folder}: no problems\n")) == (0, True), text


def frames_of(episode, key):
    """The decoded frames of a video column."""
    return np.stack(list(SpanReader().frames(episode.videos[key], episode.frames, episode.fps)))


def assert_equal(one, other, renumbered=False):
    """Two episodes hold the same numbers, of the same types, the same texts, pictures and decoded frames."""
    assert one.columns.keys() == other.columns.keys()
    for name, value in one.columns.items():
        if renumbered and name in INDEX:
            continue
        assert value.dtype == other.columns[name].dtype, name
        np.testing.assert_array_equal(value, other.columns[name], name)
    assert (one.tasks, one.texts, one.pictures) == (other.tasks, other.texts, other.pictures)
    assert one.metadata == other.metadata
    assert one.videos.keys() == other.videos.keys()
    for key in one.videos:
        np.testing.assert_array_equal(frames_of(one, key), frames_of(other, key))


@pytest.fixture(scope="module")
def v3(tmp_path_factory):
    return write_v3(tmp_path_factory.mktemp("foreign") / "v3", (6, 4, 7))


@pytest.fixture(scope="module")
def v20(tmp_path_factory):
    return write_v2(tmp_path_factory.mktemp("foreign") / "v20")


@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize("kind", ["v3", "v20"])
def test_what_is_imported_and_exported_is_equal_in_every_value(request, tmp_path, capsys, kind, layout):
    source = request.getfixturevalue(kind)
    assert workbench(capsys, "import", source, f"out={tmp_path / 'in'}")[0] == 0
    assert workbench(capsys, "export", tmp_path / "in", f"format={layout}", f"out={tmp_path / 'out'}")[0] == 0
    for copy in ("in", "out"):
        for one, other in zip(load_lerobot(source), load_lerobot(tmp_path / copy), strict=True):
            assert_equal(one, other)
        assert_sound(capsys, tmp_path / copy)
    info = json.loads((tmp_path / "out/meta/info.json").read_text())
    assert info["codebase_version"] == {"lerobot_v21": "v2.1", "lerobot_v3": "v3.0"}[layout]
    assert (info["robot_type"], info["fps"]) == ("so100", 10)


def test_a_task_that_changes_in_an_episode_is_kept_frame_by_frame(v3):
    found = list(load_lerobot(v3))
    assert [episode.task for episode in found] == [TASKS[1]] * 3
    assert [episode.tasks for episode in found] == [(TASKS[1], TASKS[k]) for k in (0, 2, 0)]


def test_texts_come_from_the_rows_where_no_line_names_them(tmp_path):
    """As official datasets have it: their episodes' metadata has no column of tasks."""
    dataset = load_lerobot(write_v3(tmp_path / "v3", video=False, tasks_column=False))
    assert [episode.tasks for episode in dataset] == [(TASKS[1], TASKS[k]) for k in (0, 2, 0)]


def test_columns_of_pictures_are_read(v3):
    episode = load_lerobot(v3).episode(1)
    assert episode.pictures[WRIST] == tuple(png(k) for k in range(6, 10))
    assert episode.skipped == ()


def test_pictures_kept_as_files_are_read_and_only_in_the_dataset(tmp_path):
    root = write_v2(tmp_path / "v20", (3,), video=False, pictures=True)
    path = root / "data/chunk-000/episode_000000.parquet"
    stored = pq.read_table(path)
    kind = stored.schema.field(WRIST).type

    def with_paths(paths):
        column = pa.array([{"bytes": None, "path": p} for p in paths], kind)
        pq.write_table(stored.set_column(stored.column_names.index(WRIST), WRIST, column), path)

    (root / "images").mkdir()
    for k in range(3):
        (root / f"images/{k}.png").write_bytes(png(k))
    with_paths([f"images/{k}.png" for k in range(3)])
    assert load_lerobot(root).episode(0).pictures[WRIST] == tuple(png(k) for k in range(3))
    (tmp_path / "secret").write_bytes(b"not the dataset's")
    with_paths(["../secret"] * 3)
    with pytest.raises(LeRobotImportError, match="neither a picture nor the path of one in the dataset"):
        load_lerobot(root).episode(0)


@pytest.mark.parametrize("mixed", ["episodes", "rows"])
def test_rows_out_of_order_are_put_in_order_and_said_to_be(tmp_path, capsys, mixed):
    order = np.r_[10:17, 0:6, 6:10] if mixed == "episodes" else np.random.default_rng(0).permutation(17)
    whole = write_v3(tmp_path / "whole", (6, 4, 7), video=False)
    root = write_v3(tmp_path / "mixed", (6, 4, 7), video=False, order=order)
    for one, other in zip(load_lerobot(whole), load_lerobot(root), strict=True):
        assert_equal(one, other)
    status, text = workbench(capsys, "import", root, f"out={tmp_path / 'in'}")
    assert status == 0
    assert ("lay out of order and were put in the order of frame_index" in text) == (mixed == "rows")
    for one, other in zip(load_lerobot(whole), load_lerobot(tmp_path / "in"), strict=True):
        assert_equal(one, other)
    assert workbench(capsys, "validate", tmp_path / "in")[0] == 0


def test_an_episode_that_two_lines_name_is_one_episode(tmp_path, capsys):
    root = write_v2(tmp_path / "v21", version="v2.1", video=False)
    path = root / "meta/episodes.jsonl"
    lines = [json.loads(line) for line in path.read_text("utf-8").splitlines()]
    write_lines(path, [*lines, lines[1]])
    dataset = load_lerobot(root)
    assert [place.index for place in dataset.places] == [0, 1]
    status, text = workbench(capsys, "import", root, f"out={tmp_path / 'in'}")
    assert status == 0
    assert "names episode 1 in two lines, which say the same" in text
    assert "2 episodes, 11 frames" in text
    status, text = workbench(capsys, "validate", root)
    assert status == 1
    assert "names episode 1 in two lines" in text
    write_lines(path, [*lines, lines[1] | {"length": 4}])
    with pytest.raises(LeRobotImportError, match="names episode 1 in two lines that differ"):
        load_lerobot(root)


def test_a_video_that_is_declared_and_not_there_is_left_out_and_named(v20, tmp_path, capsys):
    """As in GR00T's own demonstrations, whose info.json names a view that they do not have."""
    root = write_v2(tmp_path / "v20", (4,), video=False)
    path = root / "meta/info.json"
    info = json.loads(path.read_text())
    info["features"][TOP] = json.loads((v20 / "meta/info.json").read_text())["features"][TOP]
    path.write_text(json.dumps(info))
    status, text = workbench(capsys, "import", root, f"out={tmp_path / 'in'}")
    assert (status, f"{TOP} is left out: info.json names it, and none of its videos is there" in text) == (
        0,
        True,
    )
    assert TOP not in json.loads((tmp_path / "in/meta/info.json").read_text())["features"]


def test_what_cannot_be_kept_is_named_and_the_rest_goes_on(tmp_path, capsys):
    root = write_v2(tmp_path / "v20", (4,), video=False)
    path = root / "data/chunk-000/episode_000000.parquet"
    stored = pq.read_table(path)
    pq.write_table(stored.append_column("annotation.blob", pa.array([b"x"] * 4)), path)
    status, text = workbench(capsys, "import", root, f"out={tmp_path / 'in'}")
    assert (status, "annotation.blob is left out: it holds bytes of unknown meaning" in text) == (0, True)


def test_foreign_folders_are_split_and_merged_again(v3, tmp_path, capsys):
    parts = tmp_path / "parts"
    assert workbench(capsys, "split", v3, f"out={parts}", "shares=a:0.6,b:0.4", "seed=1")[0] == 0
    found = {part: list(load_lerobot(parts / part)) for part in ("a", "b")}
    assert sum(map(len, found.values())) == 3
    for part in found:
        assert workbench(capsys, "validate", parts / part)[0] == 0
    status, text = workbench(capsys, "merge", parts / "a", parts / "b", f"out={tmp_path / 'both'}")
    assert (status, "2 datasets, LeRobot v3.0, 3 episodes, 17 frames at 10 Hz" in text) == (0, True)
    assert workbench(capsys, "validate", tmp_path / "both")[0] == 0
    originals = {episode.pictures[WRIST]: episode for episode in load_lerobot(v3)}
    for episode in load_lerobot(tmp_path / "both"):
        assert_equal(originals.pop(episode.pictures[WRIST]), episode, renumbered=True)
    assert not originals


def test_tasks_of_merged_datasets_keep_their_texts(tmp_path):
    one = write_v2(tmp_path / "one", (4,), video=False)
    other = write_v2(tmp_path / "other", (4, 5), video=False, seed=1, tasks=(TASKS[2], "wipe", TASKS[0]))
    merge_datasets([open_dataset(one), open_dataset(other)], tmp_path / "out")
    found = load_lerobot(tmp_path / "out")
    assert found.version == "v2.1"
    assert [e.tasks for e in found] == [e.tasks for d in (one, other) for e in load_lerobot(d)]
    assert sorted(found.tasks.values()) == sorted({*TASKS, "wipe"})
    np.testing.assert_array_equal(found.episode(2).columns["action"], rows(1, 5, seed=1)["action"])


def test_a_column_that_one_of_the_merged_lacks_is_left_out_and_named(tmp_path):
    one = write_v2(tmp_path / "one", (4,), video=False, pictures=True)
    other = write_v2(tmp_path / "other", (4,), video=False, seed=1)
    made = merge_datasets([open_dataset(one), open_dataset(other)], tmp_path / "out")
    assert made.notes == (f"{WRIST} is left out: {other} has no such column",)
    info = json.loads((other / "meta/info.json").read_text())
    (other / "meta/info.json").write_text(json.dumps(info | {"fps": 25}))
    with pytest.raises(LeRobotImportError, match=r"has 25 frames a second, .*one has 10"):
        merge_datasets([open_dataset(one), open_dataset(other)], tmp_path / "x")
    with pytest.raises(LeRobotImportError, match="both hold episode 0: nothing is merged"):
        merge_datasets([open_dataset(one), open_dataset(one)], tmp_path / "x")
    assert not (tmp_path / "x").exists()


def test_renderings_of_a_scene_of_ours_stay_on_one_side(tmp_path, capsys):
    archive = write_archive(
        tmp_path / "archive", *(made_up_episode(k, r, 4) for k in range(4) for r in (0, 1))
    )
    words = ("export", archive, "format=lerobot_v3", f"out={tmp_path / 'v3'}", "shares=all:1")
    assert workbench(capsys, *words)[0] == 0
    split_dataset(open_dataset(tmp_path / "v3"), tmp_path / "parts", {"a": 0.5, "b": 0.5}, 0)
    scenes = [
        {
            place.metadata["original_episode_name"][:6]
            for place in load_lerobot(tmp_path / "parts" / part).places
        }
        for part in ("a", "b")
    ]
    assert not scenes[0] & scenes[1]
    assert len(scenes[0] | scenes[1]) == 4
    both = [open_dataset(tmp_path / name) for name in ("v3", "parts/a")]
    with pytest.raises(LeRobotImportError, match=r"both hold episode 00000\d-0\d of seed 5"):
        merge_datasets(both, tmp_path / "x")


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (("export", "V3", "format=qa", "out=x"), "lacks what questions are made of"),
        (("export", "V3", "format=lerobot_v3", "out=x", "action_space=delta_joints"), "action_space= is for archives"),
        (("merge", "V3", "ARCHIVE", "out=x"), "export the archive first"),
        (("split", "ARCHIVE", "out=x", "shares=declared"), "an archive names no subsets"),
        (("import", "V3", "out=x", "format=zip"), "must be lerobot_v21 or lerobot_v3, not 'zip'"),
        (("view", "V3", "names=9", "to=x.rrd"), "has no episode 9"),
        (("replay", "V3"), "there is nothing to replay: episode 0 has no column 'command.joints'"),
    ],
)  # fmt: skip
def test_what_a_foreign_dataset_lacks_is_one_sentence(
    v3, tmp_path, tmp_path_factory, capsys, monkeypatch, words, sentence
):
    archive = write_archive(tmp_path_factory.mktemp("own") / "archive", made_up_episode(0, steps=2))
    monkeypatch.chdir(tmp_path)
    places = {"V3": str(v3), "ARCHIVE": str(archive)}
    status, text = workbench(capsys, *(places.get(word, word) for word in words))
    assert (status, len(text.splitlines())) == (2, 1), text
    assert sentence in text
    assert not list(tmp_path.iterdir())


def test_a_foreign_episode_can_be_looked_at(v3, demonstrations, tmp_path, capsys):
    for name, source in (("v3", v3), ("hdf5", demonstrations)):
        to = tmp_path / f"{name}.rrd"
        assert workbench(capsys, "view", source, "episodes=2", f"to={to}")[0] == 0
        assert to.stat().st_size > 10_000


@pytest.mark.skipif("WORKBENCH_TEST_DATA" not in os.environ, reason="WORKBENCH_TEST_DATA is not set")
@pytest.mark.parametrize("name", ["lerobot_v3_two_tasks", "lerobot_v3_no_tasks_column"])
def test_what_lerobot_itself_wrote_is_sound_and_comes_through(tmp_path, capsys, name):
    source = Path(os.environ["WORKBENCH_TEST_DATA"]) / "foreign" / name
    assert_sound(capsys, source)
    copy_dataset(open_dataset(source), tmp_path / "in", "lerobot_v21", {})
    found = list(load_lerobot(tmp_path / "in"))
    for one, other in zip(load_lerobot(source), found, strict=True):
        assert_equal(one, other)
    assert found[0].tasks == ("pick the cube", "把红色方块放进碗里")
    assert workbench(capsys, "validate", tmp_path / "in")[0] == 0
