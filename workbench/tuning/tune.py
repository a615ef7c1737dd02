"""``workbench tune adr``: find how far each factor can go, and write the ranges as a factor set."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import yaml
from rich.console import Console

from workbench.attribution.wording import ends, number
from workbench.evaluation.evaluate import engine_warnings, summary_meta
from workbench.evaluation.options import PRESENTATION
from workbench.evaluation.session import EvalSession
from workbench.evaluation.summary import summarise
from workbench.runs.durable import write_atomically
from workbench.runs.folder import RunFolder
from workbench.runs.provenance import provenance
from workbench.runs.quota import check_records
from workbench.runs.records import headline
from workbench.tuning.options import AdrOptions
from workbench.tuning.quota import AdrQuota
from workbench.tuning.ranges import set_content
from workbench.tuning.result import LIMIT, WHOLE, describe

RESULT = "tuning.json"
RANGES = "ranges.yaml"


def tune_adr(options: AdrOptions, console: Console) -> dict[str, Any]:
    """Run what is missing of a search; returns what was found. Options must be resolved."""
    factor_set = options.factor_set()
    bounds, skipped = options.bounds()
    with RunFolder(options.out) as folder:
        folder.create_or_resume(
            options.config("tune adr"),
            provenance(factor_set, options.policy_cfg.provenance(), options.robot),
            PRESENTATION,
            repair=options.repair,
        )
        for notice in folder.notices:
            console.print(notice, markup=False)
        records = folder.completed()
        quota = AdrQuota(factor_set, bounds, options.settings, options.task, options.seed, folder.path)
        missing = quota.next(records)
        check_records(quota, records, folder.path)
        if missing:
            console.print(
                f"[bold]{options.policy}[/] on [bold]{options.task}[/]: {len(bounds)} bounds of {options.dr}, "
                f"{len(records)} episodes on record, {options.num_envs} environments, "
                f"{options.physics} on {options.device}"
            )
            EvalSession(options, quota, folder, records).run()
            records = folder.completed()
        complete = not quota.next(records)
        summary = summarise(headline(records.values()), summary_meta(options, None), folder.sessions())
        summary |= folder.told()
        summary["warnings"] = engine_warnings(folder.path / "simulator.log")
        for warning in summary["warnings"]:
            console.print(f"[bold red]warning[/] {warning}")
        folder.write_summary(summary)
        found = describe(factor_set, bounds, quota.adr, skipped, complete)
        write_atomically(
            folder.path / RESULT, json.dumps(found, indent=2, ensure_ascii=False, allow_nan=False) + "\n"
        )
        if found["factors"]:
            content = set_content(factor_set, bounds, quota.adr.held)
            write_atomically(
                folder.path / RANGES, _header(options, found) + yaml.safe_dump(content, sort_keys=False)
            )
        return found


def _header(options: AdrOptions, found: dict[str, Any]) -> str:
    confirmed = found["confirmation"]["confirmed"]
    return (
        f"# Ranges that {options.policy} bears on {options.task} ({options.physics}): success above "
        f"{options.narrow_below:g} at each end,\n# other factors {options.others}; found by `workbench tune adr` "
        f"from dr={options.dr}, suite seed {options.seed}.\n"
        f"# {'C' if confirmed else 'NOT c'}onfirmed with all factors varying together: {_together(found)}.\n"
    )


def _together(found: dict[str, Any]) -> str:
    """Success with all factors varying together, in words."""
    tried = found["confirmation"]
    low, high = tried["interval"]
    return f"success {tried['successes']}/{tried['episodes']} = {tried['rate']:.2f} [{low:.2f}, {high:.2f}]"


def print_ranges(found: dict[str, Any], out: str, console: Console) -> None:
    """How far each factor can go, a line a bound with a limit or without an answer, and where the set is."""
    if not found["factors"]:
        console.print(found["reason"])
        return
    for factor, bound in [(f, b) for f in found["factors"] for b in f["bounds"]]:
        if bound["state"] != WHOLE:
            kind = "limit      " if bound["state"] == LIMIT else "not decided "
            console.print(
                f"{kind}{factor['factor']} {_limit(bound, factor['unit'])}", markup=False, highlight=False
            )
    whole = sum(f["whole"] for f in found["factors"])
    console.print(
        f"{whole} of {len(found['factors'])} factors are borne over their whole range, one at a time; "
        f"{found['episodes']} episodes"
    )
    console.print(f"assumed    {found['assumes']}", markup=False, highlight=False)
    for line in _verdict(found):
        console.print(line, markup=False, highlight=False)
    console.print(f"ranges     {Path(out) / RANGES}   (workbench eval dr={Path(out) / RANGES})")


def _limit(bound: dict[str, Any], unit: str) -> str:
    if bound["option"]:
        return f"fails with {bound['far']}" if bound["state"] == LIMIT else f"with {bound['far']}"
    words = f"{bound['side']}: bears {text(bound['held'])}"
    if bound["undecided"]:
        words += f", not decided at {', '.join(text(value) for value in bound['undecided'])}"
    if bound["broke"] is not None:
        words += f", fails at {text(bound['broke'])}"
    return f"{words} (tried to {text(bound['far'])} {unit})"


def _verdict(found: dict[str, Any]) -> list[str]:
    """Whether the ranges are good together, and what was done where they were not."""
    tried = found["confirmation"]
    if tried["as_found"]:
        return [f"confirmed  with all factors varying together: {_together(found)}"]
    first = tried["tries"][0]
    fate = "fail" if first["holds"] is False else "are not shown to hold"
    lines = [f"together   the ranges as found {fate}: success {first['successes']}/{first['episodes']}"]
    if tried["confirmed"]:
        return [*lines, f"confirmed  over narrower ranges: {_together(found)}"]
    return [
        *lines,
        f"NOT GOOD   no narrower set that was tried is shown to hold either; last: {_together(found)}",
    ]


def text(value: Any) -> str:
    """A bound's value: a number, a word, or both ends."""
    return ends(value["lo"], value["hi"]) if isinstance(value, dict) else number(value)
