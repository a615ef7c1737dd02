"""`OptionTable`: options in columns. A table of rich takes as long to lay out as all else that ``--help`` does."""

from __future__ import annotations

import itertools
import textwrap
from collections.abc import Sequence
from dataclasses import dataclass

from rich.console import Console, ConsoleOptions, RenderResult
from rich.segment import Segment
from rich.style import Style

GAP = 2
"""Spaces before and after a cell."""
LEAST_MEANING = 24
"""Where a terminal leaves less for the last column, defaults are wrapped as well."""


@dataclass(frozen=True)
class OptionTable:
    """Rows of text; the last column is wrapped, the first one never is."""

    headings: Sequence[str]
    rows: Sequence[Sequence[str]]

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        widths = self.widths(options.max_width)
        yield Segment(_line(self.headings, widths) + "\n", Style(bold=True))
        for row in self.rows:
            yield Segment("".join(f"{line}\n" for line in lines(row, widths)))

    def widths(self, whole: int) -> list[int]:
        """Of the columns, in so many characters."""
        natural = [max(map(len, column)) for column in zip(self.headings, *self.rows, strict=True)]
        left = whole - 2 * GAP * len(natural) - sum(natural[:-1])
        if left < LEAST_MEANING and len(natural) > 2:  # the widest of the others gives way
            at = max(range(1, len(natural) - 1), key=lambda i: natural[i])
            given = min(LEAST_MEANING - left, max(0, natural[at] - len(self.headings[at])))
            natural[at], left = natural[at] - given, left + given
        return [*natural[:-1], max(1, min(natural[-1], left))]


def lines(row: Sequence[str], widths: Sequence[int]) -> list[str]:
    """A row of the table, as many lines as its longest cell takes."""
    first, *others = row
    cells = [[first], *(textwrap.wrap(c, w) for c, w in zip(others, widths[1:], strict=True))]
    return [_line(parts, widths) for parts in itertools.zip_longest(*cells, fillvalue="")]


def _line(parts: Sequence[str], widths: Sequence[int]) -> str:
    gap = " " * GAP
    padded = (gap + part.ljust(width) + gap for part, width in zip(parts, widths, strict=True))
    return "".join(padded).rstrip()
