"""Colours of real against simulated pictures, in linear light: a gain and an offset a channel, and what is left.

Means over squares of the picture, surface by surface, away from outlines and from what is clipped in either picture.
The transform is real = gain x simulated + offset, robust (Huber) over squares; every surface counts alike, so that a
large table of another colour does not pass for light. What a surface's own colour would have to change beside it is
`ColorGap.surfaces`.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.ndimage import binary_erosion, uniform_filter

from workbench.visual_gap.pairs import Pairs, to_display, to_linear

SQUARE = 16
"""Edge of the squares over which means are taken [px]."""
LEAST_PIXELS = 24
"""Of a surface in a square of one frame."""
CLIPPED = (5, 249)
"""Codes below and above are taken for clipped."""
AWAY = 3
"""How far from the border of its label a pixel has to be [px]."""
LEAST_ERROR = 0.02
"""Half width that an interval has at least, as a share of a gain: JPEG and blur bias gains by about 1 %."""
LEAST_CODES = 1.0
"""The same of one surface alone, in display codes: dark ones are drawn with few."""
LEAST_OFFSET_ERROR = 0.002
"""The same of an offset [full scale]."""


@dataclass(frozen=True)
class Surface:
    """What is left of one surface's colour beside the common transform."""

    ratio: np.ndarray
    """Real light over the transformed simulated light, by channel ``[3]``."""
    low: np.ndarray
    high: np.ndarray
    """95 % intervals ``[3]``."""
    squares: int


@dataclass(frozen=True)
class ColorGap:
    """What was found, by channel red, green and blue ``[3]``."""

    gain: np.ndarray
    gain_low: np.ndarray
    gain_high: np.ndarray
    offset: np.ndarray
    """[full scale]"""
    offset_low: np.ndarray
    offset_high: np.ndarray
    surfaces: dict[str, Surface]
    error_before: float
    """Root mean square difference of squares' means [codes of 255]."""
    error_after: float
    """The same once the transform is applied."""


def color_gap(
    pairs: Pairs, registered: np.ndarray, inside: np.ndarray, seed: int = 0, resamples: int = 200
) -> ColorGap:
    """Colour transform from simulated to real pictures.

    Args:
        pairs: of one camera.
        registered: real pictures as the simulated camera sees them ``[F, H, W, 3]``, display codes.
        inside: what of them the real picture has ``[F, H, W]``.
        seed: of the resamples.
        resamples: how many.

    ValueError, in a sentence, where too little is comparable.
    """
    real, simulated, surface = _means(pairs, registered, inside)
    if len(real) < 8:
        raise ValueError(
            f"{len(real)} squares of the pictures of camera {pairs.camera} can be compared in colour, and 8 are needed"
        )
    random = np.random.default_rng(seed)
    gain, offset = _fit(real, simulated, surface)
    ratio = _ratios(real, simulated, surface, gain, offset)
    drawn = []
    for _ in range(resamples):
        taken = _within(surface, random)
        g, o = _fit(real[taken], simulated[taken], surface[taken], gain, offset)
        drawn.append((g, o, _ratios(real[taken], simulated[taken], surface[taken], g, o)))
    gains, offsets = np.array([d[0] for d in drawn]), np.array([d[1] for d in drawn])
    low, high = _interval(gains, gain, LEAST_ERROR * gain)
    offset_low, offset_high = _interval(offsets, offset, np.full(3, LEAST_OFFSET_ERROR))
    left = {}
    for k in np.unique(surface).tolist():
        spread = np.array([d[2][k] for d in drawn])
        light = np.maximum(real[surface == k].mean(0), 1e-3)
        code = to_linear(255 * to_display(light) + 0.5) / light - 1  # one code more, as a share of the light
        a, b = _interval(spread, ratio[k], ratio[k] * np.maximum(LEAST_ERROR, LEAST_CODES * code))
        left[pairs.names[k]] = Surface(ratio[k], a, b, int((surface == k).sum()))
    return ColorGap(
        gain, low, high, offset, offset_low, offset_high, left,
        _codes(real, simulated), _codes(real, gain * simulated + offset),
    )  # fmt: skip


