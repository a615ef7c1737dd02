"""``workbench tune adr``: find how far each factor can go, and write the ranges as a factor set."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import yaml
from rich.console import Console

from workbench.attribution.wording import ends, number
from workbench.durable import write_atomically
from workbench.eval_options import PRESENTATION
from workbench.eval_session import EvalSession
from workbench.evaluate import engine_warnings, summary_meta
from workbench.provenance import provenance
from workbench.quota import check_records
from workbench.records import headline
from workbench.run_folder import RunFolder
from workbench.summary import summarise
from workbench.tuning.options import AdrOptions
from workbench.tuning.quota import AdrQuota
from workbench.tuning.ranges import set_content
from workbench.tuning.result import describe

RESULT = "tuning.json"
RANGES = "ranges.yaml"


def tune_adr(options: AdrOptions, console: Console) -> dict[str, Any]:
    """Run what is missing of a search; returns what was found. Options must be resolved."""
    factor_set = options.factor_set()
    bounds, skipped = options.bounds()
    with RunFolder(options.out) as folder:
        folder.create_or_resume(
            options.config("tune adr"),
            provenance(factor_set, options.acting_checkpoint),
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
        write_atomically(folder.path / RESULT, json.dumps(found, indent=2, ensure_ascii=False) + "\n")
        if found["factors"]:
            content = set_content(factor_set, bounds, quota.adr.held)
            write_atomically(
                folder.path / RANGES, _header(options) + yaml.safe_dump(content, sort_keys=False)
            )
        return found


def _header(options: AdrOptions) -> str:
    return (
        f"# Ranges that {options.policy} bears on {options.task} ({options.physics}): success above "
        f"{options.narrow_below:g} at each end,\n# other factors {options.others}; found by `workbench tune adr` "
        f"from dr={options.dr}, suite seed {options.seed}.\n"
    )


def print_ranges(found: dict[str, Any], out: str, console: Console) -> None:
    """How far each factor can go, a line a bound that the policy does not bear, and where the set is."""
    if not found["factors"]:
        console.print(found["reason"])
        return
    limited = [(f, b) for f in found["factors"] for b in f["bounds"] if b["broke"] is not None]
    for factor, bound in limited:
        if isinstance(bound["far"], str):
            words = f"fails with {bound['far']}"
        else:
            words = f"{bound['side']}: bears {text(bound['held'])}, fails at {text(bound['broke'])}"
            words += f" (tried to {text(bound['far'])} {factor['unit']})"
        console.print(f"limit      {factor['factor']} {words}", markup=False, highlight=False)
    whole = sum(f["whole"] for f in found["factors"])
    console.print(
        f"{whole} of {len(found['factors'])} factors are borne over their whole range; {found['episodes']} episodes"
    )
    console.print(f"ranges     {Path(out) / RANGES}   (workbench eval dr={Path(out) / RANGES})")


def text(value: Any) -> str:
    """A bound's value: a number, a word, or both ends."""
    return ends(value["lo"], value["hi"]) if isinstance(value, dict) else number(value)
