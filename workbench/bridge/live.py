"""`BridgeView`: what the bridge gives to the live view, each control step. Needs the extra [view]."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import numpy as np

from policy.grounding import Grounding
from robots.action_spaces import DELTA_EEF
from workbench.bridge.arm_loop import ArmLoop, Tick
from workbench.bridge.options import TWIN, BridgeOptions
from workbench.bridge.thinking import Answer
from workbench.bridge.trajectory import camera_track
from workbench.views.live import LiveView
from workbench.views.live_sample import Sample

if TYPE_CHECKING:
    from workbench.bridge.setup import Bench

EVERY_S = 0.1
"""Between two samples [s]."""


class BridgeView:
    """Watches a loop; for the loop's thread."""

    def __init__(self, options: BridgeOptions, bench: Bench, loop: ArmLoop, blind: bool = False) -> None:
        """``blind``: nothing is shown that the policy says of itself."""
        self._options, self._bench, self._loop, self._blind = options, bench, loop, blind
        names = tuple(options.camera_sources) or (("front", "wrist") if options.robot == TWIN else ())
        self._view = LiveView(options.out, options.live, names)
        self.said = self._view.said
        """Where it can be seen, in a sentence."""
        self._robot = "franka" if options.robot == TWIN else options.robot
        self._began, self._shown, self._begins = time.monotonic(), 0.0, True
        self._planned: np.ndarray | None = None
        self._grounding: Grounding | None = None
        self._latency: float | None = None
        self._events: list[str] = []

    def begin(self) -> None:
        """An episode begins."""
        self._begins, self._planned, self._grounding = True, None, None

    def decided(self, answer: Answer) -> None:
        """A policy has answered."""
        if self._blind or answer.thought is None:
            return
        self._latency = answer.answered - answer.asked
        self._planned = self._way(answer)
        said = answer.thought.grounding
        self._grounding = said if said is None or isinstance(said, Grounding) else Grounding.from_dict(said)

    def ticked(self, tick: Tick) -> None:
        """A period is over."""
        if not self._blind:
            self._events += [found.sentence for found in tick.setpoint.interventions]
        if tick.state is None or tick.now - self._shown < EVERY_S:
            return
        self._shown = tick.now
        joints = tick.state.joint_pos.value
        pose = self._bench.targets.tool(joints)
        if not np.isfinite(pose).all():
            return
        pictures = {
            name: (picture.rgb, camera_track(name, self._robot, picture.rgb.shape[0], pose[None]))
            for name, picture in self._bench.senses.pictures().items()
        }
        shown = self._view.show(
            Sample(
                at=tick.now - self._began,
                tool=pose[:3],
                planned=self._planned,
                pictures=pictures,
                grounding=self._grounding,
                plots=self._plots(joints, tick.state.joint_vel.value, pose[:3]),
                events=tuple(self._events),
                begins=self._begins,
            )
        )
        if shown:
            self._events, self._begins, self._planned = [], False, None

    def close(self) -> None:
        """See `LiveView.close`."""
        self._view.close()

    def _plots(self, joints: np.ndarray, speed: np.ndarray, tool: np.ndarray) -> dict[str, dict[str, float]]:
        cfg, tally = self._loop.gate.cfg, self._loop.tally
        low, high = np.array(cfg.limits.position_low), np.array(cfg.limits.position_high)
        margin = np.minimum(joints - low, high - joints)
        share = np.abs(speed) / (np.array(cfg.limits.velocity) * self._loop.gate.scale)
        box = cfg.bounds.workspace
        faces = np.minimum(tool - np.array(box.low), np.array(box.high) - tool)
        plots = {
            "joint_margin": {f"joint_{k}": float(x) for k, x in enumerate(margin, 1)},
            "velocity": {f"joint_{k}": float(x) for k, x in enumerate(share, 1)},
            "workspace": dict(zip("xyz", faces.tolist(), strict=True)),
        }
        if not self._blind:
            plots["interventions"] = {"changed": float(tally.changed), "refused": float(tally.refused)}
            if self._latency is not None:
                plots["latency"] = {"policy": self._latency}
        return plots

    def _way(self, answer: Answer) -> np.ndarray | None:
        """Where a chunk leads the tool ``[T, 3]`` [m]."""
        assert answer.thought is not None
        actions = np.asarray(answer.thought.actions, np.float64)
        if self._bench.policy.action_spec.name == DELTA_EEF:
            return answer.observed.commanded_pose[:3] + np.cumsum(actions[:, :3], 0)
        count = len(self._bench.targets.joints)
        joints = self._bench.targets.joints + np.cumsum(actions[:, :count], 0)
        return np.array([self._bench.targets.tool(row)[:3] for row in joints])
