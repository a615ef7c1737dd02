"""`OneEnvironment`: named episodes of a task in one environment, for a caller who decides when to step.

The bench's own evaluation steps many environments at once (`workbench.rollout.loop`); here somebody else's loop steps
one, and sees what a policy of the bench would see. Episode 17 of seed 1 is the same episode in both.
"""

from __future__ import annotations

from contextlib import ExitStack
from dataclasses import dataclass
from typing import Any

import numpy as np

from policy.action import ActionSpec
from workbench.cli.options import OptionError, parse_options
from workbench.rollout.options import EnvironmentOptions

CAMERAS = ("front", "wrist")
"""Cameras whose pictures are given, unless other ones are asked for."""
SETTINGS = (
    "task", "robot", "seed", "dr", "physics", "renderer", "device", "action_space", "time_limit_s", "image_size",
)  # fmt: skip
"""Options of ``workbench eval`` that say which episodes these are; they mean the same here."""


@dataclass(frozen=True)
class Seen:
    """What a policy is told of the one environment."""

    instruction: str
    images: dict[str, np.ndarray]
    """Of each camera ``[H, W, 3]`` RGB, uint8."""
    joint_pos: np.ndarray
    """``[J]`` [rad], as measured."""
    joint_vel: np.ndarray
    """``[J]`` [rad/s], as measured."""
    ee_pose: np.ndarray
    """Tool in the base frame ``[7]``: position [m], quaternion x y z w, as measured."""
    gripper_width: float
    """Between the fingers [m], as measured."""


@dataclass(frozen=True)
class _Watcher:
    """Stands for the policy of the other harness where the bench asks what one wants to see."""

    cameras: tuple[str, ...]
    privileged: bool = False


class OneEnvironment:
    """One environment of a task, one a process. Its simulator starts with the first episode, which takes a minute."""

    def __init__(self, cameras: tuple[str, ...] = CAMERAS, **settings: Any) -> None:
        """
        Args:
            cameras: which pictures are given, of `CAMERAS`.
            settings: options of ``workbench eval``, of those in `SETTINGS`, and factors of randomisation as
                ``{"dr.camera.exposure.lo": 0.4}``.

        Raises:
            OptionError: what cannot be used, in one sentence.
        """
        for name in settings:
            if name not in SETTINGS and not name.startswith("dr."):
                raise OptionError(
                    f"there is no setting {name!r}: choose among {', '.join(SETTINGS)} and dr.FACTOR"
                )
        if unknown := [name for name in cameras if name not in CAMERAS]:
            raise OptionError(f"there is no camera {unknown[0]!r}: choose among {', '.join(CAMERAS)}")
        words = [f"{name}={value}" for name, value in settings.items()]
        self.options = parse_options(EnvironmentOptions, [*words, "num_envs=1", "policy=hold"])
        self.options.resolve()
        self.cameras = cameras
        self._stack = ExitStack()
        self._simulation: Any = None
        self._running = False
        self._steps = 0

    @property
    def action_spec(self) -> ActionSpec:
        """What actions mean."""
        from tasks.tabletop.action_spaces import action_specs

        return action_specs(self.options.robot)[self.options.action_space]

    @property
    def max_steps(self) -> int:
        """Control steps after which an episode is over at the latest."""
        return self.options.max_steps

    def begin(self, index: int) -> Seen:
        """Begin the episode with this index, whatever becomes of the last one.

        Raises:
            OptionError: an index that names no episode.
        """
        if index < 0:
            raise OptionError(f"episodes are counted from 0, and {index} is none")
        simulation = self._started()
        if self._running:
            simulation.end([0])
            simulation.step(simulation.idle_action[None])
        while not simulation.may_begin:
            simulation.step(simulation.idle_action[None])
        simulation.begin([0], [index])
        self._running, self._steps = True, 0
        return self.seen()

    def step(self, action: np.ndarray) -> Seen:
        """One control step with an action ``[A]`` as `action_spec` means it.

        Raises:
            OptionError: no episode has begun, or the action has another number of channels or is not finite.
        """
        import torch

        if not self._running:
            raise OptionError("no episode has begun")
        action = np.asarray(action, np.float32)
        if action.shape != (self.action_spec.dim,) or not np.isfinite(action).all():
            names = ", ".join(channel.name for channel in self.action_spec.channels)
            raise OptionError(
                f"an action is {self.action_spec.dim} finite numbers ({names}), not {action.tolist()}"
            )
        simulation = self._simulation
        simulation.step(torch.from_numpy(action).to(simulation.env.device)[None])
        self._steps += 1
        return self.seen()

    def seen(self) -> Seen:
        """What there is to see now."""
        observation = self._simulation.observe(_Watcher(self.cameras))
        return Seen(
            observation.instruction[0],
            {name: image[0].cpu().numpy() for name, image in observation.images.items()},
            observation.joint_pos[0].cpu().numpy(),
            observation.joint_vel[0].cpu().numpy(),
            observation.ee_pose[0].cpu().numpy(),
            float(observation.gripper_width[0]),
        )

    @property
    def over(self) -> bool:
        """Whether the episode is decided, or out of time."""
        return self._running and (bool(self._simulation.finished()[0]) or self._steps >= self.max_steps)

    @property
    def succeeded(self) -> bool:
        """Whether the task has been done."""
        return self._running and bool(self._simulation.outcome(0).success)

    @property
    def failure_reason(self) -> str | None:
        """Why it has not, where the episode is over without success: one of the task's reasons."""
        reason: str | None = self._simulation.outcome(0).failure_reason if self.over else None
        return reason

    def close(self) -> None:
        """End the simulator."""
        self._running, self._simulation = False, None
        self._stack.close()

    def _started(self) -> Any:
        if self._simulation is None:
            from workbench.rollout.simulation import TabletopSimulation, launch_tabletop

            options, factor_set = self.options, self.options.factor_set()
            env = self._stack.enter_context(launch_tabletop(options.simulation_cfg(self.cameras, factor_set)))
            self._simulation = TabletopSimulation(env, factor_set, options.seed, options.max_steps)
        return self._simulation
