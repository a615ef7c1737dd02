"""What a command prints when a run is done."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.markup import escape

from workbench.attribution import wording
from workbench.runs.history import history_lines
from workbench.views.report import write_report
from workbench.views.report.attribution import ATTRIBUTION, read


def print_summary(summary: Mapping[str, Any], out: str, console: Console) -> None:
    """Write the report and print headline, failures, rates and where things are."""
    k, n = summary["successes"], summary["episodes"]
    if summary["success_interval"] is None:
        console.print("no episode was run")
        print_report(out, console)
        return
    low, high = summary["success_interval"]
    console.print(
        f"[bold]success {k}/{n} = {k / n:.1%}[/], interval [{low:.1%}, {high:.1%}] "
        f"({summary['success_interval_method']})",
        highlight=False,
    )
    for line in history_lines(summary.get("history", {})):
        console.print(f"[bold yellow]note[/] {escape(line)}", highlight=False)
    if "success_rate_note" in summary:
        console.print(f"note: {summary['success_rate_note']}", highlight=False)
    if "stratified" in summary:
        console.print(stratified_line(summary["stratified"]), highlight=False, markup=False)
    for name, part in summary.get("by_held_out", {}).items():
        low, high = part["success_interval"]
        console.print(
            f"with {name}, which is held out, success {part['successes']}/{part['episodes']}, "
            f"interval [{low:.1%}, {high:.1%}]",
            highlight=False,
            markup=False,
        )
    if summary["failure_reasons"]:
        reasons = ", ".join(f"{count} {reason}" for reason, count in summary["failure_reasons"].items())
        console.print(f"failures: {reasons}")
    for word, told in ((summary["grounding"] or {}).get("by_claim") or {}).items():
        low, high = told["success_interval"]
        console.print(
            f"where it said the {word} places, success {told['successes']}/{told['episodes']}, "
            f"interval [{low:.1%}, {high:.1%}]",
            highlight=False,
        )
    if limited := summary["limited_share"]["mean"]:
        console.print(
            f"in {limited:.1%} of the steps the robot's limits of motion changed the command", highlight=False
        )
    rates = summary["rates"]
    if rates.get("env_steps_per_s"):
        console.print(
            f"{rates['env_steps_per_s']:.0f} environment steps/s, {rates['episodes_per_hour']:.0f} episodes/hour, "
            f"bound by {rates['bound_by']}"
        )
    for line in served_lines(rates.get("policy_server_ms", {})):
        console.print(line, highlight=False)
    for line in attribution_lines(Path(out)):
        console.print(line, highlight=False, markup=False)
    print_report(out, console)


def served_lines(times: Mapping[str, Any]) -> list[str]:
    """How long a policy's server took to answer, in a line; nothing for a policy in this process."""
    if "round_trip" not in times:
        return []
    parts = [
        f"{name.replace('_', ' ')} {t['p50']:.1f} / {t['p95']:.1f} / {t['p99']:.1f} ms"
        for name, t in times.items()
    ]
    unknown = "" if "server" in times else "; how much of it is the server's own time, it does not say"
    return [
        f"policy's server, p50 / p95 / p99 of {times['round_trip']['n']} requests: {', '.join(parts)}{unknown}"
    ]


def stratified_line(stratified: Mapping[str, Any]) -> str:
    """The rate over strata in a line."""
    if stratified["success_rate"] is None:
        return f"no rate by {stratified['by']}: {stratified['success_rate_reason']}"
    low, high = stratified["success_interval"]
    parts = ", ".join(
        f"{name} {s['successes']}/{s['episodes']} x {s['weight']:.2f}"
        for name, s in stratified["strata"].items()
    )
    return (
        f"by {stratified['by']}: {stratified['success_rate']:.1%}, interval [{low:.1%}, {high:.1%}] ({parts})"
    )


def print_report(out: str, console: Console) -> None:
    """Write the report and say where it and the recording are."""
    console.print(f"report     {write_report(Path(out))}")
    recording = Path(out) / "recording.rrd"
    if recording.exists():
        console.print(f"recording  {recording}   (workbench view {out})")


def attribution_lines(out: Path) -> list[str]:
    """What breaks the policy, a line a factor or pair, if the run was asked."""
    analysis = read(out, ATTRIBUTION)
    if analysis is None:
        return []
    lines = [
        f"breaks     {f['factor']}: {words}" for f in analysis["factors"] if (words := wording.breaking(f))
    ]
    lines += [f"together   {wording.pair(pair)}" for pair in analysis.get("pairs", [])]
    lines = lines or ["breaks     nothing, as far as these episodes can tell", *analysis["notes"]]
    return lines + (wording.standing(analysis) if analysis["mode"] == "ladder" else [])
