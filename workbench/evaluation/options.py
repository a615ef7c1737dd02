"""Options of ``workbench eval``, and what makes them impossible.

What only resolving them needs is imported there: ``--help`` waits for neither statistics nor factors.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any

from tasks.splits import UNSEEN_LOOK, UNSEEN_WORDING
from workbench.attribution.plan import BASES, BREAKS_BELOW, LadderPlan
from workbench.cli.options import OptionError, option
from workbench.rollout.options import (
    ALL,
    AUTO,
    NO_SPLIT,
    RAY,
    SPLIT_HELP,
    SimulationOptions,
    at_least,
    between_0_and_1,
    choose,
    named,
    split_of,
)

PRESENTATION = (
    "record",
    "last_frames",
    "frame_every",
    "repair",
    "breaks_below",
    "interval",
    "strata",
    "weights",
)
"""Options that change what is shown or mended, not what is measured; a resumed run may differ in them."""
INTERVALS, EQUAL = ("wilson", "beta", "clopper_pearson"), "equal"
"""Names of `workbench.stats.RATE_INTERVALS`, and equal weights as `workbench.stats.strata` calls them."""
VARIED = (UNSEEN_WORDING, UNSEEN_LOOK)
"""Splits whose episodes differ from seen ones in factors that have a nominal value."""
LADDER, FACTORIAL = "ladder", "factorial"
ATTRIBUTIONS = ("none", LADDER, FACTORIAL)


@dataclass
class EvalOptions(SimulationOptions):
    """Options of ``workbench eval``."""

    episodes: int = option(
        64,
        "quota of episodes; each is run exactly once (with attribute=ladder: in each condition)",
        "episodes",
    )
    split: str = option(NO_SPLIT, SPLIT_HELP)
    stop_above: float | None = option(None, "stop early once success is shown to be above or below this rate")
    stop_against: str = option(
        "",
        "stop early once this or that run is shown to succeed more often on the same episodes: a run folder",
    )
    interval: str = option("wilson", f"of rates at a fixed number of episodes: {', '.join(INTERVALS)}")
    strata: str = option("", "also a rate over strata: task, claim, or a drawn factor that takes few values")
    weights: str = option(EQUAL, f"of the strata: {EQUAL}, or STRATUM:WEIGHT,...")
    attribute: str = option(
        "none",
        "what breaks the policy? ladder: one factor at a time, in steps, on the same episodes; factorial: "
        "from how all factors varied at once; none",
    )
    factors: str = option(ALL, "attribute: factors or families to look at, separated by commas")
    severities: int = option(5, "ladder: steps from nominal to each bound of the set")
    attribute_base: str = option(
        "nominal", f"ladder: what the other factors do, {' or '.join(BASES)} (they draw)"
    )
    breaks_below: float = option(
        BREAKS_BELOW,
        "ladder: share of clean success under which a step can count as broken, and above which it must be shown to "
        "be for a step to hold",
    )
    live: str = option(
        "",
        "true: a live view in Rerun of the first environment; or a file to write it to, or the address of a viewer",
    )
    plan_only: bool = option(False, "ladder: only say what so many episodes can show, and run nothing")

    @cached_property
    def reference(self) -> dict[str, str]:
        """What is kept of the run that this one is stopped against; empty where there is none."""
        from workbench.comparison.reference import reference_of

        return reference_of(self.stop_against, self.episodes) if self.stop_against else {}

    def resolve(self) -> None:
        """Replace ``auto`` by what it means here; OptionError, LaunchError or FactorSetError for what cannot be."""
        choose("attribute", self.attribute, ATTRIBUTIONS)
        self.live = "" if self.live == "false" else self.live
        if self.live and self.launcher == RAY:
            raise OptionError(f"live={self.live} shows what runs in this process: not with launcher={RAY}")
        choose("attribute_base", self.attribute_base, BASES)
        at_least("episodes", self.episodes, 1)
        at_least("severities", self.severities, 1)
        between_0_and_1("stop_above", self.stop_above)
        between_0_and_1("breaks_below", self.breaks_below)
        choose("interval", self.interval, INTERVALS)
        self._check_strata()
        stopping = [name for name in ("stop_above", "stop_against") if getattr(self, name)]
        if len(stopping) > 1:
            raise OptionError(
                "stop_above= and stop_against= exclude each other: a run is stopped by one test"
            )
        if stopping and self.attribute != "none":
            raise OptionError(
                f"{stopping[0]}= and attribute={self.attribute} exclude each other: the analysis needs the whole quota"
            )
        if stopping and self.strata:
            raise OptionError(
                f"{stopping[0]}= and strata={self.strata} exclude each other: a rate over strata has no interval that "
                "holds whenever one stops"
            )
        _ = self.reference  # says now what is wrong with it
        if self.plan_only and self.attribute != LADDER:
            raise OptionError("plan_only=true is for attribute=ladder")
        if self.attribute == "none" and self.factors != ALL:
            raise OptionError(f"factors={self.factors} is for attribute=ladder or attribute=factorial")
        if self.attribute == LADDER and self.attribute_base == "nominal" and self.chosen_split in VARIED:
            raise OptionError(
                f"attribute={LADDER} keeps other factors nominal, which are seen, and split={self.split} asks for what "
                "is not: add attribute_base=set"
            )
        super().resolve()
        plan = self.ladder()
        if self.attribute == FACTORIAL:
            from workbench.attribution.planning import choose_factors

            choose_factors(self.factor_set(), self.chosen_factors)
        self.num_envs = min(self.num_envs, plan.quota if plan else self.episodes)
        self.policy_cfg.check_environments(self.num_envs)
        if self.out == AUTO:
            kind = "-ladder" if plan else ""
            split = f"-{self.chosen_split}" if self.chosen_split else ""
            self.out = f"runs/{self.place}-{self.policy_name}-{self.physics}-seed{self.seed}{split}{kind}"

    def _check_strata(self) -> None:
        from workbench.stats.strata import StrataError, parse_weights

        try:
            weights = parse_weights(self.weights)
        except StrataError as problem:
            raise OptionError(f"option weights={self.weights}: {problem}") from None
        if weights and not self.strata:
            raise OptionError(f"weights={self.weights} is for strata=, which is not given")

    @property
    def chosen_split(self) -> str:
        """See the base."""
        return split_of(self.split)

    @property
    def chosen_factors(self) -> tuple[str, ...]:
        """What ``factors`` names; empty for all."""
        return named(self.factors)

    def ladder(self) -> LadderPlan | None:
        """The plan of a ladder, if one is asked for."""
        if self.attribute != LADDER:
            return None
        from workbench.attribution.planning import plan_ladder

        return plan_ladder(
            self.factor_set(), self.episodes, self.severities, self.attribute_base, self.chosen_factors
        )

    @property
    def growing(self) -> dict[str, str]:
        """Options that may grow when a run is resumed -> why not in this one, or "" if they may.

        The episodes of a longer run are those of a shorter one and more.
        """
        if self.stop_above is not None or self.stop_against:
            stop = "stop_against=" if self.stop_against else "stop_above="
            return {
                "episodes": f"{stop} is a test that was planned for so many episodes, and is not planned twice"
            }
        if self.attribute == LADDER:
            return {
                "episodes": "a ladder numbers its episodes through all conditions, and they would be renumbered"
            }
        return {"episodes": ""}

    def config(self, command: str) -> dict[str, Any]:
        """See the base; an analysis of an ordinary run changes nothing about the run, so it is no part of it."""
        config = super().config(command)
        if self.stop_against:
            config["stop_against"] = self.reference
        for name in ("stop_against", "strata"):
            if not getattr(self, name):
                del config[name]
        del config["plan_only"], config["live"]
        if self.attribute != LADDER:
            for name in ("attribute", "factors", "severities", "attribute_base", "breaks_below"):
                del config[name]
        return config
