"""How well answers about space fit held-out annotations: rates and errors with intervals.

    box_rate(predicted, annotated)               # share of boxes with IoU >= 0.5: RefCOCO-g, RoboRefIt
    point_in_mask_rate(points, masks)            # share of points inside the mask: Where2Place
    trace_mae(predicted, annotated)              # mean absolute waypoint error: A0-ManiSkill

The three metrics are those that InternVLA-M1 (arXiv 2510.13778) reports for its spatial pre-training. A question that
got no usable answer is a row of NaN: wrong where a rate is asked for; left out of an error and counted as missing,
since it has none.

Questions about one episode, or one scene, succeed and fail together. Counting each as evidence of its own makes an
interval too narrow, so every function takes ``groups``, the episode of each question. Rates then have Wilson's interval
for the effective number of questions, ``n`` over the design effect (Rao & Scott 1992, A simple method for the analysis
of clustered binary data, Biometrics 48); errors have a bootstrap over the means of the groups.
"""

from __future__ import annotations

import math
from collections.abc import Hashable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from workbench.stats import CONFIDENCE, Interval, mean_interval, wilson_interval

IOU_THRESHOLD = 0.5
"""Overlap from which a box counts as right."""


@dataclass(frozen=True)
class Rate:
    """A share of questions answered right."""

    right: int
    count: int
    """All questions, those without an answer included."""
    missing: int
    """Questions without a usable answer."""
    rate: float
    interval: Interval
    effective_count: float
    """Questions that would tell as much if they were independent."""


@dataclass(frozen=True)
class Error:
    """A mean error over the questions that were answered."""

    mean: float | None
    """[px]; None when nothing was answered."""
    interval: Interval | None
    """[px]; None for fewer than three groups."""
    count: int
    """Questions answered."""
    missing: int
    """Questions without a usable answer; they have no error, so read the mean together with this."""


def box_iou(predicted: ArrayLike, annotated: ArrayLike) -> np.ndarray:
    """Intersection over union ``[N]`` of boxes ``[N, 4]``, each (u_min, v_min, u_max, v_max) [px].

    NaN where either box holds a NaN; 0 for two boxes without area. ValueError for other shapes.
    """
    a, b = _rows(predicted, 4, "predicted"), _rows(annotated, 4, "annotated")
    _same_length(a, b)
    sides = np.minimum(a[:, 2:], b[:, 2:]) - np.maximum(a[:, :2], b[:, :2])
    overlap = np.clip(sides, 0, None).prod(-1)
    areas = [np.clip(box[:, 2:] - box[:, :2], 0, None).prod(-1) for box in (a, b)]
    union = areas[0] + areas[1] - overlap
    return np.where(union == 0, 0.0, overlap / np.where(union == 0, 1.0, union))


def box_rate(
    predicted: ArrayLike,
    annotated: ArrayLike,
    groups: Sequence[Hashable] | None = None,
    threshold: float = IOU_THRESHOLD,
    confidence: float = CONFIDENCE,
) -> Rate:
    """Share of boxes ``[N, 4]`` [px] whose overlap with the annotated ones reaches the threshold.

    ValueError for an annotated box that is NaN: nothing can be held against it.
    """
    if np.isnan(_rows(annotated, 4, "annotated")).any():
        raise ValueError("annotated boxes hold NaN; leave such questions out")
    overlap = box_iou(predicted, annotated)
    return _rate(overlap >= threshold, np.isnan(overlap), groups, confidence)


def points_in_mask(points: ArrayLike, mask: ArrayLike) -> np.ndarray:
    """Whether each point ``[K, 2]`` (u, v) lies on a true pixel of a mask ``[H, W]``; outside and NaN do not, ``[K]``.

    Pixels are continuous: the pixel in row i, column j covers u in [j, j + 1), v in [i, i + 1); the image's far edges
    belong to the last ones.
    """
    uv, area = _rows(points, 2, "points"), np.asarray(mask, bool)
    height, width = area.shape
    # Comparisons with NaN are false.
    inside = (uv >= 0).all(-1) & (uv[:, 0] <= width) & (uv[:, 1] <= height)
    column = np.minimum(np.where(inside, uv[:, 0], 0).astype(int), width - 1)
    row = np.minimum(np.where(inside, uv[:, 1], 0).astype(int), height - 1)
    found: np.ndarray = inside & area[row, column]
    return found


def point_in_mask_rate(
    points: ArrayLike,
    masks: Sequence[ArrayLike],
    groups: Sequence[Hashable] | None = None,
    confidence: float = CONFIDENCE,
) -> Rate:
    """Share of points ``[N, 2]`` (u, v) [px] that lie inside their masks, ``N`` of ``[H, W]``, true where it is right.

    An answer of several points goes in as as many rows, with its question as their group.
    """
    uv = _rows(points, 2, "points")
    if len(masks) != len(uv):
        raise ValueError(f"{len(uv)} points need as many masks, not {len(masks)}")
    right = [points_in_mask(point[None], mask)[0] for point, mask in zip(uv, masks, strict=True)]
    return _rate(np.array(right, bool), np.isnan(uv).any(-1), groups, confidence)


