"""Sharpness of real against simulated pictures, as the Gaussian blur that would make the simulated ones alike [px].

Profiles of light across outlines, each aligned at its own edge and scaled to a step, are averaged over squares of the
picture; what is sought is the blur of the simulated average that fits the real one. Where the real one is sharper, the
simulated one is what would have to be sharpened, and the blur counts as negative.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from scipy.ndimage import gaussian_filter1d

from workbench.visual_gap.camera_fit import motion_axes, projected
from workbench.visual_gap.edges import EdgeFinder, Outline, outlines, sample
from workbench.visual_gap.pairs import Pairs, to_linear

HALF, STEP = 5.0, 0.25
"""Half length of a profile and the distance of its samples [px]."""
LEAST_STEP = 0.04
"""Of light across an edge [full scale]."""
LEAST_PROFILES = 30
MOST = 0.15
"""By how much a scaled profile may leave the range from 0 to 1 before it counts as none of a single step."""
SIGMAS = np.concatenate((np.arange(0.0, 1.0, 0.05), np.arange(1.0, 4.01, 0.1)))


@dataclass(frozen=True)
class SharpnessGap:
    """What was found."""

    blur: float
    """Standard deviation of the Gaussian that the simulated picture lacks [px]; negative where the real one does."""
    interval: tuple[float, float]
    energy: float
    """Real over simulated gradient energy, of the same scaled edges."""
    profiles: int


def sharpness_gap(pairs: Pairs, values: np.ndarray, seed: int = 0, resamples: int = 200) -> SharpnessGap:
    """The blur; ValueError, in a sentence, where too few outlines are steps in both pictures.

    Args:
        pairs: of one camera.
        values: the real camera against the simulated one, by `workbench.visual_gap.camera_fit.PARAMETERS`.
        seed: of the resamples.
        resamples: how many.
    """
    outline = outlines(pairs, seed=seed)
    axes = motion_axes(pairs)
    expected = projected(outline.point, values, pairs.intrinsics, axes[outline.frame])
    inside = np.isfinite(expected).all(1)
    outline, expected = outline.rows(inside), expected[inside]
    seen = EdgeFinder(pairs).find(outline, expected, 2.0)
    at = expected + seen.shift[:, None] * outline.normal
    real, real_good = _profiles(pairs.real, outline, at)
    simulated, simulated_good = _profiles(pairs.simulated, outline, outline.pixel)
    good = seen.good & real_good & simulated_good
    if good.sum() < LEAST_PROFILES:
        raise ValueError(
            f"{good.sum()} outline points of camera {pairs.camera} are steps of light in both pictures, and "
            f"{LEAST_PROFILES} are needed"
        )
    cells, number = np.unique(outline.cell[good], return_inverse=True)
    sums = [
        np.stack([np.bincount(number, column) for column in profiles[good].T], 1)
        for profiles in (real, simulated)
    ]
    counts = np.bincount(number).astype(float)
    random = np.random.default_rng(seed)
    drawn = []
    for _ in range(resamples):
        taken = np.bincount(random.integers(len(cells), size=len(cells)), minlength=len(cells))
        drawn.append(_blur(*((taken @ s) / (taken @ counts) for s in sums)))
    best = _blur(*(s.sum(0) / counts.sum() for s in sums))
    low, high = np.quantile(drawn, (0.025, 0.975))
    energy = [float(np.mean(np.diff(p[good], axis=1) ** 2)) for p in (real, simulated)]
    ends = [
        _root(square + side * _error(best))
        for square, side in ((best * abs(best), -1), (best * abs(best), 1))
    ]
    return SharpnessGap(
        best,
        (min(float(low), ends[0]), max(float(high), ends[1])),
        energy[0] / max(energy[1], 1e-12),
        int(good.sum()),
    )


def _error(blur: float) -> float:
    """How far a blur's square is off at least [px^2]: what samples between pixels and scaling to a step do."""
    return 0.12 + 0.25 * blur**2


def _root(square: float) -> float:
    return math.copysign(math.sqrt(abs(square)), square)


def _profiles(pictures: np.ndarray, outline: Outline, middle: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Light across edges, 0 inside and 1 outside ``[P, K]``, and which are a single step ``[P]``."""
    longer = 2 * int(1.0 / STEP)
    at = np.arange(-HALF - longer * STEP, HALF + (longer + 0.5) * STEP, STEP)
    result = np.zeros((len(outline), len(at), 3))
    for frame in np.unique(outline.frame):
        rows = np.flatnonzero(outline.frame == frame)
        places = middle[rows, None] + at[None, :, None] * outline.normal[rows, None]
        result[rows] = to_linear(sample(pictures[int(frame)].astype(np.float32), places))
    ends = int(1.5 / STEP) + longer
    inner, outer = result[:, :ends].mean(1), result[:, -ends:].mean(1)
    # Of the three channels that with the greatest step.
    best = np.abs(outer - inner).argmax(1)
    rows = np.arange(len(outline))
    line, a, b = result[rows, :, best], inner[rows, best], outer[rows, best]
    size = b - a
    scaled = (line - a[:, None]) / np.where(np.abs(size) > 1e-6, size, 1.0)[:, None]
    flat = np.maximum(np.abs(scaled[:, :ends]).max(1), np.abs(scaled[:, -ends:] - 1).max(1)) < MOST
    single = (scaled.min(1) > -MOST) & (scaled.max(1) < 1 + MOST)
    good = (np.abs(size) > LEAST_STEP) & flat & single
    # Each at its own edge: where it passes one half first.
    middle_row = len(at) // 2
    passes = (scaled[:, :-1] < 0.5) & (scaled[:, 1:] >= 0.5)
    first = passes.argmax(1)
    good &= passes.any(1) & (np.abs(first - middle_row) < longer)
    first = np.where(good, first, middle_row)
    below, above = scaled[rows, first], scaled[rows, first + 1]
    edge = first + np.where(good, (0.5 - below) / np.where(above > below, above - below, 1.0), 0.0)
    places = edge[:, None] + np.arange(-int(HALF / STEP), int(HALF / STEP) + 1)
    low = np.floor(places).astype(int).clip(0, len(at) - 2)
    share = places - low
    aligned = scaled[rows[:, None], low] * (1 - share) + scaled[rows[:, None], low + 1] * share
    return aligned, good


def _blur(real: np.ndarray, simulated: np.ndarray) -> float:
    """The blur that makes one average profile the other; positive where the simulated one has to be blurred."""
    softened, sharpened = _sought(simulated, real), _sought(real, simulated)
    return softened[0] if softened[1] <= sharpened[1] else -sharpened[0]


def _sought(sharp: np.ndarray, soft: np.ndarray) -> tuple[float, float]:
    """The blur of one profile that fits another best [px], and what is left."""
    errors = np.array(
        [((gaussian_filter1d(sharp, max(s, 1e-9) / STEP, mode="nearest") - soft) ** 2).sum() for s in SIGMAS]
    )
    k = int(errors.argmin())
    if 0 < k < len(SIGMAS) - 1:
        bottom = np.polyfit(SIGMAS[k - 1 : k + 2], errors[k - 1 : k + 2], 2)
        if bottom[0] > 0:
            found = float(np.clip(-bottom[1] / (2 * bottom[0]), SIGMAS[k - 1], SIGMAS[k + 1]))
            return found, float(errors[k])
    return float(SIGMAS[k]), float(errors[k])
