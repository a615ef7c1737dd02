"""``workbench gap report``: before and after calibration on one page, for a person who decides."""

from __future__ import annotations

import json
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
    context: dict[str, Any] = {"verdict": None, "restrictions": "", "rows": [], "values": [], "lines": []}
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
        values = _content("posterior", given["posterior"]).get("values")
        if not isinstance(values, dict):
            raise OptionError(f"posterior={given['posterior']} is no posterior of `workbench tune sysid`")
        context["values"] = [(name, json.dumps(value)) for name, value in values.items()]
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
