"""Does success depend on a factor at all? A permutation test for each, corrected by Holm.

Factors are drawn independently of each other, so if success does not depend on one, shuffling the outcomes against
its values changes nothing: the permutation test is exact, at any success rate and for any number of episodes (Pitman
1937; Good 2005, Permutation, parametric and bootstrap tests of hypotheses). The statistic is the greatest of all
`patterns` of any of the factor's columns, so it pays for having looked at all of them. Where a draw depends on another
factor, outcomes are shuffled among the episodes that are alike in that one.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from workbench.attribution.columns import Column
from workbench.attribution.patterns import centred, deviates, patterns, sizes
from workbench.stats import holm, keyed_generator

PERMUTATIONS = 9999
"""The smallest p-value is 1e-4, which survives Holm's correction over 500 factors."""
_CHUNK = 500


@dataclass(frozen=True)
class FactorTest:
    """What the test of one factor found."""

    factor: str
    p_value: float
    p_adjusted: float
    column: Column
    """The column that shows most."""
    pattern: str
    """How: the name of a pattern."""
    correlation: float
    """Of success with that score, positive where success rises along it; of several scores together, without sign."""
    goes_with: str = ""
    """A factor that what is seen of this one goes with; see `workbench.attribution.related`."""


def screen(
    columns: Sequence[Column], success: np.ndarray, *, seed: int = 0, permutations: int = PERMUTATIONS
) -> list[FactorTest]:
    """A test for each factor, in the order of the columns; empty if all episodes ended alike."""
    y = np.asarray(success, float)
    if not columns or np.allclose(y, y[:1]):
        return []
    groups: dict[bytes, list[Column]] = {}
    for column in columns:
        groups.setdefault(b"" if column.given is None else column.given.tobytes(), []).append(column)
    found: dict[str, tuple[float, Column, str, float]] = {}
    for k, group in enumerate(groups.values()):
        found |= _screen_alike(group, y, keyed_generator(seed, f"attribution/screen/{k}"), permutations)
    names = [name for name in dict.fromkeys(column.factor for column in columns) if name in found]
    adjusted = holm([found[name][0] for name in names])
    return [
        FactorTest(name, found[name][0], q, *found[name][1:]) for name, q in zip(names, adjusted, strict=True)
    ]


def _screen_alike(
    columns: Sequence[Column], y: np.ndarray, rng: np.random.Generator, permutations: int
) -> dict[str, tuple[float, Column, str, float]]:
    """P-value, column, pattern and correlation by factor, for columns that depend on the same or on nothing."""
    given = columns[0].given
    outcome = centred(y, given).astype(np.float32)
    owners = [(column, pattern) for column in columns for pattern in patterns(column)]
    if not owners or np.allclose(outcome, 0):
        return {}
    scores = np.concatenate([pattern.scores for _, pattern in owners]).astype(np.float32)  # [K, N]
    degrees = sizes([pattern for _, pattern in owners])
    starts = np.concatenate([[0], np.cumsum(degrees)[:-1]])
    length = float(np.linalg.norm(outcome))

    def statistics(correlations: np.ndarray) -> np.ndarray:
        """Of each pattern, ``[P, ...]``, from the correlations of the scores ``[K, ...]``."""
        return deviates(len(y) * np.add.reduceat(correlations**2, starts, axis=0), degrees)

    correlations = scores @ outcome / length
    seen = statistics(correlations)
    factors = list(dict.fromkeys(column.factor for column, _ in owners))
    rows = {name: [k for k, owner in enumerate(owners) if owner[0].factor == name] for name in factors}
    as_great = dict.fromkeys(factors, 0)
    for start in range(0, permutations, _CHUNK):
        shuffled = _shuffled(outcome, given, rng, min(_CHUNK, permutations - start))
        by_chance = statistics(scores @ shuffled.T / length)  # [P, count]
        for name in factors:
            # A hair less, so that a shuffle that gives the same table counts as as great.
            as_great[name] += int((by_chance[rows[name]].max(axis=0) >= seen[rows[name]].max() - 1e-4).sum())
    found = {}
    for name in factors:
        k = max(rows[name], key=lambda k: float(seen[k]))
        column, pattern = owners[k]
        part = correlations[starts[k] : starts[k] + degrees[k]]
        size = float(part[0]) if degrees[k] == 1 else float(np.linalg.norm(part))
        found[name] = ((1 + as_great[name]) / (1 + permutations), column, pattern.name, size)
    return found


def _shuffled(
    outcome: np.ndarray, given: np.ndarray | None, rng: np.random.Generator, count: int
) -> np.ndarray:
    """Outcomes ``[count, N]`` in random order, among episodes that are alike."""
    many = np.tile(outcome, (count, 1))
    if given is None:
        return np.asarray(rng.permuted(many, axis=1))
    for word in np.unique(given):
        alike = np.flatnonzero(given == word)
        many[:, alike] = rng.permuted(many[:, alike], axis=1)
    return many
