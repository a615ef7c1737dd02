"""A LeRobot dataset's episode as `Evidence`: what its columns, its facts and its conventions say.

The one place where checks know columns by name. Datasets that were not exported here have what they have: columns of
the same names are read in the same way, the arm's kinematics are taken for known only where the dataset says which arm
it is, and what is missing is not checked.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from scipy.spatial.transform import Rotation

from robots.registry import DEFAULT as DEFAULT_ROBOT
from robots.registry import is_known, robot
from tasks.registry import DEFAULT
from tasks.tabletop.action_spaces import DELTA_EEF, DELTA_JOINTS
from workbench.data.episode import PHASES, Body
from workbench.data.frame_actions import OPEN, SENT
from workbench.data.lerobot.columns import ANNOTATION, TURN
from workbench.data.lerobot.reading import ImportedEpisode
from workbench.data.validation.checks.archive_evidence import holding
from workbench.data.validation.checks.evidence import Evidence, Gripper, Motion, Pictures, ToolPoses
from workbench.data.validation.checks.lerobot_rotations import DELTA_ROTATIONS, ROTATIONS
from workbench.data.validation.checks.motion import joint_steps, tool_steps

COMMANDS = ("command", "action")
"""How the columns of what was commanded begin: today's, and earlier exports' and InternVLA-M1's."""


def lerobot_evidence(episode: ImportedEpisode, conventions: Mapping[str, Any]) -> Evidence:
    """The evidence of an episode.

    Args:
        episode: its rows and facts.
        conventions: ``meta/conventions.json``; empty where there is none.
    """
    return _Reader(episode, conventions).evidence()


