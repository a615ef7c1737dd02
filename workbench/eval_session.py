"""One sitting of a run: starts the simulator, rolls out what is missing, draws what is to be seen."""

from __future__ import annotations

import time
from contextlib import ExitStack
from datetime import UTC, datetime
from typing import IO

import numpy as np
from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
)

from domain_rand.episode import Episode
from tasks.pick_place.action_spaces import CONTROL_HZ
from workbench.capture import capture
from workbench.drawing import Pictures
from workbench.launch import LaunchError, output_to
from workbench.metrics import path_length, sparc
from workbench.pick_place import PickPlaceSimulation, launch_pick_place
from workbench.policies import make_policy
from workbench.quota import Quota
from workbench.records import EpisodeRecord, SessionRecord, grounding_record
from workbench.rollout import Rollout, RunningEpisode, Tally
from workbench.run_folder import RunFolder
from workbench.simulation_options import SimulationOptions
from workbench.trajectory import Trajectory


class EvalSession:
    """One sitting of a run: starts the simulator, rolls out, draws what is to be seen."""

    def __init__(
        self,
        options: SimulationOptions,
        quota: Quota,
        folder: RunFolder,
        records: dict[int, EpisodeRecord],
    ) -> None:
        self.options = options
        self.quota = quota
        self.folder = folder
        self.records = records
        """By index; grows as episodes end."""
        self.successes = sum(record.success for record in records.values())
        self.pictures = Pictures(folder.path)

    def run(self) -> None:
        """Run what the quota still asks for, and draw what is to be seen."""
        options = self.options
        wanted = options.record or options.last_frames or self.pictures.missing()
        cameras = ("front", "wrist") if wanted else options.policy_cameras
        with ExitStack() as stack:
            terminal = stack.enter_context(output_to(self.folder.path / "simulator.log"))
            with status(
                terminal, "starting the simulator (the first start compiles kernels: a minute or two)"
            ):
                launched = launch_pick_place(
                    options.num_envs,
                    options.physics,
                    options.renderer,
                    options.device,
                    options.action_space,
                    cameras,
                    options.image_size,
                    options.seed,
                    self.quota.factor_set,
                )
                self.env = stack.enter_context(launched)
            self.simulation = PickPlaceSimulation(
                self.env,
                self.quota.factor_set,
                options.seed,
                options.max_steps,
                options.task,
                self.quota.episode,
            )
            if missing := self.quota.next(self.records):
                self._roll_out(missing, terminal)
            with status(terminal, "drawing the pictures"):
                self.pictures.draw(self.env, self.simulation, options.frame_every)

    def _roll_out(self, missing: list[int], terminal: IO[str]) -> None:
        options, env = self.options, self.env
        policy = make_policy(
            options.policy,
            options.num_envs,
            env.action_spec,
            options.device,
            options.grounding_error_px,
            options.latency_steps,
            options.checkpoint,
            options.ground_every,
        )
        problems = env.action_spec.mismatches(policy.action_spec)
        if problems:
            raise LaunchError("the policy's actions do not mean what the task's do: " + "; ".join(problems))
        tally = Tally()
        with episode_progress(terminal) as bar:
            self.bar = bar
            self.bar_task = bar.add_task("episodes", total=self.quota.total, note=self._note())
            bar.update(self.bar_task, completed=len(self.records))
            started, began = datetime.now(UTC), time.perf_counter()
            while missing:
                rollout = Rollout(
                    self.simulation,
                    policy,
                    missing,
                    self._done,
                    recorded=range(options.record),
                    keep_final=range(options.last_frames),
                )
                tally += rollout.run()
                if missing := self.quota.next(self.records):
                    # As between any two episodes: those that ended last idle for a step before the next begin.
                    self.simulation.step(self.simulation.idle_action.expand(options.num_envs, -1))
            wall = time.perf_counter() - began
        session = SessionRecord(
            started=started.isoformat(timespec="seconds"),
            ended=datetime.now(UTC).isoformat(timespec="seconds"),
            wall_s=wall,
            phases_s={"physics": tally.physics_s, "rendering": tally.rendering_s, "policy": tally.policy_s},
            counts={k: getattr(tally, k) for k in ("episodes", "env_steps", "frames", "decisions")},
        )
        self.folder.append_session(session)

    def _note(self) -> str:
        n = len(self.records)
        return f"{self.successes}/{n} succeeded" if n else ""

    def _done(self, ran: RunningEpisode) -> bool:
        record = self._record(ran)
        # States first: once the record is written the episode is not run again.
        if ran.record_states:
            self.pictures.keep_trajectory(self._trajectory(ran, record))
        if ran.final_state is not None:
            self.pictures.keep_final(ran.index, ran.final_state)
        self.folder.append(record)
        self.records[ran.index] = record
        self.successes += record.success
        self.bar.update(self.bar_task, advance=1, note=self._note())
        return self.quota.book(ran.index, record.success)

    def _record(self, ran: RunningEpisode) -> EpisodeRecord:
        episode = self.simulation.episode(ran.index)
        return record_of(ran, episode, self.options.task, self.options.seed, self.quota.condition(ran.index))

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
        return capture(ran, episode, record.to_dict(), 1.0 / CONTROL_HZ, channels, env.cameras, poses, lenses)


def record_of(
    ran: RunningEpisode, episode: Episode, task: str, seed: int, condition: str | None = None
) -> EpisodeRecord:
    """The line of ``episodes.jsonl`` of an episode that has ended."""
    assert ran.outcome is not None
    dt = 1.0 / CONTROL_HZ
    positions = np.stack(ran.positions)
    speed = np.linalg.norm(np.diff(positions, axis=0), axis=1) / dt
    grounding = None
    truths = dict(ran.truths)
    for step, claim in ran.decisions:
        if claim is not None and step in truths:  # the first claim whose truth is known
            grounding = grounding_record(claim, truths[step])
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
        path_length_m=path_length(positions),
        smoothness=sparc(speed, dt),
        grounding=grounding,
        wall_s=round(ran.wall_s, 3),
        condition=condition,
        episode=episode.spec.index,
    )


def episode_progress(terminal: IO[str]) -> Progress:
    """A bar with a note, a rate and the time left, for hours of episodes."""
    return Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("{task.fields[note]}"),
        TimeElapsedColumn(),
        TextColumn("left"),
        TimeRemainingColumn(),
        console=Console(file=terminal),
        speed_estimate_period=120,
    )


def status(terminal: IO[str], text: str):
    """A spinner beside a text."""
    return Console(file=terminal).status(text)
