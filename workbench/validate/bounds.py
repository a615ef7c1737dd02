"""From counts to a line: the bound of a rate against its threshold."""

from __future__ import annotations

import math

from workbench.stats import Interval
from workbench.stats.rates import clopper_pearson_interval
from workbench.validate.requirements import Requirement
from workbench.verdict.line import FAIL, NOT_EVALUATED, PASS, Evidence, Line

MOST_EPISODES = 100_000


def bounded(k: int, n: int, confidence: float) -> Interval:
    """Lower and upper bound of a rate, each of which holds with at least this confidence (Clopper & Pearson 1934)."""
    return clopper_pearson_interval(k, n, 2 * confidence - 1)


def rate_line(
    asked: Requirement, k: int, n: int, confidence: float, what: str, evidence: tuple[Evidence, ...]
) -> Line:
    """A line on a rate ``k / n`` whose lower bound must reach the threshold; ``what`` is counted, in words."""
    line = line_of(asked, evidence=evidence)
    if n == 0:
        return line.but(sentence=f"there is no {what}")
    low, high = bounded(k, n, confidence)
    least = asked.threshold or 0.0
    counted = f"{k} of {n} {what}, lower bound {low:.3f} ({confidence:.0%})"
    if low >= least:
        state, said = PASS, counted
    elif high < least:
        state, said = FAIL, f"{counted}: shown to be below {least:g}"
    else:
        more = episodes_for(k / n, least, confidence)
        room = f"; at this rate {more} would" if more and more > n else ""
        state, said = FAIL, f"{counted}: {least:g} is not shown{room}"
    return line.but(
        state=state, sentence=said, number=low, interval=(low, high), details={"successes": k, "of": n}
    )


def overlap(a: Line, b: Line) -> bool:
    """Whether the rates of two lines may be the same, for all that their bounds say."""
    if a.interval is None or b.interval is None:
        return True
    return a.interval[0] <= b.interval[1] and b.interval[0] <= a.interval[1]


def episodes_for(rate: float, least: float, confidence: float) -> int | None:
    """Episodes from which on a rate like this shows that the threshold is reached; None if it never does."""
    if rate <= least:
        return None
    low, high = 1, 1
    while bounded(math.floor(rate * high), high, confidence)[0] < least:
        low, high = high, 2 * high
        if high > MOST_EPISODES:
            return None
    while low < high:
        middle = (low + high) // 2
        shown = bounded(math.floor(rate * middle), middle, confidence)[0] >= least
        low, high = (low, middle) if shown else (middle + 1, high)
    return high


def most_line(
    asked: Requirement, number: float, sentence: str, evidence: tuple[Evidence, ...], **details: object
) -> Line:
    """A line on a number that must not be more than the threshold."""
    most = math.inf if asked.threshold is None else asked.threshold
    state = PASS if number <= most + 1e-9 else FAIL
    return line_of(asked, evidence=evidence).but(
        state=state, sentence=sentence, number=number, details=details
    )


def line_of(asked: Requirement, sentence: str = "", evidence: tuple[Evidence, ...] = ()) -> Line:
    """A line of a requirement about which nothing is known yet."""
    return Line(
        name=asked.name,
        what=asked.kind.what,
        state=NOT_EVALUATED,
        sentence=sentence,
        threshold=asked.threshold,
        at_least=asked.kind.at_least,
        unit=asked.kind.unit,
        why=asked.why,
        evidence=evidence,
    )
