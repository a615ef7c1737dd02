"""Pictures of logs of every kind, each with the state at which it was taken."""

from dataclasses import replace

import numpy as np
import pytest

from robots.registry import robot
from tests.workbench.data.archives import write_archive
from tests.workbench.data.made_up import made_up_episode
from workbench.bridge.ticks import TickLog
from workbench.bridge.twin import scene
from workbench.data.lerobot.v3 import export_lerobot_v3
from workbench.identification.motion_log import LogError
from workbench.visual_gap.command import VisualOptions
from workbench.visual_gap.gather import chosen
from workbench.visual_gap.real_frames import read_real

PANDA = robot("franka")


def write_log(path, pictures=True):
    """Ticks at 100 Hz whose joints all turn at 0.5 rad/s; every 0.1 s a picture that was taken 13 ms before a tick."""
    log = TickLog(path)
    log.write("/episode", {"begin": 0, "instruction": scene.INSTRUCTION})
    poses = {name: [0.5, 0.1, 0.02, 0.0, 0.0, 0.0, 1.0] for name in (scene.OBJECT, scene.RECEPTACLE)}
    for k in range(100):
        at = 100.0 + 0.01 * k
        state = {
            name: {"value": value, "captured": at}
            for name, value in (
                ("joint_pos", np.full(7, 0.005 * k)), ("joint_vel", np.full(7, 0.5)),
                ("gripper_width", np.array([0.08 - 0.0002 * k])),
            )
        }  # fmt: skip
        if pictures and k % 10 == 5:
            log.picture("front", np.full((16, 16, 3), k, np.uint8), at - 0.013)
        log.write(
            "/tick", {"at": at, "state": state, **({"control": {"poses": poses}} if k % 5 == 0 else {})}
        )
    log.write("/episode", {"end": 0, "record": {}})
    log.close()
    return path


def test_a_picture_of_the_bridge_has_the_joints_of_its_own_instant(tmp_path):
    (frames,) = read_real([str(write_log(tmp_path / "log.mcap"))], PANDA)

    ticks = np.arange(5, 100, 10) - 1.3
    assert frames.camera == "front"
    assert frames.joint_pos[:, 3] == pytest.approx(0.005 * ticks, abs=1e-5)
    assert frames.gripper_width == pytest.approx(0.08 - 0.0002 * ticks, abs=1e-6)
    assert frames.pictures[:, 8, 8, 0] == pytest.approx(np.arange(5, 100, 10), abs=2)
    assert [body.slot for body in frames.bodies] == ["cube_small", "tray"]
    assert frames.body_pose.shape == (10, 2, 7)
    assert frames.instruction == scene.INSTRUCTION
    assert abs(frames.jpeg_quality - 92) <= 2


def test_a_log_without_pictures_says_what_keeps_them(tmp_path):
    with pytest.raises(LogError, match="pictures=true"):
        read_real([str(write_log(tmp_path / "log.mcap", pictures=False))], PANDA)


def test_a_log_of_another_arm_is_refused_before_a_simulator_starts(tmp_path):
    options = VisualOptions(robot="so_arm")

    with pytest.raises(LogError, match=r"is of an arm with 7 joints, and so_arm\w* has \d"):
        chosen(options, [str(write_log(tmp_path / "log.mcap"))], robot("so_arm"))


@pytest.fixture(scope="module")
def archive(tmp_path_factory):
    made = made_up_episode(0, 0, steps=12, images=True)
    return write_archive(tmp_path_factory.mktemp("visual") / "archive", made), made


def test_an_archives_pictures_have_the_state_that_they_show(archive):
    folder, made = archive

    read = {frames.camera: frames for frames in read_real([str(folder)], PANDA)}

    assert set(read) == set(made.cameras)
    shown = np.unique(made.shown_steps)
    for frames in read.values():
        np.testing.assert_allclose(frames.joint_pos, made.joint_pos[shown])
        np.testing.assert_allclose(frames.body_pose, made.body_pose[shown])


@pytest.mark.parametrize("late", [0, 1])
def test_a_lerobot_dataset_has_the_benchs_cameras_and_the_states_that_they_show(tmp_path, late):
    made = made_up_episode(0, 0, steps=12, images=True)
    made = replace(made, shown_steps=np.maximum(made.frame_steps - late, 0))
    folder = write_archive(tmp_path / "archive", made)
    export_lerobot_v3(folder, tmp_path / "out")

    read = {frames.camera: frames for frames in read_real([str(tmp_path / "out")], PANDA)}

    assert set(read) == set(made.cameras)
    for frames in read.values():
        assert frames.coded
        assert frames.jpeg_quality is None
        shown = made.shown_steps[::5]
        np.testing.assert_allclose(frames.joint_pos, made.measured_joint_pos[shown], atol=1e-5)
        assert frames.bodies == made.bodies
        np.testing.assert_allclose(frames.body_pose, made.body_pose[shown], atol=1e-5)
