"""Actions from frame to frame: what a robot that follows them ends up doing is what was demonstrated."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch
from scipy.spatial.transform import Rotation

from robots.franka import PANDA
from robots.franka.kinematics import forward
from tasks.tabletop.action_spaces import DELTA_JOINTS
from tests.workbench.data.made_up import made_up_episode, without
from workbench.data.frame_actions import CLOSE, OPEN, frame_actions


def joint_episode(steps=12, stride=1):
    """An episode in joint space whose commanded joints are its actions added up."""
    rng = np.random.default_rng(1)
    actions = np.concatenate((rng.normal(0, 0.02, (steps, 7)), np.ones((steps, 1))), 1).astype(np.float32)
    start = np.array(PANDA.home)
    commanded = start + np.concatenate((np.zeros((1, 7)), np.cumsum(actions[:, :7].astype(float), 0)))
    return without(
        made_up_episode(steps=steps, stride=stride),
        action_spec=DELTA_JOINTS,
        actions=actions,
        commanded_joints=commanded.astype(np.float32),
    )


def test_at_every_step_the_actions_are_those_that_were_sent():
    episode = made_up_episode(stride=1)
    found = frame_actions(episode)
    np.testing.assert_array_equal(found["delta_eef_position"], episode.actions[:, :3].astype(float))
    np.testing.assert_array_equal(found["delta_eef_rotation_vector"], episode.actions[:, 3:6].astype(float))
    assert (found["gripper_close"][:, 0] == np.where(episode.actions[:, -1] > 0, OPEN, CLOSE)).all()


@pytest.mark.parametrize("stride", [2, 3, 5])
def test_frames_apart_carry_the_same_motion(stride):
    rng = np.random.default_rng(0)
    actions = made_up_episode(steps=13).actions.copy()
    actions[:, 3:6] = rng.normal(0, 0.4, (13, 3))  # large: their order matters
    episode = without(made_up_episode(steps=13, stride=stride), actions=actions)
    found = frame_actions(episode)
    moved, turned = np.zeros(3), Rotation.identity()
    for f, begin in enumerate(episode.frame_steps):
        end = min(begin + stride, 13)
        before = moved.copy(), turned
        for action in actions[begin:end].astype(float):
            moved, turned = moved + action[:3], Rotation.from_rotvec(action[3:6]) * turned
        np.testing.assert_allclose(before[0] + found["delta_eef_position"][f], moved, atol=1e-12)
        reached = Rotation.from_rotvec(found["delta_eef_rotation_vector"][f]) * before[1]
        assert (reached * turned.inv()).magnitude() < 1e-12
        assert found["gripper_close"][f, 0] == (OPEN if actions[end - 1, -1] > 0 else CLOSE)


@pytest.mark.parametrize("stride", [1, 4])
def test_joint_deltas_lead_from_target_to_target(stride):
    episode = joint_episode(stride=stride)
    found = frame_actions(episode)
    start = episode.commanded_joints[0].astype(float)
    np.testing.assert_allclose(start + np.cumsum(found["delta_joints"], 0), found["joints"], atol=1e-6)


@pytest.mark.parametrize("stride", [1, 4])
def test_the_other_space_says_the_same_motion(stride):
    """Tool deltas of a joint-space episode, followed from its first tool pose, reach the commanded tool poses."""
    episode = joint_episode(stride=stride)
    found = frame_actions(episode)
    first = torch.from_numpy(episode.commanded_joints[:1].astype(float))
    position, rotation, _ = (x.numpy()[0] for x in forward(first))
    turned = Rotation.from_matrix(rotation)
    for f in range(len(episode.frame_steps)):
        position = position + found["delta_eef_position"][f]
        turned = Rotation.from_rotvec(found["delta_eef_rotation_vector"][f]) * turned
        np.testing.assert_allclose(position, found["eef_position"][f], atol=1e-9)
        np.testing.assert_allclose(turned.as_matrix(), found["eef_rotation_matrix"][f], atol=1e-9)
    assert np.abs(found["eef_position"][-1] - found["eef_position"][0]).max() > 1e-3, "the arm did move"


def test_nothing_is_done_after_a_frame_that_shows_the_end():
    episode = made_up_episode(steps=8, stride=4)
    found = frame_actions(without(episode, frame_steps=np.array((0, 4, 8))))
    assert not found["delta_eef_position"][2].any()
    assert not found["delta_eef_rotation_vector"][2].any()
    assert not found["delta_joints"][2].any()
    assert found["gripper_close"][2] == found["gripper_close"][1]


def test_a_gripper_of_the_other_sign_is_turned():
    episode = made_up_episode()
    other = without(episode, action_spec=replace(episode.action_spec, gripper_sign="+1 closes"))
    assert (frame_actions(other)["gripper_close"] == -frame_actions(episode)["gripper_close"]).all()


def test_frames_at_uneven_distances_are_refused():
    with pytest.raises(ValueError, match=r"000000-00: frame_steps are 1, 3 steps apart"):
        frame_actions(without(made_up_episode(), frame_steps=np.array((0, 1, 4))))
