"""An archive's episode as `Evidence`: everything that the simulator knew."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import numpy as np

from robots.registry import DEFAULT as DEFAULT_ROBOT
from robots.registry import is_known, robot
from tasks.registry import DEFAULT
from tasks.tabletop.action_spaces import DELTA_EEF, DELTA_JOINTS
from workbench.data.episode import DEPTH_UNIT, CameraFrames, DatasetEpisode
from workbench.data.frame_actions import (
    SENT,
    TRANSLATION,
    joint_channels,
    sources,
    tool_turn,
    turn_channels,
)
from workbench.data.generate.annotate import (
    CARRY,
    GRASP,
    PLACE,
    NotADemonstration,
    demonstration,
    pushed,
    ways_ahead,
)
from workbench.data.validation.checks.command_path import executed
from workbench.data.validation.checks.evidence import Evidence, Gripper, Motion, Pictures, ToolPoses
from workbench.data.validation.checks.tool import matrices


def archive_evidence(episode: DatasetEpisode) -> Evidence:
    """The evidence of an episode that has no `DatasetEpisode.problems`."""
    shown, f = episode.shown_steps, episode.factors
    known_arm = episode.action_spec.robot if is_known(episode.action_spec.robot) else None
    bias = f.get("sensing.ee_bias") or (0.0, 0.0, 0.0)
    noise = float(f.get("sensing.ee_noise") or 0.0)
    poses = (
        _track("ee_pose", episode.ee_pose, "joint_pos", episode.joint_pos, known_arm),
        _track(
            "measured_ee_pose", episode.measured_ee_pose, "measured_joint_pos", episode.measured_joint_pos, known_arm,
            tuple(map(float, bias)), noise,
        ),
    )  # fmt: skip
    return Evidence(
        name=episode.name,
        rate_hz=episode.control_hz,
        robot=known_arm or DEFAULT_ROBOT,
        poses=poses,
        velocities=episode.joint_vel,
        velocity_field="joint_vel",
        motion=_motion(episode) if known_arm else (),
        gripper=_gripper(episode),
        repeats=_repeats(episode),
        bodies=episode.bodies,
        body_field="body_pose",
        body_pose=episode.body_pose[shown] if len(shown) else None,
        points_3d={
            **({"grasp": episode.grasp[:1], "contact": episode.contact} if _grasps(episode) else {}),
            "place": episode.place[None],
            "trace": episode.trace,
        },
        held=episode.phase[shown] == CARRY if len(shown) else None,
        pictures=tuple(_pictures(name, camera) for name, camera in episode.cameras.items()),
        instruction=episode.instruction,
        instruction_field="meta/record/instruction",
        factors=f,
        task=str(episode.record.get("task", DEFAULT)),
        success=bool(episode.record["success"]),
        success_field="meta/record/success",
    )


def _track(
    field: str,
    pose: np.ndarray,
    joints_field: str,
    joints: np.ndarray,
    known_arm: str | None,
    bias: tuple[float, ...] = (0.0, 0.0, 0.0),
    noise: float = 0.0,
) -> ToolPoses:
    quaternion = pose[:, 3:].astype(float)
    return ToolPoses(
        position_field=f"{field} (position)",
        position=pose[:, :3].astype(float),
        rotations={f"{field} (quaternion)": matrices(quaternion)},
        quaternions={f"{field} (quaternion)": quaternion},
        joints_field=joints_field,
        joints=joints.astype(float) if known_arm else None,
        robot=known_arm or DEFAULT_ROBOT,
        bias=(bias[0], bias[1], bias[2]),
        noise=noise,
    )


def _motion(episode: DatasetEpisode) -> tuple[Motion, ...]:
    """The arm's own action space against what its targets did."""
    names = [c.name for c in episode.action_spec.channels]
    own = {space for space, source in sources(episode.action_spec).items() if source == SENT}
    command = episode.commanded_joints.astype(float)
    wanted: tuple[str, ...]
    if DELTA_EEF.name in own:
        position, rotation = robot(episode.action_spec.robot).chain.pose(command)
        turned = tool_turn(episode.action_spec, rotation[:-1], rotation[1:])
        wanted = (*TRANSLATION, *turn_channels(episode.action_spec))
        reached = np.concatenate((np.diff(position, axis=0), turned), 1)
    elif DELTA_JOINTS.name in own:
        reached, wanted = np.diff(command, axis=0), joint_channels(episode.action_spec.robot)
    else:
        return ()
    columns = [names.index(name) for name in wanted]
    field = f"actions ({wanted[0]} to {wanted[-1]})"
    arrived = executed(episode)
    if arrived is None:
        return (Motion((field,), episode.actions[:, columns].astype(float), reached, None, exact=False),)

    def moved(rows: int) -> np.ndarray:
        """The arm's actions as they would have arrived, had they been sent so many rows earlier."""
        actions, own = episode.actions.copy(), episode.actions[:, columns]
        if rows > 0:
            actions[:-rows, columns] = own[rows:]
        else:
            actions[-rows:, columns] = own[:rows]
        came = executed(replace(episode, actions=actions))
        assert came is not None, "it was known before"
        return came[:, columns].astype(float)

    return (Motion((field,), arrived[:, columns].astype(float), reached, 0.0, exact=False, moved=moved),)