def _means(
    pairs: Pairs, registered: np.ndarray, inside: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Mean light of real and simulated squares ``[S, 3]`` and their surface ``[S]``, means over frames."""
    height, width = pairs.size
    across = width // SQUARE + 1
    square = (np.arange(height)[:, None] // SQUARE) * across + np.arange(width)[None] // SQUARE
    count = (height // SQUARE + 1) * across
    total: dict[int, np.ndarray] = {}
    for frame in range(len(pairs.real)):
        codes = registered[frame], pairs.simulated[frame].astype(np.float32)
        good = inside[frame].copy()
        for c in codes:
            # Of the surroundings: choosing noisy pixels by their own value would shift their mean.
            around = uniform_filter(c, (5, 5, 0))
            good &= ((around >= CLIPPED[0]) & (around <= CLIPPED[1])).all(2)
        light = [to_linear(c) for c in codes]
        for k in np.unique(pairs.labels[frame]):
            if k < 0:
                continue
            mine = binary_erosion(pairs.labels[frame] == k, iterations=AWAY, border_value=1) & good
            if not mine.any():
                continue
            at = square[mine]
            sums = np.stack([np.ones(len(at))] + [one[mine][:, c] for one in light for c in range(3)], 1)
            found = total.setdefault(int(k), np.zeros((count, 7)))
            binned = np.stack([np.bincount(at, s, minlength=count) for s in sums.T], 1)
            found += np.where(binned[:, :1] >= LEAST_PIXELS, binned, 0.0)
    rows = []
    for k, sums in total.items():
        known = sums[:, 0] > 0
        rows.append(np.concatenate((sums[known, 1:] / sums[known, :1], np.full((known.sum(), 1), k)), 1))
    table = np.concatenate(rows) if rows else np.zeros((0, 7))
    return table[:, :3], table[:, 3:6], table[:, 6].astype(int)


def _fit(
    real: np.ndarray,
    simulated: np.ndarray,
    surface: np.ndarray,
    gain: np.ndarray | None = None,
    offset: np.ndarray | None = None,
) -> tuple[np.ndarray, np.ndarray]:
    """Gains and offsets ``[3]``; each surface counts alike, and errors relative to brightness."""
    number = np.bincount(surface)[surface]
    gains, offsets = np.ones(3), np.zeros(3)
    for c in range(3):
        x, y = simulated[:, c], real[:, c]
        base = 1 / (number * (x + 0.03) ** 2)
        weight = np.ones(len(x))
        g, o = (1.0, 0.0) if gain is None or offset is None else (gain[c], offset[c])
        for _ in range(30):
            w = base * weight
            a = np.array((((w * x * x).sum(), (w * x).sum()), ((w * x).sum(), w.sum())))
            # An offset is rare: it is held at nothing unless squares of different brightness ask for one.
            a += np.diag((1e-9, w.sum() * 1e-3))
            b = np.array(((w * x * y).sum(), (w * y).sum()))
            g, o = np.linalg.solve(a, b)
            error = np.abs(y - g * x - o) / (x + 0.03)
            scale = max(0.005, 1.4826 * float(_weighted_median(error, 1 / number)))
            weight = np.minimum(1.0, 1.5 * scale / np.maximum(error, 1e-9))
        gains[c], offsets[c] = g, o
    return gains, offsets


def _weighted_median(values: np.ndarray, weights: np.ndarray) -> float:
    order = np.argsort(values)
    total = np.cumsum(weights[order])
    return float(values[order][np.searchsorted(total, total[-1] / 2)])


def _ratios(
    real: np.ndarray, simulated: np.ndarray, surface: np.ndarray, gain: np.ndarray, offset: np.ndarray
) -> dict[int, np.ndarray]:
    """Surface -> median of real over transformed light ``[3]``."""
    expected = np.maximum(gain * simulated + offset, 1e-4)
    return {
        int(k): np.maximum(np.median((real / expected)[surface == k], 0), 1e-3) for k in np.unique(surface)
    }


def _within(surface: np.ndarray, random: np.random.Generator) -> np.ndarray:
    """Squares drawn anew, surface by surface."""
    parts = []
    for k in np.unique(surface):
        own = np.flatnonzero(surface == k)
        parts.append(own[random.integers(len(own), size=len(own))])
    return np.concatenate(parts)


def _interval(drawn: np.ndarray, value: np.ndarray, least: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    half = np.sqrt((1.96 * drawn.std(0, ddof=1)) ** 2 + least**2)
    return value - half, value + half


def _codes(real: np.ndarray, simulated: np.ndarray) -> float:
    return float(np.sqrt(np.mean((255 * (to_display(real) - to_display(simulated))) ** 2)))
