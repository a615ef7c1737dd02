"""`WorkbenchTasks`: tasks of the bench as a benchmark of vla-eval (https://pypi.org/project/vla-eval, 0.8).

In a configuration of vla-eval:

    benchmarks:
      - benchmark: "workbench.harnesses.vla_eval_benchmark:WorkbenchTasks"
        episodes_per_task: 50
        params: {task: push, dr: mild, seed: 1}

``params`` are options of ``workbench eval``. Episode ``k`` there is episode ``k`` here. A model server gets pictures
``front`` and ``wrist``, ``ee_pose`` (tool position [m], quaternion x y z w), ``gripper_width`` (between the fingers,
[m]), ``joint_pos`` [rad] and ``joint_vel`` [rad/s], with ``send_state: true`` also ``state``, pose and width in one
vector, and answers with actions as ``workbench eval`` takes them.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import Any

import numpy as np
from vla_eval.benchmarks.base import Benchmark
from vla_eval.specs import (
    IMAGE_RGB,
    LANGUAGE,
    POSITION_DELTA,
    RAW,
    ROTATION_AA,
    STATE_EEF_POS_QUAT_GRIP,
    DimSpec,
)

from policy.action import ActionSpec
from workbench.cli.options import OptionError
from workbench.harnesses.one_environment import OneEnvironment, Seen


def dim_specs(spec: ActionSpec) -> dict[str, DimSpec]:
    """An action spec in vla-eval's words: its parts in the order of the channels."""
    parts: dict[str, DimSpec] = {}
    tool = [c for c in spec.channels if c.unit == "m" and c.frame != "joint"]
    turns = [c for c in spec.channels if c.unit == "rad" and c.frame != "joint"]
    joints = [c for c in spec.channels if c.frame == "joint" and c.name != spec.gripper]
    if tool:
        parts["position"] = replace(POSITION_DELTA, dims=len(tool), description="metres, base frame")
    if turns:
        form = ROTATION_AA.format if spec.rotation == "rotation_vector" else spec.rotation
        parts["rotation"] = replace(ROTATION_AA, dims=len(turns), format=form, description="radians")
    if joints:
        parts["joints"] = replace(
            RAW, name="joints", dims=len(joints), format="joint_delta", description="radians"
        )
    if spec.gripper_index is not None:
        way = "positive" if spec.gripper_sign == "+1 closes" else "negative"
        parts["gripper"] = DimSpec("gripper", 1, f"binary_close_{way}", (-1, 1))
    return parts


class WorkbenchTasks(Benchmark):  # type: ignore[misc]  # vla-eval is not installed where types are checked
    """See the module. The simulator has a thread of its own: its start takes a minute, and pings want answers."""

    render_backends = frozenset({"gpu", "cpu"})

    def __init__(self, cameras: list[str] | None = None, send_state: bool = False, **settings: Any) -> None:
        """``settings`` are options of ``workbench eval``; OptionError for what cannot be used."""
        super().__init__()
        self._environment = OneEnvironment(tuple(cameras or ("front", "wrist")), **settings)
        self._send_state = send_state
        self._seen: Seen | None = None
        self._steps = 0
        self._thread = ThreadPoolExecutor(1, "simulator")

    @classmethod
    def configure_render(cls, mode: str) -> dict[str, str]:
        """Nothing: ``device`` in the parameters decides."""
        return {}

    def get_tasks(self) -> list[dict[str, Any]]:
        """The one task; its episodes are numbered by the harness."""
        return [{"name": self._environment.options.task, "suite": self._environment.options.dr}]

    async def start_episode(self, task: dict[str, Any], recorder: Any = None) -> None:
        """Begin the episode that the harness names."""
        self._seen = await self._in_thread(self._environment.begin, int(task.get("episode_idx", 0)))
        self._steps = 0

    async def apply_action(self, action: dict[str, Any]) -> None:
        """One control step with the first of the actions."""
        actions = np.asarray(action["actions"], np.float32)
        self._seen = await self._in_thread(
            self._environment.step, actions if actions.ndim == 1 else actions[0]
        )
        self._steps += 1

    async def get_observation(self) -> dict[str, Any]:
        """What the model server gets."""
        seen = self._seen
        if seen is None:
            raise OptionError("no episode has begun")
        observation: dict[str, Any] = {
            "images": seen.images,
            "task_description": seen.instruction,
            "ee_pose": seen.ee_pose,
            "gripper_width": np.array([seen.gripper_width], np.float32),
            "joint_pos": seen.joint_pos,
            "joint_vel": seen.joint_vel,
        }
        if self._send_state:
            observation["state"] = np.append(seen.ee_pose, seen.gripper_width).astype(np.float32)
        return observation

    async def is_done(self) -> bool:
        """Whether the episode is decided, or out of time."""
        return self._environment.over

    async def get_time(self) -> float:
        """Simulated time since the episode began [s]."""
        return self._steps / self._environment.action_spec.control_hz

    async def get_result(self) -> dict[str, Any]:
        """Whether the task was done, and why not."""
        return {"success": self._environment.succeeded, "failure_reason": self._environment.failure_reason}

    def get_action_spec(self) -> dict[str, DimSpec]:
        """What actions mean."""
        return dim_specs(self._environment.action_spec)

    def get_observation_spec(self) -> dict[str, DimSpec]:
        """What is sent."""
        state = {"state": STATE_EEF_POS_QUAT_GRIP} if self._send_state else {}
        return {"image": IMAGE_RGB, "language": LANGUAGE, **state}

    def get_hold_action(self, last_action: dict[str, Any] | None) -> dict[str, Any]:
        """The arm stays where it is; the hand as it was told last."""
        spec = self._environment.action_spec
        hold = spec.idle_action
        if last_action is not None and spec.gripper_index is not None:
            hold[spec.gripper_index] = np.asarray(last_action["actions"]).reshape(-1, spec.dim)[
                -1, spec.gripper_index
            ]
        return {"actions": hold}

    def get_metadata(self) -> dict[str, Any]:
        """How long an episode is at most."""
        return {"max_steps": self._environment.max_steps}

    def render(self) -> np.ndarray | None:
        """The first camera's picture as it was last seen, for recordings."""
        return next(iter(self._seen.images.values()), None) if self._seen else None

    def cleanup(self) -> None:
        """End the simulator."""
        self._thread.submit(self._environment.close).result()
        self._thread.shutdown()

    async def _in_thread[Result](self, call: Callable[..., Result], *arguments: Any) -> Result:
        return await asyncio.get_running_loop().run_in_executor(self._thread, call, *arguments)
