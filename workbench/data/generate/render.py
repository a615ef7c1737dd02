"""The second pass: kept trajectories are shown, not simulated, to the cameras, under looks drawn anew.

Environments go through different renderings side by side, a frame at a time; one that is through takes the next. No
frame of a failed episode is ever drawn, and one trajectory gives as many videos as wanted.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import torch

from domain_rand.episode import apply_episodes, draw_episode, redraw_looks
from tasks.episode import EpisodeSpec
from tasks.poses import matrix
from tasks.tabletop.imaging import FIXED_BODIES
from workbench.data.archive.archive import Chunk, chunks
from workbench.data.archive.chunk_writer import RollingWriter
from workbench.data.episode import DEPTH_UNIT, ROBOT, DatasetEpisode
from workbench.data.generate.options import GenerateOptions
from workbench.data.generate.rendering import Rendering, Shots, shortcoming
from workbench.data.generate.silhouette import label_boxes
from workbench.data.pictures import encode
from workbench.data.thumbnails import thumbnail
from workbench.rollout.simulation import launch_tabletop
from workbench.rollout.stopwatch import Stopwatch
from workbench.rollout.work import RowQueues, Work


class PlannedEpisodes:
    """The kept trajectories of a folder by the index of their episode."""

    def __init__(self, folder: Path) -> None:
        self._where: dict[int, tuple[Path, int]] = {}
        for path in chunks(folder):
            with Chunk(path) as chunk:
                self._where |= {int(name): (path, row) for row, name in enumerate(chunk.names())}

    def __iter__(self) -> Iterator[int]:
        return iter(sorted(self._where))

    def __getitem__(self, index: int) -> DatasetEpisode:
        path, row = self._where[index]
        with Chunk(path) as chunk:
            return chunk.read(row)


class RenderPass:
    """Renders trajectories into chunks; one process, one simulator. Jobs are numbered by `GenerateOptions.job`."""

    def __init__(
        self,
        options: GenerateOptions,
        planned: Path,
        writer: RollingWriter,
        booked: Callable[[dict[str, Any]], Any],
    ) -> None:
        """
        Args:
            options: resolved.
            planned: where the first pass put its chunks.
            writer: where lines and episodes go.
            booked: called with each line once a rendering is done; it is safe only when its chunk is closed.
        """
        self.options, self.writer, self.booked = options, writer, booked
        self.planned = PlannedEpisodes(planned)
        self.factor_set = options.factor_set()
        self.spent = Stopwatch()

    def run(self, work: Iterable[int] | Work, ready: Callable[[], Any] = lambda: None) -> dict[str, float]:
        """Render the jobs that are handed out; returns how long the parts of it took [s]."""
        o = self.options
        with ExitStack() as stack:
            env = stack.enter_context(
                launch_tabletop(replace(o.simulation_cfg(o.chosen_cameras, self.factor_set), exact=False))
            )
            ready()
            return self.render(env, work)

    def render(self, env: Any, work: Iterable[int] | Work) -> dict[str, float]:
        """The same in environments that stand already."""
        self.env, n = env, env.num_envs
        self._order = {slot: i for i, slot in enumerate(env.slots)}
        self._running: list[Rendering | None] = [None] * n
        self._time = np.zeros(n, np.int64)
        self._work = work if isinstance(work, Work) else RowQueues(work, n)
        env.reset()
        with self.writer:
            while self._begin_waiting():
                self._draw()
                with self.spent("posing"):
                    self._advance()
        return self.spent.seconds

    # -- beginning

    def _begin_waiting(self) -> bool:
        """Give free rows their next rendering; whether any row has one."""
        taken = {}
        for row, running in enumerate(self._running):
            if running is None and (job := self._work.take(row)) is not None:
                taken[row] = job
        if taken:
            with self.spent("beginning"):
                self._begin(taken)
        return any(self._running)

    def _begin(self, jobs: dict[int, int]) -> None:
        env, o, rows = self.env, self.options, list(jobs)
        draws = []
        for row, job in jobs.items():
            index, render = o.rendering(job)
            plan = self.planned[index]
            episode = draw_episode(EpisodeSpec(o.task, index, o.seed, self.factor_set.name), self.factor_set)
            looks = redraw_looks(episode, self.factor_set, render)
            draws.append(looks)
            self._running[row] = Rendering(
                plan, render, looks.factors, np.arange(0, plan.steps, o.frame_every), shots={}
            )
            self._time[row] = 0
            env.assign(row, episode.scene)
        env.reset(env_ids=torch.tensor(rows, dtype=torch.int32, device=env.device))
        apply_episodes(env, rows, draws, self.factor_set)
        for name in o.chosen_cameras:
            spec, (intrinsics, distortion) = env.cameras[name], env.calibration(name)
            for row in rows:
                shots = Shots(spec.width, spec.height, intrinsics[row].cpu().numpy(), float(distortion[row]))
                self._rendering(row).shots[name] = shots
        self._show()

    # -- time

    def _show(self) -> None:
        """Set every environment to the state that its rendering has come to."""
        env, n = self.env, self.env.num_envs
        model = env.robot_model
        arm = torch.zeros(n, len(model.spec.arm_joints))
        width = torch.full((n,), model.gripper.open_width)
        pose = env.parked(n).cpu()
        for row, running in enumerate(self._running):
            if running is None:
                continue
            plan, t = running.plan, int(self._time[row])
            arm[row] = torch.from_numpy(plan.joint_pos[t])
            width[row] = float(plan.gripper_width[t])
            slots = [self._order[body.slot] for body in plan.bodies]
            pose[row, slots] = torch.from_numpy(plan.body_pose[t])
        ids = torch.arange(n, device=env.device)
        env.show(ids, arm.to(env.device), width.to(env.device), pose.to(env.device))

    def _advance(self) -> None:
        """On to the next frame; what is between two frames matters only to pictures that come late."""
        for k in range(self.options.frame_every):
            self._time += 1
            for row, running in enumerate(self._running):
                if running is not None and self._time[row] > running.plan.steps:
                    self._time[row] = running.plan.steps
            self.env.imaging.advance()
            if self.env.imaging.late or k == self.options.frame_every - 1:
                self._show()
            self.env.remember_poses()

    # -- drawing

    def _draw(self) -> None:
        """One frame of every rendering; those that are through are handed over."""
        env, rows = self.env, [row for row, running in enumerate(self._running) if running is not None]
        ages = env.imaging.ages.tolist() if env.imaging.late else [0] * env.num_envs
        for row in rows:
            self._rendering(row).shown_steps.append(int(self._time[row]) - ages[row])
        for name in self.options.chosen_cameras:
            self._shoot(name, rows)
        for row in rows:
            rendering = self._rendering(row)
            if len(rendering.shown_steps) == len(rendering.frame_steps):
                with self.spent("writing"):
                    self._done(rendering)
                self._running[row] = None

    def _shoot(self, name: str, rows: list[int]) -> None:
        with self.spent("drawing"):
            idle = set(range(self.env.num_envs)) - set(rows)
            images = self.env.image(name, idle).cpu().numpy()
        with self.spent("annotating"):
            self._keep(name, rows, images)

    def _keep(self, name: str, rows: list[int], images: np.ndarray) -> None:
        """Take in what a camera delivered: pictures ``[N, H, W, 3]``, and what is where in them."""
        env, o = self.env, self.options
        labels = env.labels(name).cpu().numpy()
        depth = env.depth(name).cpu().numpy() if o.depth else None
        _, position, rotation = env.shown_poses(name)
        base, axes = env.layout.base, matrix(env.layout.base[:, 3:])
        offset = position - env.scene.env_origins - base[:, :3]
        local = torch.einsum("nji,nj->ni", axes, offset).cpu().numpy()
        turned = torch.einsum("nji,njk->nik", axes, rotation).cpu().numpy()
        for row in rows:
            rendering = self._rendering(row)
            shots, bodies = rendering.shots[name], rendering.plan.bodies
            marks = self._marks(rendering)[labels[row]]
            boxes, pixels = label_boxes(marks, len(bodies))
            shots.jpeg.append(encode(images[row], o.jpeg_quality))
            shots.brightness.append(float(images[row].mean()))
            shots.thumbnails.append(thumbnail(images[row]))
            shots.boxes.append(boxes)
            shots.pixels.append(pixels)
            shots.position.append(local[row].copy())
            shots.rotation.append(turned[row].copy())
            if o.masks:
                shots.mask.append(
                    np.where(marks < 0, 0, np.where(marks == ROBOT - 1, ROBOT, marks + 1)).astype(np.uint8)
                )
            if depth is not None:
                shots.depth.append(np.clip(np.rint(depth[row] / DEPTH_UNIT), 0, 65535).astype(np.uint16))

    def _marks(self, rendering: Rendering) -> np.ndarray:
        """What stands for each of the environment's labels: body, `ROBOT` - 1, or -1, as is the last."""
        table = np.full(len(self._order) + len(FIXED_BODIES) + 1, -1, np.int64)
        table[len(self._order) + FIXED_BODIES.index("robot")] = ROBOT - 1
        for k, body in enumerate(rendering.plan.bodies):
            table[self._order[body.slot]] = k
        return table

    def _done(self, rendering: Rendering) -> None:
        o, episode = self.options, rendering.finish()
        brightness = float(np.mean([b for shots in rendering.shots.values() for b in shots.brightness]))
        rejected = shortcoming(episode, brightness, o.min_visibility, o.min_brightness)
        pictures = sum(len(data) for c in episode.cameras.values() for data in c.jpeg)
        line = {
            "name": episode.name,
            "index": episode.record["index"],
            "render": rendering.render,
            "kept": rejected is None,
            "rejected": rejected,
            "frames": len(episode.frame_steps) * len(episode.cameras),
            "bytes": pictures,
        }
        self.writer.settle(line, episode if rejected is None else None)
        self.booked(line)

    def _rendering(self, row: int) -> Rendering:
        rendering = self._running[row]
        assert rendering is not None
        return rendering
