"""What was drawn, as columns of numbers or words that success can be held against.

A scalar factor is one column. A vector of up to `MOST_COMPONENTS` numbers is one a component, and one for its size;
a longer one only for its size and its largest component. Sizes are distances from nominal.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy import stats

MOST_COMPONENTS = 4
"""Length up to which the components of a vector are looked at one by one."""
MOST_OPTIONS = 12
"""Distinct words up to which a factor is looked at."""
LEAST = 10
"""Episodes that any option, and any region, must have."""
TAIL = 0.2
"""Share of the episodes that counts as an end of a factor's range."""


@dataclass(frozen=True)
class Column:
    """One number or word an episode."""

    label: str
    factor: str
    values: np.ndarray
    """``[N]``, of floats or of strings."""
    nominal: float | None = None

    @property
    def words(self) -> bool:
        """Whether its values are words."""
        return self.values.dtype.kind == "U"

    def patterns(self) -> dict[str, np.ndarray]:
        """Score functions ``[N]`` that a dependence of success would show in, by name, with mean 0 and variance 1.

        For numbers: success that rises or falls along the range; that differs between the middle (nominal) and both
        ends; at the low end only; at the high end only. All work on ranks, so no scale has to be chosen.
        """
        if self.words:
            raw = {f"= {w}": self.values == w for w, n in Counter(self.values.tolist()).items() if n >= LEAST}
        else:
            rank = (stats.rankdata(self.values) - 0.5) / len(self.values)
            middle = 0.5 if self.nominal is None else float(np.mean(self.values < self.nominal))
            raw = {"trend": rank, "low end": rank < TAIL, "high end": rank > 1 - TAIL}
            if 0.1 < middle < 0.9:
                raw["both ends"] = np.abs(rank - middle)
        columns = {name: np.asarray(v, float) for name, v in raw.items()}
        return {name: (v - v.mean()) / v.std() for name, v in columns.items() if v.std() > 1e-9}

    def away(self) -> Column:
        """Distance from nominal (from the median where there is none): what matters where both ends do."""
        middle = float(np.median(self.values)) if self.nominal is None else self.nominal
        return Column(f"|{self.label} - {middle:g}|", self.factor, np.abs(self.values - middle))


def columns_of(
    factors: Sequence[Mapping[str, Any]], nominal: Mapping[str, Any]
) -> tuple[list[Column], dict[str, str]]:
    """Columns of all factors, and why others have none.

    Args:
        factors: values drawn in each episode, by factor.
        nominal: nominal values by factor, where there are any.
    """
    columns: list[Column] = []
    skipped: dict[str, str] = {}
    for name in dict.fromkeys(name for drawn in factors for name in drawn):
        values = [drawn.get(name) for drawn in factors]
        found = _columns(name, values, nominal.get(name))
        if isinstance(found, str):
            skipped[name] = found
        else:
            columns += found
    return columns, skipped


def _columns(name: str, values: list[Any], nominal: Any) -> list[Column] | str:
    if any(v is None for v in values):
        return "some episodes do not record it"
    if all(_is_number(v) for v in values):
        return _varying(
            [Column(name, name, np.asarray(values, float), nominal if _is_number(nominal) else None)]
        )
    if all(isinstance(v, str | bool) for v in values):
        words = np.asarray([str(v) for v in values])
        if len(set(words.tolist())) > MOST_OPTIONS:
            return f"it has more than {MOST_OPTIONS} different words"
        return _varying([Column(name, name, words)])
    if not all(isinstance(v, list) and all(_is_number(x) for x in v) for v in values):
        return "it is a list with words in it"
    lengths = {len(v) for v in values}
    if len(lengths) > 1 or 0 in lengths:
        return "it is a list whose length differs between episodes"
    table = np.asarray(values, float)
    known = isinstance(nominal, list) and len(nominal) == table.shape[1] and all(map(_is_number, nominal))
    centre = np.asarray(nominal, float) if known else np.median(table, axis=0)
    deviation = table - centre
    size = Column(f"size of {name}", name, np.sqrt(np.mean(deviation**2, axis=1)))
    if table.shape[1] > MOST_COMPONENTS:
        return _varying([size, Column(f"largest of {name}", name, np.abs(deviation).max(axis=1))])
    parts = [Column(f"{name}[{i}]", name, table[:, i], float(centre[i])) for i in range(table.shape[1])]
    return _varying([*parts, size] if len(parts) > 1 else parts)


def _varying(columns: list[Column]) -> list[Column] | str:
    found = [column for column in columns if len(set(column.values.tolist())) > 1]
    return found or "it is the same in every episode"


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)
