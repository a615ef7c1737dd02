"""Ladders, and runs of planted policies on them."""

from __future__ import annotations

from tests.workbench.planted import outcome, planted_set
from workbench.attribution.ladder import analyse_ladder
from workbench.attribution.planning import plan_ladder
from workbench.runs.quota import LadderQuota

SET = planted_set()


def run_on(factor_set, rule, episodes, only=(), seed=0, severities=5, base="nominal", **options):
    """Analysis of a ladder of a set, with the outcomes that a rule gives."""
    plan = plan_ladder(factor_set, episodes, severities, base, only)
    quota = LadderQuota(factor_set, "pick_place", seed, plan)
    return analyse_ladder(plan, {i: outcome(rule, quota.episode(i)) for i in range(plan.quota)}, **options)
