"""The experiments behind docs/statistics.md: each yields the rows of a table, headings first.

An experiment draws from the generator it is given, as often as it is told, unless it can enumerate.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

import numpy as np
from scipy import stats

from workbench.attribution.columns import Column
from workbench.attribution.importance import BINS, shares
from workbench.attribution.regions import cross_fitted, region_rate, with_intervals, worst_region
from workbench.comparison import ComparisonError, compare_samples
from workbench.comparison.clusters import variance_of_difference
from workbench.comparison.sample import Sample
from workbench.runs.records import EpisodeRecord
from workbench.stats import (
    RATE_INTERVALS,
    mcnemar_exact,
    mean_interval,
    paired_difference_interval,
    wilson_interval,
)
from workbench.stats.sequential import SequentialTest, anytime_interval
from workbench.stats.sequential_paired import PairedSequentialTest

LEVEL = 0.95
Row = Sequence[object]


def rates(rng: np.random.Generator, repeats: int) -> Iterator[Row]:
    """Intervals of a rate, enumerated: coverage at single rates, and the least over 0.02 .. 0.98."""
    yield "interval", "n", "at .5", "at .9", "mean over .02 .. .98", "least"
    for key, (name, interval) in (RATE_INTERVALS | {"anytime": ("anytime-valid", anytime_interval)}).items():
        for n in (16, 64) if key != "anytime" else (64,):
            limits = np.array([interval(k, n, LEVEL) for k in range(n + 1)])

            def covered(rate: float, limits: np.ndarray = limits, n: int = n) -> float:
                inside = (limits[:, 0] <= rate) & (rate <= limits[:, 1])
                return float(stats.binom.pmf(np.arange(n + 1), n, rate)[inside].sum())

            grid = [covered(rate) for rate in np.arange(0.02, 0.985, 0.005)]
            yield name, n, covered(0.5), covered(0.9), float(np.mean(grid)), min(grid)


def paired(rng: np.random.Generator, repeats: int) -> Iterator[Row]:
    """Interval of a paired difference, enumerated over all tables, and what it says against McNemar's exact test."""
    yield "interval", "n", "mean coverage", "least", "mean width", "tables at odds with the test"
    for method in ("exact", "tango"):
        for n in (16, 32):
            table = [(b, c) for b in range(n + 1) for c in range(n + 1 - b)]
            b, c = np.array(table).T
            limits = np.array(
                [paired_difference_interval(n - i - j, i, j, 0, LEVEL, method) for i, j in table]  # type: ignore[arg-type]
            )
            p = np.array([mcnemar_exact(i, j) for i, j in table])
            covered, width = [], []
            for discordant in (0.02, 0.05, 0.1, 0.2, 0.3, 0.5, 0.8, 1.0):
                for share in (0.5, 0.55, 0.6, 0.7, 0.8, 0.9, 1.0):
                    cells = [discordant * share, discordant * (1 - share), 1 - discordant]
                    probability = stats.multinomial.pmf(np.stack([b, c, n - b - c], 1), n, cells)
                    truth = cells[0] - cells[1]
                    inside = (limits[:, 0] <= truth + 1e-9) & (truth - 1e-9 <= limits[:, 1])
                    covered.append(probability[inside].sum())
                    width.append(probability @ (limits[:, 1] - limits[:, 0]))
            excludes = (limits[:, 0] > 0) | (limits[:, 1] < 0)
            odd = int((excludes != (p < 1 - LEVEL)).sum())
            yield method, n, float(np.mean(covered)), min(covered), float(np.mean(width)), odd


def unfinished(rng: np.random.Generator, repeats: int) -> Iterator[Row]:
    """Two equal policies, one killed after 20 records in 50 environments; success takes 80-160 steps, failure 300."""
    yield (
        "success of both",
        "pairing what finished",
        "unbroken row, McNemar",
        "unbroken row, as `compare` does",
    )
    for rate in (0.5, 0.7, 0.9):
        wrong = np.zeros(3)
        for _ in range(repeats):
            first, second = rng.random((2, 100)) < rate
            steps = np.where(first, rng.integers(80, 160, 100), 300).astype(float)
            ends = steps.copy()
            ends[50:] += steps[:50]
            done = np.argsort(ends, kind="stable")[:20]
            wrong[0] += _mcnemar(first[done], second[done]) < 1 - LEVEL
            row = int(np.argmin(np.append(np.isin(np.arange(100), done), False)))
            wrong[1] += _mcnemar(first[:row], second[:row]) < 1 - LEVEL
            a = Sample("a", _records(first[:row]), chosen=True)
            try:
                wrong[2] += compare_samples(a, Sample("b", _records(second))).p_value < 1 - LEVEL
            except ComparisonError:
                continue
        yield rate, *(wrong / repeats)


