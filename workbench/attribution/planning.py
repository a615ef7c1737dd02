"""From a factor set to the conditions of a severity ladder, and from a condition to its episodes."""

from __future__ import annotations

import difflib
from collections.abc import Collection
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from domain_rand.distributions import Choice, Fixed, Integers, LogRange, Numbered, Range
from domain_rand.episode import Episode, draw_episode
from domain_rand.factor import Factor
from domain_rand.sets import FactorSet
from tasks.episode import EpisodeSpec
from workbench.attribution.plan import Condition, Ladder, LadderPlan, Span, along
from workbench.cli.options import OptionError
from workbench.runs.records import CLEAN


@dataclass(frozen=True)
class _Side:
    """A ladder to be: how its axis runs, and the value or ends at a severity."""

    side: str
    axis: str
    nominal: float | str | None
    bound: float | None
    log: bool
    whole: bool
    rungs: tuple[tuple[float, str, dict[str, Any]], ...]
    """Severity, label and the condition's value or ends."""


def plan_ladder(
    factor_set: FactorSet, episodes: int, severities: int, base: str = "nominal", only: Collection[str] = ()
) -> LadderPlan:
    """Every factor that varies in the set (or those named in ``only``), taken alone from nominal to its bounds.

    A factor with room on both sides of nominal gets two ladders. Whole numbers get at most as many rungs as there
    are whole numbers, words a condition for each that is not nominal, vectors one ladder on which all components
    move at once, each to the side that the episode's own draw says. OptionError for a name in ``only`` that the set
    does not vary.
    """
    chosen = choose_factors(factor_set, only)
    conditions, ladders, skipped = [Condition(CLEAN)], [], []
    for factor in chosen:
        obstacle = ladder_obstacle(factor)
        if obstacle is not None:
            skipped.append((factor.name, obstacle))
            continue
        for side in _sides(factor, severities):
            first = len(conditions)
            conditions += [
                Condition(f"{factor.name} {label}", factor.name, severity, **entry)
                for severity, label, entry in side.rungs
            ]
            rungs = tuple(range(first, len(conditions)))
            ladders.append(
                Ladder(
                    factor=factor.name,
                    unit=factor.unit,
                    side=side.side,
                    axis=side.axis,
                    nominal=side.nominal,
                    bound=side.bound,
                    log=side.log,
                    whole=side.whole,
                    rungs=rungs,
                    span=span_of(factor),
                )
            )
    return LadderPlan(tuple(conditions), tuple(ladders), episodes, base, tuple(skipped))


def choose_factors(factor_set: FactorSet, only: Collection[str] = ()) -> list[Factor]:
    """The factors that vary in the set, or those whose name or family is in ``only``.

    OptionError for a name that is neither.
    """
    varying = {f.name: f for f in factor_set.factors if not isinstance(f.distribution, Fixed)}
    families = {f.family for f in varying.values()}
    unknown = [name for name in only if name not in varying and name not in families]
    if unknown:
        near = difflib.get_close_matches(unknown[0], [*varying, *families], 1)
        hint = f"did you mean {near[0]!r}?" if near else f"it varies {', '.join(varying)}"
        raise OptionError(f"factors={unknown[0]}: dr={factor_set.name} varies no such factor; {hint}")
    if not varying:
        raise OptionError(f"dr={factor_set.name} varies nothing, so there is nothing to try")
    return [f for name, f in varying.items() if not only or name in only or f.family in only]


def span_of(factor: Factor) -> Span | None:
    """The numeric range of a factor around its nominal value; None if there is no such thing."""
    distribution, nominal = factor.distribution, factor.nominal
    numeric = isinstance(distribution, Range | Integers) and not isinstance(distribution, Numbered)
    if not numeric or not isinstance(nominal, int | float | list):
        return None
    assert isinstance(distribution, Range | Integers)
    components = tuple(np.atleast_1d(np.asarray(nominal, float)).tolist())
    log = isinstance(distribution, LogRange) and min(components) > 0
    return Span(components, distribution.lo, distribution.hi, log, isinstance(distribution, Integers))


def base_set(factor_set: FactorSet, base: str) -> FactorSet:
    """What the clean condition draws from: the set, or of it only what is fixed there or must always draw."""
    if base == "set":
        return factor_set
    kept = tuple(f for f in factor_set.factors if f.nominal is None or isinstance(f.distribution, Fixed))
    return replace(factor_set, factors=kept)


def with_value(factor_set: FactorSet, base: str, name: str, value: Any) -> FactorSet:
    """The base with one factor held at a value; the order of the catalogue stays."""
    kept = {f.name for f in base_set(factor_set, base).factors}
    fixed = Fixed(tuple(value) if isinstance(value, list) else value)
    factors = [
        type(f)(fixed) if f.name == name else f
        for f in factor_set.factors
        if f.name in kept or f.name == name
    ]
    return replace(factor_set, factors=tuple(factors))


