"""Runs of a task's own episodes for ``workbench dr check in=task``, logged step by step.

Policies decide and their answers come as in an evaluation: through `policy.execution.ChunkExecutor`, late by what the
factors of inference time say.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

import numpy as np
import torch

from domain_rand.episode import Episode
from domain_rand.sets import FactorSet, build_set
from policy.baselines import Random
from policy.contract import Policy
from policy.execution import ChunkExecutor, ExecutionCfg
from workbench.randomisation.commands import CheckOptions, image_content
from workbench.randomisation.effects import EpisodeLog

EPISODE_STEPS = 300
"""Control steps after which an episode is over at the latest."""
EXPERT, RANDOM = "expert", "random"
"""Who may lead the episodes: the task's scripted expert, or `policy.baselines.Random`."""


class TaskRuns:
    """Runs episodes, one an environment, all at once, and logs them."""

    def __init__(self, env: Any, factor_set: FactorSet) -> None:
        """``factor_set`` holds all factors that ever vary here."""
        from workbench.rollout.simulation import TabletopSimulation

        self.env = env
        self._episodes: list[Episode] = []
        self._simulation = TabletopSimulation(
            env, factor_set, 0, EPISODE_STEPS, draw=lambda index: self._episodes[index]
        )
        self._policies: dict[str, Policy] = {
            EXPERT: env.task.expert(env.num_envs, env.action_spec, device=env.device),
            RANDOM: Random(env.num_envs, env.action_spec, device=env.device),
        }

    def run(
        self, episodes: Sequence[Episode], steps: int, shots: Sequence[int] = (), leader: str = EXPERT
    ) -> list[EpisodeLog]:
        """Logs of these episodes, up to ``steps`` control steps each, with pictures of the steps ``shots``.

        There are as many episodes as environments. All end together, when the last has been decided.
        """
        simulation, env, rows = self._simulation, self.env, range(self.env.num_envs)
        policy = self._policies[leader]
        executor = ChunkExecutor(
            ExecutionCfg(horizon=policy.execute_steps),
            env.num_envs,
            policy.action_spec,
            simulation.idle_action.cpu().numpy(),
        )
        first = len(self._episodes)
        self._episodes += episodes
        while not simulation.may_begin:
            simulation.step(simulation.idle_action.expand(len(rows), -1))
        policy.reset(rows, simulation.begin(rows, range(first, len(self._episodes))))
        beliefs = _beliefs(env)
        states: list[dict[str, np.ndarray]] = []
        pictures: list[np.ndarray] = []
        depths: list[np.ndarray] = []
        for step in range(max(steps, 1)):
            due = np.flatnonzero(executor.due()).tolist()
            if due:
                decision = policy.act(simulation.observe(policy, due))
                executor.receive(due, decision.actions.cpu().numpy(), simulation.answer_delay(due, 0.0))
            states.append(simulation.snapshot() | {"told_vel": env.measure().joint_vel.cpu().numpy()})
            if step in shots:
                pictures.append(np.stack([env.image(name).cpu().numpy() for name in env.imaged], 1))
                depths.append(np.stack([env.depth(name).cpu().numpy() for name in env.imaged], 1))
            actions, _ = executor.next()
            simulation.step(torch.from_numpy(actions).to(env.device))
            if simulation.finished().all() and step >= max(shots, default=0):
                break
        logs = [
            self._log(
                row, episodes[row], states, [p[row] for p in pictures], [d[row] for d in depths], beliefs[row]
            )
            for row in rows
        ]
        simulation.end(rows)
        return logs

    def _log(
        self,
        row: int,
        episode: Episode,
        states: Sequence[Mapping[str, np.ndarray]],
        pictures: Sequence[np.ndarray],
        depths: Sequence[np.ndarray],
        belief: np.ndarray,
    ) -> EpisodeLog:
        from tasks.tabletop.workspace import FLOOR_Z

        def of(name: str) -> np.ndarray:
            return np.stack([state[name][row] for state in states])

        target = self.env.slot_index[episode.scene.target.slot]
        empty = np.zeros((0, 1, 1))
        return EpisodeLog(
            instruction=episode.scene.instruction,
            tool=of("ee_pose")[:, :3],
            joints=of("joint_pos"),
            width=of("gripper_width"),
            bodies=of("body_pose")[:, :, :3],
            target=target,
            attitude=of("body_pose")[:, target, 3:],
            floor=FLOOR_Z,
            joint_errors=of("measured_joint_pos") - of("joint_pos"),
            tool_errors=(of("measured_ee_pose") - of("ee_pose"))[:, :3],
            width_errors=of("measured_gripper_width") - of("gripper_width"),
            speed_errors=of("told_vel") - of("joint_vel"),
            pictures=np.concatenate(pictures) if pictures else empty[..., None],
            depths=np.concatenate(depths) if depths else empty,
            belief=belief,
        )


def _beliefs(env: Any) -> np.ndarray:
    """`EpisodeLog.belief` of each environment ``[N, 2]``."""
    from tasks.imaging.lens import project_distorted
    from tasks.poses import matrix

    tool, believed = env.tool()[0][:, None], env.believed_calibration("front")
    at, axes = believed.extrinsics[:, :3], matrix(believed.extrinsics[:, 3:])
    there = project_distorted(tool, at, axes, believed.intrinsics, believed.distortion)
    position, rotation = env.camera_position["front"], env.camera_rotation["front"]
    so = project_distorted(tool, position, rotation, *env.calibration("front"))
    off: np.ndarray = (there - so)[:, 0].cpu().numpy()
    return off


@contextmanager
def task_runs(options: CheckOptions, content: Mapping[str, Any], seen: bool) -> Iterator[TaskRuns]:
    """Environments in which the factors of ``content`` (name -> distribution) vary: two for each episode asked for.

    They have cameras only where episodes are to be ``seen``.
    """
    from workbench.rollout.simulation import launch_tabletop
    from workbench.rollout.simulation_cfg import SimulationCfg

    factor_set = build_set("check", {**(image_content(options) if seen else {}), **content}, options.task)
    simulated = SimulationCfg(
        2 * options.episodes,
        options.physics,
        options.device,
        task=options.task,
        renderer=options.renderer,
        cameras=("front", "wrist") if seen else (),
        image_size=options.image_size,
        factor_set=factor_set,
    )
    with launch_tabletop(simulated) as env:
        yield TaskRuns(env, factor_set)
