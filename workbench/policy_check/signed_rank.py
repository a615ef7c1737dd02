"""The exact signed-rank test: whether differences of paired scenes lean to one side.

Wilcoxon (1945), Individual comparisons by ranking methods, Biometrics Bulletin 1, with the exact null distribution for
ranks as they are, ties among them (Pratt & Gibbons, Concepts of Nonparametric Theory, 1981, chapter 5): where a
situation changes nothing, either sign of a scene's difference is as likely. Differences of 0 say nothing and are left
out.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

NEGLIGIBLE = 1e-6
"""Differences below this share of the greatest one are rounding."""


@dataclass(frozen=True)
class SignedRank:
    """What a test found."""

    p: float
    """Two-sided probability of leaning so far by chance."""
    above: int
    """Scenes whose difference is above 0."""
    below: int
    median: float
    """Of all differences; 0 where there are none."""

    def leans(self, level: float) -> int:
        """+1 or -1 where the differences are shown to lie above or below 0 at this level, else 0."""
        if self.p > level:
            return 0
        return 1 if self.median > 0 else -1 if self.median < 0 else 0

    @property
    def count(self) -> int:
        """Scenes whose difference is not 0."""
        return self.above + self.below


def signed_rank(differences: np.ndarray, floor: float = 0.0) -> SignedRank:
    """Test of differences ``[S]``, one a scene; NaN where a scene could not be used.

    Args:
        differences: of pairs.
        floor: what is at most this is no difference.
    """
    d = np.asarray(differences, float)
    d = d[np.isfinite(d)]
    if not len(d):
        return SignedRank(1.0, 0, 0, 0.0)
    median = float(np.median(d))
    d = d[np.abs(d) > max(floor, NEGLIGIBLE * float(np.abs(d).max()))]
    above, below = int((d > 0).sum()), int((d < 0).sum())
    if not len(d):
        return SignedRank(1.0, 0, 0, 0.0)
    _, which, ties = np.unique(np.abs(d), return_inverse=True, return_counts=True)
    doubled = (2 * np.cumsum(ties) - ties + 1)[which]  # midranks twice, which are whole
    chances = np.ones(1)  # of each sum of doubled ranks, by adding one scene after the other
    for rank in doubled:
        grown = np.zeros(len(chances) + rank)
        grown[: len(chances)] += chances / 2
        grown[rank:] += chances / 2
        chances = grown
    least = min(int(doubled[d > 0].sum()), int(doubled[d < 0].sum()))
    return SignedRank(min(1.0, 2 * float(chances[: least + 1].sum())), above, below, median)
