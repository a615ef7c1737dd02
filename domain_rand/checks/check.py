"""`Check`: drive a factor to low, nominal and high, measure what it does, compare with theory.

    @check("dynamics.object_friction", "way of a slide from 1 m/s", "m", relative=0.08)
    def slide(trial: Trial, values: Sequence[float]) -> Outcome:
        ...
        return measured, expected

The function gets a `Trial` whose environments hold one value each, already applied.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import domain_rand.factors  # noqa: F401  fills the registry
from domain_rand.distributions import Choice, LogRange
from domain_rand.factor import REGISTRY, Factor, Value

if TYPE_CHECKING:
    from domain_rand.checks.trial import Trial

Outcome = tuple[Sequence[Any], Sequence[Any]]
"""What was measured and what theory says, one entry an environment."""
Measurement = Callable[["Trial", Sequence[Any]], Outcome]
"""Measures at the values that the environments hold; each says which kind of value its factor has."""


@dataclass(frozen=True)
class Reading:
    """One level of one check."""

    factor: str
    asked: Value
    quantity: str
    unit: str
    expected: Any
    measured: Any
    tolerance: float
    """Greatest difference that passes, in the quantity's unit; 0 for words."""

    @property
    def passed(self) -> bool:
        """Whether theory and measurement agree."""
        if isinstance(self.expected, str):
            return self.measured == self.expected
        return math.isfinite(self.measured) and abs(self.measured - self.expected) <= self.tolerance


@dataclass(frozen=True)
class Check:
    """How a factor is proved."""

    factor: str
    quantity: str
    """What is measured, in words."""
    unit: str
    run: Measurement
    relative: float
    absolute: float
    levels: tuple[Value, ...]
    cameras: bool
    """Whether it needs the renderer."""

    def readings(self, trial: Trial) -> list[Reading]:
        """Measure every level, as many at once as there are environments."""
        found = []
        n = trial.num_envs
        for start in range(0, len(self.levels), n):
            asked = list(self.levels[start : start + n])
            padded = asked + [asked[-1]] * (n - len(asked))
            trial.begin(self.factor, padded)
            measured, expected = self.run(trial, padded)
            for value, was, should in zip(asked, measured, expected, strict=False):
                tolerance = (
                    0.0 if isinstance(should, str) else max(self.absolute, self.relative * abs(float(should)))
                )
                found.append(
                    Reading(
                        self.factor, value, self.quantity, self.unit, _plain(should), _plain(was), tolerance
                    )
                )
        return found


def _plain(value: Any) -> Any:
    return value if isinstance(value, str) else float(value)


CHECKS: dict[str, Check] = {}
"""Checks by factor: what each does."""
FURTHER: list[Check] = []
"""What must hold over the range of a factor beside what it does."""


def checks_of(factor: str) -> list[Check]:
    """Everything that is checked of a factor."""
    return [CHECKS[factor], *(check for check in FURTHER if check.factor == factor)]


def check(
    factor: str,
    quantity: str,
    unit: str,
    relative: float = 0.0,
    absolute: float = 0.0,
    levels: Sequence[Value] | None = None,
    cameras: bool = False,
    further: bool = False,
) -> Callable[[Measurement], Measurement]:
    """Decorator that registers the proof of a factor.

    Args:
        factor: its name.
        quantity: what is measured, in words.
        unit: unit of the quantity.
        relative: greatest difference from theory, as a share of it.
        absolute: greatest difference, in the unit; the greater of the two counts.
        levels: values to try; by default low end, nominal and high end of the factor's default distribution.
        cameras: whether it needs the renderer.
        further: whether it is not the proof of what the factor does, but of what must hold whatever its value.
    """

    def decorate(run: Measurement) -> Measurement:
        chosen = tuple(levels) if levels is not None else default_levels(REGISTRY[factor])
        found = Check(factor, quantity, unit, run, relative, absolute, chosen, cameras)
        if further:
            FURTHER.append(found)
        elif factor in CHECKS:
            raise ValueError(f"{factor} has two checks")
        else:
            CHECKS[factor] = found
        return run

    return decorate


def default_levels(factor: type[Factor]) -> tuple[Value, ...]:
    """Low, nominal and high of a factor's default distribution; all options of a choice."""
    distribution = factor.default
    if isinstance(distribution, Choice):
        return distribution.options
    assert distribution is not None, f"{factor.name} has no range: give its check the levels to try"
    low, high = distribution.lo, distribution.hi  # type: ignore[union-attr]
    if factor.nominal is None:
        middle: Any = math.sqrt(low * high) if isinstance(distribution, LogRange) else (low + high) / 2
    else:
        middle = factor.nominal
    if factor.length > 1:
        return ([low] * factor.length, middle, [high] * factor.length)
    return tuple(dict.fromkeys((low, middle, high)))