def ladders(rng: np.random.Generator, repeats: int) -> Iterator[Row]:
    """Two ladders of equal policies over 9 conditions of 20 episodes; outcomes of an episode go together."""
    yield "correlation of conditions", "all conditions as pairs", "clean condition"
    for correlation in (0.3, 0.6, 0.9):
        wrong = np.zeros(2)
        for _ in range(repeats):
            tables = []
            for _ in range(2):
                knack = rng.random(20) < 0.7
                own = rng.random((9, 20)) < 0.7
                tables.append(np.where(rng.random((9, 20)) < correlation, knack, own))
            wrong += [
                _mcnemar(*(t.ravel() for t in tables)) < 1 - LEVEL,
                _mcnemar(*(t[0] for t in tables)) < 1 - LEVEL,
            ]
        yield correlation, *(wrong / repeats)


def sequential(rng: np.random.Generator, repeats: int) -> Iterator[Row]:
    """A run that may stop at every episode up to 200: errors, and what stopping does to the rate."""
    yield (
        "test",
        "truth",
        "says above",
        "says not above",
        "episodes, median",
        "mean rate read",
        "anytime interval holds it",
        "Wilson holds it",
    )
    for p0, rate in ((0.9, 0.8), (0.9, 0.9), (0.9, 0.96), (0.8, 0.8)):
        found = []
        for _ in range(repeats):
            test = SequentialTest(p0, 1 - LEVEL, 200)
            test.update(rng.random(200) < rate)
            low, high = anytime_interval(test.successes, test.n, LEVEL)
            fixed = wilson_interval(test.successes, test.n, LEVEL)
            found.append(
                (
                    test.decision == "accept above",
                    test.decision == "accept below",
                    test.n,
                    test.successes / test.n,
                    low <= rate <= high,
                    fixed[0] <= rate <= fixed[1],
                )
            )
        above, below, n, *rest = np.array(found, float).T
        rates = (column.mean() for column in rest)
        yield f"above {p0}", rate, above.mean(), below.mean(), float(np.median(n)), *rates


def sequential_paired(rng: np.random.Generator, repeats: int) -> Iterator[Row]:
    """Two policies on the same episodes, looked at after every pair up to 200, against McNemar at every look."""
    yield "rates", "agreeing pairs", "anytime test decides", "episodes, median", "McNemar at every look"
    for discordant, difference in ((0.3, 0.0), (0.6, 0.0), (0.3, 0.1), (0.4, 0.2), (0.5, 0.3)):
        found = []
        for _ in range(repeats):
            kind = rng.choice(
                3, 200, p=[(discordant + difference) / 2, (discordant - difference) / 2, 1 - discordant]
            )
            pairs = [((True, False), (False, True), (True, True))[k] for k in kind]
            test = PairedSequentialTest(1 - LEVEL, 200)
            test.update(pairs)
            b, c = np.cumsum(kind == 0), np.cumsum(kind == 1)
            moved = np.flatnonzero(kind < 2)
            peeked = any(mcnemar_exact(int(b[i]), int(c[i])) < 1 - LEVEL for i in moved)
            found.append((test.decision is not None, test.n, peeked))
        said, n, peeked_at = np.array(found, float).T
        yield f"{difference:+.1f}", 1 - discordant, said.mean(), float(np.median(n)), peeked_at.mean()


def means(rng: np.random.Generator, repeats: int) -> Iterator[Row]:
    """Interval of a mean of few values, against Student's t and the bootstrap (BCa)."""
    yield "distribution", "n", "`mean_interval`", "Student's t", "BCa"
    kinds: dict[str, tuple[Callable[[int], np.ndarray], float]] = {
        "normal": (lambda n: rng.normal(size=n), 0.0),
        "gamma, shape 4": (lambda n: rng.gamma(4, size=n), 4.0),
        "exponential": (lambda n: rng.exponential(size=n), 1.0),
        "lognormal, sigma 0.75": (lambda n: rng.lognormal(0, 0.75, n), float(np.exp(0.75**2 / 2))),
        "U-shaped, beta(.4, .2)": (lambda n: rng.beta(0.4, 0.2, n), 2 / 3),
        "15 % are three times as long": (
            lambda n: np.where(rng.random(n) < 0.15, rng.normal(3, 0.3, n), rng.normal(1, 0.1, n)),
            1.3,
        ),
    }
    for name, (draw, truth) in kinds.items():
        for n in (8, 16, 32):
            held = np.zeros(3)
            for _ in range(repeats):
                x = draw(n)
                intervals = [
                    mean_interval(x.tolist(), LEVEL),
                    stats.t.interval(LEVEL, n - 1, loc=x.mean(), scale=stats.sem(x)),
                    stats.bootstrap((x,), np.mean, n_resamples=499, rng=rng).confidence_interval,
                ]
                held += [found is not None and found[0] <= truth <= found[1] for found in intervals]
            yield name, n, *(held / repeats)


