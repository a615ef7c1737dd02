"""Tables of a profile."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from rich.markup import escape
from rich.table import Table

Found = Mapping[str, Mapping[str, Any]]
UNKNOWN = ""


def weights_table(found: Found) -> Table:
    """What loading takes, a line a precision."""
    table = Table("weights", box=None)
    for title in ("load [s]", "weights [MiB]", "peak memory [MiB]"):
        table.add_column(escape(title), justify="right")
    for name, one in found.items():
        table.add_row(
            name, f"{one['load_s']:.1f}", _number(one["weights_mib"], 1), _number(one["peak_mib"], 0)
        )
    return table


def latency_table(found: Found, rows: Sequence[int]) -> Table:
    """Milliseconds of a decision, by batch: p50 and p99."""
    table = Table(escape("decision [ms], p50 / p99"), box=None)
    for count in rows:
        table.add_column(f"batch {count}", justify="right")
    for name, one in found.items():
        times = [one["latency_ms"][str(count)] for count in rows]
        table.add_row(name, *(f"{t['p50']:.1f} / {t['p99']:.1f}" for t in times))
    return table


def episodes_table(found: Found, margin: float) -> Table:
    """Success on the same episodes, a line a precision that was compared."""
    table = Table("on the same episodes", box=None)
    for title in ("successes", "of the other", "difference", "interval", f"worse by {margin:g} or more?"):
        table.add_column(escape(title), justify="right")
    said = {"not worse": "no", "worse": "yes", "not shown": "cannot be told"}
    for name, one in found.items():
        low, high = one["interval"]
        table.add_row(
            f"{name} against {one['against']}",
            f"{one['successes']}/{one['pairs']}",
            f"{one['successes_of_the_other']}/{one['pairs']}",
            f"{one['difference']:+.3f}",
            f"{low:+.3f} to {high:+.3f}",
            said[one["verdict"]],
        )
    return table


def _number(value: float | None, digits: int) -> str:
    return UNKNOWN if value is None else f"{value:,.{digits}f}"
