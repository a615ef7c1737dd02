"""``workbench gap report``: before and after calibration on one page, for a person who decides."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rich.console import Console

from workbench.cli.options import OptionError, help_table, option, parse_options
from workbench.gap.agreement import MEASURES
from workbench.runs.durable import write_atomically
from workbench.verdict.document import VerdictError, VerdictFile
from workbench.verdict.line import NOT_EVALUATED
from workbench.verdict.page import environment, verdict_context

USAGE = (
    "usage: workbench gap report verdict=FILE before=SCORECARD after=SCORECARD posterior=FILE out=PAGE.html\n"
)
PARTS = {
    "verdict": "verdict (workbench validate)",
    "before": "scorecard before calibration (workbench gap compare out=)",
    "after": "scorecard after calibration (workbench gap compare out=)",
    "posterior": "identified parameters (workbench tune sysid)",
}


@dataclass
class ReportOptions:
    """Options of ``workbench gap report``."""

    verdict: str = option("", "verdict.json of `workbench validate`")
    before: str = option("", "scorecard before calibration: what `workbench gap compare out=` wrote")
    after: str = option("", "the same after")
    posterior: str = option("", "posterior.json of `workbench tune sysid`")
    out: str = option("gap.html", "the page")


def report_command(words: Sequence[str], console: Console) -> int:
    """Write the page; OptionError for files that cannot be used, or where none is given."""
    options = parse_options(ReportOptions, words)
    given = {name: getattr(options, name) for name in PARTS if getattr(options, name)}
    if not given:
        raise OptionError(f"gap report needs one of {', '.join(f'{name}=' for name in PARTS)} at least")
    write_atomically(Path(options.out), page_of(given))
    console.print(options.out, markup=False)
    return 0


def print_help(console: Console) -> None:
    """What ``--help`` prints."""
    console.print(USAGE, markup=False)
    console.print(help_table(ReportOptions))


def page_of(given: Mapping[str, str]) -> str:
    """The page's HTML, of files by name from `PARTS`; OptionError for one that is not what its name says."""
    context: dict[str, Any] = {
        "verdict": None,
        "restrictions": "",
        "rows": [],
        "parameters": [],
        "errors": [],
        "lines": [],
    }
    if "verdict" in given:
        try:
            context |= verdict_context(VerdictFile.read(Path(given["verdict"])))
        except VerdictError as problem:
            raise OptionError(str(problem)) from None
    cards = {name: _scores(name, given[name]) for name in ("before", "after") if name in given}
    if cards:
        context["rows"] = [
            (m.name, m.help, *(_shown(cards.get(side, {}).get(m.name)) for side in ("before", "after")))
            for m in MEASURES
        ]
    if "posterior" in given:
        context |= _identified(given["posterior"])
    unknown = [f"{what}: not given" for name, what in PARTS.items() if name not in given]
    unknown += [
        f"{line.name}: {line.sentence}" for line, *_ in context["lines"] if line.state == NOT_EVALUATED
    ]
    return environment().get_template("gap_report.html.j2").render(context | {"unknown": unknown})


def _scores(name: str, file: str) -> dict[str, Any]:
    scores = _content(name, file).get("scores")
    if not isinstance(scores, dict):
        raise OptionError(f"{name}={file} is no scorecard: workbench gap compare out= writes one")
    return scores


def _identified(file: str) -> dict[str, Any]:
    """Rows of what `workbench tune sysid` found, and of what its errors were before and after."""
    content = _content("posterior", file)
    try:
        parameters = [_parameter(entry) for entry in content["parameters"]]
        errors = [
            (name.replace("_", " "), *(f"{_rms_mrad(pair[side]):.3g}" for side in ("before", "after")))
            for name, pair in content["rmse_rad"].items()
        ]
    except (KeyError, TypeError, AttributeError, ValueError):
        raise OptionError(f"posterior={file} is no posterior of `workbench tune sysid`") from None
    return {"parameters": parameters, "errors": errors}


def _parameter(entry: Mapping[str, Any]) -> tuple[str, str, str, str]:
    """Name, value at the step it was identified with, the same without a step, and whether the logs tell it."""
    without = entry.get("without_step")
    ranges = [
        ""
        if part is None
        else f"{part[key]:.4g} {entry['unit']} ({part['interval'][0]:.4g} to {part['interval'][1]:.4g})"
        for part, key in ((entry, "best"), (without, "value"))
    ]
    return entry["name"], ranges[0], ranges[1], "yes" if entry["told"] else "no"


def _rms_mrad(joints: Sequence[float]) -> float:
    """Root mean square over joints [mrad]."""
    return 1000 * math.sqrt(sum(x * x for x in joints) / len(joints))


def _content(name: str, file: str) -> dict[str, Any]:
    try:
        content = json.loads(Path(file).read_text("utf-8"))
    except (OSError, ValueError) as problem:
        raise OptionError(f"{name}={file} cannot be read: {' '.join(str(problem).split())}") from None
    if not isinstance(content, dict):
        raise OptionError(f"{name}={file} must hold a JSON object")
    return content


def _shown(score: Mapping[str, Any] | None) -> str:
    if score is None:
        return "not given"
    if score.get("value") is None:
        return "undefined"
    interval = score.get("interval")
    return f"{score['value']:+.3f}" + (f" ({interval[0]:+.2f} to {interval[1]:+.2f})" if interval else "")
