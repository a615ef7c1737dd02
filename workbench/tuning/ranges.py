"""Between the positions of the search and factor sets: what a bound's position means, and what ranges came out."""

from __future__ import annotations

import math
from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from typing import Any

from domain_rand.distributions import Choice, Fixed, Numbered
from domain_rand.factor import Factor
from domain_rand.sets import DEFAULT, NOMINAL, FactorSet
from workbench.attribution.plan import Condition, Span, options_content
from workbench.attribution.planning import base_set, choose_factors, ladder_obstacle, span_of
from workbench.cli.options import OptionError
from workbench.tuning.adr import Bound


@dataclass(frozen=True)
class FactorBound:
    """What one bound of the search is about."""

    factor: str
    unit: str
    side: str
    """``low``, ``high``, ``both`` (vectors), or ``option``."""
    steps: int
    nominal: Any
    span: Span | None = None
    option: str | int | None = None

    @property
    def bound(self) -> Bound:
        """As the search knows it."""
        name = f"{self.factor} {self.side if self.option is None else self.option}"
        return Bound(name, self.steps)

    def end(self, position: int) -> float | dict[str, float] | str | None:
        """The value at a position; both ends for vectors."""
        if self.span is None:
            return self.option if position else self.nominal
        share = position / self.steps
        ends = self.span.shrunk(share, share)
        return ends if self.side == "both" else ends["lo" if self.side == "low" else "hi"]

    def condition(self, position: int) -> Condition:
        """The factor held at the bound's position."""
        share = position / self.steps
        name = f"{self.bound.name} {share:.4g}" if self.option is None else self.bound.name
        end = self.end(position)
        if isinstance(end, dict):
            assert self.span is not None
            return Condition(
                name, self.factor, share, ends=((end["lo"], end["hi"]),) * len(self.span.nominal)
            )
        return Condition(name, self.factor, share, value=end)


def bounds_of(
    factor_set: FactorSet, only: Collection[str], resolution: float
) -> tuple[list[FactorBound], dict[str, str]]:
    """Every bound of the factors that vary in the set (or those named), and why other factors have none.

    ``resolution`` is the share of the way from nominal to the far end to which a bound is found; OptionError for a
    factor that the set does not vary.
    """
    found: list[FactorBound] = []
    skipped: dict[str, str] = {}
    for factor in choose_factors(factor_set, only):
        obstacle = ladder_obstacle(factor)
        if obstacle is not None:
            skipped[factor.name] = obstacle
        elif isinstance(factor.distribution, Choice | Numbered) and factor.length > 1:
            skipped[factor.name] = "it is a list of options"
        elif isinstance(factor.distribution, Choice | Numbered):
            found += [
                FactorBound(factor.name, factor.unit, "option", 1, factor.nominal, option=option)
                for option in factor.distribution.options
                if option != factor.nominal
            ]
        else:
            found += _numeric(factor, resolution)
    if not found:
        raise OptionError(f"dr={factor_set.name}: no factor has a bound that can be moved")
    return found, skipped


def _numeric(factor: Factor, resolution: float) -> list[FactorBound]:
    span = span_of(factor)
    assert span is not None
    low, high = min(span.nominal) > span.lo, max(span.nominal) < span.hi
    sides = ["both"] * (low or high) if factor.length > 1 else ["low"] * low + ["high"] * high
    return [
        FactorBound(factor.name, factor.unit, side, _steps(span, side, resolution), factor.nominal, span)
        for side in sides
    ]


def _steps(span: Span, side: str, resolution: float) -> int:
    """Whole numbers have a position each; else as many as the resolution asks for, in halves of halves."""
    if span.whole and side != "both":
        return round(abs((span.lo if side == "low" else span.hi) - span.nominal[0]))
    return int(2 ** math.ceil(math.log2(1 / resolution) - 1e-9))


def shares_of(bounds: Sequence[FactorBound], positions: Sequence[int]) -> dict[str, dict[str, float]]:
    """How far each factor goes to each side, by factor and side (options by themselves)."""
    shares: dict[str, dict[str, float]] = {}
    for bound, position in zip(bounds, positions, strict=True):
        key = bound.side if bound.option is None else str(bound.option)
        shares.setdefault(bound.factor, {})[key] = position / bound.steps
    return shares


def narrowed(factor: Factor, shares: dict[str, float]) -> dict[str, Any]:
    """The factor's range that goes these shares of the way, as a factor set writes it; empty if it is a point."""
    if isinstance(factor.distribution, Choice | Numbered):
        options = [o for o in factor.distribution.options if o == factor.nominal or shares.get(str(o), 0)]
        if not options or options == [factor.nominal]:
            return {}
        # An overlay of a numbered list says what is left out, even if that is nothing.
        return {"without": []} | content if "lo" in (content := options_content(options)) else content
    span = span_of(factor)
    assert span is not None
    both = shares.get("both")
    low, high = (shares.get(side, 0.0) if both is None else both for side in ("low", "high"))
    return dict(span.shrunk(low, high)) if low or high else {}


def current_set(factor_set: FactorSet, bounds: Sequence[FactorBound], positions: Sequence[int]) -> FactorSet:
    """The set in which tuned factors draw from their ranges so far, and everything else is as in the base.

    A choice of words without a nominal one draws from all until one is found that holds, then from those that hold.
    """
    shares = shares_of(bounds, positions)
    kept = {f.name for f in base_set(factor_set, NOMINAL).factors}
    factors = []
    for factor in factor_set.factors:
        ranges = narrowed(factor, shares[factor.name]) if factor.name in shares else {}
        if ranges:
            factors.append(_drawing(factor, ranges))
        elif factor.name in kept:
            factors.append(factor)
    return replace(factor_set, factors=tuple(factors))


def set_content(
    factor_set: FactorSet, bounds: Sequence[FactorBound], positions: Sequence[int]
) -> dict[str, Any]:
    """The tuned set as a file holds it: tuned factors over what the policy bears, all others as they were."""
    shares = shares_of(bounds, positions)
    content: dict[str, Any] = {}
    for factor in factor_set.factors:
        if factor.name in shares:
            content[factor.name] = narrowed(factor, shares[factor.name]) or (
                _written(factor) if factor.nominal is None else NOMINAL
            )
        else:
            content[factor.name] = _written(factor)
    return content


def _written(factor: Factor) -> Any:
    """A factor's own distribution, as a factor set writes it."""
    if factor.distribution is None:
        return DEFAULT
    if isinstance(factor.distribution, Fixed):
        return {"value": factor.distribution.sample(None)}  # type: ignore[arg-type]
    return {k: list(v) if isinstance(v, tuple) else v for k, v in vars(factor.distribution).items()}


def whole_set(factor_set: FactorSet, bounds: Sequence[FactorBound], positions: Sequence[int]) -> FactorSet:
    """The set that `set_content` writes: tuned factors draw from their ranges, all others as in the set."""
    shares = shares_of(bounds, positions)
    factors = []
    for factor in factor_set.factors:
        ranges = narrowed(factor, shares[factor.name]) if factor.name in shares else {}
        if ranges:
            factors.append(_drawing(factor, ranges))
        elif factor.name not in shares or factor.nominal is None:
            factors.append(factor)
    return replace(factor_set, factors=tuple(factors))


def _drawing(factor: Factor, ranges: dict[str, Any]) -> Factor:
    values = {k: tuple(v) if isinstance(v, list) else v for k, v in ranges.items()}
    return type(factor)(replace(factor.distribution, **values))  # type: ignore[type-var]
