"""Options of ``workbench eval``, and what makes them impossible."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from workbench.attribution.ladder import BREAKS_BELOW
from workbench.attribution.plan import LadderPlan
from workbench.attribution.planning import BASES, choose_factors, plan_ladder
from workbench.options import OptionError, option
from workbench.simulation_options import (
    ALL,
    AUTO,
    SimulationOptions,
    at_least,
    between_0_and_1,
    choose,
    named,
)

PRESENTATION = ("record", "last_frames", "frame_every", "repair", "breaks_below")
"""Options that change what is shown or mended, not what is measured; a resumed run may differ in them."""
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
    stop_above: float | None = option(None, "stop early once success is shown to be above or below this rate")
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
        BREAKS_BELOW, "ladder: share of clean success under which a step can count as broken"
    )

    def resolve(self) -> None:
        """Replace ``auto`` by what it means here; OptionError, LaunchError or FactorSetError for what cannot be."""
        choose("attribute", self.attribute, ATTRIBUTIONS)
        choose("attribute_base", self.attribute_base, BASES)
        at_least("episodes", self.episodes, 1)
        at_least("severities", self.severities, 1)
        between_0_and_1("stop_above", self.stop_above)
        between_0_and_1("breaks_below", self.breaks_below)
        if self.stop_above is not None and self.attribute != "none":
            raise OptionError(
                f"stop_above= and attribute={self.attribute} exclude each other: the analysis needs the whole quota"
            )
        if self.attribute == "none" and self.factors != ALL:
            raise OptionError(f"factors={self.factors} is for attribute=ladder or attribute=factorial")
        super().resolve()
        plan = self.ladder()
        if self.attribute == FACTORIAL:
            choose_factors(self.factor_set(), self.chosen_factors)
        self.num_envs = min(self.num_envs, plan.quota if plan else self.episodes)
        if self.out == AUTO:
            kind = "-ladder" if plan else ""
            self.out = f"runs/{self.task}-{self.policy}-{self.physics}-seed{self.seed}{kind}"

    @property
    def chosen_factors(self) -> tuple[str, ...]:
        """What ``factors`` names; empty for all."""
        return named(self.factors)

    def ladder(self) -> LadderPlan | None:
        """The plan of a ladder, if one is asked for."""
        if self.attribute != LADDER:
            return None
        return plan_ladder(
            self.factor_set(), self.episodes, self.severities, self.attribute_base, self.chosen_factors
        )

    @property
    def growing(self) -> dict[str, str]:
        """Options that may grow when a run is resumed -> why not in this one, or "" if they may.

        The episodes of a longer run are those of a shorter one and more.
        """
        if self.stop_above is not None:
            return {
                "episodes": "stop_above= is a test whose error rate rests on the most episodes it may take"
            }
        if self.attribute == LADDER:
            return {
                "episodes": "a ladder numbers its episodes through all conditions, and they would be renumbered"
            }
        return {"episodes": ""}

    def config(self, command: str) -> dict[str, Any]:
        """See the base; an analysis of an ordinary run changes nothing about the run, so it is no part of it."""
        config = super().config(command)
        if self.attribute != LADDER:
            for name in ("attribute", "factors", "severities", "attribute_base", "breaks_below"):
                del config[name]
        return config