def within_rate(
    errors: ArrayLike,
    most: float,
    groups: Sequence[Hashable] | None = None,
    confidence: float = CONFIDENCE,
) -> Rate:
    """Share of errors ``[N]`` of at most ``most``, in the same unit; NaN for a question without a usable answer."""
    found = np.asarray(errors, float)
    return _rate(found <= most, np.isnan(found), groups, confidence)


def trace_errors(predicted: Sequence[ArrayLike], annotated: Sequence[ArrayLike]) -> np.ndarray:
    """Mean absolute error of waypoints [px] of each trace, ``[N]``: over its points and both coordinates.

    A predicted trace ``[J, 2]`` is first resampled to as many points as the annotated one ``[K, 2]``, evenly in its
    own length, because models do not always write as many as they are asked for. NaN for an empty one or one with a
    NaN.
    """
    if len(predicted) != len(annotated):
        raise ValueError(
            f"{len(predicted)} predicted traces need as many annotated ones, not {len(annotated)}"
        )
    errors = []
    for said, true in zip(predicted, annotated, strict=True):
        points, way = _rows(true, 2, "annotated"), np.asarray(said, float)
        if not len(points):
            raise ValueError("an annotated trace has no points")
        if way.size == 0 or np.isnan(way).any():
            errors.append(np.nan)
            continue
        resampled = _resampled(_rows(way, 2, "predicted"), len(points))
        errors.append(float(np.abs(resampled - points).mean()))
    return np.array(errors)


def trace_mae(
    predicted: Sequence[ArrayLike],
    annotated: Sequence[ArrayLike],
    groups: Sequence[Hashable] | None = None,
    confidence: float = CONFIDENCE,
) -> Error:
    """Mean over the traces of `trace_errors` [px], each answered question counting alike."""
    errors = trace_errors(predicted, annotated)
    of = _groups(groups, len(errors))
    answered = ~np.isnan(errors)
    missing = int((~answered).sum())
    if not answered.any():
        return Error(None, None, 0, missing)
    errors, of = errors[answered], of[answered]
    # Weighted, so that groups of different sizes still average to the mean over questions.
    sums = np.bincount(of, errors)[np.unique(of)]
    means = sums * len(np.unique(of)) / len(errors)
    interval = mean_interval(means.tolist(), confidence, (0.0, math.inf))
    return Error(float(errors.mean()), interval, len(errors), missing)


def _rate(
    right: np.ndarray, missing: np.ndarray, groups: Sequence[Hashable] | None, confidence: float
) -> Rate:
    count = len(right)
    if not count:
        raise ValueError("a rate needs at least one question")
    rate = float(right.mean())
    effective = _effective_count(right.astype(float), _groups(groups, count))
    interval = wilson_interval(rate * effective, effective, confidence)
    return Rate(int(right.sum()), count, int(missing.sum()), rate, interval, effective)


def _effective_count(right: np.ndarray, of: np.ndarray) -> float:
    """Number of questions over the design effect of their groups, between one and the number of questions.

    Where all answers are right, or all wrong, they say nothing of how groups agree, and each group counts once.
    """
    count, number = len(right), len(np.unique(of))
    if number == count:
        return float(count)
    rate = right.mean()
    if number == 1 or rate in (0.0, 1.0):
        return float(number)
    residuals = np.bincount(of, right - rate)
    clustered = number / (number - 1) * (residuals**2).sum() / count**2
    effect = clustered / (rate * (1 - rate) / count)
    return float(np.clip(count / max(effect, 1.0), 1.0, count))


def _groups(groups: Sequence[Hashable] | None, count: int) -> np.ndarray:
    """A whole number for each question, the same for those of one group."""
    if groups is None:
        return np.arange(count)
    if len(groups) != count:
        raise ValueError(f"{count} questions need as many groups, not {len(groups)}")
    numbers: dict[Hashable, int] = {}
    return np.array([numbers.setdefault(group, len(numbers)) for group in groups], int)


def _resampled(points: np.ndarray, count: int) -> np.ndarray:
    """``count`` points along a polyline ``[J, 2]``, evenly in its length; its ends stay."""
    if len(points) == count:
        return points
    lengths = np.concatenate(([0.0], np.linalg.norm(np.diff(points, axis=0), axis=-1).cumsum()))
    at = np.linspace(0, lengths[-1], count)
    return np.stack([np.interp(at, lengths, points[:, axis]) for axis in range(2)], -1)


def _rows(values: ArrayLike, columns: int, name: str) -> np.ndarray:
    array = np.asarray(values, float)
    if array.size == 0:
        array = array.reshape(0, columns)
    if array.ndim != 2 or array.shape[1] != columns:
        raise ValueError(f"{name} must have shape [N, {columns}], not {list(array.shape)}")
    return array


def _same_length(a: np.ndarray, b: np.ndarray) -> None:
    if len(a) != len(b):
        raise ValueError(f"{len(a)} predicted boxes need as many annotated ones, not {len(b)}")
