"""Datasets of a robot that is not the default one: its joints, by its names, and its own tool motion."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest

from robots.registry import robot
from tasks.tabletop.action_spaces import action_specs
from tests.workbench.data.archives import write_archive
from tests.workbench.data.made_up import made_up_episode, without
from workbench.data.archive.archive import ArchiveError, episodes
from workbench.data.frame_actions import REACHED, SENT, frame_actions
from workbench.data.lerobot.frame_columns import frame_columns
from workbench.data.lerobot.reading import load_lerobot
from workbench.data.lerobot.v3 import export_lerobot_v3
from workbench.data.lerobot.v21 import export_lerobot_v21
from workbench.data.replay.sources import control_actions

SO_ARM = robot("so_arm")
SPACES = action_specs("so_arm")
JOINTS = SO_ARM.spec.arm_joints
EXPORTS = {"v21": export_lerobot_v21, "v3": export_lerobot_v3}


def so_arm_episode(index=0, space="delta_eef", stride=2):
    """Made up, but with a tool that is where the joints bring it."""
    episode = made_up_episode(index, stride=stride, spec=SPACES[space])
    home = np.array(SO_ARM.spec.home, np.float32)
    width = np.linspace(SO_ARM.gripper.open_width, 0.02, episode.steps + 1, dtype=np.float32)
    joints = {name: home + getattr(episode, name) for name in ("commanded_joints", "joint_pos")}
    return without(episode, gripper_width=width, **joints)


def test_an_archive_gives_back_joints_and_width(tmp_path):
    episode = so_arm_episode()
    write_archive(tmp_path / "archive", episode)
    (again,) = episodes(tmp_path / "archive/episodes")
    assert again.problems() == []
    np.testing.assert_array_equal(again.joint_pos, episode.joint_pos)
    np.testing.assert_allclose(again.gripper_width, episode.gripper_width, atol=1e-6)


def test_pitch_and_roll_of_the_steps_between_two_frames_add_up():
    episode = so_arm_episode()
    turns = frame_actions(episode)["delta_eef_turn"]
    own = episode.actions[:, 3:5].astype(float)
    np.testing.assert_allclose(turns, own[0::2] + own[1::2], atol=1e-7)


def test_of_joint_actions_the_turn_is_what_the_targets_did_in_pitch_and_roll():
    episode = so_arm_episode(space="delta_joints", stride=1)
    position, rotation = SO_ARM.chain.pose(episode.commanded_joints.astype(float))
    found = frame_actions(episode)
    pitch = np.arcsin(-rotation[:, 2, 2])
    np.testing.assert_allclose(found["delta_eef_turn"][:, 0], np.diff(pitch), atol=1e-4)
    np.testing.assert_allclose(found["delta_eef_position"], np.diff(position, axis=0), atol=1e-9)
    np.testing.assert_allclose(found["delta_joints"], episode.actions[:, :5], atol=1e-9)


@pytest.mark.parametrize("space", SPACES)
def test_columns_are_of_its_joints_and_its_action_space(space):
    columns = frame_columns(so_arm_episode(), 3, space)
    assert columns["state.joints"].shape[1] == columns["command.delta_joints"].shape[1] == len(JOINTS)
    assert columns["observation.state"].shape[1] == len(JOINTS) + 1
    assert columns["action"].shape[1] == SPACES[space].dim
    parts = ("delta_eef_position", "delta_eef_turn") if space == "delta_eef" else ("delta_joints",)
    whole = np.concatenate([columns[f"command.{name}"] for name in parts], 1)
    np.testing.assert_array_equal(columns["action"][:, :-1], whole)


@pytest.mark.parametrize("version", EXPORTS)
def test_an_export_names_its_joints_and_is_read_and_replayed_again(tmp_path, version):
    write_archive(tmp_path / "archive", *(so_arm_episode(k) for k in range(3)))
    EXPORTS[version](tmp_path / "archive", tmp_path / "out")
    info = json.loads((tmp_path / "out/meta/info.json").read_text("utf-8"))
    assert info["robot_type"] == "so_arm"
    assert info["features"]["state.joints"]["names"] == list(JOINTS)
    assert info["features"]["observation.state"]["names"] == [*JOINTS, "gripper_width"]
    assert info["features"]["action"]["names"] == [c.name for c in SPACES["delta_eef"].channels]
    said = json.loads((tmp_path / "out/meta/conventions.json").read_text("utf-8"))
    assert said["delta_source"] == {"delta_eef": SENT, "delta_joints": REACHED}
    assert said["action"]["spec"]["rotation"] == "pitch_roll"
    dataset = load_lerobot(tmp_path / "out")
    originals = {f"{k:06d}-00": so_arm_episode(k) for k in range(3)}
    for episode in dataset:
        original = originals.pop(episode.metadata["original_episode_name"])
        assert episode.column("state.joints").shape[1] == len(JOINTS)
        played = control_actions(episode, SPACES["delta_eef"])
        assert played.shape == original.actions.shape
        sums = [a.reshape(-1, 2, SPACES["delta_eef"].dim).sum(1)[:, :-1] for a in (played, original.actions)]
        np.testing.assert_allclose(*sums, atol=1e-6)
    assert not originals


@pytest.mark.parametrize(
    ("name", "why"), [("someone", "is not installed"), ("wxai", "only the bridge knows")]
)
def test_a_robot_that_cannot_be_exported_is_named(tmp_path, name, why):
    episode = made_up_episode()
    write_archive(
        tmp_path / "archive", without(episode, action_spec=replace(episode.action_spec, robot=name))
    )
    with pytest.raises(ArchiveError, match=f"this archive's robot is {name}, which {why}"):
        export_lerobot_v21(tmp_path / "archive", tmp_path / "out")