def draw_condition(spec: EpisodeSpec, factor_set: FactorSet, base: str, condition: Condition) -> Episode:
    """The episode under a condition: as in the clean one, but for the condition's factor (and what builds on it)."""
    if condition.factor is None:
        return draw_episode(spec, base_set(factor_set, base))
    factor = next(f for f in factor_set.factors if f.name == condition.factor)
    value = condition.value
    if condition.ends:
        value = [ends[int(up)] for ends, up in zip(condition.ends, _directions(factor, spec), strict=True)]
    return draw_episode(spec, with_value(factor_set, base, factor.name, value))


def _directions(factor: Factor, spec: EpisodeSpec) -> list[bool]:
    """Whether each component of the episode's own draw lies above nominal: the same at every severity."""
    drawn = np.asarray(factor.draw(spec.generator(factor.name), {}), float)
    above: list[bool] = (drawn >= np.asarray(factor.nominal, float)).tolist()
    return above


def ladder_obstacle(factor: Factor) -> str | None:
    """Why a factor cannot be taken away from nominal step by step; None if it can."""
    distribution = factor.distribution
    if distribution is None or type(factor).draw is not Factor.draw or factor.needs:
        return "its draw has a structure of its own"
    if isinstance(distribution, Choice | Numbered):
        return None if _options(factor, distribution) else "it has no option beside the nominal one"
    if not isinstance(distribution, Range | Integers):
        return f"its values are {distribution.kind}"
    span = span_of(factor)
    if span is None:
        return "it has no nominal value to begin from"
    inside = span.lo >= min(span.nominal) and span.hi <= max(span.nominal)
    return "its range leaves no room beside nominal" if inside else None


def _sides(factor: Factor, severities: int) -> list[_Side]:
    """The ladders of a factor that has any."""
    if isinstance(factor.distribution, Choice | Numbered):
        return _options(factor, factor.distribution)
    span = span_of(factor)
    assert span is not None
    if isinstance(factor.nominal, list):
        return [_vector(span, severities)]
    low, high = span.lo < span.nominal[0], span.hi > span.nominal[0]
    ends = [("low", span.lo)] * low + [("high", span.hi)] * high
    return [_scalar(span, side, bound, severities) for side, bound in ends]


def _options(factor: Factor, distribution: Choice | Numbered) -> list[_Side]:
    """One ladder without order, a rung an option; a vector of options takes the option in every component."""
    nominal = set(factor.nominal) if isinstance(factor.nominal, list) else {factor.nominal}
    rungs = tuple(
        (1.0, str(option), {"value": [option] * factor.length if factor.length > 1 else option})
        for option in distribution.options
        if nominal != {option}
    )
    shown = factor.nominal if isinstance(factor.nominal, str | int) else None
    return [_Side("option", "option", shown, None, False, False, rungs)] if rungs else []


def _scalar(span: Span, side: str, bound: float, severities: int) -> _Side:
    nominal = span.nominal[0]
    rungs = []
    for severity in _shares(severities, abs(int(bound) - int(nominal)) if span.whole else None):
        value = along(nominal, bound, severity, span.log)
        rungs.append((severity, f"{side} {severity:.3g}", {"value": round(value) if span.whole else value}))
    return _Side(side, "value", nominal, bound, span.log, span.whole, tuple(rungs))


def _vector(span: Span, severities: int) -> _Side:
    nominal, lo, hi, log, whole = span.nominal, span.lo, span.hi, span.log, span.whole
    room = {d for n in nominal for d in ((n / lo, hi / n) if log else (n - lo, hi - n))}
    even = max(room) - min(room) < 1e-9 * max(room)
    axis = ("ratio" if log else "deviation") if even else "severity"
    start, end = (1.0 if axis == "ratio" else 0.0), (max(room) if even else 1.0)
    rungs = []
    for severity in _shares(severities, round(max(room)) if whole and even else None):
        ends = [tuple(along(n, bound, severity, log) for bound in (lo, hi)) for n in nominal]
        entry = {"ends": tuple((round(a), round(b)) if whole else (a, b) for a, b in ends)}
        rungs.append((severity, f"{severity:.3g}", entry))
    return _Side("both", axis, start, end, axis == "ratio", whole and even, tuple(rungs))


def _shares(severities: int, steps: int | None) -> tuple[float, ...]:
    """Severities of the rungs: evenly spaced, or those of distinct whole numbers of steps."""
    if steps is None:
        return tuple((k + 1) / severities for k in range(severities))
    wanted = np.unique(np.ceil(np.arange(1, severities + 1) * steps / severities).astype(int))
    return tuple(int(k) / steps for k in wanted if k > 0)
