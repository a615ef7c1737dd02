"""``verdict.html``: a verdict for a person who decides, one self-contained page."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import jinja2
from markupsafe import Markup

from workbench.runs.durable import write_atomically
from workbench.verdict.decide import counts, shown
from workbench.verdict.document import VerdictFile
from workbench.verdict.line import Line

PAGE = "verdict.html"
STYLE = Path(__file__).parents[1] / "views" / "report" / "style.css"


def write_page(folder: Path, verdict: VerdictFile) -> Path:
    """Write the page into the verdict's folder."""
    path = folder / PAGE
    write_atomically(path, page_of(verdict))
    return path


def page_of(verdict: VerdictFile) -> str:
    """The page's HTML."""
    return environment().get_template("verdict.html.j2").render(verdict_context(verdict))


def environment() -> jinja2.Environment:
    """Templates of this folder, escaped, with the bench's style."""
    made = jinja2.Environment(
        loader=jinja2.FileSystemLoader(Path(__file__).parent),
        autoescape=True,
        trim_blocks=True,
        lstrip_blocks=True,
        undefined=jinja2.StrictUndefined,
    )
    made.globals["style"] = Markup(STYLE.read_text("utf-8"))
    return made


def verdict_context(verdict: VerdictFile) -> dict[str, Any]:
    """What templates need of a verdict."""
    lines = verdict.lines
    return {
        "verdict": verdict,
        "bound": verdict.bound,
        "lines": [(line, _number(line), _threshold(line), _position(line)) for line in lines],
        "counts": counts(lines),
        "restrictions": shown(verdict.restrictions),
        "applies": _applies(verdict.scope),
        "kind": {"go": "good", "no-go": "bad"}.get(verdict.word, "restricted"),
    }


def _number(line: Line) -> str:
    if line.number is None:
        return "–"
    return f"{line.number:.4g}{' ' + line.unit if line.unit else ''}"


def _threshold(line: Line) -> str:
    return "" if line.threshold is None else f"{'≥' if line.at_least else '≤'} {line.threshold:g}"


def _position(line: Line) -> dict[str, float] | None:
    """Where interval and threshold of a rate lie, in percent of 0 to 1; None for other numbers."""
    if line.interval is None or line.threshold is None:
        return None
    low, high = (100 * min(max(x, 0.0), 1.0) for x in line.interval)
    return {"low": low, "width": max(high - low, 1.0), "threshold": 100 * line.threshold}


def _applies(scope: Mapping[str, Any]) -> list[tuple[str, str]]:
    rows = [
        ("robot", str(scope["robot"])),
        ("task", str(scope["task"])),
        ("speed", f"up to {100 * float(scope['speed']):g} % of the arm's limits"),
        ("episodes", str(scope["episodes"])),
        ("words of instructions", ", ".join(scope["words"]) or "none"),
    ]
    for name, held in scope["factors"].items():
        if "values" in held:
            rows.append((name, ", ".join(held["values"])))
        elif held["low"] < held["high"]:
            rows.append((name, f"{held['low']:.4g} to {held['high']:.4g}"))
    nominal = sum(held.get("low", 0) == held.get("high", 1) for held in scope["factors"].values())
    return [*rows, ("kept nominal, and evaluated nowhere else", f"{nominal} factors")]
