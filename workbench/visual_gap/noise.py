"""Noise of a real camera against brightness: what changes from picture to picture where nothing moves.

Pairs of successive pictures, squares in which the simulation says that nothing changed; half of the mean square of
their difference is the variance. Variances are taken to linear light and fitted by read^2 + shot^2 x light. Compression
hides noise: where the log is JPEG, such noise is laid on a still picture, compressed and measured alike, and the
result is scaled until it measures the same. A camera that moves has no such squares; then the noise is not told.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from scipy.ndimage import binary_erosion

from workbench.visual_gap.pairs import Pairs, compressed, to_display, to_linear

SQUARE = 8
"""Edge of the squares [px]."""
LEAST_SQUARES = 40
BINS = 8
"""Ranges of brightness."""
LEAST_ERROR = (1e-3, 2e-3)
"""By how much intervals of read and shot noise are wider at least: less is below rounding [full scale]."""
HIDDEN_ERROR = 0.4
"""The same as a share, where compression hides noise."""
ROUNDING = 1 / 12
"""Variance of rounding to whole codes [codes^2]."""


@dataclass(frozen=True)
class NoiseGap:
    """Standard deviations of the real camera's noise, in linear light [full scale]."""

    read: float
    """In the dark."""
    read_interval: tuple[float, float]
    shot: float
    """What full light adds, by its root."""
    shot_interval: tuple[float, float]
    curve: tuple[tuple[float, float], ...]
    """Brightness and standard deviation in light, of tenths of the squares, as measured: compression included."""
    squares: int
    hidden: float
    """By what factor compression makes the noise look smaller; 1 without."""


def noise_gap(pairs: Pairs, seed: int = 0, resamples: int = 200) -> NoiseGap:
    """The real camera's noise; ValueError, in a sentence, where the pictures do not tell it."""
    if pairs.coded:
        raise ValueError(f"pictures of camera {pairs.camera} come from a video, whose coding hides noise")
    if np.ptp(pairs.position, axis=0).max() > 1e-6:
        raise ValueError(f"camera {pairs.camera} moves, so that noise cannot be told from what is seen")
    light, variance, place = _squares(pairs)
    if len(np.unique(place)) < LEAST_SQUARES:
        raise ValueError(
            f"{len(np.unique(place))} squares of the pictures of camera {pairs.camera} stand still, and "
            f"{LEAST_SQUARES} are needed"
        )
    measured = _fit(light, variance)
    read, shot = measured if pairs.jpeg_quality is None else _uncompressed(pairs, light, variance, seed)
    middle = float(light.mean())
    whole = [np.sqrt(a**2 + b**2 * middle) for a, b in ((read, shot), measured)]
    hidden = float(whole[0] / whole[1]) if whole[1] > 1e-4 else 1.0
    random = np.random.default_rng(seed)
    places, number = np.unique(place, return_inverse=True)
    rows = np.argsort(number, kind="stable")
    begins = np.searchsorted(number[rows], np.arange(len(places) + 1))
    drawn = []
    for _ in range(resamples):
        taken = np.concatenate(
            [rows[begins[k] : begins[k + 1]] for k in random.integers(len(places), size=len(places))]
        )
        drawn.append(_fit(light[taken], variance[taken]))
    # Spread about what was measured, as a spread about what that is without compression.
    spread = 1.96 * np.std(drawn, 0, ddof=1) * hidden
    # Where noise is hidden, what is said of how much is less sure.
    loose, wider = (HIDDEN_ERROR, 2.0) if pairs.jpeg_quality is not None else (0.0, 1.0)
    order = np.array_split(np.argsort(light), 10)
    curve = tuple(
        (float(light[k].mean()), float(np.sqrt(max(variance[k].mean(), 0.0)))) for k in order if len(k)
    )
    ends = [
        (max(value * (1 - loose) - half - wider * least, 0.0), value * (1 + loose) + half + wider * least)
        for value, half, least in zip((read, shot), spread.tolist(), LEAST_ERROR, strict=True)
    ]
    return NoiseGap(read, ends[0], shot, ends[1], curve, len(places), hidden)


