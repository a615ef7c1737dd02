"""A factor set narrowed to one split of its task: where the draws of `tasks.tabletop.held_out` are made.

Every draw that a split concerns is narrowed in the factor that makes it, so that no episode is drawn and thrown away,
and an episode's other draws are those of the whole set:

- ``scene.target_shape``, ``scene.target_color`` and ``scene.distractors`` keep to objects that are seen, but for the
  target of ``unseen_object``, which is one that is held out (and its distractor of the same shape, where the shape is);
- factors of wording and look leave out what is held out; in ``unseen_wording`` or ``unseen_look`` each of them that
  holds something out draws of that alone, also where the set leaves it nominal.

What cannot be narrowed, as a value that the set fixes on the other side, is refused here or when it is drawn.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np

from domain_rand.distributions import Choice, Distribution, Fixed, LogRange, Numbered, Range
from domain_rand.factor import REGISTRY, Factor, Value
from domain_rand.factors.scene import Distractors, TargetColor, TargetShape
from domain_rand.sets import FactorSet, FactorSetError, default_of
from tasks.episode import EpisodeSpec
from tasks.registry import find
from tasks.splits import SEEN, UNSEEN_LOOK, UNSEEN_OBJECT, UNSEEN_WORDING
from tasks.tabletop.composition import draw_seen_distractors
from tasks.tabletop.held_out import COLOR, SHAPE, WHAT, HeldOut, Interval, SplitError

EDGE = 1e-3
"""Share of an interval that is left between seen and unseen numbers, so that no rounding decides where one belongs."""


class SplitColor(TargetColor):
    """Colour word of the named object, of those that its shape may have in a split."""

    held_out: HeldOut
    split: str

    def draw(self, rng: np.random.Generator, drawn: Mapping[str, Any]) -> Value:
        """One of the colours, evenly."""
        assert isinstance(self.distribution, Choice)
        options = self.held_out.colors(self.split, drawn[SHAPE], self.distribution.options)
        return options[int(rng.integers(len(options)))]


class SplitDistractors(Distractors):
    """Which objects distract, and their colours, of those that are seen."""

    held_out: HeldOut

    def draw(self, rng: np.random.Generator, drawn: Mapping[str, Any]) -> Value:
        """As `tasks.tabletop.composition.draw_seen_distractors`."""
        return draw_seen_distractors(self.held_out, rng, *(drawn[name] for name in self.needs))


def in_split(factor_set: FactorSet, task: str, split: str) -> FactorSet:
    """The set as it is drawn in a split of a task; FactorSetError, in one sentence, where that cannot be."""
    try:
        held = find(task).check_split(split)
    except SplitError as problem:
        raise FactorSetError(f"split={split}: {problem}") from problem
    factors = {f.name: f for f in factor_set.factors}
    factors |= _objects(factors, held, split)
    for what, asked in ((held.wording, UNSEEN_WORDING), (held.looks, UNSEEN_LOOK)):
        for name, values in what.items():
            if name not in REGISTRY:
                raise FactorSetError(
                    f"split={split}: task {task!r} holds {name} out, and there is no such factor"
                )
            factor = factors.get(name)
            if factor is not None or split == asked:
                factors[name] = _narrowed(
                    factor or _new(name, task), values, split == asked, f"split={split}: {name}"
                )
    ordered = tuple(factors[name] for name in REGISTRY if name in factors)
    return replace(factor_set, factors=ordered, split=split)


def check_split(spec: EpisodeSpec, factor_set: FactorSet, values: Mapping[str, Any]) -> tuple[str, ...]:
    """What is held out of an episode of a split, in words; FactorSetError if it is not an episode of that split."""
    held = find(spec.task).check_split(factor_set.split)
    found = held.in_(values)
    wanted = {WHAT[factor_set.split]} if factor_set.split != SEEN else set()
    if set(found) != wanted or len(found.get("object", ())) > 1:
        said = "; ".join(f"{what}: {', '.join(names)}" for what, names in found.items()) or "nothing"
        raise FactorSetError(
            f"split={factor_set.split}: of episode {spec.index} as dr={factor_set.name} fixes it, task {spec.task!r} "
            f"holds out {said}"
        )
    return tuple(name for names in found.values() for name in names)


def _objects(factors: Mapping[str, Factor], held: HeldOut, split: str) -> dict[str, Factor]:
    """The three factors that say which objects there are, narrowed."""
    shape, color, distractors = factors[SHAPE], factors[COLOR], factors[Distractors.name]
    shapes, colors = _words(shape), _words(color)
    left = held.shapes_of(split, shapes, colors)
    if not left:
        kind = "held-out" if split == UNSEEN_OBJECT else "seen"
        raise FactorSetError(
            f"split={split}: no {kind} object has one of the shapes {', '.join(shapes)} and one of the colours "
            f"{', '.join(colors)}, which are those of the set"
        )
    found: dict[str, Factor] = {}
    if not isinstance(shape.distribution, Fixed):
        found[SHAPE] = TargetShape(Choice(tuple(left)))
    if not isinstance(color.distribution, Fixed):
        found[COLOR] = narrowed_color = SplitColor(color.distribution)
        narrowed_color.held_out, narrowed_color.split = held, split
    if not isinstance(distractors.distribution, Fixed):
        found[Distractors.name] = narrowed = SplitDistractors(distractors.distribution)
        narrowed.held_out = held
    return found


def _words(factor: Factor) -> tuple[str, ...]:
    distribution = factor.distribution
    return (
        distribution.options
        if isinstance(distribution, Choice)
        else (str(getattr(distribution, "value", "")),)
    )


def _new(name: str, task: str) -> Factor:
    """A factor that the set leaves nominal."""
    cls = REGISTRY[name]
    factor = cls(default_of(cls, task))
    factor.nominal = find(task).nominal(name, cls.nominal)
    return factor


def _narrowed(factor: Factor, held: Any, unseen: bool, where: str) -> Factor:
    """The factor with what is held out alone (``unseen``), or without it."""
    given = factor.distribution
    if factor.length > 1 or factor.nominal in held:
        why = (
            "it has several components"
            if factor.length > 1
            else f"its nominal value {factor.nominal} is seen"
        )
        raise FactorSetError(f"{where} cannot be held out: {why}")
    if isinstance(given, Fixed):
        if (given.value in held) != unseen:
            raise FactorSetError(
                f"{where}={given.value} is {'seen' if unseen else 'held out'}, and the set fixes it"
            )
        return factor
    distribution = _alone(given, held) if unseen else _without(given, held, where)
    narrowed = type(factor)(distribution)
    narrowed.nominal = factor.nominal
    return narrowed


def _alone(given: Distribution | None, held: Any) -> Distribution:
    """A distribution of what is held out, of the kind of another."""
    if isinstance(held, Interval):
        room = EDGE * (held.hi - held.lo)
        ends = held.lo + room, held.hi - room
        return LogRange(*ends) if isinstance(given, LogRange) else Range(*ends)
    if isinstance(given, Numbered):
        return replace(given, without=tuple(n for n in range(given.lo, given.hi + 1) if n not in held))
    return Choice(tuple(held))


def _without(given: Distribution | None, held: Any, where: str) -> Distribution:
    """A distribution without what is held out."""
    if isinstance(held, Interval) and isinstance(given, Range):
        room = EDGE * (held.hi - held.lo)
        low_is_seen, high_is_seen = given.lo < held.lo, given.hi > held.hi
        if given.hi < held.lo or given.lo > held.hi:
            return given
        if low_is_seen == high_is_seen:
            how = "reaches over both ends of" if low_is_seen else "lies within"
            raise FactorSetError(
                f"{where}: the set's range, {given.lo} to {given.hi}, {how} what is held out, {held.lo} to {held.hi}"
            )
        return replace(given, hi=held.lo - room) if low_is_seen else replace(given, lo=held.hi + room)
    options = given.options if isinstance(given, Choice | Numbered) else ()
    left = [option for option in options if option not in held]
    if not left:
        raise FactorSetError(f"{where}: everything that the set draws of is held out")
    if isinstance(given, Numbered):
        return replace(given, without=tuple(n for n in range(given.lo, given.hi + 1) if n not in left))
    return Choice(tuple(map(str, left)))
