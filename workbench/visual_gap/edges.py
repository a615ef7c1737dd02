"""Outlines of known things in the simulated picture, and where they are seen in the real one.

Each point of an outline is looked for along the outline's normal, as edge trackers do it (Harris and Stennett 1990,
"RAPID"): the shift at which the profile of the real picture's gradient correlates best with the simulated one's. What
is compared is the gradient's size, so that colours and light may differ; both pictures are measured alike,
so that pixels and their borders cancel.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.ndimage import gaussian_filter, map_coordinates

from workbench.visual_gap.pairs import Pairs

HALF = 3.0
"""Half the length of the compared profiles [px]."""
STEP = 0.5
"""Between their samples [px]."""
LEAST_CORRELATION = 0.85
LEAST_GRADIENT = 4.0
"""Of an edge in either picture, smoothed [codes / px]."""
SMOOTHING = 0.8
"""Standard deviation with which pictures are smoothed before gradients are taken [px]."""
CELL = 32
"""Edge of the squares within which errors are taken to go together [px]."""
MARGIN = 3
"""Outline points nearer to the picture's border are left out [px]."""


@dataclass(frozen=True)
class Outline:
    """Points ``[P]`` of outlines in all frames of one camera."""

    frame: np.ndarray
    """Number of the frame ``[P]``."""
    pixel: np.ndarray
    """In the simulated picture ``[P, 2]`` [px]."""
    normal: np.ndarray
    """Unit vectors in the picture ``[P, 2]``, from the thing outward."""
    point: np.ndarray
    """On the thing's surface, in the simulated camera's frame ``[P, 3]`` [m]."""
    label: np.ndarray
    """Row of `Pairs.names` of the thing ``[P]``."""
    cell: np.ndarray
    """Square of the picture ``[P]``: errors within one go together, in all frames."""

    def __len__(self) -> int:
        return len(self.frame)

    def rows(self, taken: np.ndarray) -> Outline:
        """Some of the points."""
        return Outline(*(getattr(self, name)[taken] for name in self.__dataclass_fields__))


def outlines(pairs: Pairs, most: int = 6000, seed: int = 0) -> Outline:
    """Points of the outlines of the things whose places are known: borders of their labels, where they are in front."""
    parts = []
    focal = np.array((pairs.intrinsics[0, 0], pairs.intrinsics[1, 1]))
    middle = pairs.intrinsics[:2, 2]
    for frame, labels in enumerate(pairs.labels):
        depth = pairs.depth[frame]
        for label in pairs.things:
            mask = labels == label
            if mask.sum() < 20:
                continue
            soft = gaussian_filter(mask.astype(np.float64), 1.5)
            slope = np.stack((-_along(soft, 1), -_along(soft, 0)), -1)  # outward: to where less of it is
            for axis, (dv, du) in ((0, (1, 0)), (1, (0, 1))):
                a = mask[: mask.shape[0] - dv, : mask.shape[1] - du]
                b = mask[dv:, du:]
                for inside, sign in ((a & ~b, 1), (~a & b, -1)):
                    v, u = np.nonzero(inside)
                    # The pixel of the thing, and its neighbour beyond the border.
                    own = (v, u) if sign == 1 else (v + dv, u + du)
                    other = (v + dv, u + du) if sign == 1 else (v, u)
                    front = (depth[own] > 0) & ((depth[other] <= 0) | (depth[own] < depth[other] + 0.003))
                    own = tuple(x[front] for x in own)
                    pixel = np.stack((own[1] + 0.5, own[0] + 0.5), 1)
                    pixel[:, 1 - axis] += 0.5 * sign
                    normal = slope[own]
                    parts.append(_part(frame, label, pixel, normal, depth[own], focal, middle, pairs.size[1]))
    if not parts:
        none = np.zeros(0, int)
        return Outline(none, np.zeros((0, 2)), np.zeros((0, 2)), np.zeros((0, 3)), none, none)
    whole = Outline(*(np.concatenate([getattr(p, n) for p in parts]) for n in Outline.__dataclass_fields__))
    height, width = pairs.size
    length = np.linalg.norm(whole.normal, axis=1)
    u, v = whole.pixel.T
    kept = (length > 0.05) & (u > MARGIN) & (v > MARGIN) & (u < width - MARGIN) & (v < height - MARGIN)
    chosen = np.flatnonzero(kept)
    if len(chosen) > most:
        chosen = np.sort(np.random.default_rng(seed).choice(chosen, most, replace=False))
    found = whole.rows(chosen)
    found.normal[:] /= np.linalg.norm(found.normal, axis=1, keepdims=True)
    return found


