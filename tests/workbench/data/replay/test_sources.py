"""What a replay plays: the numbers that exports and training read, of every episode that they read."""

from __future__ import annotations

import io
import json

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import yaml
from rich.console import Console

from tests.workbench.data.archives import write_archive
from tests.workbench.data.made_up import made_up_episode, without
from workbench.cli.options import OptionError
from workbench.data.archive.archive import ArchiveError
from workbench.data.archive.chunk_writer import ChunkWriter
from workbench.data.command_options import ReplayOptions
from workbench.data.generate.options import GenerateOptions
from workbench.data.lerobot.export_choices import ExportChoices
from workbench.data.lerobot.reading import LeRobotImportError
from workbench.data.lerobot.v3 import export_lerobot_v3
from workbench.data.lerobot.v21 import export_lerobot_v21
from workbench.data.merge import merge
from workbench.data.replay.actions import Replayed, numbered, tool_error
from workbench.data.replay.command import judge
from workbench.data.replay.sources import Recording, recorded_actions
from workbench.data.split import split


def generated(folder, *made, seed=5, **options):
    """An archive that says it is of ``workbench generate``."""
    write_archive(folder, *(without(e, record=e.record | {"seed": seed}) for e in made))
    said = GenerateOptions(device="cpu", physics="ovphysx", seed=seed, num_envs=2, dr="none", **options)
    (folder / "config.yaml").write_text(yaml.safe_dump(said.config("generate")))
    return folder


def scaled(episode, factor):
    return without(episode, actions=episode.actions * np.float32(factor))


def test_an_archive_is_replayed_from_its_episodes_and_not_from_its_plan(tmp_path):
    folder = generated(tmp_path / "archive", scaled(made_up_episode(0), 0))
    with ChunkWriter(folder / "plan/chunk-00000.hdf5", "pick_place") as writer:
        writer.add(without(made_up_episode(0), name="000000", render=None))
    (group,) = recorded_actions(folder)
    (recording,) = group.recordings
    assert recording.actions.any() == np.False_


def test_a_rendering_whose_actions_differ_is_replayed_by_itself(tmp_path):
    one = made_up_episode(0, 0)
    same = without(one, name="000000-01", render=1)
    other = scaled(without(one, name="000000-02", render=2), 1.05)
    (group,) = recorded_actions(generated(tmp_path / "archive", one, same, other, made_up_episode(3)))
    assert [r.names for r in group.recordings] == [["000000-00", "000000-01"], ["000000-02"], ["000003-00"]]
    np.testing.assert_array_equal(group.recordings[1].actions, other.actions)


def test_every_recording_runs_in_the_environment_of_its_episode():
    recordings = [
        Recording(k, np.zeros((1, 7)), np.zeros((1, 3)), np.zeros(1, int)) for k in (0, 1, 5, 5, 5, 0)
    ]
    found = numbered(recordings, num_envs=4)
    assert [id(r) for r in found.values()] == [id(r) for r in recordings]
    assert all(number % 4 == recording.index % 4 for number, recording in found.items())


def test_parts_of_a_split_and_a_merge_say_how_they_were_made(tmp_path):
    first = generated(tmp_path / "first", *(made_up_episode(k) for k in range(4)))
    second = generated(tmp_path / "second", made_up_episode(0), seed=6, action_space="delta_joints")
    counts = split(first, tmp_path / "parts", {"train": 0.5, "val": 0.5})
    for part, count in counts.items():
        (group,) = recorded_actions(tmp_path / "parts" / part)
        assert (len(group.recordings), group.options.seed, group.options.dr) == (count, 5, "none")
    merge([tmp_path / "parts" / part for part in counts], tmp_path / "again")
    assert len(recorded_actions(tmp_path / "again")[0].recordings) == 4
    merge([tmp_path / "again", second], tmp_path / "both")
    found = {group.options.seed: group for group in recorded_actions(tmp_path / "both")}
    assert {seed: len(group.recordings) for seed, group in found.items()} == {5: 4, 6: 1}
    assert found[6].options.action_space == "delta_joints"
    assert len(recorded_actions(tmp_path / "both", limit=2)[0].recordings) == 2
    export_lerobot_v3(tmp_path / "both", tmp_path / "v3")
    assert sum(len(group.recordings) for group in recorded_actions(tmp_path / "v3")) == 5


def test_two_ways_to_make_one_seed_are_not_guessed_between(tmp_path):
    first = generated(tmp_path / "first", made_up_episode(0))
    second = generated(tmp_path / "second", made_up_episode(1), time_limit_s=9.0)
    merge([first, second], tmp_path / "both")
    with pytest.raises(ArchiveError, match="seed 5 that were made in two ways, which differ in time_limit_s"):
        recorded_actions(tmp_path / "both")


