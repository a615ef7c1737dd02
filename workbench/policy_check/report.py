"""A check as a terminal shows it, and as JSON."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from workbench.policy_check.examined import TESTS, Sides
from workbench.policy_check.sides import Said
from workbench.policy_check.verdict import CONSISTENT, CONTRADICTORY, READ, UNKNOWN, Verdict, contradictions

STYLES = {CONSISTENT: "green", CONTRADICTORY: "bold red", UNKNOWN: "yellow", READ: "green"}
FORMAT = "sim2real-workbench/policy-check"


def as_json(
    sides: Sides, said: Sequence[Said], verdicts: Sequence[Verdict], about: dict[str, Any]
) -> dict[str, Any]:
    """Everything, in plain JSON types."""
    return {
        "format": FORMAT,
        "version": 1,
        "policy": sides.policy,
        "task": sides.task,
        **about,
        "tests": TESTS,
        "contradictory": len(contradictions(verdicts)),
        "said": [line.to_dict() for line in said],
        "verdicts": [verdict.to_dict() for verdict in verdicts],
    }


def print_said(said: Sequence[Said], between: Sequence[str], console: Console) -> None:
    """What both sides say, and what a mapping does ``between`` them, a line each."""
    table = Table(box=None, padding=(0, 2, 0, 0), show_edge=False, width=_width(console))
    for heading in ("what they say of", "policy", "task", ""):
        table.add_column(heading, overflow="fold", no_wrap=heading == "what they say of")
    for line in said:
        mark = "" if line.agrees else "[bold red]differs[/]"
        table.add_row(line.channel, escape(line.policy), escape(line.task), mark)
    console.print(table)
    for conversion in between:
        console.print(f"converted: {conversion}", markup=False)


def print_verdicts(verdicts: Sequence[Verdict], console: Console) -> None:
    """What was found, a line a channel and convention."""
    table = Table(box=None, padding=(0, 2, 0, 0), show_edge=False, width=_width(console))
    for heading in ("channel", "convention", "verdict", "measured"):
        table.add_column(heading, overflow="fold", no_wrap=heading != "measured")
    for verdict in verdicts:
        style = STYLES.get(verdict.result, "default")
        table.add_row(
            verdict.channel, verdict.about, f"[{style}]{verdict.result}[/]", escape(verdict.sentence)
        )
    console.print(table)


def print_end(sides: Sides, verdicts: Sequence[Verdict], console: Console) -> None:
    """The last lines: every contradiction in a sentence, or that there is none."""
    wrong = contradictions(verdicts)
    for verdict in wrong:
        console.print(f"[bold red]{verdict.channel}[/]: {escape(verdict.sentence)}")
    counts = {kind: sum(v.result == kind for v in verdicts) for kind in (CONSISTENT, CONTRADICTORY, UNKNOWN)}
    untold = any(v.about == "read" and v.result == UNKNOWN for v in verdicts)
    read = ", ".join(v.channel for v in verdicts if v.result == READ) or (
        "nothing for sure" if untold else "nothing"
    )
    console.print(f"{sides.policy} reads {read}; " + ", ".join(f"{n} {kind}" for kind, n in counts.items()))


def _width(console: Console) -> int:
    return min(console.width, 100)
