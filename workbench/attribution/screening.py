"""Does success depend on a factor at all? A permutation test for each, corrected by Holm.

Factors are drawn independently of each other, so if success does not depend on one, shuffling the outcomes against
its values changes nothing: the permutation test is exact, at any success rate and for any number of episodes (Pitman
1937; Good 2005, Permutation, parametric and bootstrap tests of hypotheses). The statistic is the largest correlation
of success with the score functions of any of the factor's columns (`Column.patterns`): it sees success that rises or
falls, U-shapes and effects at one end only, and pays for having looked at all of them.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from workbench.attribution.columns import Column
from workbench.statistics import holm, keyed_generator

PERMUTATIONS = 9999
"""The smallest p-value is 1e-4, which survives Holm's correction over 500 factors."""
_CHUNK = 1000


@dataclass(frozen=True)
class FactorTest:
    """What the test of one factor found."""

    factor: str
    p_value: float
    p_adjusted: float
    column: Column
    """The column that shows most."""
    pattern: str
    """How: a key of `Column.patterns`."""
    correlation: float
    """Of success with that score; positive where success rises along it."""


def screen(
    columns: Sequence[Column], success: np.ndarray, *, seed: int = 0, permutations: int = PERMUTATIONS
) -> list[FactorTest]:
    """A test for each factor, in the order of the columns; empty if all episodes ended alike."""
    n = len(success)
    centred = np.asarray(success, float) - np.mean(success)
    if not columns or np.allclose(centred, 0):
        return []
    owners = [(column, name, score) for column in columns for name, score in column.patterns().items()]
    scores = np.stack([score for _, _, score in owners]).astype(np.float32)  # [K, N]
    scale = np.sqrt(n * np.sum(centred**2))
    seen = scores @ centred.astype(np.float32) / scale
    rng = keyed_generator(seed, "attribution/screen")
    factors = list(dict.fromkeys(column.factor for column, _, _ in owners))
    rows = {name: [k for k, owner in enumerate(owners) if owner[0].factor == name] for name in factors}
    best = {name: float(np.abs(seen[rows[name]]).max()) for name in factors}
    as_great = dict.fromkeys(factors, 0)
    for start in range(0, permutations, _CHUNK):
        count = min(_CHUNK, permutations - start)
        shuffled = rng.permuted(np.tile(centred.astype(np.float32), (count, 1)), axis=1)
        by_chance = np.abs(scores @ shuffled.T / scale)  # [K, count]
        for name in factors:
            # A hair less, so that a shuffle that gives the same table counts as as great.
            as_great[name] += int((by_chance[rows[name]].max(axis=0) >= best[name] - 1e-6).sum())
    p_values = [(1 + as_great[name]) / (1 + permutations) for name in factors]
    tests = []
    for name, p, adjusted in zip(factors, p_values, holm(p_values), strict=True):
        k = max(rows[name], key=lambda k: abs(seen[k]))
        column, pattern, _ = owners[k]
        tests.append(FactorTest(name, p, adjusted, column, pattern, float(seen[k])))
    return tests