def _part(
    frame: int, label: int, pixel: np.ndarray, normal: np.ndarray, depth: np.ndarray, focal: np.ndarray,
    middle: np.ndarray, width: int,
) -> Outline:  # fmt: skip
    ray = (pixel - middle) / focal
    point = np.concatenate((ray, np.ones((len(ray), 1))), 1) * depth[:, None]
    cell = (pixel[:, 1] // CELL).astype(int) * (width // CELL + 1) + (pixel[:, 0] // CELL).astype(int)
    count = len(pixel)
    return Outline(np.full(count, frame), pixel, normal.copy(), point, np.full(count, label), cell)


def _along(image: np.ndarray, axis: int) -> np.ndarray:
    slope: np.ndarray = np.gradient(image, axis=axis)
    return slope


@dataclass(frozen=True)
class Seen:
    """Where outline points were found."""

    shift: np.ndarray
    """Along the normal ``[P]`` [px], real minus where it was looked for."""
    good: np.ndarray
    """Whether the point was found ``[P]``."""


class EdgeFinder:
    """Finds outline points of simulated pictures in real ones; pictures are smoothed once."""

    def __init__(self, pairs: Pairs) -> None:
        self._real = [_smoothed(p) for p in pairs.real]
        self._simulated = [_smoothed(p) for p in pairs.simulated]

    def find(self, outline: Outline, expected: np.ndarray, reach: float) -> Seen:
        """Shifts of real edges against where they are expected.

        Args:
            outline: the points, where they are in the simulated pictures.
            expected: where they are looked for in the real ones ``[P, 2]`` [px].
            reach: how far along the normal [px].
        """
        own = np.arange(-HALF, HALF + STEP / 2, STEP)
        wide = np.arange(-HALF - reach, HALF + reach + STEP / 2, STEP)
        template = self._profiles(self._simulated, outline, outline.pixel, own)
        searched = self._profiles(self._real, outline, expected, wide)
        count = len(wide) - len(own) + 1
        windows = np.lib.stride_tricks.sliding_window_view(searched, len(own), axis=1)  # [P, count, len(own)]
        a = template - template.mean(1, keepdims=True)
        b = windows - windows.mean(2, keepdims=True)
        scale = np.linalg.norm(a, axis=1)[:, None] * np.linalg.norm(b, axis=2)
        score = np.einsum("pk,pck->pc", a, b) / np.maximum(scale, 1e-9)
        # A faint edge that looks alike is no edge.
        score = np.where(windows.max(2) >= LEAST_GRADIENT, score, -1.0)
        # Of edges that look alike, the one that is nearer to where it is expected.
        places = (np.arange(count) - (count - 1) / 2) * STEP
        preferred = score - 0.1 * np.abs(places)[None] / max(reach, 1.0)
        best = preferred.argmax(1)
        rows = np.arange(len(outline))
        inner = best.clip(1, count - 2)
        left, top, right = score[rows, inner - 1], score[rows, inner], score[rows, inner + 1]
        bend = left - 2 * top + right
        offset = np.where(bend < -1e-9, 0.5 * (left - right) / np.where(bend < -1e-9, bend, 1.0), 0.0).clip(
            -0.5, 0.5
        )
        good = (
            (score[rows, best] >= LEAST_CORRELATION)
            & (template.max(1) >= LEAST_GRADIENT)
            & (best >= 1)
            & (best <= count - 2)
        )
        return Seen(places[inner] + offset * STEP, good)

    def _profiles(
        self, pictures: list[np.ndarray], outline: Outline, middle: np.ndarray, at: np.ndarray
    ) -> np.ndarray:
        """Size of the gradient along the normals ``[P, len(at)]`` [codes / px]."""
        result = np.zeros((len(outline), len(at)))
        for frame in np.unique(outline.frame):
            rows = np.flatnonzero(outline.frame == frame)
            ends = [
                sample(
                    pictures[int(frame)],
                    middle[rows, None] + (at[None, :, None] + d) * outline.normal[rows, None],
                )
                for d in (-STEP, STEP)
            ]
            result[rows] = np.linalg.norm(ends[1] - ends[0], axis=2) / (2 * STEP)
        return result


def sample(picture: np.ndarray, pixels: np.ndarray) -> np.ndarray:
    """A picture ``[H, W, C]`` at pixels ``[..., 2]`` (u, v), bilinear; beyond its border it goes on as there."""
    u, v = pixels[..., 0] - 0.5, pixels[..., 1] - 0.5
    return np.stack(
        [map_coordinates(picture[..., c], (v, u), order=1, mode="nearest") for c in range(picture.shape[-1])],
        -1,
    )


def _smoothed(picture: np.ndarray) -> np.ndarray:
    return gaussian_filter(picture.astype(np.float32), (SMOOTHING, SMOOTHING, 0))
