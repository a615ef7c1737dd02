"""``workbench gap compare``: what simulated success says about real success."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from rich.console import Console, Group, RenderableType
from rich.table import Table
from rich.text import Text

from workbench.cli.options import OptionError, help_table, option, parse_options
from workbench.cli.positional import called_like_an_option, separate
from workbench.gap.agreement import MEASURES
from workbench.gap.prediction_powered import trials_to_decide
from workbench.gap.scorecard import GapError, Scorecard, score
from workbench.gap.sources import COLUMNS, Pairing, read_pair, read_table
from workbench.runs.durable import write_atomically
from workbench.stats import CONFIDENCE, wilson_interval

USAGE = f"""usage: workbench gap compare TABLE.csv [key=value ...]
       workbench gap compare REAL_RUN,SIM_RUN REAL_RUN,SIM_RUN ... [key=value ...]

TABLE.csv has the columns {", ".join(COLUMNS)}.
Run folders pair by policy and task, their episodes by number.
"""
SHOWN_P = 0.05


@dataclass
class GapOptions:
    """Options of ``workbench gap compare``."""

    confidence: float = option(CONFIDENCE, "of all intervals")
    threshold: float = option(0.8, "rate that has to be shown: how many more real trials would decide?")
    seed: int = option(0, "of bootstrap and permutations")
    out: str = option("", "JSON file for the scorecard")

    def resolve(self) -> None:
        """OptionError for what cannot be."""
        for name in ("confidence", "threshold"):
            if not 0 < getattr(self, name) < 1:
                raise OptionError(f"{name} must lie between 0 and 1, not {getattr(self, name):g}")


def gap_command(words: Sequence[str], console: Console) -> int:
    """Run ``gap compare`` and print the scorecard; OptionError for words that cannot be used."""
    names, given = separate(words, GapOptions)
    options = parse_options(GapOptions, given)
    options.resolve()
    if not names:
        raise OptionError(
            f"gap compare takes a table, or pairs of runs{called_like_an_option(given)}; see --help"
        )
    pairings: list[Pairing] = []
    try:
        if len(names) == 1 and Path(names[0]).is_file():
            cells = read_table(Path(names[0]))
        else:
            pairings = [read_pair(*_two(name), options.confidence) for name in names]
            cells = [p.cell for p in pairings]
        card = score(cells, options.confidence, options.seed)
    except GapError as problem:
        raise OptionError(str(problem)) from problem
    if options.out:
        write_atomically(Path(options.out), json.dumps(card.to_dict(), indent=1) + "\n")
    console.print(render(card, pairings, options.threshold))
    return 0


def print_help(console: Console) -> None:
    """What ``--help`` prints."""
    console.print(USAGE, markup=False)
    console.print(help_table(GapOptions))


def _two(word: str) -> tuple[str, str]:
    real, comma, sim = word.partition(",")
    if not comma or not real or not sim or "," in sim:
        raise OptionError(f"{word!r} is neither a table nor a pair REAL_RUN,SIM_RUN")
    return real, sim


def render(card: Scorecard, pairings: Sequence[Pairing], threshold: float) -> RenderableType:
    """Rates of every cell, measures with intervals, what pairs of episodes show."""
    level = f"{100 * card.confidence:g} %"
    rates = Table("policy", "task", "real", level, "simulated", level)
    for c in card.cells:
        shown = []
        for k, n in (c.real, c.sim):
            low, high = wilson_interval(k, n, card.confidence)
            shown += [f"{k}/{n} = {100 * k / n:.0f} %", f"{100 * low:.0f} to {100 * high:.0f}"]
        rates.add_row(Text(c.policy), Text(c.task), *shown)
    table = Table("measure", "", level, "by chance, p", "perfect simulator", "does no better, p")
    for measure in MEASURES:
        s = card.scores[measure.name]
        if s.value is None:
            table.add_row(measure.name, "-", "", "", "", f"undefined: {card.undefined}")
            continue
        interval = "-" if s.interval is None else f"{s.interval[0]:+.2f} to {s.interval[1]:+.2f}"
        table.add_row(
            measure.name,
            f"{s.value:+.3f}",
            interval,
            "" if s.p_chance is None else f"{s.p_chance:.3g}",
            f"{s.floor:+.3f}",
            "" if s.p_perfect is None else f"{s.p_perfect:.3g}",
        )
    parts: list[RenderableType] = [rates, table, Text(verdict(card), style="bold")]
    if pairings:
        parts.append(_paired(pairings, level, threshold, card.confidence))
        parts += [Text(line) for line in _reasons(pairings)]
    return Group(*parts)


def verdict(card: Scorecard) -> str:
    """What the scorecard shows, in a sentence or two."""
    order, size = card.scores["mmrv"], card.scores["bias"]
    says = []
    if order.p_chance is not None and order.p_chance <= SHOWN_P:
        says.append("Simulation orders policies better than chance does.")
    else:
        says.append("These trials do not show that simulation orders policies better than chance does.")
    if size.interval is not None and not size.interval[0] <= 0 <= size.interval[1]:
        kind = "too kind" if (size.value or 0) > 0 else "too hard"
        says.append(f"It is {kind}, by {100 * abs(size.value or 0):.0f} points.")
    if order.value and order.p_perfect is not None and order.p_perfect > SHOWN_P:
        says.append("A perfect simulator with as many trials would often violate ranks as much.")
    return " ".join(says)


def _paired(pairings: Sequence[Pairing], level: str, threshold: float, confidence: float) -> Table:
    more = f"more trials to show a side of {100 * threshold:g} %"
    table = Table("policy", "ended alike", "real rate, with simulation", level, "trials saved", more)
    for p in pairings:
        told = p.prediction
        if told is None:
            table.add_row(Text(p.cell.policy), "0 of 0", "no episode was run on both sides", "", "", "")
            continue
        low, high = told.interval
        needed = None if not low <= threshold <= high else trials_to_decide(told.rate, threshold, confidence)
        left = "decided" if not low <= threshold <= high else "no number" if needed is None else ""
        if needed is not None:
            share = told.real / told.effective_trials
            left = str(max(1, round((needed - told.effective_trials) * share)))
        table.add_row(
            Text(p.cell.policy),
            f"{p.agree} of {p.both}",
            f"{100 * told.rate:.0f} %",
            f"{100 * low:.0f} to {100 * high:.0f}",
            f"{told.trials_saved:.0f}",
            left,
        )
    return table


def _reasons(pairings: Sequence[Pairing]) -> list[str]:
    lines = []
    for p in pairings:
        off = [f"{n} x {a} on the robot, {b} in simulation" for a, b, n in p.reasons if a != b]
        if off:
            lines.append(f"{p.cell.policy} on {p.cell.task}: {'; '.join(off)}")
    return lines
