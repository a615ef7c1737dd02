"""Motion logs from every kind of file that holds them."""

import os
from dataclasses import replace
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from tests.workbench.identification.planted import PANDA, follower
from workbench.bridge.ticks import TickLog
from workbench.identification.log_readers import read_logs, write_plain
from workbench.identification.motion_log import LogError, MotionLog


def write_ticks(log: MotionLog, path: Path, end: bool = True) -> Path:
    """A log as the bridge writes it."""
    ticks = TickLog(path)
    ticks.write("/episode", {"begin": 0})
    for k, at in enumerate(log.times):
        reading = {"captured": 100.0 + log.measured_times[k]}
        ticks.write("/tick", {
            "at": 100.0 + at, "commanding": True, "setpoint": [log.commanded[k], np.zeros(7), np.zeros(7)],
            "state": {
                "joint_pos": {"value": log.measured[k]} | reading, "joint_vel": {"value": np.zeros(7)} | reading,
                "torque": {"value": np.zeros(7)} | reading, "tool_pose": {"value": np.full(7, np.nan)} | reading,
                "gripper_width": {"value": np.array([0.08])} | reading,
            },
        })  # fmt: skip
    if end:
        ticks.write("/episode", {"end": 0})
    ticks.close()
    return path


def write_lerobot(logs: list[MotionLog], folder: Path) -> Path:
    """A bare folder of LeRobot tables, as InternVLA-M1's demonstrations are passed on."""
    folder.mkdir(parents=True)
    lines = []
    for n, log in enumerate(logs):
        columns = {
            "action.joints": pa.array(log.commanded.tolist()),
            "state.joints": pa.array(log.measured.tolist()),
            "timestamp": pa.array(log.times.astype(np.float32)),
            "frame_index": pa.array(range(len(log.times))),
            "episode_index": pa.array([n] * len(log.times)),
        }
        pq.write_table(pa.table(columns), folder / f"episode_{n:06d}.parquet")
        lines.append(f'{{"episode_index": {n}, "tasks": ["move"], "length": {len(log.times)}}}')
    (folder / "episodes.jsonl").write_text("\n".join(lines) + "\n", "utf-8")
    return folder


def same(one: MotionLog, other: MotionLog, tolerance: float = 1e-9) -> None:
    for name in ("times", "commanded", "measured", "measured_times"):
        np.testing.assert_allclose(getattr(one, name), getattr(other, name), atol=tolerance, err_msg=name)


def test_plain_hdf5_holds_a_log(tmp_path: Path) -> None:
    log = follower()
    write_plain(log, tmp_path / "log.h5")
    same(read_logs([str(tmp_path / "log.h5")], PANDA)[0], log)


def test_ticks_of_the_bridge_are_a_log(tmp_path: Path) -> None:
    log = replace(follower(), measured_times=follower().times + 3e-5)
    path = write_ticks(log, tmp_path / "run/ticks/episode_000000.mcap")
    found = read_logs([str(path)], PANDA)[0]
    same(found, log, 1e-6)
    assert found.gripper is not None
    same(read_logs([str(tmp_path / "run")], PANDA)[0], log, 1e-6)


def test_episodes_of_a_lerobot_folder_are_chosen_by_number(tmp_path: Path) -> None:
    logs = [follower(rate=30.0, seed=n) for n in range(3)]
    folder = write_lerobot(logs, tmp_path / "theirs")
    assert len(read_logs([str(folder)], PANDA)) == 3
    chosen = read_logs([f"{folder}:2,0"], PANDA)
    same(chosen[0], logs[2], 1e-5)
    same(chosen[1], logs[0], 1e-5)
    with pytest.raises(LogError, match="has no episode 3"):
        read_logs([f"{folder}:3"], PANDA)


def test_a_log_of_the_bridge_that_was_cut_off_is_named(tmp_path: Path) -> None:
    path = write_ticks(follower(), tmp_path / "killed.mcap", end=False)
    with pytest.raises(LogError, match=r"is cut off: it ends after 7\.99 s"):
        read_logs([str(path)], PANDA)
    whole = write_ticks(follower(), tmp_path / "whole.mcap")
    (tmp_path / "half.mcap").write_bytes(whole.read_bytes()[: whole.stat().st_size // 2])
    with pytest.raises(LogError, match="is cut off"):
        read_logs([str(tmp_path / "half.mcap")], PANDA)


def test_hdf5_and_parquet_that_were_cut_off_are_named(tmp_path: Path) -> None:
    write_plain(follower(), tmp_path / "log.h5")
    data = (tmp_path / "log.h5").read_bytes()
    (tmp_path / "log.h5").write_bytes(data[: len(data) // 2])
    with pytest.raises(LogError, match="is no whole HDF5 file"):
        read_logs([str(tmp_path / "log.h5")], PANDA)
    folder = write_lerobot([follower(rate=30.0)], tmp_path / "theirs")
    table = folder / "episode_000000.parquet"
    table.write_bytes(table.read_bytes()[:2000])
    with pytest.raises(LogError, match=r"episode_000000\.parquet"):
        read_logs([str(folder)], PANDA)


def test_degrees_are_read_where_they_are_declared(tmp_path: Path) -> None:
    log = follower()
    write_plain(
        replace(log, commanded=np.degrees(log.commanded), measured=np.degrees(log.measured)),
        tmp_path / "d.h5",
    )
    with pytest.raises(LogError, match="seem to be degrees"):
        read_logs([str(tmp_path / "d.h5")], PANDA)
    same(read_logs([str(tmp_path / "d.h5")], PANDA, units="deg")[0], log)


@pytest.mark.parametrize(
    ("word", "sentence"),
    [("nowhere", "there is no log"), ("empty", "is no log of an arm"), ("notes.mcap", "is no MCAP file")],
)
def test_what_is_no_log_is_said_to_be_none(tmp_path: Path, word: str, sentence: str) -> None:
    (tmp_path / "empty").mkdir()
    (tmp_path / "notes.mcap").write_text("hello", "utf-8")
    with pytest.raises(LogError, match=sentence):
        read_logs([str(tmp_path / word)], PANDA)


@pytest.mark.skipif("WORKBENCH_TEST_DATA" not in os.environ, reason="WORKBENCH_TEST_DATA is not set")
def test_a_foreign_simulators_episodes_are_logs() -> None:
    logs = read_logs([str(Path(os.environ["WORKBENCH_TEST_DATA"]) / "internvla_m1_demo")], PANDA)
    assert [len(log.times) for log in logs] == [412, 411]
