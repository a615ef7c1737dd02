"""Tasks of the bench in Inspect Robots (https://pypi.org/project/inspect-robots, 0.60): a robot and what it is asked.

Both are registered by entry points, under the name ``sim2real_workbench``:

    inspect-robots run --task sim2real_workbench --embodiment sim2real_workbench --policy ...

Arguments of the embodiment are options of ``workbench eval`` (``task``, ``dr``, ``seed``, ...); the task's say how many
episodes and how long. Its scenes are named by their numbers: scene ``17`` is episode 17 of the embodiment's seed.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from inspect_robots.embodiment import (
    PRIVILEGED_SUCCESS,
    RENDERABLE,
    RESETTABLE,
    EmbodimentBase,
    EmbodimentInfo,
)
from inspect_robots.scene import Scene
from inspect_robots.spaces import ActionSemantics, Box, CameraSpec, ObservationSpace, StateField, StateSpec
from inspect_robots.task import Task
from inspect_robots.types import Action, Observation, StepResult

from policy.action import ActionSpec
from tasks.tabletop.action_spaces import CONTROL_HZ
from workbench.cli.options import OptionError
from workbench.harnesses.one_environment import OneEnvironment, Seen

NAME = "sim2real_workbench"
WORDED = "what each observation's instruction says"
"""Instruction of a scene: the task words each episode itself, when it begins."""


def action_box(spec: ActionSpec) -> Box:
    """An action spec in the words of Inspect Robots."""
    joints = all(c.frame == "joint" for c in spec.channels if c.name != spec.gripper)
    semantics = ActionSemantics(
        control_mode="joint_delta" if joints else "eef_delta_pose",
        rotation_repr="axis_angle" if spec.rotation == "rotation_vector" and not joints else "none",
        gripper="none" if spec.gripper_index is None else "binary",
        frame="base",
        dim_labels=tuple(c.name for c in spec.channels),
    )
    return Box((spec.dim,), spec.low, spec.high, semantics)


class WorkbenchEmbodiment(EmbodimentBase):  # type: ignore[misc]  # not installed where types are checked
    """One simulated robot before one of the bench's tasks."""

    def __init__(self, cameras: tuple[str, ...] | list[str] = ("front", "wrist"), **settings: Any) -> None:
        """``settings`` are options of ``workbench eval``; OptionError for what cannot be used."""
        self._environment = OneEnvironment(tuple(cameras), **settings)
        options, spec = self._environment.options, self._environment.action_spec
        joints = len(robot_joints(options.robot))
        self.info = EmbodimentInfo(
            name=f"{NAME}/{options.robot}",
            action_space=action_box(spec),
            observation_space=ObservationSpace(
                tuple(CameraSpec(name, options.image_size, options.image_size) for name in cameras),
                state=StateSpec(
                    (
                        StateField("joint_pos", (joints,), "rad"),
                        StateField("joint_vel", (joints,), "rad/s"),
                        StateField("eef_pose", (7,), "m+quat"),
                        StateField("gripper_width", (1,), "m"),
                    )
                ),
            ),
            control_hz=CONTROL_HZ,
            is_simulated=True,
            capabilities=frozenset({RESETTABLE, PRIVILEGED_SUCCESS, RENDERABLE}),
            docs=(
                f"{options.robot}; metres and radians, base frame (x forward, y left, z up); quaternions x y z w; "
                f"gripper channel: {spec.gripper_sign}; steps are added to the last command, not to the measured pose."
            ),
            environment_id=f"{NAME}/{options.task}",
        )

    def reset(self, scene: Scene, *, seed: int | None = None) -> Observation:
        """Begin the episode whose number the scene's name ends with; its suite's seed is the embodiment's."""
        number = scene.id.rpartition("/")[2]
        if not number.isdecimal():
            raise OptionError(f"scene {scene.id!r} names no episode: names are numbers, or end with /NUMBER")
        return self._observation(self._environment.begin(int(number)))

    def step(self, action: Action) -> StepResult:
        """One control step."""
        seen = self._environment.step(np.asarray(action.data))
        over, won = self._environment.over, self._environment.succeeded
        reason = "success" if won else self._environment.failure_reason if over else None
        return StepResult(
            self._observation(seen),
            reward=float(won),
            terminated=over,
            termination_reason=reason,
            info={"success": won},
        )

    def close(self) -> None:
        """End the simulator."""
        self._environment.close()

    def _observation(self, seen: Seen) -> Observation:
        state = {
            "joint_pos": seen.joint_pos.astype(np.float64),
            "joint_vel": seen.joint_vel.astype(np.float64),
            "eef_pose": seen.ee_pose.astype(np.float64),
            "gripper_width": np.array([seen.gripper_width]),
        }
        return Observation(seen.images, state, seen.instruction)


def robot_joints(name: str) -> tuple[str, ...]:
    """Names of a robot's arm joints."""
    from robots.registry import robot

    return robot(name).spec.arm_joints


def workbench_task(episodes: int = 16, max_seconds: float = 15.0) -> Task:
    """That many episodes of whatever the embodiment's task is, scored by the simulator's judge."""
    scenes = [Scene(str(index), WORDED) for index in range(episodes)]
    return Task(NAME, scenes, "success_at_end", max_seconds=max_seconds)