@pytest.mark.parametrize("space", ["delta_eef", "delta_joints"])
def test_of_an_export_the_column_is_replayed_that_lerobot_trains_on(tmp_path, space):
    folder = generated(tmp_path / "archive", made_up_episode(0, steps=12, stride=2))
    export_lerobot_v3(folder, tmp_path / "v3", ExportChoices(space))
    (whole,) = recorded_actions(tmp_path / "v3")
    assert whole.options.action_space == space
    path = tmp_path / "v3/data/chunk-000/file-000.parquet"
    table = pq.read_table(path, partitioning=None)
    stored = np.array(table["action"].to_pylist(), np.float32)
    spread = whole.recordings[0].actions.reshape(6, 2, -1)
    np.testing.assert_allclose(spread[..., :-1].sum(1), stored[:, :-1], rtol=1e-5)
    np.testing.assert_array_equal(spread[:, 0, -1], stored[:, -1])
    np.testing.assert_array_equal(whole.recordings[0].steps, np.arange(6) * 2)

    zeros = pa.FixedSizeListArray.from_arrays(pa.array(np.zeros(stored.size, np.float32)), stored.shape[1])
    pq.write_table(table.set_column(table.column_names.index("action"), "action", zeros), path)
    (broken,) = recorded_actions(tmp_path / "v3")
    assert not broken.recordings[0].actions.any()


def test_an_export_for_older_loaders_is_replayed_alike(tmp_path):
    export_lerobot_v21(generated(tmp_path / "archive", made_up_episode(0)), tmp_path / "v21")
    (group,) = recorded_actions(tmp_path / "v21")
    np.testing.assert_allclose(group.recordings[0].actions, made_up_episode(0).actions, atol=1e-7)


def test_an_export_that_does_not_say_what_its_actions_mean_is_one_sentence(tmp_path):
    export_lerobot_v3(generated(tmp_path / "archive", made_up_episode(0)), tmp_path / "v3")
    path = tmp_path / "v3/meta/conventions.json"
    path.write_text(json.dumps({"action_spec": None}))
    with pytest.raises(LeRobotImportError, match=r"conventions\.json does not say what the actions mean"):
        recorded_actions(tmp_path / "v3")
    (tmp_path / "v3/meta/origin.json").unlink()
    with pytest.raises(LeRobotImportError, match="does not say how it was made"):
        recorded_actions(tmp_path / "v3")


def said(found, allowed=5.0):
    console = Console(file=io.StringIO(), width=200)
    return judge(found, allowed, console), console.file.getvalue()


def test_a_tool_that_goes_astray_is_named_and_decides_the_exit_status():
    right = [Replayed((f"{k:06d}-00",), None, 0.0004) for k in range(40)]
    status, text = said(right)
    assert status == 0
    assert "at most 0.4 mm from where it had been, 5 mm are allowed" in text
    off = Replayed(("000007-01", "000007-02"), None, 0.015)
    status, text = said([*right, off])
    assert status == 1
    assert "episode 000007-01, 000007-02: the tool is 15.0 mm off, 5 mm are allowed" in text
    assert said([*right, off], allowed=20.0)[0] == 0
    assert said([Replayed(("a",), None, float("nan"))])[0] == 1


def test_failures_decide_too():
    right = [Replayed((f"{k:06d}-00",), None, 0.0) for k in range(9)]
    status, text = said([*right, Replayed(("000009-00",), "dropped", 0.001)])
    assert (status, "episode 000009-00: dropped; 1.0 mm off" in text) == (1, True)


def test_the_error_is_that_of_the_steps_that_both_have():
    recording = Recording(0, np.zeros((4, 7)), np.zeros((3, 3)), np.array((0, 2, 4)))
    path = np.zeros((4, 3))
    path[1], path[2, 0] = 1.0, 0.003
    assert tool_error(recording, path) == pytest.approx(0.003)


@pytest.mark.parametrize("change", [{"tool_mm": 0.0}, {"joints_mrad": float("nan")}, {"episodes": -1}])
def test_limits_that_cannot_be_are_refused(change):
    with pytest.raises(OptionError, match=next(iter(change))):
        ReplayOptions(**change).check()


def test_why_right_actions_may_lead_elsewhere_is_said(tmp_path):
    folder = generated(tmp_path / "archive", made_up_episode(0, stride=2))
    export_lerobot_v3(folder, tmp_path / "v3", ExportChoices("delta_joints"))
    (group,) = recorded_actions(tmp_path / "v3")
    assert "2 control steps apart" in group.reservations[0]
    assert "delta_joints are targets reached" in group.reservations[1]
    assert recorded_actions(folder)[0].reservations == ()
