"""Comparing two policies while episodes still arrive, honestly: which succeeds more often on the same episodes?

`PairedSequentialTest` may be looked at after every pair, and `anytime_paired_interval` holds however many pairs there
happen to be: also where a clock, a crash or the outcomes themselves decided that. Both are one test, so the interval
excludes 0 exactly where the test decides.

    test = PairedSequentialTest(alpha=0.05, n_max=200)
    while test.decision is None and test.n < test.n_max:
        test.update([(first_succeeds, second_succeeds)])       # in the order of episode *index*

How it works. Let X be +1 where only the first succeeds, -1 where only the second, 0 where they agree. Whoever stakes a
share s / (1 + d) of his money on X - d gains nothing on average if the difference of the rates is d, and loses if it
is less; his money is multiplied by 1 + s (X - d) / (1 + d), which never falls below 0. A mixture of such gamblers over
s is one too, so by Ville's inequality it ever reaches 2 / alpha with probability at most alpha / 2. The interval holds
the d against which neither he nor his mirror image, who bets on less, has come that far; at d = 0 only pairs on which
the policies differ move the stakes, as in McNemar's test. Waudby-Smith & Ramdas (2024), Estimating means of bounded
random variables by betting, JRSS-B 86; Ville (1939).

Why not a library: STEP (`sequentialized-barnard-tests`) compares two policies on episodes of their own, and would
throw the pairing away.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import Literal

import numpy as np
import scipy

PairedDecision = Literal["first better", "second better"]

# Shares s = sin(phi) with phi even between 0 and pi/2: the arcsine law, by which `sequential` mixes too.
_GAMBLERS = 512
_SHARES = np.sin((np.arange(_GAMBLERS) + 0.5) * (math.pi / 2 / _GAMBLERS))


class PairedSequentialTest:
    """Tests whether two policies succeed equally often, with a look after every pair of outcomes.

    "first better" or "second better" is said with probability at most ``alpha`` when neither is. Fix ``alpha`` and
    ``n_max`` before the first episode. The guarantee does not rest on ``n_max``, which only says when to give up.
    """

    def __init__(self, alpha: float, n_max: int) -> None:
        if not 0 < alpha < 1:
            raise ValueError(
                f"alpha must lie strictly between 0 and 1 (0.05 for 95 % confidence), not {alpha}"
            )
        if n_max < 1:
            raise ValueError(f"n_max must be at least 1 episode, not {n_max}")
        self.alpha, self.n_max = alpha, n_max
        self.n = 0
        """Pairs counted; stays where it is once there is a decision."""
        self.only_first = 0
        """Pairs of which only the first policy's succeeded."""
        self.only_second = 0
        """Pairs of which only the second policy's succeeded."""
        self.decision: PairedDecision | None = None
        """What has been decided; None until the evidence suffices, and for ever when it never does."""

    def update(self, pairs: Iterable[tuple[bool, bool]]) -> PairedDecision | None:
        """Counts the next pairs of outcomes, in index order, with a look after each; returns the decision so far.

        Pairs after the decision are not counted. More than ``n_max`` without a decision raise ValueError.
        """
        for first, second in pairs:
            if self.decision is not None:
                break
            if self.n == self.n_max:
                raise ValueError(
                    f"the test was planned for at most {self.n_max} episodes and has had them all"
                )
            self.n += 1
            self.only_first += bool(first) and not second
            self.only_second += bool(second) and not first
            if first != second and paired_anytime_p(self.only_first, self.only_second) < self.alpha:
                self.decision = "first better" if self.only_first > self.only_second else "second better"
        return self.decision

    def interval(self) -> tuple[float, float]:
        """Interval of the first rate minus the second at level ``1 - alpha`` that holds at any stopping time."""
        return anytime_paired_interval(self.only_first, self.only_second, self.n, 1 - self.alpha)


def paired_anytime_p(b: int, c: int) -> float:
    """Two-sided p-value that two policies succeed equally often, valid at any stopping time.

    ``b`` pairs only the first policy solves, ``c`` only the second.
    """
    if b < 0 or c < 0:
        raise ValueError(f"counts of discordant pairs must not be negative, not {b} and {c}")
    return min(1.0, 2 * math.exp(-_log_stake(max(b, c), min(b, c), b + c, 0.0)))


def anytime_paired_interval(b: int, c: int, n: int, confidence: float = 0.95) -> tuple[float, float]:
    """Confidence sequence of the first rate minus the second after ``n`` pairs: it holds at all ``n`` at once.

    It excludes 0 exactly where `paired_anytime_p` is below ``1 - confidence``. ``b`` pairs only the first policy
    solves, ``c`` only the second.
    """
    if min(b, c) < 0 or b + c > n:
        raise ValueError(f"{b} and {c} discordant pairs do not fit into {n} pairs")
    if not 0 < confidence < 1:
        raise ValueError(f"confidence must lie strictly between 0 and 1 (0.95 for 95 %), not {confidence}")
    return _lower(b, c, n, confidence), -_lower(c, b, n, confidence)


def _lower(b: int, c: int, n: int, confidence: float) -> float:
    threshold = -math.log((1 - confidence) / 2)
    if c == n:
        return -1.0  # not one pair speaks against any difference

    def excess(difference: float) -> float:
        return _log_stake(b, c, n, difference) - threshold

    # The stake falls as the difference grows, and is at most 1 where that is as large as it can be.
    least = -1 + 1e-9
    return float(scipy.optimize.brentq(excess, least, 1.0, xtol=1e-10)) if excess(least) > 0 else -1.0


def _log_stake(b: int, c: int, n: int, difference: float) -> float:
    """Log of the mixture's money after betting that the first rate exceeds the second by more than ``difference``."""
    with np.errstate(divide="ignore"):
        shares = _SHARES / (1 + difference)
        money = (
            scipy.special.xlogy(b, 1 + shares * (1 - difference))
            + scipy.special.xlogy(c, np.maximum(1 - _SHARES, 0.0))
            + scipy.special.xlogy(n - b - c, np.maximum(1 - shares * difference, 0.0))
        )
    return float(scipy.special.logsumexp(money) - math.log(_GAMBLERS))
