"""Columns of a dataset's frames, and the conventions of another project that they keep."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest
import torch
from scipy.spatial.transform import Rotation

from robots.franka import PANDA
from robots.franka.kinematics import forward
from tasks.tabletop.action_spaces import DELTA_EEF
from tests.workbench.data.jumps import jumps
from tests.workbench.data.made_up import made_up_episode, without
from workbench.data.lerobot.columns import arranged, features
from workbench.data.lerobot.frame_columns import frame_columns
from workbench.data.rotations import from_six_numbers, from_vector


def test_columns_have_the_shapes_and_types_that_are_promised():
    episode = made_up_episode(stride=2)
    columns, kinds = frame_columns(episode, 5), features(("front", "wrist"), 5, DELTA_EEF)
    assert list(columns) == list(kinds)
    for name, kind in kinds.items():
        assert columns[name].shape == (6, *kind.shape), name
        assert columns[name].dtype == kind.dtype, name
        assert kind.names is None or len(kind.names) == kind.shape[-1], name


def test_bodies_that_an_episode_lacks_are_not_there():
    episode = made_up_episode()
    columns = frame_columns(episode, 5)
    for name in ("annotation.body_position", "annotation.base_view.boxes", "annotation.ego_view.visibility"):
        assert not np.isnan(columns[name]).any(), "LeRobot's merge would make nulls of them"
        assert np.isposinf(columns[name].reshape(len(columns[name]), 5, -1)[:, 3:]).all(), name
    boxes = arranged("annotation.base_view.boxes", columns["annotation.base_view.boxes"])
    np.testing.assert_array_equal(boxes[:, :3], episode.cameras["front"].boxes)
    assert np.isnan(boxes[:, 3:]).all()
    assert np.isfinite(arranged("annotation.body_position", columns["annotation.body_position"])[:, :3]).all()


def test_state_is_what_was_reported_at_the_frame():
    episode = made_up_episode(stride=3)
    columns = frame_columns(episode, 3)
    np.testing.assert_array_equal(columns["state.joints"], episode.measured_joint_pos[episode.frame_steps])
    np.testing.assert_array_equal(columns["annotation.phase"][:, 0], episode.phase[episode.frame_steps])


def test_a_late_picture_says_how_late_it_is():
    episode = made_up_episode(stride=2)
    late = without(episode, shown_steps=np.maximum(episode.frame_steps - 3, 0))
    found = frame_columns(late, 3)["annotation.picture_age"][:, 0]
    np.testing.assert_allclose(found, (0, 0.1, 0.15, 0.15, 0.15, 0.15), atol=1e-6)


def test_a_pose_is_one_rotation_in_all_its_forms():
    rng = np.random.default_rng(0)
    episode = made_up_episode(steps=40)
    pose = episode.measured_ee_pose.copy()
    pose[:, 3:] = Rotation.from_rotvec(rng.normal(0, 1.2, (41, 3))).as_quat()
    columns = frame_columns(without(episode, measured_ee_pose=pose), 3)
    truth = Rotation.from_quat(pose[:-1, 3:].astype(float))
    w_last = columns["state.eef_quaternion"][:, [1, 2, 3, 0]]
    assert (Rotation.from_quat(w_last) * truth.inv()).magnitude().max() < 1e-6
    for again in (
        from_six_numbers(columns["state.eef_rotation_6d"]),
        from_vector(columns["state.eef_rotation_vector"]),
    ):
        assert (again * truth.inv()).magnitude().max() < 1e-6
    delta = Rotation.from_rotvec(columns["command.delta_eef_rotation_vector"])
    w_last = columns["command.delta_eef_quaternion"][:, [1, 2, 3, 0]]
    for again in (
        Rotation.from_euler("xyz", columns["command.delta_eef_rotation"]),
        Rotation.from_quat(w_last),
    ):
        assert (delta * again.inv()).magnitude().max() < 1e-6


def hand_down_episode(seed: int):
    """An arm that works about its home, where the hand points down, as its joints' readings say: with noise."""
    rng = np.random.default_rng(seed)
    times = np.linspace(0, 1, 81)[:, None]
    swings = rng.normal(0, 0.15, (3, 7)), rng.uniform(0, 2 * np.pi, (3, 7))
    way = sum(
        a * (np.sin(2 * np.pi * (k + 1) * times + p) - np.sin(p))
        for k, (a, p) in enumerate(zip(*swings, strict=True))
    )
    joints = np.array(PANDA.home) + way
    read = joints + rng.normal(0, 1e-3, joints.shape)
    signs = rng.choice((-1.0, 1.0), (81, 1))  # whoever wrote a pose may give its quaternion either sign
    poses = {}
    for name, q in (("ee_pose", joints), ("measured_ee_pose", read)):
        position, rotation, _ = forward(torch.from_numpy(q))
        turn = Rotation.from_matrix(rotation.numpy()).as_quat() * signs
        poses[name] = np.concatenate((position.numpy(), turn), 1).astype(np.float32)
    made = made_up_episode(seed, steps=80, stride=2, cameras=())
    return without(
        made, joint_pos=joints.astype(np.float32), measured_joint_pos=read.astype(np.float32),
        commanded_joints=joints.astype(np.float32), **poses,
    )  # fmt: skip