def _gripper(episode: DatasetEpisode) -> Gripper | None:
    if episode.action_spec.gripper_index is None:
        return None
    closed = episode.action_spec.closes(episode.actions)
    return Gripper(
        command_field=f"actions ({episode.action_spec.gripper})",
        width_field="gripper_width",
        closed=closed,
        width=episode.gripper_width.astype(float),
        late=float(episode.factors.get("control.action_delay") or 0) + 1,
        holding=holding(episode.phase) if _grasps(episode) else None,
    )


def holding(phase: np.ndarray) -> np.ndarray:
    """Whether the hand is told to be closed, by the phase."""
    return (phase >= GRASP) & (phase <= PLACE)


def _grasps(episode: DatasetEpisode) -> bool:
    """Whether anything is grasped in the episode."""
    return bool(np.isfinite(episode.grasp).all())


def _repeats(episode: DatasetEpisode) -> tuple[tuple[str, np.ndarray, str, np.ndarray], ...]:
    """What follows from states and phases."""
    found = []
    try:
        shown = (
            demonstration(
                holding(episode.phase),
                episode.ee_pose,
                episode.gripper_width,
                episode.body_pose[:, 0],
                episode.body_pose[:, 1],
            )
            if _grasps(episode)
            else pushed(episode.body_pose[:, 0], episode.body_pose[:, 1])
        )
    except NotADemonstration:
        return ()
    why = "the states while the object is held and at the end"
    if (shown.phase == episode.phase).all():
        found += [
            (name, getattr(episode, name), why, getattr(shown, name))
            for name in (("grasp", "contact", "place") if _grasps(episode) else ("place",))
        ]
    found.append(
        ("phase", episode.phase.astype(float)[:, None], "the states", shown.phase.astype(float)[:, None])
    )
    if len(episode.shown_steps):
        path = ways_ahead(episode.ee_pose[:, :3], episode.phase, episode.shown_steps)
        frames = len(path)
        found.append(
            ("trace", episode.trace.reshape(frames, -1), "the tool's path", path.reshape(frames, -1))
        )
    return tuple(found)


def _pictures(name: str, camera: CameraFrames) -> Pictures:
    members = (
        "intrinsics",
        "position",
        "rotation",
        "boxes",
        "depth",
        "mask",
        "grasp",
        "contact",
        "place",
        "trace",
    )
    fields: Mapping[str, str] = {m: f"cameras/{name}/{m}" for m in members} | {
        "distortion": f"meta/cameras/{name}/distortion"
    }
    return Pictures(
        name=name,
        fields=fields,
        size=(camera.width, camera.height),
        intrinsics=camera.intrinsics.astype(float),
        distortion=camera.distortion,
        position=camera.position.astype(float),
        rotation=camera.rotation.astype(float),
        points={
            "grasp": camera.grasp[:, None],
            "contact": camera.contact,
            "place": camera.place[:, None],
            "trace": camera.trace,
        },
        boxes=camera.boxes,
        visibility=camera.visibility,
        depth=None if camera.depth is None else camera.depth * DEPTH_UNIT,
        mask=camera.mask,
        on_the_hand=name == "wrist",
    )
