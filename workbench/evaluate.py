"""``workbench eval``: run a policy on a fixed quota of named episodes and write the run folder."""

from __future__ import annotations

import dataclasses
import time
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import IO, Any

import numpy as np
from PIL import Image
from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
)

from domain_rand.sets import FactorSet, FactorSetError, load_set
from workbench.launch import LaunchError, check_launch, default_device, default_physics, output_to
from workbench.metrics import path_length, sparc
from workbench.options import OptionError, option
from workbench.pick_place import PickPlaceSimulation, launch_pick_place
from workbench.policies import POLICIES, make_policy
from workbench.provenance import provenance
from workbench.records import EpisodeRecord, SessionRecord, grounding_record
from workbench.replay import build_trajectory, render_finals, render_instants
from workbench.rollout import Rollout, RunningEpisode
from workbench.run_folder import RunFolder
from workbench.sequential import SequentialTest
from workbench.summary import summarise
from workbench.trajectory import Trajectory

TASKS = ("pick_place",)
ACTION_SPACES = ("delta_eef", "delta_joints")
AUTO = "auto"
CONTROL_HZ = 20.0
PRESENTATION = ("record", "last_frames", "frame_every", "progress", "report")
"""Options that change what is shown, not what is measured; a resumed run may differ in them."""


@dataclass
class EvalOptions:
    """Options of ``workbench eval``."""

    task: str = option("pick_place", f"what is asked: {', '.join(TASKS)}")
    policy: str = option("expert", f"who acts: {', '.join(POLICIES)}")
    episodes: int = option(64, "quota of episodes; each is run exactly once", "episodes")
    num_envs: int = option(16, "environments in parallel")
    seed: int = option(0, "seed of the suite: names the episodes")
    dr: str = option("default", "factor set that episodes are drawn from: a name, or a YAML file")
    physics: str = option(AUTO, "ovphysx, newton_mjwarp or isaacsim_physx; auto: the fastest for the device")
    renderer: str = option("newton_warp", "newton_warp or isaac_rtx")
    device: str = option(AUTO, "cpu or cuda:N; auto: a GPU if there is one")
    action_space: str = option("delta_eef", f"what actions mean: {', '.join(ACTION_SPACES)}")
    time_limit_s: float = option(15.0, "simulated time after which an episode ends", "s")
    grounding_error_px: float = option(4.0, "noisy_expert: standard deviation of where it sees things", "px")
    latency_steps: int = option(2, "noisy_expert: how late its actions come", "control steps")
    stop_above: float | None = option(None, "stop early once success is shown to be above or below this rate")
    confidence: float = option(0.95, "of all intervals, and of the early stop")
    image_size: int = option(224, "width and height of the camera images", "px")
    record: int = option(4, "episodes drawn into recording.rrd, from the first", "episodes")
    frame_every: int = option(2, "steps between two images of a recorded episode", "control steps")
    last_frames: int = option(16, "episodes whose last image goes into the report", "episodes")
    out: str = option(
        AUTO, "run folder; auto: runs/<task>-<policy>-<physics>-seed<seed>; the same again resumes"
    )

    def resolve(self) -> None:
        """Replace ``auto`` by what it means here, and raise OptionError or LaunchError for what cannot be."""
        _choose("task", self.task, TASKS)
        _choose("policy", self.policy, POLICIES)
        _choose("action_space", self.action_space, ACTION_SPACES)
        for name, least in (("episodes", 1), ("num_envs", 1), ("image_size", 16), ("frame_every", 1)):
            _at_least(name, getattr(self, name), least)
        for name in ("seed", "record", "last_frames", "latency_steps", "grounding_error_px"):
            _at_least(name, getattr(self, name), 0)
        if self.time_limit_s <= 0:
            raise OptionError(f"time_limit_s must be positive, not {self.time_limit_s}")
        for name in ("stop_above", "confidence"):
            value = getattr(self, name)
            if value is not None and not 0 < value < 1:
                raise OptionError(f"{name} must lie between 0 and 1, not {value}")
        if self.device == AUTO:
            self.device = default_device()
        if self.physics == AUTO:
            self.physics = default_physics(self.device)
        check_launch(self.physics, self.renderer, self.device)
        self.num_envs = min(self.num_envs, self.episodes)
        if self.out == AUTO:
            self.out = f"runs/{self.task}-{self.policy}-{self.physics}-seed{self.seed}"

    @property
    def max_steps(self) -> int:
        """Control steps after which an episode ends."""
        return round(self.time_limit_s * CONTROL_HZ)


