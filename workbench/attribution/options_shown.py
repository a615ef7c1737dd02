"""Which options of a factor are bad? Each against those that are not shown to be, worst first.

One-sided Fisher tests, step by step: the worst option is tested against all others together, set aside if it is shown
to be worse, and the next one is tested against those that are left, until one is not shown. Each step is corrected for
all options left and for all factors screened (Bonferroni), so over a run a good option is accused with probability at
most ``alpha``. Two bad options of a factor are so both found, which one cut cannot do.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import scipy

from workbench.attribution.columns import LEAST, Column
from workbench.stats import wilson_interval


def options_shown(
    column: Column, success: np.ndarray, *, factors: int, confidence: float
) -> list[dict[str, Any]]:
    """An entry an option, worst rate first: its rate, interval, corrected p-value and whether it is shown to be worse.

    The p-value is null for options that were not tested: those with fewer than `LEAST` episodes.
    """
    won, count = {}, {}
    for word in np.unique(column.values).tolist():
        mask = column.values == word
        won[word], count[word] = int(success[mask].sum()), int(mask.sum())
    left = [word for word in count if count[word] >= LEAST]
    p_values: dict[str, float] = {}
    shown: set[str] = set()
    worst = 0.0
    while len(left) > 1:
        p = {word: _worse(won, count, word, left) for word in left}
        word = min(left, key=p.__getitem__)
        worst = max(worst, min(1.0, p[word] * len(left) * factors))
        if worst >= 1 - confidence:
            p_values |= {w: max(worst, min(1.0, p[w] * len(left) * factors)) for w in left}
            break
        p_values[word] = worst
        shown.add(word)
        left.remove(word)
    return [
        {
            "option": word,
            "successes": won[word],
            "episodes": count[word],
            "rate": won[word] / count[word],
            "interval": list(wilson_interval(won[word], count[word], confidence)),
            "p_adjusted": p_values.get(word),
            "worse": word in shown,
        }
        for word in sorted(count, key=lambda w: (won[w] / count[w], w))
    ]


def _worse(won: dict[str, int], count: dict[str, int], word: str, left: list[str]) -> float:
    """One-sided p-value that the option is no worse than the others that are left."""
    others = [w for w in left if w != word]
    k, n = sum(won[w] for w in others), sum(count[w] for w in others)
    table = [[won[word], count[word] - won[word]], [k, n - k]]
    return float(scipy.stats.fisher_exact(table, alternative="less").pvalue)