STEPS: dict[str, Callable[[np.ndarray], np.ndarray]] = {
    ".50 below .3, else .93": lambda x: np.where(x < 0.3, 0.5, 0.93),
    ".75 below .3, else .93": lambda x: np.where(x < 0.3, 0.75, 0.93),
    ".75 below .15, else .90": lambda x: np.where(x < 0.15, 0.75, 0.9),
    "falls from .95 to .45": lambda x: 0.95 - 0.5 * x,
    ".10 below .33, else .97": lambda x: np.where(x < 0.33, 0.1, 0.97),
    "the same, .80": lambda x: 0.8 + 0 * x,
}
"""Success along a factor that is drawn evenly from 0 to 1."""
GRID = (np.arange(20_000) + 0.5) / 20_000


def regions(rng: np.random.Generator, repeats: int) -> Iterator[Row]:
    """Rate inside the region that is reported, against the true rate in it."""
    yield "success", "episodes", "holds the rate inside", "holds the rate outside", "mean width inside"
    for name, law in STEPS.items():
        for n in (150, 300):
            found = []
            for trial in range(repeats):
                x = rng.random(n)
                column, success = Column("x", "x", x), rng.random(n) < law(x)
                region = worst_region([column], success)
                if region is None:
                    continue
                (cut,) = with_intervals(region, success, LEVEL)
                fitted, chosen = cross_fitted([column], success, seed=trial, name="x")[0], cut.mask()
                mask = cut.mask(Column("x", "x", GRID))
                _, _, inside = region_rate(success, fitted, chosen, LEVEL)
                _, _, outside = region_rate(success, ~fitted, ~chosen, LEVEL)
                if inside is None or outside is None:
                    continue
                holds = (
                    _holds(inside, float(law(GRID)[mask].mean())),
                    _holds(outside, float(law(GRID)[~mask].mean())),
                )
                found.append((*holds, inside[1] - inside[0]))
            yield name, n, *np.mean(found, axis=0)


def importance(rng: np.random.Generator, repeats: int) -> Iterator[Row]:
    """Share of success between tenths of a factor's range, and the factor's own first-order Sobol' index."""
    yield (
        "success",
        "episodes",
        "share",
        "mean estimate",
        "interval holds it",
        "mean width",
        "Sobol'",
        "holds that",
    )
    for name, law in STEPS.items():
        level = law(GRID)
        total = float(level.mean() * (1 - level.mean()))
        own, truth = float(level.var()) / total, float(level.reshape(BINS, -1).mean(1).var()) / total
        for n in (150, 300, 1000):
            found = []
            for _ in range(repeats):
                x = rng.random(n)
                ((value, interval),) = shares([Column("x", "x", x)], rng.random(n) < law(x), confidence=LEVEL)
                found.append(
                    (value, _holds(interval, truth), interval[1] - interval[0], _holds(interval, own))
                )
            value, held, width, also = np.mean(found, axis=0)
            yield name, n, truth, value, held, width, own, also


def recipes(rng: np.random.Generator, repeats: int) -> Iterator[Row]:
    """Two equal recipes of several training seeds each, 100 episodes: how often they are told apart."""
    yield "seeds each", "seeds differ by (logit)", "recipes suit episodes differently by", "told apart"
    for runs in (2, 3, 5):
        for seed_deviation, interaction in ((0.0, 0.0), (0.5, 0.0), (0.5, 1.0), (1.0, 0.0), (0.0, 1.5)):
            wrong = 0
            for _ in range(repeats):
                episode = rng.normal(0.8, 1, 100)
                tables = []
                for _ in range(2):
                    logit = (
                        episode + rng.normal(0, interaction, 100) + rng.normal(0, seed_deviation, (runs, 1))
                    )
                    tables.append((rng.random((runs, 100)) < 1 / (1 + np.exp(-logit))).astype(float))
                error = np.sqrt(variance_of_difference(*tables))
                far = abs(tables[0].mean() - tables[1].mean())
                wrong += bool(error > 0 and far / error > stats.t.ppf(0.5 + LEVEL / 2, 2 * runs - 2))
            yield runs, seed_deviation, interaction, wrong / repeats


def _holds(interval: tuple[float, float], truth: float) -> bool:
    return interval[0] - 1e-12 <= truth <= interval[1] + 1e-12


def _mcnemar(first: np.ndarray, second: np.ndarray) -> float:
    return mcnemar_exact(int((first & ~second).sum()), int((second & ~first).sum()))


def _records(outcomes: np.ndarray) -> dict[int, EpisodeRecord]:
    return {
        i: EpisodeRecord(
            i, "t", 0, "", {}, bool(s), None if s else "timeout", 1, 1.0, None, None, None, None, float(i)
        )
        for i, s in enumerate(outcomes)
    }


TABLES = {
    table.__name__: table
    for table in (
        rates,
        paired,
        unfinished,
        ladders,
        sequential,
        sequential_paired,
        means,
        regions,
        importance,
        recipes,
    )
}
