"""From a log to an archive, with no robot: a log as the bridge writes it."""

from pathlib import Path

import numpy as np
import pytest

from robots.registry import robot
from workbench.bridge.dataset import read_episode
from workbench.bridge.ticks import TickLog
from workbench.bridge.twin import scene
from workbench.data.archive.archive import ArchiveError
from workbench.data.replay.bridged import commanded_on_an_arm, is_bridged

MODEL = robot("franka")
SPEC = MODEL.action_spaces(20.0)["delta_eef"]
STEPS = 60


def pose(x: float, z: float) -> list[float]:
    return [x, 0.0, z, 0.0, 0.0, 0.0, 1.0]


def write_log(path: Path, ended: bool = True) -> Path:
    """The hand closes at step 10 and opens at 50; the cube goes along from 15 to 50."""
    log = TickLog(path)
    log.write("/episode", {"begin": 3, "action_spec": SPEC.to_dict()})
    for step in range(STEPS):
        carried = min(max(step - 15, 0), 35) * 0.005
        closed = 10 <= step < 50
        action = SPEC.idle_action.astype(float)
        action[SPEC.gripper_index] = SPEC.gripper_command(closed)
        state = {
            name: {"value": value, "captured": 0.05 * step}
            for name, value in (
                ("joint_pos", np.full(7, 0.01 * step)), ("joint_vel", np.full(7, 0.2)),
                ("gripper_width", np.array([0.045 if closed else 0.08])),
            )
        }  # fmt: skip
        if step % 3 == 1:  # the camera is slower than the control steps
            log.write("/frame", {"step": step, "cameras": ["front"]})
            log.picture("front", np.full((32, 32, 3), step, np.uint8), 0.05 * step)
        poses = {scene.OBJECT: pose(0.4 + carried, 0.03), scene.RECEPTACLE: pose(0.575, 0.01)}
        control = {"action": action, "ee_pose": pose(0.4 + carried, 0.05), "poses": poses}
        log.write(
            "/tick", {"state": state, "setpoint": [np.full(7, 0.01 * step + 0.002)], "control": control}
        )
        log.write("/tick", {"state": state, "setpoint": [np.full(7, 0.01 * step + 0.004)]})
    if ended:
        log.write("/episode", {"end": 3, "record": {"index": 3, "seed": 1, "instruction": scene.INSTRUCTION}})
    log.close()
    return path


def test_a_log_is_an_episode_of_the_archive_with_its_phases_and_even_frames(tmp_path: Path) -> None:
    episode = read_episode(write_log(tmp_path / "log.mcap"))
    assert episode is not None
    assert episode.problems() == []
    assert (episode.steps, episode.instruction) == (STEPS, scene.INSTRUCTION)
    assert [body.slot for body in episode.bodies] == ["cube_small", "tray"]
    assert episode.phase[[5, 12, 30, 49, 55]].tolist() == [0, 1, 2, 3, 4]
    assert np.allclose(episode.commanded_joints[5], 0.052)
    assert np.allclose(episode.place, (0.0, 0.0, 0.02), atol=1e-6)
    assert set(np.diff(episode.frame_steps)) == {2}
    late = episode.frame_steps - episode.shown_steps
    assert (late >= 0).all()
    assert late.max() == 2
    assert len(episode.cameras["front"].jpeg) == len(episode.frame_steps)


def test_an_episode_that_was_cut_short_is_none(tmp_path: Path) -> None:
    assert read_episode(write_log(tmp_path / "log.mcap", ended=False)) is None
    with pytest.raises(ValueError, match="no MCAP"):
        read_episode(Path(__file__))


def test_a_run_of_the_bridge_is_replayed_by_its_commanded_joints(tmp_path: Path) -> None:
    pytest.importorskip("torch")
    from workbench.data.replay.command import commanded_joints

    write_log(tmp_path / "run" / "ticks" / "episode_000003.mcap")
    write_log(tmp_path / "run" / "ticks" / "episode_000004.mcap", ended=False)
    assert is_bridged(tmp_path / "run")
    assert not is_bridged(tmp_path)
    (episode,) = commanded_on_an_arm(tmp_path / "run")
    joints = commanded_joints(episode)
    assert (episode.index, episode.fps, joints.shape) == (3, 20.0, (STEPS, 7))
    assert np.allclose(joints[5], 0.052)
    write_log(tmp_path / "cut" / "ticks" / "episode_000000.mcap", ended=False)
    with pytest.raises(ArchiveError, match="no log of an episode that ended"):
        commanded_on_an_arm(tmp_path / "cut")
