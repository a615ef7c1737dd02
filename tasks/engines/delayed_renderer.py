"""`DelayedWarpRenderer`: the Newton Warp renderer, drawing each environment as it stood some steps ago, on all cores.

A camera's latency is the age of what it shows. Drawing every step and keeping the images would cost as many times more
as there are steps between two decisions; keeping poses costs nothing, and one drawing shows every environment at its
own age.
"""

from __future__ import annotations

import re
from collections import deque
from collections.abc import Iterable
from functools import partial
from typing import Any

import torch
import warp as wp
from isaaclab.scene_data import SceneDataFormat
from isaaclab_newton.physics import NewtonQueries
from isaaclab_newton.renderers.newton_warp_renderer import NewtonWarpRenderer
from isaaclab_newton.renderers.segmentation import BACKGROUND_ID, UNLABELLED_ID

from tasks.camera_spec import MAX_IMAGE_AGE
from tasks.engines.threaded_camera import ThreadedCamera
from tasks.poses import compose, relative
from tasks.threads import in_threads


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
        model = self.backend.model
        if model.device.is_cpu:
            _rebuild_when_refitted(model)
        if model.device.is_cpu and model.tri_count == 0:
            self.newton_sensor = ThreadedCamera(self.newton_sensor)

    def leave_out(self, worlds: Iterable[int]) -> None:
        """From now on, leave the pictures of these environments as they are, where that saves anything: on a CPU."""
        if isinstance(self.newton_sensor, ThreadedCamera):
            self.newton_sensor.idle = frozenset(worlds)

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
        data.without_rgb = False
        if model.device.is_cpu:
            data._convert_segmentation = partial(_convert_segmentation, data)
        return data

    def render(self, render_data) -> None:
        """Draw every environment at its age; on a CPU, ``render_data.without_rgb`` leaves the display image as it was.

        On a GPU the drawing may be a captured graph, whose outputs cannot change.
        """
        color = render_data.outputs.color_image
        if render_data.without_rgb and self.backend.model.device.is_cpu:
            render_data.outputs.color_image = None
        try:
            self._render(render_data)
        finally:
            render_data.outputs.color_image = color

    def _render(self, render_data) -> None:
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


def _rebuild_when_refitted(model: Any) -> None:
    """Sort the tree of all shapes anew where it would only be stretched: from now on, for this model.

    It is built once, with every body parked, and bodies that have gone to the table since stretch its boxes from one to
    the other: drawing a front view takes a third longer. Sorting takes less than a thousandth of that time. On a GPU,
    what is worth more is not known.
    """
    refit = model.bvh_refit_shapes

    def rebuild(state: Any) -> None:
        refit(state)
        model.bvh_shapes.rebuild()

    model.bvh_refit_shapes = rebuild


def _convert_segmentation(data: Any) -> None:
    """What `RenderData._convert_segmentation` does, but on all cores: on one it takes a tenth as long as drawing."""
    if data.outputs.shape_index_image is None:
        return
    # As signed numbers, what is no shape is negative: -1 where nothing was hit.
    shapes = wp.to_torch(data.outputs.shape_index_image.view(wp.int32))
    for target, mapping in data._seg_dests.values():
        if mapping.colorize or mapping.shape_count == 0:
            mapping.convert_shape_index_to_output(data.outputs.shape_index_image, target)
            continue
        ids = wp.to_torch(mapping.shape_to_id.view(wp.int32))
        table = torch.cat((ids.new_tensor((UNLABELLED_ID, BACKGROUND_ID)), ids))
        found = wp.to_torch(target)

        def convert(row: int, table: torch.Tensor = table, found: torch.Tensor = found) -> None:
            place = shapes[row].clamp_min(-2).add_(2).view(-1)
            torch.index_select(table, 0, place, out=found[row].view(-1))

        in_threads(convert, range(len(shapes)))


def _within_environment(path: str) -> str:
    """A prim's path below its environment."""
    return re.sub(r"^.*/env_\d+(/|$)", "", path)
