"""Pictures with all that stands in them, for the small vision tower's first lessons."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch

from policy.m1.training.batches import SceneBatch
from policy.m1.training.randomness import numpy_generator
from workbench.training.augment import crop, jitter, mirrored, resized
from workbench.training.frames import ArchiveFrames, color_and_shape

LEAST_VISIBILITY = 0.3
"""Visible share from which a thing is to be seen."""
LEAST_SIDE = 3.0
"""Least width and height of a box [px of the picture as shown]."""


class SceneStream:
    """One row a frame and camera. Crops and mirrors move the boxes along."""

    def __init__(
        self,
        frames: ArchiveFrames,
        views: Sequence[str],
        seed: int,
        size: int,
        augment: bool,
        crop_share: float,
    ) -> None:
        """``size``: side of the square pictures given out [px]."""
        self.frames, self.seed, self.side = frames, seed, size
        self.augment, self.crop_share = augment, crop_share
        self.rows = [(*row, view) for row in frames.rows(before_end=False) for view in views]
        self.size = len(self.rows)

    def batch(self, rows: Sequence[tuple[int, int]]) -> SceneBatch:
        """See `policy.m1.training.batches.Stream`."""
        pictures, boxes, colors, shapes = [], [], [], []
        for row, epoch in rows:
            number, frame, view = self.rows[row]
            picture, some, bodies = self._scene(number, frame, view, row, epoch)
            names = [color_and_shape(self.frames.episodes[number].bodies[k].label) for k in bodies]
            pictures.append(picture)
            boxes.append(some)
            colors.append(np.array([self.frames.colors.index(c) for c, _ in names], np.int64))
            shapes.append(np.array([self.frames.shapes.index(s) for _, s in names], np.int64))
        return SceneBatch(torch.from_numpy(np.stack(pictures)), boxes, colors, shapes)

    def _scene(
        self, number: int, frame: int, view: str, row: int, epoch: int
    ) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Picture, boxes and rows of the bodies in it."""
        rng = numpy_generator(self.seed, "scene", row, epoch)
        picture = self.frames.picture(number, view, frame)
        camera = self.frames.episodes[number].cameras[view]
        boxes = camera.boxes[frame].astype(np.float32)
        seen = camera.visibility[frame] >= LEAST_VISIBILITY
        if self.augment:
            # Where a body is named by its side, a mirror would lie; here it is named by colour and shape.
            if rng.random() < 0.5:
                picture, boxes = mirrored(picture, boxes)
            picture, (u, v) = crop(picture, self.crop_share, rng)
            boxes = boxes - np.array([u, v, u, v], np.float32)
            picture = jitter(picture, rng)
        height, width = picture.shape[:2]
        # A thing whose middle was cut off is no longer to be found; what remains of another is its box.
        middle = (boxes[:, :2] + boxes[:, 2:]) / 2
        seen &= ((middle >= 0) & (middle < (width, height))).all(-1)
        boxes = np.clip(boxes, 0, (width, height, width, height))
        scale = np.array([self.side / width, self.side / height] * 2, np.float32)
        boxes = boxes * scale
        seen &= (boxes[:, 2:] - boxes[:, :2] >= LEAST_SIDE).all(-1)
        rows = np.flatnonzero(seen)
        return resized(picture, self.side, self.side), boxes[rows], rows