@pytest.mark.parametrize("seed", range(5))
def test_no_column_jumps_where_the_hand_points_down(seed):
    episode = hand_down_episode(seed)
    euler = Rotation.from_quat(episode.measured_ee_pose[episode.frame_steps, 3:]).as_euler("xyz")
    assert np.abs(np.diff(euler, axis=0)).max() > 6, "Euler angles jump here, so the episode tests something"
    assert jumps(episode) == []


def test_euler_angles_and_signs_as_they_come_are_named_as_jumps(monkeypatch):
    monkeypatch.setattr("workbench.data.lerobot.frame_columns.vector_from_down", lambda r: r.as_euler("xyz"))
    monkeypatch.setattr(
        "workbench.data.lerobot.frame_columns.quaternion_wxyz",
        lambda r, like=None: np.roll(r.as_quat(), 1, -1),
    )
    named = {found.split()[0] for found in jumps(hand_down_episode(0))}
    assert {"state.eef_rotation_vector", "state.eef_quaternion", "command.eef_rotation_vector"} <= named


def test_statistics_of_a_rotation_describe_where_the_hand_is():
    """The mean of a column is near its values, as it is not where half of them are 2 pi away, or of the other sign."""
    episodes = [frame_columns(hand_down_episode(k), 3) for k in range(5)]
    for name in ("state.eef_rotation_6d", "state.eef_rotation_vector", "state.eef_quaternion"):
        rows = np.concatenate([e[name] for e in episodes])
        assert rows.std(0).max() < 0.5, name
        assert np.abs(rows - rows.mean(0)).max() < 1.5, name


@pytest.mark.skipif("WORKBENCH_TEST_DATA" not in os.environ, reason="WORKBENCH_TEST_DATA is not set")
def test_the_conventions_are_those_of_internvla_m1s_data():
    """Its own columns agree with each other under the conventions that ours are written in."""
    folder = Path(os.environ["WORKBENCH_TEST_DATA"]) / "internvla_m1_demo"
    table = pq.read_table(folder / "episode_000001.parquet")

    def column(name):
        return np.stack(table.column(name).to_numpy(zero_copy_only=False))

    turned = Rotation.from_quat(column("action.eef_quaternion")[:, [1, 2, 3, 0]])
    euler = Rotation.from_euler("xyz", column("action.eef_rotation"))
    assert (euler * turned.inv()).magnitude().max() < 1e-9, "Euler angles about fixed x, y, z"
    delta = Rotation.from_euler("xyz", column("action.delta_eef_rotation"))[1:]
    assert (delta * (turned[1:] * turned[:-1].inv()).inv()).magnitude().max() < 1e-9, "from the left"
    joints = column("action.joints")
    np.testing.assert_allclose(column("action.delta_joints")[1:], np.diff(joints, axis=0), atol=1e-12)
    position = column("action.eef_position")
    about_base = position[1:] - delta.apply(position[:-1])
    np.testing.assert_allclose(column("action.delta_eef_position")[1:], about_base, atol=1e-9)
    assert set(column("action.gripper_close")[:, 0]) == {-1.0, 1.0}
