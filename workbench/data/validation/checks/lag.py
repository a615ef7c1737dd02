"""How late the arm's targets follow what was sent, and whether rows of actions have been shifted."""

from __future__ import annotations

import numpy as np

from workbench.data.validation.checks.evidence import Motion

SEARCHED = 8
"""Lags tried, in either direction [rows]."""
MOST_MOVED = 4
"""Rows by which actions of archives are moved, in either direction, to see whether they explain the targets better."""
EXPLAINED = 1e-3
"""Share of the targets' motion that actions may leave unexplained before others are tried. Clean data: 1e-7, of arms
whose tool's motion is coupled 0.3; a row late: from 0.02."""
BETTER = 0.5
"""Ratio of what is left unexplained from which on moved actions are the better explanation. Clean data: at least 1."""


def lag(sent: np.ndarray, reached: np.ndarray) -> float:
    """Rows after which targets did what was sent: where their way fits best the way that the actions add up to.

    Ways, unlike speeds, are not blurred by commands that come a step late. A fraction is found by a parabola through
    the best lag and its neighbours.
    """
    first, second = _in_units(sent, reached)
    most = min(SEARCHED, len(sent) // 3)
    lags = np.arange(-most, most + 1)
    size = np.sqrt((first**2).sum() * (second**2).sum())
    if not size:
        return 0.0
    error = np.array([_misfit(first, second, int(k)) for k in lags])
    best = int(error.argmin())
    if not 0 < best < len(lags) - 1:
        return float(lags[best])
    a, b, c = error[best - 1 : best + 2]
    bend = a - 2 * b + c
    return float(lags[best] + (0.5 * (a - c) / bend if bend > 0 else 0.0))


def _in_units(sent: np.ndarray, reached: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Both, each number relative to its root mean square in ``reached``; without those that hardly change."""
    scale = np.sqrt(np.nanmean(reached**2, 0))
    use = scale > 0.05 * max(scale.max(), 1e-12)
    unit = np.where(use, scale, 1)
    return np.nan_to_num(sent / unit)[:, use], np.nan_to_num(reached / unit)[:, use]


def _misfit(sent: np.ndarray, reached: np.ndarray, late: int) -> float:
    """Mean square of what targets did beyond the best multiple of what was sent ``late`` rows before."""
    n = len(sent)
    a = sent[max(0, -late) : n - max(0, late)]
    b = reached[max(0, late) : n - max(0, -late)]
    power = (a**2).sum()
    factor = (a * b).sum() / power if power else 0.0
    return float(((b - factor * a) ** 2).mean())


def rows_late(motion: Motion, part: slice) -> int:
    """Rows by which actions have to be sent earlier to be what the targets did; 0 where it is not known.

    Lost and repeated commands leave marks in what arrives that do not move with the actions, so that a `lag` between
    what arrived and what the targets did hides it if the actions lie late.

    Args:
        motion: of the arm.
        part: columns that are compared.
    """
    if motion.moved is None:
        return 0

    def unexplained(rows: int) -> float:
        sent = motion.sent if rows == 0 or motion.moved is None else motion.moved(rows)
        return _misfit(*_in_units(sent[:, part], motion.reached[:, part]), 0)

    left = unexplained(0)
    if left <= EXPLAINED:
        return 0
    found = {rows: unexplained(rows) for rows in range(-MOST_MOVED, MOST_MOVED + 1) if rows}
    best = min(found, key=found.__getitem__)
    return best if found[best] < BETTER * left else 0
