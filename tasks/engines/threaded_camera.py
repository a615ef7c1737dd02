"""`ThreadedCamera`: Newton's tiled camera on a CPU, all cores at work.

Warp runs a kernel on one core. The images of different environments have nothing to do with each other, so each thread
draws those of a few; Warp lets go of Python's lock while a kernel runs. The pictures are the same to the last bit.
"""

from __future__ import annotations

import copy
from collections.abc import Iterator
from typing import Any

from newton.sensors import SensorTiledCamera

from tasks.threads import in_threads

MOST_WORLDS = 2
"""Worlds that a thread draws before it asks for more: some take twice as long as others."""


class ThreadedCamera:
    """Stands for a `SensorTiledCamera`, and draws with several threads. For models without triangle meshes (cloth)."""

    def __init__(self, sensor: SensorTiledCamera) -> None:
        """``sensor`` draws all worlds of its model."""
        self._sensor = sensor
        self._context = sensor._SensorTiledCamera__render_context  # Newton has no public way to it
        self._seen: set[tuple] = set()
        self.idle: frozenset[int] = frozenset()
        """Worlds whose pictures nobody wants: they stay as they were."""

    def _parts(self) -> Iterator[_Part]:
        """What is to be drawn, in portions of neighbours."""
        model = self._sensor.model
        first = 0
        while first < model.world_count:
            last = first
            while last < model.world_count and last - first < MOST_WORLDS and last not in self.idle:
                last += 1
            if last > first:
                yield _Part(model, first, last)
            first = max(last, first + 1)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._sensor, name)

    def update(
        self,
        state: Any,
        camera_transforms: Any,
        camera_rays: Any,
        *,
        clear_data: Any = None,
        render_config: Any = None,
        kernel_block_dim: int = 64,
        **images: Any,
    ) -> None:
        """See `SensorTiledCamera.update`."""
        self._sensor.sync_transforms(state)

        def draw(part: _Part) -> None:
            context = copy.copy(self._context)
            context.state, context.world_count = copy.copy(context.state), part.last - part.first
            context.render(
                part,
                state,
                camera_transforms=camera_transforms[:, part.first : part.last],
                camera_rays=camera_rays,
                clear_data=clear_data if clear_data is not None else self._sensor.default_clear_data,
                config=render_config if render_config is not None else self._sensor.default_render_config,
                kernel_block_dim=kernel_block_dim,
                **{k: image[part.first : part.last] for k, image in images.items() if image is not None},
            )

        waiting = list(self._parts())
        kind = tuple(sorted(name for name, image in images.items() if image is not None))
        if waiting and kind not in self._seen:
            # The first drawing of a kind builds its kernel: once, not in every thread.
            self._seen.add(kind)
            draw(waiting[0])
            waiting = waiting[1:]
        in_threads(draw, waiting)


class _Part:
    """A model's worlds from ``first`` up to ``last``, as the renderer sees a model."""

    def __init__(self, model: Any, first: int, last: int) -> None:
        self._model, self.first, self.last = model, first, last

    @property
    def bvh_shapes_group_roots(self) -> Any:
        """Where each world's shapes begin in the tree; the last entry, which stays, is that of shapes of no world."""
        return self._model.bvh_shapes_group_roots[self.first :]

    def __getattr__(self, name: str) -> Any:
        return getattr(self._model, name)
