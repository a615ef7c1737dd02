"""`TabletopSimulation`: the tabletop environment of a task as a rollout wants it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

import numpy as np
import torch

from domain_rand.episode import Episode, apply_episodes, draw_episode
from domain_rand.image_needs import image_needs
from domain_rand.sets import FactorSet
from policy.contract import Calibration, Observation, Policy
from policy.grounding import Grounding
from policy.observation_spec import ObservationSpec
from robots.registry import robot
from tasks.episode import EpisodeSpec
from tasks.tabletop.workspace import cameras_of
from tasks.threads import beginning_patiently, leave_real_time
from workbench.rollout.loop import Outcome
from workbench.rollout.simulation_cfg import SimulationCfg


@contextmanager
def launch_tabletop(simulated: SimulationCfg) -> Iterator[Any]:
    """Start Isaac Lab and build the environment; closes both on the way out."""
    from workbench.rollout.launch import prepare_process

    prepare_process()
    from isaaclab.app import launch_simulation
    from isaaclab_tasks.utils.hydra import resolve_presets

    from tasks.tabletop.actions import ACTION_CFGS
    from tasks.tabletop.env import TabletopEnv
    from tasks.tabletop.env_cfg import TabletopEnvCfg

    size = simulated.image_size
    needs = image_needs(simulated.factor_set, *cameras_of(robot(simulated.robot), size))
    cfg = TabletopEnvCfg(
        task=simulated.task,
        robot=simulated.robot,
        image_size=size,
        overscan=needs.overscan,
        shading=needs.shading,
    )
    cfg.seed = simulated.seed
    cfg.scene.num_envs = simulated.num_envs
    if simulated.exact:
        cfg.scene.env_spacing = 0.0
    cfg.actions.command = ACTION_CFGS[simulated.action_space](asset_name="robot")
    for name in ("front", "wrist"):
        if name not in simulated.cameras:
            setattr(cfg.scene, name, None)
    cfg = resolve_presets(cfg, [simulated.physics, simulated.renderer])
    cfg.sim.device = simulated.device
    with launch_simulation(cfg, {"device": simulated.device}):
        with beginning_patiently():
            env = TabletopEnv(cfg)
        leave_real_time()
        try:
            yield env
        finally:
            env.close()


class TabletopSimulation:
    """Names episodes, draws and applies their factors, and answers a rollout's questions."""

    def __init__(
        self,
        env: Any,
        factor_set: FactorSet,
        seed: int,
        max_steps: int,
        draw: Callable[[int], Episode] | None = None,
    ) -> None:
        """
        Args:
            env: the environments, which know their task.
            factor_set: every factor that varies between episodes.
            seed: seed of the suite.
            max_steps: control steps after which an episode ends.
            draw: gives the episode with an index; by default it is drawn from the factor set.
        """
        self.env = env
        self.factor_set = factor_set
        self._draw = draw or self._draw_from_set
        self.seed = seed
        self.task: str = env.task.name
        """Name of the task, part of every episode's name."""
        self.num_envs = env.num_envs
        self.max_steps = max_steps
        self.idle_action = torch.tensor(env.action_spec.idle_action, device=env.device)
        self.episodes: dict[int, Episode] = {}
        """Episodes begun so far, by index."""
        self._steps = torch.zeros(self.num_envs, dtype=torch.long, device=env.device)
        self._idle: set[int] = set()
        """Rows whose episode is over, which nobody needs to see."""
        self._begun = False
        self._count = 0

    def episode(self, index: int) -> Episode:
        """The episode with this index, drawn at its first use."""
        if index not in self.episodes:
            self.episodes[index] = self._draw(index)
        return self.episodes[index]

    def _draw_from_set(self, index: int) -> Episode:
        spec = EpisodeSpec(self.task, index, self.seed, self.factor_set.name)
        return draw_episode(spec, self.factor_set)

    @property
    def may_begin(self) -> bool:
        """Every second control step: PhysX treats odd and even physics steps differently in the last digit."""
        return self._count % 2 == 0

    def begin(self, rows: Sequence[int], indices: Sequence[int]) -> list[int]:
        """See `workbench.rollout.loop.Simulation`."""
        env = self.env
        episodes = [self.episode(index) for index in indices]
        if not self._begun:
            self._begun = True
            self._warm_up()
        for row, episode in zip(rows, episodes, strict=True):
            env.assign(row, episode.scene)
        env.reset(env_ids=torch.tensor(rows, dtype=torch.int32, device=env.device))
        apply_episodes(env, rows, episodes, self.factor_set)
        self._steps[list(rows)] = 0
        self._idle.difference_update(rows)
        return [episode.policy_seed for episode in episodes]

    def _warm_up(self) -> None:
        """Bring a new simulation to where one stands between two episodes, so that the first is like any other."""
        env, rows = self.env, range(self.num_envs)
        env.reset()
        apply_episodes(env, rows, [self.episode(0)] * self.num_envs, self.factor_set)
        self.end(rows)
        for _ in range(2):
            self.step(self.idle_action.expand(self.num_envs, -1))
        leave_real_time()  # of threads, too, that the first steps began

    def end(self, rows: Sequence[int]) -> None:
        """See `workbench.rollout.loop.Simulation`."""
        self.env.clear(rows)
        self._idle.update(rows)

    def observe(self, policy: Policy, rows: Sequence[int] | None = None) -> Observation:
        """See `workbench.rollout.loop.Simulation`."""
        env = self.env
        measured = env.measure()
        images = {name: env.image(name, self._idle) for name in policy.cameras}
        calibration = {name: env.believed_calibration(name) for name in _calibrated(policy)}
        state = {
            "step": self._steps.clone(),
            "joint_pos": measured.joint_pos,
            "joint_vel": measured.joint_vel,
            "gripper_width": measured.gripper_width,
            "ee_pose": torch.cat((measured.ee_position, quaternion(measured.ee_rotation)), 1),
        }
        asked = range(self.num_envs) if rows is None else rows
        if rows is not None:
            state = {name: value[list(rows)] for name, value in state.items()}
            images = {name: image[list(rows)] for name, image in images.items()}
            calibration = {name: _of_rows(believed, list(rows)) for name, believed in calibration.items()}
        return Observation(
            env_ids=asked,
            instruction=[env.scenes[row].instruction for row in asked],
            images=images,
            calibration=calibration,
            privileged={"view": env.privileged_view(asked)} if policy.privileged else {},
            **state,
        )

    def answer_delay(self, rows: Sequence[int], thinking_s: float) -> np.ndarray:
        """See `workbench.rollout.loop.Simulation`."""
        delay: np.ndarray = self.env.inference.delay(rows, thinking_s)
        return delay

    def true_grounding(self, row: int, claim: Grounding) -> Grounding | None:
        """See `workbench.rollout.loop.Simulation`."""
        if claim.camera not in self.env.camera_position:
            return None
        view = self.env.privileged_view([row], claim.camera)
        return self.env.task.true_grounding(view, 0).resized(*claim.image_size)

    def seen(self, row: int, claim: Grounding, positions: np.ndarray) -> np.ndarray | None:
        """See `workbench.rollout.loop.Simulation`."""
        if claim.camera not in self.env.camera_position:
            return None
        view = self.env.privileged_view([row], claim.camera)
        points = torch.from_numpy(positions).to(self.env.device, torch.float32)
        scale = np.divide(claim.image_size, view.image_size)
        return view.pixels(points[None])[0].cpu().numpy() * scale

    def closing(self, actions: torch.Tensor) -> np.ndarray:
        """See `workbench.rollout.loop.Simulation`."""
        return self.env.action_spec.closes(actions).cpu().numpy()

    def step(self, actions: torch.Tensor) -> None:
        """See `workbench.rollout.loop.Simulation`."""
        env = self.env
        # The rollout decides when an episode ends: Isaac Lab's own clock must never reset an environment under it.
        env.episode_length_buf[:] = 0
        env.step(actions)
        self._steps += 1
        self._count += 1

    def limited(self) -> np.ndarray:
        """See `workbench.rollout.loop.Simulation`."""
        return self.env.command.limiter.touched.cpu().numpy()

    def finished(self) -> np.ndarray:
        """See `workbench.rollout.loop.Simulation`."""
        return self.env.progress.finished.cpu().numpy()

    def outcome(self, row: int) -> Outcome:
        """See `workbench.rollout.loop.Simulation`."""
        progress = self.env.progress
        return Outcome(bool(progress.succeeded[row]), progress.failure_reason(row))

    def tool_positions(self) -> np.ndarray:
        """See `workbench.rollout.loop.Simulation`."""
        return self.env.tool()[0].cpu().numpy()

    def snapshot(self) -> dict[str, np.ndarray]:
        """See `workbench.rollout.loop.Simulation`."""
        env = self.env
        measured = env.measure()
        position, rotation = env.tool()
        state = {
            "joint_pos": env.joint_pos,
            "joint_vel": env.joint_vel,
            "gripper_width": env.gripper_width,
            "ee_pose": torch.cat((position, quaternion(rotation)), 1),
            "body_pose": env.body_pose,
            "commanded_joints": env.command.command,
            "measured_joint_pos": measured.joint_pos,
            "measured_gripper_width": measured.gripper_width,
            "measured_ee_pose": torch.cat((measured.ee_position, quaternion(measured.ee_rotation)), 1),
        }
        return {name: value.cpu().numpy() for name, value in state.items()}


def _calibrated(policy: Policy) -> tuple[str, ...]:
    """Cameras whose calibration a policy asks for."""
    spec: ObservationSpec | None = getattr(policy, "observation_spec", None)
    return spec.calibrated if spec else ()


def _of_rows(believed: Calibration, rows: list[int]) -> Calibration:
    """What is believed of a camera in these environments."""
    return replace(
        believed,
        intrinsics=believed.intrinsics[rows],
        distortion=believed.distortion[rows],
        extrinsics=believed.extrinsics[rows],
    )


def quaternion(rotation: torch.Tensor) -> torch.Tensor:
    """Quaternions (x, y, z, w) ``[N, 4]`` of rotation matrices ``[N, 3, 3]``."""
    from isaaclab.utils.math import quat_from_matrix

    return quat_from_matrix(rotation)
