"""Pictures with all that stands in them, for the small vision tower's first lessons."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch

from policy.m1.training.batches import SceneBatch
from policy.m1.training.randomness import numpy_generator
from workbench.training.augment import crop, jitter, mirrored, resized
from workbench.training.cutouts import Cutout, cut_out, paste, varied
from workbench.training.frames import ArchiveFrames, color_and_shape

LEAST_VISIBILITY = 0.3
"""Visible share from which a thing is to be seen."""
LEAST_SIDE = 3.0
"""Least width and height of a box [px of the picture as shown]."""
PASTED_SHARE = 0.85
"""Share of the pictures that things are pasted into: the others are as the policy will see them."""


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
        pasted: int = 0,
    ) -> None:
        """``size``: side of the square pictures given out [px]; ``pasted``: most things pasted into one."""
        self.frames, self.seed, self.side = frames, seed, size
        self.augment, self.crop_share, self.pasted = augment, crop_share, pasted
        self._cutouts: dict[str, list[Cutout]] = {}
        if pasted:
            self._cutouts = {view: cut_out(frames, view) for view in views}
        self.rows = [(*row, view) for row in frames.rows(before_end=False) for view in views]
        self.size = len(self.rows)

    def batch(self, rows: Sequence[tuple[int, int]]) -> SceneBatch:
        """See `policy.m1.training.batches.Stream`."""
        pictures, boxes, colors, shapes = [], [], [], []
        for row, epoch in rows:
            number, frame, view = self.rows[row]
            picture, some, labels = self._scene(number, frame, view, row, epoch)
            names = [color_and_shape(label) for label in labels]
            pictures.append(picture)
            boxes.append(some)
            colors.append(np.array([self.frames.colors.index(c) for c, _ in names], np.int64))
            shapes.append(np.array([self.frames.shapes.index(s) for _, s in names], np.int64))
        return SceneBatch(torch.from_numpy(np.stack(pictures)), boxes, colors, shapes)

    def _scene(
        self, number: int, frame: int, view: str, row: int, epoch: int
    ) -> tuple[np.ndarray, np.ndarray, list[str]]:
        """Picture, boxes and labels of the things in it."""
        rng = numpy_generator(self.seed, "scene", row, epoch)
        picture = self.frames.picture(number, view, frame)
        camera = self.frames.episodes[number].cameras[view]
        boxes = camera.boxes[frame].astype(np.float32)
        seen = camera.visibility[frame] >= LEAST_VISIBILITY
        labels = [body.label for body in self.frames.episodes[number].bodies]
        boxes, seen = boxes[: len(labels)], seen[: len(labels)]
        if (known := self._cutouts.get(view)) and rng.random() < PASTED_SHARE:
            count = int(rng.integers(self.pasted // 2, self.pasted + 1))
            some = [varied(known[i], rng) for i in rng.integers(0, len(known), count)]
            picture, more, theirs = paste(picture, boxes, some, rng)
            boxes, labels = np.concatenate([boxes, more]), labels + theirs
            seen = np.concatenate([seen, np.ones(len(theirs), bool)])
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
        return resized(picture, self.side, self.side), boxes[rows], [labels[row] for row in rows]