def _choose(name: str, value: str, known: tuple[str, ...]) -> None:
    if value not in known:
        raise OptionError(f"there is no {name} {value!r}: choose one of {', '.join(known)}")


def _at_least(name: str, value: float, least: int) -> None:
    if value < least:
        raise OptionError(f"{name} must be at least {least}, not {value}")


def evaluate(options: EvalOptions, console: Console) -> dict[str, Any]:
    """Run what is missing of an evaluation; returns its summary. Options must be resolved."""
    factor_set = load_set(options.dr)
    config = {k: v for k, v in dataclasses.asdict(options).items() if k != "out"}
    with RunFolder(options.out) as folder:
        folder.create_or_resume(config | {"command": "eval"}, provenance(factor_set), ignore=PRESENTATION)
        for notice in folder.notices:
            console.print(notice)
        records = folder.completed()
        missing = [i for i in range(options.episodes) if i not in records]
        stop = _SequentialStop(options, records)
        if missing and not stop.decided:
            console.print(
                f"[bold]{options.policy}[/] on [bold]{options.task}[/], {len(missing)} of {options.episodes} "
                f"episodes to run in {options.num_envs} environments, {options.physics} on {options.device}"
            )
            _Session(options, factor_set, folder, records, stop).run(missing)
        summary = summarise(folder.completed().values(), _meta(options), folder.sessions())
        folder.write_summary(summary)
        return summary


def _meta(options: EvalOptions) -> dict[str, Any]:
    meta = {
        k: getattr(options, k)
        for k in ("task", "policy", "seed", "physics", "renderer", "device", "num_envs")
    }
    meta |= {"episodes_planned": options.episodes, "confidence": options.confidence}
    return meta if options.stop_above is None else meta | {"stop_above": options.stop_above}


class _SequentialStop:
    """An early end that keeps its error rate: episodes are counted in index order, however they finish."""

    def __init__(self, options: EvalOptions, records: dict[int, EpisodeRecord]) -> None:
        self._test = None
        if options.stop_above is not None:
            self._test = SequentialTest(options.stop_above, 1 - options.confidence, options.episodes)
        self._outcomes: dict[int, bool] = {}
        self._next = 0
        for index, record in records.items():
            self.add(index, record.success)

    @property
    def decided(self) -> bool:
        """Whether the test has come to a verdict."""
        return self._test is not None and self._test.decision is not None

    def add(self, index: int, success: bool) -> bool:
        """Book an episode; True once the test is decided."""
        self._outcomes[index] = success
        while self._test is not None and self._next in self._outcomes and not self.decided:
            self._test.update([self._outcomes[self._next]])
            self._next += 1
        return self.decided


