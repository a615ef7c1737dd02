"""Options of ``workbench tune adr``, and what makes them impossible."""

from __future__ import annotations

from dataclasses import dataclass

from workbench.cli.options import OptionError, option
from workbench.rollout.options import (
    ALL,
    AUTO,
    SimulationOptions,
    at_least,
    between_0_and_1,
    choose,
    named,
)
from workbench.tuning.adr import Settings
from workbench.tuning.ranges import FactorBound, bounds_of

OTHERS = ("nominal", "current")


@dataclass
class AdrOptions(SimulationOptions):
    """Options of ``workbench tune adr``."""

    record: int = option(0, "episodes drawn into recording.rrd, from the first", "episodes")
    last_frames: int = option(0, "episodes whose last image goes into the report", "episodes")
    factors: str = option(ALL, "factors or families to tune, separated by commas; all that vary in the set")
    others: str = option(
        "nominal",
        "what the other factors do while one is held: nominal; current: draw from their ranges so far",
    )
    widen_above: float = option(Settings.widen_above, "success rate that a bound must keep: widened above it")
    narrow_below: float = option(
        Settings.narrow_below, "success rate that counts as failing: narrowed below it"
    )
    resolution: float = option(
        0.05, "share of the way from nominal to the set's bound to which an end is found"
    )
    batch: int = option(Settings.batch, "episodes between two looks", "episodes")
    most: int = option(
        Settings.most, "episodes after which a test is given up: then nothing is shown", "episodes"
    )
    inside: int = option(
        Settings.inside, "points between nominal and a bound that holds at which it is tried, too"
    )

    def resolve(self) -> None:
        """Replace ``auto`` by what it means here; OptionError, LaunchError or FactorSetError for what cannot be."""
        choose("others", self.others, OTHERS)
        for name in ("widen_above", "narrow_below", "resolution"):
            between_0_and_1(name, getattr(self, name))
        if self.narrow_below >= self.widen_above:
            raise OptionError(
                f"narrow_below={self.narrow_below} must be less than widen_above={self.widen_above}: "
                "between them, either decision is right"
            )
        at_least("batch", self.batch, 1)
        at_least("most", self.most, self.batch)
        at_least("inside", self.inside, 0)
        super().resolve()
        self.bounds()
        if self.out == AUTO:
            self.out = f"runs/{self.place}-{self.policy_name}-{self.physics}-seed{self.seed}-adr"

    @property
    def settings(self) -> Settings:
        """Of the search."""
        return Settings(
            self.widen_above,
            self.narrow_below,
            self.confidence,
            self.batch,
            self.most,
            self.others == "current",
            self.inside,
        )

    def bounds(self) -> tuple[list[FactorBound], dict[str, str]]:
        """What is tuned, and why other factors are not."""
        return bounds_of(self.factor_set(), named(self.factors), self.resolution)
