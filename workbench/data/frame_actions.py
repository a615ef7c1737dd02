"""Actions from frame to frame, in both of the arm's action spaces: what training sets hold.

The spaces are those of the episode's robot. Frames may be several control steps apart. What a policy should then say
at a frame is everything that was done until the next one: translations add up; rotation vectors multiply, later ones
from the left (they turn in the base frame); other turns of the tool, as an arm's pitch and roll, add up; the gripper
keeps its last word.

Where an episode's own actions are of the space asked for, they are composed as they were sent. The other space comes
from the commanded targets: their difference. The two are the same motion, up to what inverse kinematics leaves, as long
as commands arrive. Where factors delay, lose or repeat them, what was sent and what was reached differ by whole
actions: to train in a space on what the demonstrator said, generate the data in that space. The joints' first target
lies before the first action, so that first deltas count from what the arm was told, not from where it was.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np
from scipy.spatial.transform import Rotation

from policy.action import ActionSpec
from robots.registry import robot
from tasks.tabletop.action_spaces import ACTION_SPECS, DELTA_EEF, DELTA_JOINTS, action_specs
from workbench.data.episode import DatasetEpisode

TRANSLATION = ("dx", "dy", "dz")
SPACES = tuple(ACTION_SPECS)
"""Names of the action spaces that every robot has."""
SENT, REACHED = "actions as sent", "commanded targets reached"
OPEN, CLOSE = -1.0, 1.0
"""The two values of ``gripper_close``, as InternVLA-M1's simulated data has them."""


def stride(episode: DatasetEpisode) -> int:
    """Control steps from one frame to the next; ValueError if frames are not evenly spaced."""
    return even_gap(episode.name, episode.frame_steps)


def even_gap(name: str, frame_steps: np.ndarray) -> int:
    """The same of an episode by its name and its frames' control steps ``[F]``."""
    gaps = np.unique(np.diff(frame_steps))
    if len(gaps) > 1:
        raise ValueError(f"episode {name}: frame_steps are {', '.join(map(str, gaps))} steps apart")
    return int(gaps[0]) if len(gaps) else 1


def frame_actions(episode: DatasetEpisode) -> dict[str, np.ndarray]:
    """What was commanded from each frame to the next, float64.

    Args:
        episode: ``F`` frames. After a frame that shows the last state nothing is done: zero deltas.

    Returns:
        ``joints`` ``[F, J]`` [rad], ``eef_position`` ``[F, 3]`` [m] and ``eef_rotation_matrix`` ``[F, 3, 3]``: the
        targets reached at the end; ``delta_joints`` ``[F, J]`` [rad], ``delta_eef_position`` ``[F, 3]`` [m] and
        ``delta_eef_rotation_vector`` ``[F, 3]`` [rad] in the base frame: the way there; ``delta_eef_turn`` ``[F, R]``
        [rad]: the same turn as the robot's tool motion says it; ``gripper_close`` ``[F, 1]``: `OPEN` or `CLOSE`.
        Poses are the tool's in the base frame.

    Raises:
        ValueError: frames that are not evenly spaced.
    """
    begin = np.asarray(episode.frame_steps)
    end = np.minimum(begin + stride(episode), episode.steps)
    command = episode.commanded_joints.astype(np.float64)
    position, rotation = robot(episode.action_spec.robot).chain.pose(command)
    spans = list(zip(begin.tolist(), end.tolist(), strict=True))
    channels = {c.name: i for i, c in enumerate(episode.action_spec.channels)}
    actions = episode.actions.astype(np.float64)

    sent_in = sources(episode.action_spec)
    if sent_in[DELTA_JOINTS.name] == SENT:
        sent = actions[:, [channels[name] for name in joint_channels(episode.action_spec.robot)]]
        delta_joints = np.stack([sent[a:b].sum(0) for a, b in spans])
    else:
        delta_joints = command[end] - command[begin]
    turned = rotation[end] @ rotation[begin].transpose(0, 2, 1)
    delta_rotation = Rotation.from_matrix(turned).as_rotvec()
    eef = action_specs(episode.action_spec.robot)[DELTA_EEF.name]
    if sent_in[DELTA_EEF.name] == SENT:
        sent = actions[:, [channels[name] for name in TRANSLATION]]
        delta_position = np.stack([sent[a:b].sum(0) for a, b in spans])
        turns = actions[:, [channels[name] for name in turn_channels(eef)]]
        if eef.rotation == DELTA_EEF.rotation:
            delta_turn = delta_rotation = _products([turns[a:b] for a, b in spans])
        else:
            delta_turn = np.stack([turns[a:b].sum(0) for a, b in spans])
    else:
        delta_position = position[end] - position[begin]
        delta_turn = tool_turn(eef, rotation[begin], rotation[end])

    closed = episode.action_spec.closes(actions[np.maximum(end - 1, 0)])
    return {
        "joints": command[end],
        "eef_position": position[end],
        "eef_rotation_matrix": rotation[end],
        "delta_joints": delta_joints,
        "delta_eef_position": delta_position,
        "delta_eef_rotation_vector": delta_rotation,
        "delta_eef_turn": delta_turn,
        "gripper_close": np.where(closed, CLOSE, OPEN)[:, None],
    }


