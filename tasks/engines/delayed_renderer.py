"""`DelayedWarpRenderer`: the Newton Warp renderer, drawing each environment as it stood some steps ago, on all cores.

A camera's latency is the age of what it shows. Drawing every step and keeping the images would cost as many times more
as there are steps between two decisions; keeping poses costs nothing, and one drawing shows every environment at its
own age.
"""

from __future__ import annotations

import re
from collections import deque
from typing import Any

import torch
import warp as wp
from isaaclab.scene_data import SceneDataFormat
from isaaclab_newton.physics import NewtonQueries
from isaaclab_newton.renderers.newton_warp_renderer import NewtonWarpRenderer

from tasks.cameras import MAX_IMAGE_AGE
from tasks.engines.threaded_camera import ThreadedCamera
from tasks.poses import compose, relative
from tasks.threads import cores


class DelayedWarpRenderer(NewtonWarpRenderer):
    """Draws the present unless `ages` asks for the past."""

    def __init__(self, cfg) -> None:
        super().__init__(cfg)
        self.ages: torch.Tensor | None = None
        """How many remembered states back each environment is drawn ``[N]``; None draws the present."""
        self._past: deque[torch.Tensor] = deque(maxlen=MAX_IMAGE_AGE + 1)
        self._world: torch.Tensor | None = None

    def initialize(self) -> None:
        """As its parent; on a CPU, all cores draw."""
        super().initialize()
        if self.backend.model.device.is_cpu and cores() > 1 and self.backend.model.tri_count == 0:
            self.newton_sensor = ThreadedCamera(self.newton_sensor, cores())

    def remember(self) -> None:
        """Keep the present poses of all bodies; to be called once per control step."""
        self._past.appendleft(wp.to_torch(self._poses()).clone())

    def create_render_data(self, spec) -> Any:
        """As its parent; notes which body, if any, carries the camera of each environment."""
        data = super().create_render_data(spec)
        # The paths may be those of the first environment alone, from which the others are cloned.
        parent = spec.camera_prim_paths[0].rsplit("/", 1)[0]
        tail = _within_environment(parent)
        model = self.backend.model
        carriers = [i for i, label in enumerate(model.body_label) if _within_environment(label) == tail]
        data.carriers = torch.tensor(carriers) if len(carriers) == model.world_count else None
        return data

    def render(self, render_data) -> None:
        """Draw every environment at its age."""
        render_data.shown_bodies = render_data.shown_cameras = None
        if self.ages is None or not bool((self.ages > 0).any()) or not self._past:
            super().render(render_data)
            return
        present = self._poses()
        shown = self._at_age(wp.to_torch(present))
        cameras = wp.to_torch(render_data.camera_transforms)
        seen_from = cameras.clone()
        if render_data.carriers is not None:
            carriers = render_data.carriers.to(shown.device)
            mounted = relative(wp.to_torch(present)[carriers], cameras[0])
            late = self.ages.to(shown.device)[:, None] > 0
            cameras[0] = torch.where(late, compose(shown[carriers], mounted), cameras[0])
        render_data.shown_bodies, render_data.shown_cameras = shown, cameras[0].clone()
        state = self.backend.state_0
        state.body_q = wp.from_torch(shown, dtype=wp.transformf)
        try:
            NewtonQueries._refit_bvh(self.backend)
            self._launch_render(render_data)
        finally:
            state.body_q = present
            cameras.copy_(seen_from)
            self.backend.bvh_refit.timestamp = -1  # what was refitted is the past

    def _poses(self) -> wp.array:
        """Present poses of the renderer's bodies."""
        poses = SceneDataFormat.Transform()
        count = self.backend.model.body_count
        if not self._scene_data_provider.get_transforms(poses, mapping=self._transform_mapping, count=count):
            raise RuntimeError("the physics engine publishes no poses")
        return poses.transforms

    def _at_age(self, present: torch.Tensor) -> torch.Tensor:
        """Poses of all bodies, each environment's at its own age."""
        if self._world is None:
            self._world = torch.from_numpy(self.backend.model.body_world.numpy()).long().to(present.device)
        assert self.ages is not None
        shown = present.clone()
        ages = self.ages.to(present.device).clamp(max=len(self._past) - 1)
        age_of_body = torch.where(self._world >= 0, ages[self._world.clamp_min(0)], 0)
        for age in ages.unique().tolist():
            if age > 0:
                rows = age_of_body == age
                shown[rows] = self._past[age][rows]
        return shown


def _within_environment(path: str) -> str:
    """A prim's path below its environment."""
    return re.sub(r"^.*/env_\d+(/|$)", "", path)
