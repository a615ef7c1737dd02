"""Intervals and tests for success rates and continuous metrics: no rate is reported without one.

    wilson_interval(14, 20)                        # a success rate
    mcnemar_exact(9, 2)                            # two policies on the same episodes: is there a difference?
    paired_difference_interval(30, 9, 2, 9)        # ... and how large is it?
    quantile_interval(times_s, 0.5)                # a median
    mean_interval(lengths_m)                       # a mean

Every function is pure: the same numbers give the same answer, in whatever order they come. Intervals are
two-sided and hold at one fixed sample size; for looks while data arrive see `workbench.stats.sequential` and
`workbench.stats.sequential_paired`.
"""

from workbench.stats.checks import CONFIDENCE, Interval
from workbench.stats.keyed import keyed_generator
from workbench.stats.means import mean_interval, quantile_interval
from workbench.stats.multiplicity import holm
from workbench.stats.paired import mcnemar_exact, paired_difference_interval
from workbench.stats.rates import (
    RATE_INTERVALS,
    clopper_pearson_interval,
    jeffreys_interval,
    stratified_interval,
    wilson_interval,
)

__all__ = [
    "CONFIDENCE",
    "RATE_INTERVALS",
    "Interval",
    "clopper_pearson_interval",
    "holm",
    "jeffreys_interval",
    "keyed_generator",
    "mcnemar_exact",
    "mean_interval",
    "paired_difference_interval",
    "quantile_interval",
    "stratified_interval",
    "wilson_interval",
]
