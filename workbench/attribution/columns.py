"""What was drawn, as typed columns that success can be held against.

A scalar factor is one column: of *numbers*, of *words* (options, and numbers that are names, such as that of a
template), or of *angles*. A vector of up to `MOST_COMPONENTS` numbers is one a component, and one for its size; one of
more than `FEW_COMPONENTS`, or a longer one, also for its largest component. Sizes are distances from nominal.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

MOST_COMPONENTS = 24
"""Length up to which the components of a vector are looked at one by one."""
FEW_COMPONENTS = 4
"""Length beyond which the largest component is looked at, too."""
MOST_OPTIONS = 12
"""Distinct words up to which a factor is looked at."""
LEAST = 10
"""Episodes that any option, and any region, must have."""
NUMBER, WORD, ANGLE = "number", "word", "angle"
"""Kinds of columns; angles are in radians."""


@dataclass(frozen=True)
class Column:
    """One number, word or angle an episode."""

    label: str
    factor: str
    values: np.ndarray
    """``[N]``, of floats or of strings."""
    nominal: float | None = None
    kind: str = ""
    """`NUMBER`, `WORD` or `ANGLE`; by default what the values say."""
    given: np.ndarray | None = None
    """``[N]``, of strings: what the draw depends on. Episodes are compared with those that are alike in it."""

    def __post_init__(self) -> None:
        if not self.kind:
            object.__setattr__(self, "kind", WORD if self.values.dtype.kind == "U" else NUMBER)

    @property
    def words(self) -> bool:
        """Whether its values are words."""
        return self.kind == WORD

    def away(self, centre: float | None = None, period: float | None = None) -> Column:
        """Distance from a value; by default from nominal (from the median where there is none): what matters where
        both ends do. Along a circle of ``period`` radians where one is given."""
        if centre is None:
            centre = float(np.median(self.values)) if self.nominal is None else self.nominal
        difference = self.values - centre
        if period is not None:
            difference = (difference + period / 2) % period - period / 2
        label = (
            f"|{self.label} - {centre:.3g}|" if period is None else f"turn of {self.label} from {centre:.2f}"
        )
        return replace(self, label=label, values=np.abs(difference), nominal=None, kind=NUMBER)


def columns_of(
    factors: Sequence[Mapping[str, Any]],
    nominal: Mapping[str, Any],
    kinds: Mapping[str, str] | None = None,
    given: Mapping[str, Sequence[str]] | None = None,
) -> tuple[list[Column], dict[str, str]]:
    """Columns of all factors, and why others have none.

    Args:
        factors: values drawn in each episode, by factor.
        nominal: nominal values by factor, where there are any.
        kinds: kind by factor, where its values do not say it: numbers that are names (`WORD`) and `ANGLE`.
        given: for a factor whose draw depends on others, a word an episode that says what those were.
    """
    columns: list[Column] = []
    skipped: dict[str, str] = {}
    for name in dict.fromkeys(name for drawn in factors for name in drawn):
        values = [drawn.get(name) for drawn in factors]
        found = _columns(name, values, nominal.get(name), (kinds or {}).get(name))
        if isinstance(found, str):
            skipped[name] = found
            continue
        alike = np.asarray(given[name]) if given and name in given else None
        columns += [replace(column, given=alike) for column in found]
    return columns, skipped


def _columns(name: str, values: list[Any], nominal: Any, kind: str | None) -> list[Column] | str:
    if any(v is None for v in values):
        return "some episodes do not record it"
    if kind != WORD and all(_is_number(v) for v in values):
        middle = nominal if _is_number(nominal) and kind != ANGLE else None
        return _varying([Column(name, name, np.asarray(values, float), middle, kind or NUMBER)])
    if all(isinstance(v, str | bool | int) for v in values):
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
    largest = Column(f"largest of {name}", name, np.abs(deviation).max(axis=1))
    count = table.shape[1]
    parts = [
        Column(f"{name}[{i}]", name, table[:, i], float(centre[i]))
        for i in range(count if count <= MOST_COMPONENTS else 0)
    ]
    whole = [size] * (count > 1) + [largest] * (count > FEW_COMPONENTS)
    return _varying([*parts, *whole])


def _varying(columns: list[Column]) -> list[Column] | str:
    found = [column for column in columns if len(set(column.values.tolist())) > 1]
    return found or "it is the same in every episode"


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)