class _Reader:
    def __init__(self, episode: ImportedEpisode, conventions: Mapping[str, Any]) -> None:
        self.episode = episode
        self.facts = episode.metadata if isinstance(episode.metadata, Mapping) else {}
        self.own = bool(conventions)
        self.said = conventions
        named = conventions.get("action_spec", {}).get("robot") if self.own else None
        self.known_arm = named if is_known(named) else None
        """Name of the robot, if its kinematics are known."""
        self.robot: str = self.known_arm or DEFAULT_ROBOT
        self.arm_joints = len(robot(self.robot).spec.arm_joints)
        self.factors: Mapping[str, Any] = self.facts.get("factors") or {}
        self.command = next(
            (kind for kind in COMMANDS if self.has(f"{kind}.joints") or self.has(f"{kind}.eef_position")),
            "command",
        )
        control_hz = float(self.facts.get("control_hz") or episode.fps)
        self.stride = max(1, round(control_hz / episode.fps))
        self.delay = float(self.factors.get("control.action_delay") or 0) / self.stride

    def has(self, name: str) -> bool:
        return name in self.episode.columns

    def table(self, name: str, *shape: int) -> np.ndarray | None:
        """Rows of a column in a shape, flat if none is given, float64; None if it is not there or does not fit."""
        if not self.has(name):
            return None
        value = np.asarray(self.episode.columns[name], np.float64)
        if name.startswith(ANNOTATION):
            value = np.where(np.isinf(value), np.nan, value)
        try:
            return value.reshape(len(value), *(shape or (-1,)))
        except ValueError:
            return None

    def evidence(self) -> Evidence:
        phase = self.table("annotation.phase")
        at, is_row = self._instants()
        bodies = self._bodies()
        motion = self._motion()
        return Evidence(
            name=f"episode {self.episode.index}",
            rate_hz=self.episode.fps,
            poses=self._poses(),
            robot=self.robot,
            velocities=self.table("state.joints_velocity", self.arm_joints),
            velocity_field="state.joints_velocity",
            motion=motion,
            gripper=self._gripper(phase),
            repeats=self._repeats(),
            bodies=bodies,
            body_field="annotation.body_position",
            body_pose=self._body_pose(at, len(bodies)) if bodies else None,
            points_3d=self._points(),
            held=None if phase is None else _carried(phase, at, is_row),
            pictures=self._pictures(len(bodies)),
            instruction=self.episode.task if bodies else None,
            instruction_field="task",
            task=str(self.facts.get("task", DEFAULT)),
            factors=self.factors,
            success=self.facts.get("success") if self.own else None,
            success_field="task_data/success",
        )

    # -- the robot

    def _poses(self) -> tuple[ToolPoses, ...]:
        bias = self.factors.get("sensing.ee_bias") or (0.0, 0.0, 0.0)
        noise = float(self.factors.get("sensing.ee_noise") or 0.0)
        found = []
        for kind in ("state", self.command):
            position = self.table(f"{kind}.eef_position", 3)
            if position is None:
                continue
            rotations, quaternions = self._rotations(kind)
            joints = self.table(f"{kind}.joints", self.arm_joints) if self.known_arm else None
            found.append(
                ToolPoses(
                    f"{kind}.eef_position",
                    position,
                    rotations,
                    quaternions,
                    f"{kind}.joints",
                    joints,
                    self.robot,
                    tuple(map(float, bias)) if kind == "state" else (0.0, 0.0, 0.0),  # type: ignore[arg-type]
                    noise if kind == "state" else 0.0,
                    one_hemisphere=self.own,
                )
            )
        return tuple(found)

    def _rotations(self, kind: str) -> tuple[dict[str, np.ndarray], dict[str, np.ndarray]]:
        rotations, quaternions = {}, {}
        for name, (width, read) in ROTATIONS.items():
            value = self.table(f"{kind}.{name}", width)
            if value is not None:
                rotations[f"{kind}.{name}"] = read(value)
                if name == "eef_quaternion":
                    quaternions[f"{kind}.{name}"] = np.roll(value, -1, 1)
        return rotations, quaternions

    def _motion(self) -> tuple[Motion, ...]:
        if not self.own:
            return ()
        source: Mapping[str, str] = self.said.get("delta_source", {})
        lags: Mapping[str, float] = self.facts.get("command_lag") or {}
        c, found = self.command, []
        joints = self.table(f"{c}.joints", self.arm_joints) if self.known_arm else None
        moved, turned = (
            self.table(f"{c}.delta_eef_position", 3),
            self.table(f"{c}.delta_eef_rotation_vector", 3),
        )
        if moved is not None and turned is not None and joints is not None:
            fields = (f"{c}.delta_eef_position", f"{c}.delta_eef_rotation_vector")
            reached = tool_steps(*robot(self.robot).chain.pose(joints))
            found.append(
                self._moved(fields, np.concatenate((moved, turned), 1), reached, DELTA_EEF.name, source, lags)
            )
        steps = self.table(f"{c}.delta_joints", self.arm_joints)
        if steps is not None and joints is not None:
            found.append(
                self._moved(
                    (f"{c}.delta_joints",), steps, joint_steps(joints), DELTA_JOINTS.name, source, lags
                )
            )
        return tuple(found)

    def _moved(
        self,
        fields: tuple[str, ...],
        sent: np.ndarray,
        reached: np.ndarray,
        space: str,
        source: Mapping[str, str],
        lags: Mapping[str, float],
    ) -> Motion:
        exact = source.get(space) != SENT
        known = lags.get(space)
        return Motion(fields, sent, reached, None, exact, None if exact else known)

    def _gripper(self, phase: np.ndarray | None) -> Gripper | None:
        name = f"{self.command}.gripper_close"
        closed, width = self.table(name), self.table("state.gripper_width")
        if not self.own or closed is None or width is None:
            return None  # what others mean by a width, nothing says
        return Gripper(
            name,
            "state.gripper_width",
            closed.reshape(-1) > 0,
            width.reshape(-1),
            self.delay + float(self.factors.get("sensing.state_delay") or 0) / self.stride + 1,
            None if phase is None else holding(phase.reshape(-1).astype(int)),
        )

    def _repeats(self) -> tuple[tuple[str, np.ndarray, str, np.ndarray], ...]:
        """``action`` and ``observation.state`` are columns of which others are the parts."""
        if not self.own:
            return ()
        found = []
        state = [self.table("state.joints", self.arm_joints), self.table("state.gripper_width", 1)]
        whole = self.table("observation.state")
        if whole is not None and not any(part is None for part in state):
            truth = np.concatenate([part for part in state if part is not None], 1)
            found.append(("observation.state", whole, "state.joints and state.gripper_width", truth))
        action, space = self.table("action"), self.said.get("action", {}).get("space")
        c = self.command
        turn = f"{c}.{TURN}"
        names = {
            DELTA_EEF.name: (
                f"{c}.delta_eef_position",
                turn if self.has(turn) else f"{c}.delta_eef_rotation_vector",
            ),
            DELTA_JOINTS.name: (f"{c}.delta_joints",),
        }.get(space, ())
        parts = [self.table(name) for name in (*names, f"{c}.gripper_close")]
        if action is not None and names and not any(part is None for part in parts):
            flat = [part.reshape(len(part), -1) for part in parts if part is not None]
            flat[-1] = flat[-1] * OPEN  # in ``action``, +1 opens
            found.append(("action", action, f"{', '.join(names)} and gripper_close", np.concatenate(flat, 1)))
        for name, (width, read) in DELTA_ROTATIONS.items():
            value, vector = self.table(f"{c}.{name}", width), self.table(f"{c}.delta_eef_rotation_vector", 3)
            if value is not None and vector is not None:
                turned = Rotation.from_rotvec(vector).as_matrix().reshape(len(vector), 9)
                found.append(
                    (
                        f"{c}.{name}",
                        read(value).reshape(len(value), 9),
                        f"{c}.delta_eef_rotation_vector",
                        turned,
                    )
                )
        return tuple(found)

    # -- the scene

    def _bodies(self) -> tuple[Body, ...]:
        try:
            return tuple(
                Body(str(b["slot"]), str(b["role"]), str(b["label"]), tuple(map(float, b["extents"])))  # type: ignore[arg-type]
                for b in self.facts.get("bodies", ())
            )
        except (KeyError, TypeError, ValueError):
            return ()

    def _instants(self) -> tuple[np.ndarray, np.ndarray]:
        """The row, with its fraction, of the instant that each picture shows; and whether it is a row ``[F]``."""
        age = self.table("annotation.picture_age")
        rows = np.arange(self.episode.frames, dtype=float)
        if age is None:
            return rows, np.ones(len(rows), bool)
        at = rows - np.nan_to_num(age.reshape(-1)) * self.episode.fps
        return at, np.abs(at - np.rint(at)) < 1e-3

    def _body_pose(self, at: np.ndarray, bodies: int) -> np.ndarray | None:
        """Poses at the instants shown ``[F, P, 7]``: between two rows only of bodies that rest in both, else NaN."""
        position, quaternion = (
            self.table("annotation.body_position", -1, 3),
            self.table("annotation.body_quaternion", -1, 4),
        )
        if position is None or quaternion is None or position.shape[1] < bodies:
            return None
        pose = np.concatenate((position, np.roll(quaternion, -1, -1)), -1)[:, :bodies]
        below = np.clip(np.floor(at + 1e-3).astype(int), 0, len(pose) - 1)
        above = np.clip(np.ceil(at - 1e-3).astype(int), 0, len(pose) - 1)
        found = pose[below]
        first, second = pose[below], pose[above]
        moved = np.abs(first[..., :3] - second[..., :3]).max(-1) > 1e-4
        moved |= np.abs(np.abs((first[..., 3:] * second[..., 3:]).sum(-1)) - 1) > 1e-6
        moved &= (below != above)[:, None]
        moved |= (at < -1e-3)[:, None]
        found[moved] = np.nan
        length = np.linalg.norm(found[..., 3:], axis=-1)
        found[~(length > 1e-9)] = np.nan
        return found

    def _points(self) -> dict[str, np.ndarray]:
        found = {}
        grasp = self.facts.get("grasp")
        said = {
            "grasp": grasp.get("position") if isinstance(grasp, Mapping) else None,
            "contact": self.facts.get("contact_points"),
            "place": self.facts.get("place_point"),
        }
        for name, value in said.items():
            try:
                points = np.asarray(value, float).reshape(-1, 3)
            except (TypeError, ValueError):
                continue
            if len(points):
                found[name] = points
        trace = self.table("annotation.trace", -1, 3)
        if trace is not None:
            found["trace"] = trace
        return found

    def _pictures(self, bodies: int) -> tuple[Pictures, ...]:
        data = self.facts.get("camera_data")
        found = []
        for name, said in data.items() if isinstance(data, Mapping) else ():
            key = f"annotation.{name}"
            position, rotation = (
                self.table(f"{key}.camera_position", 3),
                self.table(f"{key}.camera_rotation", 3, 3),
            )
            if position is None or rotation is None or "intrinsics" not in said:
                continue
            points = {
                point: value
                for point in ("grasp", "contact", "place", "trace")
                if (value := self.table(f"{key}.{point}", -1, 2)) is not None
            }
            boxes, visibility = self.table(f"{key}.boxes", -1, 4), self.table(f"{key}.visibility", -1)
            params: Sequence[float] = said.get("camera_params") or ()
            size = (int(params[4]), int(params[5])) if len(params) > 5 else (0, 0)
            fields = {p: f"{key}.{p}" for p in ("boxes", "grasp", "contact", "place", "trace")}
            fields |= {"position": f"{key}.camera_position", "rotation": f"{key}.camera_rotation"}
            fields |= {k: f"task_data/camera_data/{name}/{k}" for k in ("intrinsics", "distortion")}
            found.append(
                Pictures(
                    name,
                    fields,
                    size,
                    np.asarray(said["intrinsics"], float),
                    float(said.get("distortion") or 0.0),
                    position,
                    rotation,
                    points,
                    None if boxes is None else boxes[:, :bodies],
                    None if visibility is None else visibility[:, :bodies],
                    on_the_hand=said.get("name") == "wrist",
                )
            )
        return tuple(found)


def _carried(phase: np.ndarray, at: np.ndarray, is_row: np.ndarray) -> np.ndarray:
    """Whether the object is carried at the instants shown, as far as those are rows."""
    rows = np.clip(np.rint(at).astype(int), 0, len(phase) - 1)
    return (phase.reshape(-1)[rows] == PHASES.index("carry")) & is_row