def joint_channels(robot_name: str) -> tuple[str, ...]:
    """Names of the channels that move a robot's joints: ``dq1`` and on."""
    return tuple(c.name for c in action_specs(robot_name)[DELTA_JOINTS.name].channels[:-1])


def turn_channels(spec: ActionSpec) -> tuple[str, ...]:
    """Names of the channels of relative tool motion that turn the tool."""
    return tuple(c.name for c in spec.channels if c.name not in TRANSLATION and c.unit == "rad")


def tool_turn(spec: ActionSpec, begin: np.ndarray, end: np.ndarray) -> np.ndarray:
    """The turn ``[N, R]`` [rad] between rotations ``[N, 3, 3]``, as relative tool motion of this meaning says it.

    Other turns than rotation vectors are the robot's own, whose control of the tool needs torch.
    """
    if spec.rotation == DELTA_EEF.rotation:
        return Rotation.from_matrix(end @ begin.transpose(0, 2, 1)).as_rotvec()
    import torch

    control = robot(spec.robot).tool_control()
    return control.turn_to(
        torch.from_numpy(np.ascontiguousarray(begin)), torch.from_numpy(np.ascontiguousarray(end))
    ).numpy()


def sources(spec: ActionSpec) -> dict[str, str]:
    """Where the deltas of each space of `SPACES` come from when an episode's own actions are of ``spec``."""
    channels = {c.name for c in spec.channels}
    eef = action_specs(spec.robot)[DELTA_EEF.name]
    needed = {
        DELTA_EEF.name: {*TRANSLATION, *turn_channels(eef)},
        DELTA_JOINTS.name: {*joint_channels(spec.robot)},
    }
    return {space: SENT if channels >= names else REACHED for space, names in needed.items()}


def action_vector(actions: Mapping[str, np.ndarray], spec: ActionSpec) -> np.ndarray:
    """What `frame_actions` found as the vectors ``[F, A]`` that an action space of the robot's takes."""
    parts = {
        DELTA_EEF.name: ("delta_eef_position", "delta_eef_turn"),
        DELTA_JOINTS.name: ("delta_joints",),
    }[spec.name]
    gripper = actions["gripper_close"] * spec.gripper_command(closed=True)
    return np.concatenate([*(actions[name] for name in parts), gripper], 1)


def frame_spec(spec: ActionSpec, control_hz: float, steps: int) -> ActionSpec:
    """The meaning of those vectors when frames are ``steps`` control steps apart: their rate and bounds."""
    channels = (
        c if c.reference == "absolute" else replace(c, low=c.low * steps, high=c.high * steps)
        for c in spec.channels
    )
    return replace(spec, control_hz=control_hz / steps, channels=tuple(channels))


def _products(turns: Sequence[np.ndarray]) -> np.ndarray:
    """Rotation vectors ``[F, 3]`` of rotations, ``[K, 3]`` for each frame, carried out one after the other."""
    most = max(map(len, turns), default=0)
    if most == 1 and all(len(vectors) == 1 for vectors in turns):
        return np.concatenate(turns)
    padded = np.zeros((most, len(turns), 3))  # by no rotation at all
    for k, vectors in enumerate(turns):
        padded[: len(vectors), k] = vectors
    done = Rotation.identity(len(turns))
    for turn in padded:
        done = Rotation.from_rotvec(turn) * done
    return done.as_rotvec()
