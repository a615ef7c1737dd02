"""A comparison for a terminal."""

from __future__ import annotations

from rich.console import Group, RenderableType
from rich.markup import escape
from rich.table import Table
from rich.text import Text

from workbench.comparison.clusters import RecipeComparison
from workbench.comparison.family import Contrast, Family
from workbench.comparison.result import Comparison
from workbench.stats import Interval

_SHOWN = 30


def render(comparison: Comparison) -> RenderableType:
    """Rates, difference, table of outcomes, verdict, the episodes that differ, and how all that was had."""
    c = comparison
    level = f"{100 * c.confidence:g} % interval"
    rates = Table("run", "successes", "rate", level, title=f"{c.pairs} shared episodes", title_justify="left")
    for which, name in (("a", c.name_a), ("b", c.name_b)):
        successes, interval = c.rate(which)
        rates.add_row(
            Text(name), f"{successes}/{c.pairs}", f"{100 * successes / c.pairs:.1f} %", percent(interval)
        )
    rates.add_section()
    rates.add_row("difference", "", f"{100 * c.difference:+.1f} points", points(c.difference_interval))
    table = Table("", escape(f"{c.name_b} succeeds"), escape(f"{c.name_b} fails"))
    table.add_row(Text(f"{c.name_a} succeeds"), str(c.both), str(len(c.only_a)))
    table.add_row(Text(f"{c.name_a} fails"), str(len(c.only_b)), str(c.neither))
    lines: list[RenderableType] = [rates, table, Text(c.verdict(), style="bold")]
    for name, episodes in ((c.name_a, c.only_a), (c.name_b, c.only_b)):
        if episodes:
            shown = ", ".join(map(str, episodes[:_SHOWN])) + (" ..." if len(episodes) > _SHOWN else "")
            lines.append(Text(f"Only {name} solves: {shown}"))
    return Group(*lines, notes(c.notes if c.floor is None else (*c.notes, str(c.floor))))


def render_family(family: Family) -> RenderableType:
    """Every difference with its interval and corrected test, then how the episodes were taken."""
    contrasts = [member.contrast for member in family.members]
    rates: dict[str, str] = {}
    for c in contrasts:
        rates |= _rates(c)
    runs = Table("", "rate", title=f"{contrasts[0].pairs} shared episodes", title_justify="left")
    for name, rate in rates.items():
        runs.add_row(Text(name), rate)
    level = f"interval ({100 * family.confidence:g} % or more)"
    table = Table("first", "second", "difference", level, "p", "p (Holm)", "")
    for m in family.members:
        c = m.contrast
        table.add_row(
            Text(c.name_a),
            Text(c.name_b),
            f"{100 * c.difference:+.1f} points",
            points(m.interval),
            f"{c.p_value:.3g}",
            f"{m.p_adjusted:.3g}",
            Text(m.verdict(), style="bold" if m.real else ""),
        )
    said = dict.fromkeys(note for c in contrasts for note in c.notes)
    said |= dict.fromkeys(str(floor) for c in contrasts if (floor := getattr(c, "floor", None)) is not None)
    said |= dict.fromkeys(same for c in contrasts if (same := getattr(c, "same", None)) is not None)
    return Group(runs, table, notes(tuple(said)))


def _rates(contrast: Contrast) -> dict[str, str]:
    """Rates of both, in words: successes, or a rate for each training seed."""
    if isinstance(contrast, Comparison):
        n = contrast.pairs
        counts = {
            name: contrast.rate(which) for which, name in (("a", contrast.name_a), ("b", contrast.name_b))
        }
        return {name: f"{k}/{n} = {100 * k / n:.1f} %, {percent(ends)}" for name, (k, ends) in counts.items()}
    assert isinstance(contrast, RecipeComparison)
    both = ((contrast.name_a, contrast.rates_a), (contrast.name_b, contrast.rates_b))
    return {
        name: f"{100 * sum(rates) / len(rates):.1f} % (seeds: {', '.join(f'{100 * r:.1f}' for r in rates)})"
        for name, rates in both
    }


def notes(sentences: tuple[str, ...]) -> RenderableType:
    """What a reader must know about the numbers above."""
    return Group(*(Text(f"Note: {sentence}.", style="yellow") for sentence in sentences))


def percent(interval: Interval) -> str:
    """An interval of a rate."""
    return f"{100 * interval[0]:.1f} to {100 * interval[1]:.1f} %"


def points(interval: Interval) -> str:
    """An interval of a difference of rates."""
    return f"{100 * interval[0]:+.1f} to {100 * interval[1]:+.1f} points"
