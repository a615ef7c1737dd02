"""``workbench eval``: run a policy on a fixed quota of named episodes and write the run folder."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from rich.console import Console

from robots.registry import DEFAULT as DEFAULT_ROBOT
from tasks.tabletop.action_spaces import action_specs
from workbench.attribution.in_loop import attribute_factorial, attribute_ladder, prospects, write_attribution
from workbench.attribution.plan import LadderPlan
from workbench.comparison.reference import check_reference
from workbench.evaluation.early_stop import early_stop
from workbench.evaluation.options import FACTORIAL, PRESENTATION, EvalOptions
from workbench.evaluation.session import EvalSession
from workbench.evaluation.summary import summarise
from workbench.runs.folder import RunFolder
from workbench.runs.provenance import provenance
from workbench.runs.quota import LadderQuota, Quota, SuiteQuota, check_records
from workbench.runs.records import EpisodeRecord, headline
from workbench.views.drawing import Pictures


def evaluate(options: EvalOptions, console: Console) -> dict[str, Any]:
    """Run what is missing of an evaluation; returns its summary. Options must be resolved."""
    factor_set, plan = options.factor_set(), options.ladder()
    quota = _quota(options, plan)
    with RunFolder(options.out) as folder:
        kept = keep_environments(options, folder)
        folder.create_or_resume(
            options.config("eval"),
            provenance(factor_set, options.policy_cfg.provenance(), options.robot),
            PRESENTATION,
            repair=options.repair,
            growing=options.growing,
        )
        for notice in [*folder.notices, *kept]:
            console.print(notice, markup=False)
        records = folder.completed()
        check_records(quota, records, folder.path)
        missing = quota.next(records)
        if missing or Pictures(folder.path).missing():
            console.print(_what_runs(options, plan, len(missing), quota.total))
            for line in options.policy_cfg.conversions(
                options.image_size, action_specs(options.robot)[options.action_space]
            ):
                console.print(f"  converted: {line}", markup=False)
            print_plan(options, console)
            EvalSession(options, quota, folder, dict(records), options.live).run()
            records = folder.completed()
        summary = summarise(
            headline(records.values()), summary_meta(options, options.episodes), folder.sessions()
        )
        summary |= folder.told()
        summary["warnings"] = engine_warnings(folder.path / "simulator.log")
        for warning in summary["warnings"]:
            console.print(f"[bold red]warning[/] {warning}")
        folder.write_summary(summary)
        analysis = _attribution(options, plan, records)
        if analysis is not None:
            write_attribution(folder.path, analysis)
        return summary


def keep_environments(options: EvalOptions, folder: RunFolder) -> list[str]:
    """Take as many environments as a run began with that had fewer episodes than environments to fill; says so.

    How many there are is part of a run, and is no more than its episodes: a longer quota alone would change it.
    """
    before = folder.config() if (folder.path / "config.yaml").is_file() else {}
    began = before.get("num_envs")
    if not isinstance(began, int) or began != before.get("episodes") or began >= options.num_envs:
        return []
    options.num_envs = began
    return [f"goes on in {began} environments, as it began"]


def print_plan(options: EvalOptions, console: Console) -> None:
    """What a ladder of these options can show; nothing for other runs."""
    plan = options.ladder()
    for sentence in prospects(plan, options.confidence, options.breaks_below) if plan else []:
        console.print(f"plan       {sentence}", highlight=False)


def _quota(options: EvalOptions, plan: LadderPlan | None) -> Quota:
    if plan is not None:
        return LadderQuota(options.factor_set(), options.task, options.seed, plan)
    meta = {"stop_above": options.stop_above, "stop_against": options.reference}
    stop = early_stop(meta, options.confidence, options.episodes)
    quota = SuiteQuota(options.factor_set(), options.task, options.seed, options.episodes, stop)
    if options.stop_against:
        check_reference(options.stop_against, options.episodes, lambda index: _meets(quota, options, index))
    return quota


def _meets(quota: SuiteQuota, options: EvalOptions, index: int) -> dict[str, Any]:
    """What a record of the episode will say of it."""
    episode = quota.episode(index)
    drawn = json.loads(json.dumps(episode.factors))
    return {
        "task": options.task,
        "seed": options.seed,
        "instruction": episode.scene.instruction,
        "factors": drawn,
    }


def _attribution(
    options: EvalOptions, plan: LadderPlan | None, records: Mapping[int, EpisodeRecord]
) -> dict[str, Any] | None:
    if plan is not None:
        return attribute_ladder(plan, records, options.confidence, options.breaks_below)
    if options.attribute == FACTORIAL:
        return attribute_factorial(
            options.factor_set(), records, options.confidence, options.seed, options.chosen_factors
        )
    return None


def _what_runs(options: EvalOptions, plan: LadderPlan | None, missing: int, total: int | None) -> str:
    conditions = f" under {len(plan.conditions)} conditions" if plan else ""
    conditions += f" of split {options.chosen_split}" if options.chosen_split else ""
    return (
        f"[bold]{options.policy}[/] on [bold]{options.place}[/], {missing} of {total} episodes to run{conditions} "
        f"in {options.num_envs} environments, {options.physics} on {options.device}"
    )


def summary_meta(options: Any, planned: int | None) -> dict[str, Any]:
    """What `summarise` is told about a run: its options, and how many episodes its headline is to have."""
    names = ("task", "policy", "seed", "physics", "renderer", "device", "num_envs", "confidence")
    meta = {name: getattr(options, name) for name in names}
    meta |= {"episodes_planned": planned} if planned is not None else {}
    optional = {
        "robot": options.robot if options.robot != DEFAULT_ROBOT else None,
        "split": options.chosen_split or None,
        "execution": getattr(options, "chosen_execution", None) or None,
        "stop_above": getattr(options, "stop_above", None),
        "stop_against": getattr(options, "reference", None) or None,
        "interval": getattr(options, "interval", None),
    }
    if getattr(options, "strata", ""):
        optional |= {"strata": options.strata, "weights": options.weights}
    return meta | {key: value for key, value in optional.items() if value is not None}


def engine_warnings(log: Path) -> list[str]:
    """What an engine reported that makes its results doubtful, one sentence each."""
    text = log.read_text("utf-8", "replace") if log.exists() else ""
    found = []
    if "overflow" in text:
        found.append(
            f"MuJoCo-Warp ran out of room for contacts and dropped some: see `overflow` in {log.name}; "
            "raise njmax or nconmax in tasks/engines/presets.py"
        )
    return found
