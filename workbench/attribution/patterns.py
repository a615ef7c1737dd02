"""Forms in which success may depend on a column, as scores that it is correlated with.

- Numbers: success that rises or falls along the range; that differs between the middle (nominal) and both ends; at the
  low end only; at the high end only. All on ranks, so no scale has to be chosen.
- Words: one of them against the others; and any difference between them (chi-square of a table of options).
- Angles: the first harmonic, success about one direction (Rayleigh; Mardia & Jupp 2000, Directional statistics,
  section 6.3, with success in the place of mass); the second, where opposite directions are alike; and the fourth,
  where quarter turns are.

A pattern is one score or several that belong together; its statistic is the sum of their squared correlations. To
compare patterns of different size it is put on the scale of a normal deviate (Wilson & Hilferty 1931, The distribution
of chi-square, PNAS 17); the permutation test makes that scale's errors harmless.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import scipy

from workbench.attribution.columns import ANGLE, LEAST, Column

TAIL = 0.2
"""Share of the episodes that counts as an end of a factor's range."""
HARMONICS = {"direction": 1, "axis": 2, "quarter turn": 4}
"""Patterns of angles and how often each repeats in a turn."""
BOTH_ENDS, ANY = "both ends", "any difference"


@dataclass(frozen=True)
class Pattern:
    """Scores ``[D, N]``, orthogonal, each with mean 0 and square sum 1 (within what the column is given)."""

    name: str
    scores: np.ndarray


def patterns(column: Column) -> list[Pattern]:
    """All forms that are looked for in a column; those that its values do not show are left out."""
    if column.kind == ANGLE:
        raw = {name: [np.cos(k * column.values), np.sin(k * column.values)] for name, k in HARMONICS.items()}
    elif column.words:
        often = [w for w, n in Counter(column.values.tolist()).items() if n >= LEAST]
        raw = {f"= {w}": [column.values == w] for w in often}
        if len(often) > 2:
            raw[ANY] = [column.values == w for w in often]
    else:
        rank = (scipy.stats.rankdata(column.values) - 0.5) / len(column.values)
        middle = 0.5 if column.nominal is None else float(np.mean(column.values < column.nominal))
        raw = {"trend": [rank], "low end": [rank < TAIL], "high end": [rank > 1 - TAIL]}
        if 0.1 < middle < 0.9:
            raw[BOTH_ENDS] = [np.abs(rank - middle)]
    found = []
    for name, scores in raw.items():
        basis = _orthonormal(np.asarray(scores, float), column.given)
        if len(basis):
            found.append(Pattern(name, basis))
    return found


def centred(values: np.ndarray, given: np.ndarray | None) -> np.ndarray:
    """Values ``[..., N]`` less their mean among episodes that are alike."""
    if given is None:
        return np.asarray(values - values.mean(-1, keepdims=True))
    result = np.array(values, float)
    for word in np.unique(given):
        alike = given == word
        result[..., alike] -= result[..., alike].mean(-1, keepdims=True)
    return result


def _orthonormal(scores: np.ndarray, given: np.ndarray | None) -> np.ndarray:
    left, sizes, right = np.linalg.svd(centred(scores, given), full_matrices=False)
    kept = right[sizes > 1e-6 * np.sqrt(scores.shape[1])]
    if len(scores) == 1 and len(kept):
        kept = kept * np.sign(left[0, 0])  # of one score the sign says whether success rises along it
    return np.asarray(kept)


def deviates(sums: np.ndarray, degrees: np.ndarray) -> np.ndarray:
    """Sums of ``degrees`` squared standard normals ``[P, ...]`` on the scale of one normal deviate."""
    share = (2 / (9 * degrees)).reshape(-1, *[1] * (sums.ndim - 1))
    scaled = sums / degrees.reshape(share.shape)
    return np.asarray((np.cbrt(scaled) - (1 - share)) / np.sqrt(share))


def acting(column: Column, pattern: str, success: np.ndarray, where: np.ndarray | None = None) -> Column:
    """The column in which a factor acts: distance from nominal where both ends matter, and of an angle the turn from
    the direction about which failures lie, by the episodes ``where`` says (all by default)."""
    if pattern == BOTH_ENDS:
        return column.away()
    if column.kind != ANGLE:
        return column
    chosen = slice(None) if where is None else where
    repeats = HARMONICS[pattern]
    failed = centred(-np.asarray(success[chosen], float), None)
    moment = np.sum(failed * np.exp(1j * repeats * column.values[chosen]))
    return column.away(float(np.angle(moment)) / repeats, 2 * np.pi / repeats)


def sizes(found: Sequence[Pattern]) -> np.ndarray:
    """Number of scores of each pattern."""
    return np.array([len(pattern.scores) for pattern in found])
