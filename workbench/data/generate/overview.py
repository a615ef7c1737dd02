"""What ``workbench generate`` prints when it is done."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from rich.console import Console

from workbench.runs.history import history_lines


def print_dataset(summary: Mapping[str, Any], out: str, console: Console) -> None:
    """Counts, what was dropped and why, rates, and where things are."""
    planned, rendered, rates = summary["planned"], summary["rendered"], summary["rates"]
    for line in history_lines(summary.get("history", {})):
        console.print(f"note: {line}", markup=False, highlight=False)
    if planned["episodes"]:
        low, high = planned["kept_interval"]
        console.print(
            f"[bold]planned {planned['episodes']}, kept {planned['kept']} = {planned['kept_share']:.1%}[/], "
            f"interval [{low:.1%}, {high:.1%}]{_dropped(planned['rejected'])}",
            highlight=False,
        )
    if rendered["renderings"]:
        console.print(
            f"[bold]rendered {rendered['renderings']}, kept {rendered['kept']}[/], {rendered['frames']:,} frames of "
            f"{rendered['bytes_per_frame'] or 0:,.0f} bytes{_dropped(rendered['rejected'])}",
            highlight=False,
        )
    if rates["trajectories_per_hour"]:
        console.print(
            f"{rates['trajectories_per_hour']:,.0f} trajectories/hour, planned and rendered", highlight=False
        )
    if rates["frames_per_hour"]:
        console.print(f"{rates['frames_per_hour']:,.0f} frames/hour", highlight=False)
    shares = ", ".join(
        f"{name} {share:.0%}" for name, share in rates["share_of_time"].items() if share >= 0.005
    )
    if shares:
        console.print(f"time: {shares}", highlight=False)
    console.print(f"report     {out}/report.html", highlight=False)
    console.print(f"dataset    {out}   (workbench data inspect {out})", highlight=False)


def _dropped(reasons: Mapping[str, int]) -> str:
    return (
        "; dropped: " + ", ".join(f"{count} {reason}" for reason, count in reasons.items()) if reasons else ""
    )
