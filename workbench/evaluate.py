"""``workbench eval``: run a policy on a fixed quota of named episodes and write the run folder."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any

from rich.console import Console

from domain_rand.sets import load_set
from workbench.drawing import Pictures
from workbench.eval_options import PRESENTATION, EvalOptions
from workbench.eval_session import EvalSession, SequentialStop
from workbench.provenance import provenance
from workbench.run_folder import RunFolder
from workbench.summary import summarise


def evaluate(options: EvalOptions, console: Console) -> dict[str, Any]:
    """Run what is missing of an evaluation; returns its summary. Options must be resolved."""
    factor_set = load_set(options.dr)
    config = {k: v for k, v in dataclasses.asdict(options).items() if k != "out"}
    with RunFolder(options.out) as folder:
        folder.create_or_resume(
            config | {"command": "eval"}, provenance(factor_set), PRESENTATION, repair=options.repair
        )
        for notice in folder.notices:
            console.print(notice)
        records = folder.completed()
        missing = [i for i in range(options.episodes) if i not in records]
        stop = SequentialStop(options, records)
        if stop.decided:
            missing = []
        if missing or Pictures(folder.path).missing():
            console.print(
                f"[bold]{options.policy}[/] on [bold]{options.task}[/], {len(missing)} of {options.episodes} "
                f"episodes to run in {options.num_envs} environments, {options.physics} on {options.device}"
            )
            EvalSession(options, factor_set, folder, records, stop).run(missing)
        summary = summarise(folder.completed().values(), _meta(options), folder.sessions())
        summary["warnings"] = engine_warnings(folder.path / "simulator.log")
        for warning in summary["warnings"]:
            console.print(f"[bold red]warning[/] {warning}")
        folder.write_summary(summary)
        return summary


def _meta(options: EvalOptions) -> dict[str, Any]:
    meta = {
        k: getattr(options, k)
        for k in ("task", "policy", "seed", "physics", "renderer", "device", "num_envs")
    }
    meta |= {"episodes_planned": options.episodes, "confidence": options.confidence}
    return meta if options.stop_above is None else meta | {"stop_above": options.stop_above}


def engine_warnings(log: Path) -> list[str]:
    """What an engine reported that makes its results doubtful, one sentence each."""
    text = log.read_text(errors="replace") if log.exists() else ""
    found = []
    if "overflow" in text:
        found.append(
            f"MuJoCo-Warp ran out of room for contacts and dropped some: see `overflow` in {log.name}; "
            "raise njmax or nconmax in tasks/engines/presets.py"
        )
    return found