def _squares(pairs: Pairs) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Brightness, variance in light and place of squares that stood still from one picture to the next ``[S]``."""
    height, width = (x // SQUARE * SQUARE for x in pairs.size)
    parts = []
    for a in range(len(pairs.real) - 1):
        first, second = pairs.real[a].astype(np.float32), pairs.real[a + 1].astype(np.float32)
        still = (pairs.labels[a] == pairs.labels[a + 1]) & (
            np.abs(pairs.simulated[a].astype(int) - pairs.simulated[a + 1]).max(2) <= 2
        )
        still = binary_erosion(still, iterations=3, border_value=1)
        usable = _blocks(still[:height, :width, None].astype(np.float32)).min(2)[..., 0] > 0
        one, two = _blocks(first[:height, :width]), _blocks(second[:height, :width])
        usable = usable & (np.minimum(one, two).min((2, 3)) > 2) & (np.maximum(one, two).max((2, 3)) < 253)
        change = one - two
        change = change - change.mean(2, keepdims=True)  # light that flickers is no noise
        size = one.shape[2]
        spread = (change**2).sum(2) / (2 * (size - 1))
        spread = np.where(spread > 0, np.maximum(spread - ROUNDING, 0.0), 0.0)
        mean = (one + two).mean(2) / 2
        slope = (to_linear(mean + 0.5) - to_linear(mean - 0.5)) ** 2
        rows, columns = np.nonzero(usable)
        where = rows * (width // SQUARE) + columns
        for c in range(3):
            parts.append(
                np.stack(
                    (
                        to_linear(mean[rows, columns, c]),
                        spread[rows, columns, c] * slope[rows, columns, c],
                        where,
                    ),
                    1,
                )
            )
    table = np.concatenate(parts) if parts else np.zeros((0, 3))
    # What moved though the simulation stood, as a real shadow, is far beyond the others.
    if len(table):
        limit = np.median(table[:, 1]) + 10 * max(
            1.4826 * np.median(np.abs(table[:, 1] - np.median(table[:, 1]))), 1e-7
        )
        table = table[table[:, 1] <= max(limit, 10 * np.median(table[:, 1]))]
    return table[:, 0], table[:, 1], table[:, 2].astype(int)


def _blocks(picture: np.ndarray) -> np.ndarray:
    """``[H, W, C]`` as squares ``[H / 8, W / 8, 64, C]``."""
    h, w, c = picture.shape
    split = picture.reshape(h // SQUARE, SQUARE, w // SQUARE, SQUARE, c)
    return split.swapaxes(1, 2).reshape(h // SQUARE, w // SQUARE, SQUARE * SQUARE, c)


def _fit(light: np.ndarray, variance: np.ndarray) -> tuple[float, float]:
    """Read and shot noise: weighted least squares of variances, neither negative."""
    read, shot = max(float(variance.mean()), 1e-10), 0.0
    for _ in range(5):
        weight = 1 / np.maximum(read + shot * light, 1e-8) ** 2  # a variance's own error goes with it
        a = np.array(
            (((weight).sum(), (weight * light).sum()), ((weight * light).sum(), (weight * light**2).sum()))
        )
        b = np.array(((weight * variance).sum(), (weight * light * variance).sum()))
        solved = np.linalg.lstsq(a, b, rcond=None)[0]
        if solved[0] < 0:
            solved = np.array((0.0, max(b[1] / a[1, 1], 0.0)))
        elif solved[1] < 0:
            solved = np.array((max(b[0] / a[0, 0], 0.0), 0.0))
        read, shot = float(solved[0]), float(solved[1])
    return float(np.sqrt(read)), float(np.sqrt(shot))


def _uncompressed(pairs: Pairs, light: np.ndarray, variance: np.ndarray, seed: int) -> tuple[float, float]:
    """Read and shot noise that measure like this once compressed.

    Brightness by brightness, the variance that is laid on is scaled by what was measured over what it measures.
    """
    read, shot = _fit(light, variance)
    if max(read, shot) < 1e-4:
        return read, shot
    picture = to_linear(np.median(pairs.real[: min(len(pairs.real), 8)], 0))
    random = np.random.default_rng(seed)
    draws = [random.normal(size=picture.shape) for _ in range(3)]
    edges = np.quantile(light, np.linspace(0, 1, BINS + 1)[1:-1])
    wanted = _by_bin(light, variance, edges)
    for _ in range(6):
        noise = np.sqrt(read**2 + shot**2 * picture)
        shots = np.stack(
            [
                compressed(
                    (255 * to_display(picture + noise * d)).astype(np.uint8),
                    pairs.jpeg_quality,
                    pairs.jpeg_sampling,
                )
                for d in draws
            ]
        )
        still = [np.repeat(x[:1], len(draws), 0) for x in (pairs.simulated, pairs.labels)]
        seen = _squares(replace(pairs, real=shots, simulated=still[0], labels=still[1]))
        shown = _by_bin(*seen[:2], edges)
        middle = np.array([light[k].mean() for k in _bins(light, edges)])
        ratio = np.clip(wanted / np.maximum(shown, 1e-12), 0.25, 4.0)
        known = np.isfinite(ratio)
        if not known.any():
            break
        read, shot = _fit(middle[known], ((read**2 + shot**2 * middle) * ratio)[known])
    return read, shot


def _bins(light: np.ndarray, edges: np.ndarray) -> list[np.ndarray]:
    place = np.searchsorted(edges, light)
    return [place == k for k in range(len(edges) + 1)]


def _by_bin(light: np.ndarray, variance: np.ndarray, edges: np.ndarray) -> np.ndarray:
    """Mean variance in each range of brightness; NaN where there is none."""
    return np.array([variance[k].mean() if k.any() else np.nan for k in _bins(light, edges)])