class _Session:
    """One sitting of a run: starts the simulator, rolls out, draws what is to be seen."""

    def __init__(
        self,
        options: EvalOptions,
        factor_set: FactorSet,
        folder: RunFolder,
        records: dict[int, EpisodeRecord],
        stop: _SequentialStop,
    ) -> None:
        self.options = options
        self.factor_set = factor_set
        self.folder = folder
        self.records = records
        self.stop = stop
        self.successes = sum(record.success for record in records.values())
        self.recorded: list[RunningEpisode] = []
        self.finals: list[RunningEpisode] = []

    def run(self, missing: list[int]) -> None:
        """Run the missing episodes and everything that follows from them."""
        options = self.options
        cameras = ("front", "wrist") if options.record or options.last_frames else ()
        with output_to(self.folder.path / "simulator.log") as terminal:
            with _status(
                terminal, "starting the simulator (the first start compiles kernels, about a minute)"
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
                )
                env = launched.__enter__()
            try:
                self._roll_out(env, missing, terminal)
                self._draw(env, terminal)
            finally:
                launched.__exit__(None, None, None)

    def _roll_out(self, env: Any, missing: list[int], terminal: IO[str]) -> None:
        options = self.options
        self.simulation = PickPlaceSimulation(
            env, self.factor_set, options.seed, options.max_steps, options.task
        )
        policy = make_policy(
            options.policy,
            options.num_envs,
            env.action_spec,
            options.device,
            options.grounding_error_px,
            options.latency_steps,
        )
        problems = env.action_spec.mismatches(policy.action_spec)
        if problems:
            raise LaunchError("the policy's actions do not mean what the task's do: " + "; ".join(problems))
        with _progress(terminal) as bar:
            self.bar, self.bar_task = bar, bar.add_task("episodes", total=options.episodes, note=self._note())
            bar.update(self.bar_task, completed=len(self.records))
            rollout = Rollout(
                self.simulation,
                policy,
                missing,
                self._done,
                recorded=range(options.record),
                keep_final=range(options.last_frames),
            )
            started, began = datetime.now(UTC), time.perf_counter()
            tally = rollout.run()
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
        self.folder.append(record)
        self.records[ran.index] = record
        self.successes += record.success
        self.bar.update(self.bar_task, advance=1, note=self._note())
        if ran.record_states:
            self.recorded.append(ran)
        if ran.final_state is not None:
            self.finals.append(ran)
        return self.stop.add(ran.index, record.success)

    def _record(self, ran: RunningEpisode) -> EpisodeRecord:
        episode = self.simulation.episode(ran.index)
        assert ran.outcome is not None
        dt = 1.0 / CONTROL_HZ
        positions = np.stack(ran.positions)
        speed = np.linalg.norm(np.diff(positions, axis=0), axis=1) / dt
        grounding = None
        if ran.decisions and ran.truths:
            claim = ran.decisions[0][1]
            assert claim is not None
            grounding = grounding_record(claim, ran.truths[0][1])
        return EpisodeRecord(
            index=ran.index,
            task=self.options.task,
            seed=self.options.seed,
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
        )

    # -- pictures

    def _draw(self, env: Any, terminal: IO[str]) -> None:
        """Render the recorded episodes and the last images, and write the recording."""
        options, folder = self.options, self.folder.path
        if self.recorded:
            with _status(terminal, f"drawing {len(self.recorded)} recorded episodes"):
                for ran in self.recorded:
                    self._trajectory(env, ran).save(folder / "trajectories" / f"episode_{ran.index:06d}.npz")
        if self.finals:
            with _status(terminal, f"drawing the last images of {len(self.finals)} episodes"):
                episodes = [self.simulation.episode(ran.index) for ran in self.finals]
                images = render_finals(
                    env, episodes, [ran.final_state for ran in self.finals if ran.final_state]
                )
                (folder / "frames" / "last").mkdir(parents=True, exist_ok=True)
                for ran, image in zip(self.finals, images, strict=True):
                    Image.fromarray(image).save(
                        folder / "frames" / "last" / f"{ran.index:06d}.jpg", quality=90
                    )
        if options.record:
            with _status(terminal, "writing the recording"):
                write_run_recording(folder)

    def _trajectory(self, env: Any, ran: RunningEpisode) -> Trajectory:
        episode = self.simulation.episode(ran.index)
        images = render_instants(env, episode, [], ())  # applies the episode, which also aims its cameras
        assert images == {}
        calibration = {
            name: (env.camera_position[name][0].cpu().numpy(), env.camera_rotation[name][0].cpu().numpy())
            for name in env.camera_position
        }
        return build_trajectory(
            ran,
            episode,
            self.records[ran.index].to_dict(),
            1.0 / CONTROL_HZ,
            [f"{c.name} [{c.unit}]" for c in env.action_spec.channels],
            env.cameras,
            calibration,
            draw=lambda states: render_instants(env, episode, states, tuple(env.cameras)),
            frame_every=self.options.frame_every,
        )


def write_run_recording(folder: Path) -> Path | None:
    """Write ``recording.rrd`` from the trajectories of a run folder; None when it has none."""
    from workbench.recording import write_recording

    files = sorted((folder / "trajectories").glob("episode_*.npz"))
    if not files:
        return None
    return write_recording([Trajectory.load(file) for file in files], folder / "recording.rrd")


def _progress(terminal: IO[str]) -> Progress:
    return Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("{task.fields[note]}"),
        TextColumn("{task.speed:.2f}/s" if False else ""),
        TimeElapsedColumn(),
        TextColumn("left"),
        TimeRemainingColumn(),
        console=Console(file=terminal),
        speed_estimate_period=120,
    )


def _status(terminal: IO[str], text: str):
    return Console(file=terminal).status(text)


__all__ = ["EvalOptions", "FactorSetError", "evaluate", "write_run_recording"]
