"""`EpisodeRunner`: one simulator and one policy, episodes in, records out; here or in a worker."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np

from domain_rand.episode import Episode
from policy.contract import takes_committed
from policy.execution import REAL_TIME
from policy.remote_policy import RemotePolicy
from tasks.tabletop.action_spaces import CONTROL_HZ
from workbench.evaluation.metrics import path_length, sparc
from workbench.rollout.chunk_options import no_real_time
from workbench.rollout.launch import LaunchError
from workbench.rollout.loop import Rollout, RunningEpisode
from workbench.rollout.options import SimulationOptions
from workbench.rollout.policies import make_policy
from workbench.rollout.simulation import TabletopSimulation, launch_tabletop
from workbench.rollout.tally import Tally
from workbench.rollout.trajectory import Trajectory
from workbench.rollout.trajectory_conversion import capture
from workbench.rollout.watcher import Watcher
from workbench.rollout.work import Work
from workbench.runs.quota import Quota
from workbench.runs.records import EpisodeRecord, grounding_record
from workbench.views.drawing import Pictures


class EpisodeRunner:
    """Rolls a policy out and keeps what is to be seen of it."""

    def __init__(
        self,
        options: SimulationOptions,
        quota: Quota,
        env: Any,
        pictures: Pictures,
        booked: Callable[[EpisodeRecord], Any],
        watcher: Watcher | None = None,
    ) -> None:
        """
        Args:
            options: resolved.
            quota: names the episodes.
            env: the environments.
            pictures: takes the states of what is to be drawn.
            booked: called with each record once all else of its episode is safe; True ends the rollout early.
            watcher: told of what goes on.
        """
        self._watcher = watcher
        self.options, self.quota, self.env, self.pictures, self.booked = options, quota, env, pictures, booked
        self.simulation = TabletopSimulation(
            env, quota.factor_set, options.seed, options.max_steps, quota.episode
        )

    def run(self, work: Iterable[int] | Work) -> Tally:
        """Run the episodes that are handed out; LaunchError if policy and task mean different things by actions."""
        options, env = self.options, self.env
        policy = make_policy(
            options.policy_cfg, options.num_envs, env.action_spec, options.device, options.image_size
        )
        try:
            problems = env.action_spec.mismatches(policy.action_spec)
            if problems:
                raise LaunchError(
                    "the policy's actions do not mean what the task's do: " + "; ".join(problems)
                )
            execution = options.execution(policy)
            if execution.mode == REAL_TIME and not takes_committed(policy):
                raise LaunchError(no_real_time(options.policy))
            recorded, keep_final = range(options.record), range(options.last_frames)
            tally = Rollout(
                self.simulation,
                policy,
                work,
                self._done,
                recorded,
                keep_final,
                execution,
                options.realtime,
                self._watcher,
            ).run()
            if isinstance(policy, RemotePolicy):
                tally.latencies = policy.take_latencies()
            return tally
        finally:
            if isinstance(policy, RemotePolicy):
                policy.close()

    def rest(self) -> None:
        """Let a step go by, as between any two episodes, so that the engine forgets the last ones."""
        self.simulation.step(self.simulation.idle_action.expand(self.options.num_envs, -1))

    def _done(self, ran: RunningEpisode) -> bool:
        episode, o = self.simulation.episode(ran.index), self.options
        record = record_of(ran, episode, o.task, o.seed, self.quota.condition(ran.index))
        # States first: once the record is written the episode is not run again.
        if ran.record_states:
            self.pictures.keep_trajectory(self._trajectory(ran, record))
        if ran.final_state is not None:
            self.pictures.keep_final(ran.index, ran.final_state)
        return bool(self.booked(record))

    def _trajectory(self, ran: RunningEpisode, record: EpisodeRecord) -> Trajectory:
        env, row = self.env, ran.row
        poses = {
            name: (env.camera_position[name][row].cpu().numpy(), env.camera_rotation[name][row].cpu().numpy())
            for name in env.camera_position
        }
        lenses = {}
        for name in env.cameras:
            intrinsics, distortion = env.calibration(name)
            lenses[name] = (intrinsics[row].cpu().numpy(), float(distortion[row]))
        channels = [f"{c.name} [{c.unit}]" for c in env.action_spec.channels]
        episode = self.simulation.episode(ran.index)
        return capture(
            ran,
            episode,
            record.to_dict(),
            1.0 / CONTROL_HZ,
            channels,
            env.cameras,
            poses,
            lenses,
            env.robot_model,
        )


def record_of(
    ran: RunningEpisode, episode: Episode, task: str, seed: int, condition: str | None = None
) -> EpisodeRecord:
    """The line of ``episodes.jsonl`` of an episode that has ended."""
    assert ran.outcome is not None
    dt = 1.0 / CONTROL_HZ
    positions = np.stack(ran.positions)
    is_known = bool(np.isfinite(positions).all())  # not where the physics broke down
    speed = np.linalg.norm(np.diff(positions, axis=0), axis=1) / dt
    grounding = None
    truths = dict(ran.truths)
    for step, claim in ran.decisions:
        if claim is not None and step in truths:  # the first claim whose truth is known
            grounding = grounding_record(claim, truths[step], ran.acted)
            break
    return EpisodeRecord(
        index=ran.index,
        task=task,
        seed=seed,
        instruction=episode.scene.instruction,
        factors=episode.factors,
        success=ran.outcome.success,
        failure_reason=ran.outcome.failure_reason,
        steps=ran.steps,
        duration_s=round(ran.steps * dt, 6),
        time_to_success_s=round(ran.steps * dt, 6) if ran.outcome.success else None,
        path_length_m=path_length(positions) if is_known else None,
        smoothness=sparc(speed, dt) if is_known else None,
        grounding=grounding,
        wall_s=round(ran.wall_s, 3),
        condition=condition,
        episode=episode.spec.index,
        limited_share=round(ran.limited / ran.steps, 6),
        split=episode.split or None,
        held_out=list(episode.held_out) if episode.split else None,
    )


@contextmanager
def launched(options: SimulationOptions, quota: Quota, cameras: tuple[str, ...]) -> Iterator[Any]:
    """The environments of these options, with these cameras."""
    with launch_tabletop(options.simulation_cfg(cameras, quota.factor_set)) as env:
        yield env
