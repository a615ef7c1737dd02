"""`SimulatedView`: the first environment of an evaluation in the live view of the bridge. Needs the extra [view]."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from policy.contract import Decision, Observation
from policy.grounding import Grounding
from robots.action_spaces import DELTA_EEF
from tasks.tabletop.action_spaces import CONTROL_DT
from workbench.rollout.loop import RunningEpisode
from workbench.rollout.trajectory import CameraTrack
from workbench.views.live import LiveView
from workbench.views.live_sample import Sample

ROW = 0
"""The environment that is shown."""
EVERY = 2
"""Control steps between two samples."""
PLOTTED = ("joint_margin", "velocity", "latency")


class SimulatedView:
    """A `workbench.rollout.watcher.Watcher`; `close` it."""

    def __init__(self, name: str, where: str, env: Any, cameras: Collection[str]) -> None:
        """
        Args:
            name: of the run.
            where: it is drawn, as `LiveView` has it; LiveError where that cannot be.
            env: the environments.
            cameras: of the task that are shown; those that the policy looks through as it sees them.
        """
        self._env, self._cameras = env, tuple(cameras)
        self._view = LiveView(name, where, self._cameras, plots=PLOTTED)
        self.said = self._view.said
        """Where it can be seen, in a sentence."""
        self._last: Sample | None = None
        self._others = set(range(env.num_envs)) - {ROW}
        self._pictures: dict[str, np.ndarray] = {}
        self._planned: np.ndarray | None = None
        self._grounding: Grounding | None = None
        """What was said last in this episode."""
        self._latency: float | None = None
        self._events: list[str] = []
        self._begins, self._steps = True, 0
        self._running = False

    def began(self, rows: Sequence[int], indices: Sequence[int]) -> None:
        """See `Watcher`."""
        for row, index in zip(rows, indices, strict=True):
            if row == ROW:
                self._events.append(f"episode {index}: {self._env.scenes[ROW].instruction}")
                self._begins = self._running = True
                self._grounding, self._pictures = None, {}

    def decided(
        self, rows: Sequence[int], observation: Observation, decision: Decision, thought_s: float
    ) -> None:
        """See `Watcher`."""
        if ROW not in rows or not self._running:
            return
        place = list(rows).index(ROW)
        self._pictures = {name: image[place].cpu().numpy() for name, image in observation.images.items()}
        self._grounding = decision.grounding[place] or self._grounding
        self._latency = thought_s
        if self._env.action_spec.name == DELTA_EEF:
            moves = decision.actions[place, :, :3].cpu().numpy()
            self._planned = self._tool() + np.cumsum(moves, 0)

    def stepped(self) -> None:
        """See `Watcher`."""
        self._steps += 1
        if not self._running or self._steps % EVERY:
            return
        sample = Sample(
            at=self._steps * CONTROL_DT,
            tool=self._tool(),
            planned=self._planned,
            pictures={name: (self._picture(name), self._track(name)) for name in self._cameras},
            grounding=self._grounding,
            plots=self._plots(),
            events=tuple(self._events),
            begins=self._begins,
        )
        if not np.isfinite(sample.tool).all():
            return
        self._last = sample
        if self._view.show(sample):
            self._events, self._begins, self._planned = [], False, None

    def ended(self, episodes: Sequence[RunningEpisode]) -> None:
        """See `Watcher`."""
        for episode in episodes:
            if episode.row == ROW and episode.outcome is not None:
                how = "success" if episode.outcome.success else f"failure: {episode.outcome.failure_reason}"
                self._events.append(f"episode {episode.index}: {how}")
                self._running = False

    def close(self) -> None:
        """See `LiveView.close`; the last outcome is shown before."""
        if self._events and self._last is not None:
            self._view.show(replace(self._last, events=tuple(self._events), begins=False))
        self._view.close()

    def _tool(self) -> np.ndarray:
        found: np.ndarray = self._env.tool()[0][ROW].cpu().double().numpy()
        return found

    def _picture(self, name: str) -> np.ndarray:
        """What the policy saw last; where it looks through no such camera, what that delivers now."""
        if name in self._pictures:
            return self._pictures[name]
        found: np.ndarray = self._env.image(name, self._others)[ROW].cpu().numpy()
        return found

    def _track(self, name: str) -> CameraTrack:
        """Where a camera is, with its lens."""
        env, spec = self._env, self._env.cameras[name]
        intrinsics, distortion = env.calibration(name)
        if name in env.camera_position:
            at = env.camera_position[name][ROW].cpu().numpy()
            axes = env.camera_rotation[name][ROW].cpu().numpy()
        else:
            model = env.robot_model
            mounted, turned = model.wrist_camera.in_tool(model.spec)
            rotation = env.tool()[1][ROW].cpu().double().numpy()
            at, axes = self._tool() + rotation @ mounted, rotation @ turned
        lens = intrinsics[ROW].cpu().numpy()
        return CameraTrack(spec.width, spec.height, lens, at[None], axes[None], float(distortion[ROW]))

    def _plots(self) -> dict[str, dict[str, float]]:
        limits = self._env.robot_model.spec.limits
        joints, speed = (
            getattr(self._env, name)[ROW].cpu().double().numpy() for name in ("joint_pos", "joint_vel")
        )
        margin = np.minimum(joints - np.array(limits.position_low), np.array(limits.position_high) - joints)
        share = np.abs(speed) / np.array(limits.velocity)
        plots = {
            "joint_margin": {f"joint_{k}": float(x) for k, x in enumerate(margin, 1)},
            "velocity": {f"joint_{k}": float(x) for k, x in enumerate(share, 1)},
        }
        if self._latency is not None:
            plots["latency"] = {"policy": self._latency}
        return plots
