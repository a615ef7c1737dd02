"""Which of several facts about the same draws is it that success depends on?

Facts of a layout follow from the same poses, so they are no independent draws: a target far to the left tends to be far
from its receptacle. Where a policy fails to the left, success falls with that distance, too, though the distance
does nothing. So facts that follow from the same factors are judged in order of evidence, and a weaker one once more:
outcomes are shuffled only among episodes that are alike in the stronger one, which is exact if success depends on the
weaker one only through it (as conditional permutation, Strobl et al. 2008, BMC Bioinformatics 9). Alike are those with
the same word, or in the same tenth of the stronger one's range. What is not shown so is said to go with the stronger
one.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np

from workbench.attribution.columns import Column
from workbench.attribution.importance import bins
from workbench.attribution.screening import PERMUTATIONS, FactorTest, screen
from workbench.stats import holm


def told_apart(
    tests: Sequence[FactorTest],
    columns: Sequence[Column],
    success: np.ndarray,
    about: Mapping[str, Sequence[str]],
    *,
    alpha: float,
    seed: int = 0,
    permutations: int = PERMUTATIONS,
) -> list[FactorTest]:
    """The tests, of which those that go with a stronger one say so and are found no longer.

    Their p-values become those among alike episodes where these are greater, and Holm's correction is made anew.

    Args:
        tests: of all factors, strongest evidence first.
        columns: of all factors.
        success: ``[N]``, of bool.
        about: the factors that a fact follows from; anything else follows from itself alone.
        alpha: level of the correction.
        seed: of the permutations.
        permutations: their number.
    """
    judged = list(tests)
    kept: list[FactorTest] = []
    for k, test in enumerate(tests):
        if test.p_adjusted >= alpha:
            continue
        follows = set(about.get(test.factor, [test.factor]))
        given = [t for t in kept if follows & set(about.get(t.factor, [t.factor]))]
        own = [column for column in columns if column.factor == test.factor]
        p_values = [_p_given(own, t.column, success, seed, permutations) for t in given]
        worst = max([test.p_value, *p_values])
        judged[k] = replace(test, p_value=worst)
        if holm([t.p_value for t in judged])[k] < alpha:
            kept.append(test)
        else:
            stronger = given[int(np.argmax(p_values))]
            judged[k] = replace(judged[k], goes_with=stronger.factor)
    adjusted = holm([t.p_value for t in judged])
    return [replace(test, p_adjusted=q) for test, q in zip(judged, adjusted, strict=True)]


def _p_given(
    own: Sequence[Column], stronger: Column, success: np.ndarray, seed: int, permutations: int
) -> float:
    """P-value that success does not depend on a factor's columns among episodes alike in the stronger one."""
    words = bins(stronger).astype(str)
    alike = [
        words if column.given is None else np.char.add(np.char.add(column.given, "|"), words)
        for column in own
    ]
    among = [replace(column, given=given) for column, given in zip(own, alike, strict=True)]
    found = screen(among, success, seed=seed, permutations=permutations)
    return found[0].p_value if found else 1.0
