"""How often intervals hold the truth and tests err, measured: the tables of docs/statistics.md.

    python -m tools.coverage                    # all of them
    python -m tools.coverage only=means,regions repeats=200

Prints Markdown. Everything is drawn from ``seed`` or enumerated, so the same command gives the same tables; the time
that each took is printed with it.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from tools.coverage_tables import TABLES, Row
from workbench.cli.options import OptionError, option, parse_options


@dataclass
class Options:
    """Options of this tool."""

    only: str = option("", "tables, separated by commas; all by default")
    repeats: int = option(400, "simulated experiments a figure, where it is not enumerated")
    seed: int = option(1, "of the simulation")
    write: str = option(
        "", "Markdown file whose tables, between <!-- NAME --> and <!-- /NAME -->, are replaced"
    )


def markdown(rows: Iterator[Row]) -> str:
    """Rows as a Markdown table; the first are the headings."""
    lines = []
    for number, row in enumerate(rows):
        cells = [f"{c:.3f}" if isinstance(c, float) else str(c) for c in row]
        lines.append("| " + " | ".join(cells) + " |")
        if number == 0:
            lines.append("|---" * len(cells) + "|")
    return "\n".join(lines)


def fill(file: Path, name: str, text: str) -> None:
    """Replace what stands between a file's two marks of a table."""
    start, end = f"<!-- {name} -->", f"<!-- /{name} -->"
    before, _, rest = file.read_text("utf-8").partition(start)
    _, found, after = rest.partition(end)
    if not found:
        raise OptionError(f"write={file}: there is no {start} ... {end} in it")
    file.write_text(f"{before}{start}\n\n{text}\n\n{end}{after}", "utf-8")


def main(words: Sequence[str]) -> int:
    """Print the tables asked for."""
    try:
        options = parse_options(Options, words)
        names = [name for name in options.only.split(",") if name] or list(TABLES)
        if options.write and not Path(options.write).is_file():
            raise OptionError(f"write={options.write}: there is no such file")
        if unknown := [name for name in names if name not in TABLES]:
            raise OptionError(f"there is no table {unknown[0]!r}: choose of {', '.join(TABLES)}")
    except OptionError as problem:
        print(f"coverage: {problem}", file=sys.stderr)
        return 2
    for name in names:
        began = time.perf_counter()
        table = TABLES[name]
        rng = np.random.default_rng([options.seed, list(TABLES).index(name)])
        said = markdown(table(rng, options.repeats))
        took = time.perf_counter() - began
        if options.write:
            try:
                fill(Path(options.write), name, f"{table.__doc__}\n\n{said}")
            except OptionError as problem:
                print(f"coverage: {problem}", file=sys.stderr)
                return 2
        print(
            f"## {name}\n\n{table.__doc__}\n\n{said}\n\n{options.repeats} repeats, {took:.0f} s\n", flush=True
        )
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
