"""What a task holds out, so that generalisation can be asked for: `HeldOut`, and the splits that it makes.

``split=seen`` is everything else; each of the other splits asks for one kind of what is held out, with all else as
seen. They are disjoint: a task that holds out what `seen` would still show is refused where it is defined.
Pure: no simulator, no random numbers.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from tasks.imaging.texture_kinds import KINDS
from tasks.language import Phrasing
from tasks.shapes import OBJECTS
from tasks.splits import SEEN, UNSEEN_LOOK, UNSEEN_OBJECT, UNSEEN_WORDING
from tasks.tabletop.scene import COLORS

WHAT = {UNSEEN_OBJECT: "object", UNSEEN_WORDING: "wording", UNSEEN_LOOK: "look"}
"""Split -> what of it is held out, in a word."""

SHAPE, COLOR, DISTRACTORS = "scene.target_shape", "scene.target_color", "scene.distractors"
"""Factors that say which objects there are."""
LANGUAGE, APPEARANCE = "language.", "appearance."
"""Prefixes of the factors that say how it is asked, and what it looks like."""
PLAIN = KINDS[0]
"""The texture where none is drawn."""
LEAST_SHAPES = 5
"""Shapes that must be left, so that a scene has a target, a base and three distractors of different shapes."""


class SplitError(ValueError):
    """A split that there is not, or that a task cannot have, in one sentence."""


@dataclass(frozen=True)
class Interval:
    """Numbers from ``lo`` to ``hi``, both included, in the unit of their factor."""

    lo: float
    hi: float

    def __post_init__(self) -> None:
        if not self.lo < self.hi:
            raise SplitError(f"an interval that is held out needs lo < hi, not lo={self.lo}, hi={self.hi}")

    def __str__(self) -> str:
        return f"{self.lo:g}..{self.hi:g}"

    def __contains__(self, value: object) -> bool:
        return isinstance(value, int | float) and self.lo <= value <= self.hi


Values = tuple[str, ...] | tuple[int, ...] | Interval
"""Values of one factor: words, numbers of a list, or an interval."""


@dataclass(frozen=True)
class HeldOut:
    """What is asked for, said and shown in no episode of the split ``seen``."""

    shapes: tuple[str, ...] = ()
    """Shapes of objects, in every colour."""
    pairs: tuple[tuple[str, str], ...] = ()
    """Objects by colour and shape; both are seen, but not together."""
    wording: Mapping[str, Values] = field(default_factory=dict)
    """Factor ``language.*`` -> its values: templates and levels of synonyms by number, verbs by name."""
    looks: Mapping[str, Values] = field(default_factory=dict)
    """Factor ``appearance.*`` -> its values: textures by name, lights by interval."""

    def splits(self) -> tuple[str, ...]:
        """The splits that this makes, `SEEN` first."""
        made = {
            UNSEEN_OBJECT: self.shapes or self.pairs,
            UNSEEN_WORDING: self.wording,
            UNSEEN_LOOK: self.looks,
        }
        return (SEEN, *(name for name, held in made.items() if held))

    def object_name(self, color: str, shape: str) -> str | None:
        """What is held out of an object: ``"cone"``, ``"red cube"``, or None where it is seen."""
        if shape in self.shapes:
            return shape
        return f"{color} {shape}" if (color, shape) in self.pairs else None

    def in_(self, values: Mapping[str, Any]) -> dict[str, list[str]]:
        """What is held out of an episode with these values of factors: ``{"object": ["red cube"]}``; {} for nothing.

        Factors that the values do not name are nominal, and so are seen. Objects are the target and the distractors.
        """
        found: dict[str, list[str]] = {"object": [], "wording": [], "look": []}
        if SHAPE in values:
            target = self.object_name(values[COLOR], values[SHAPE])
            others = [self.object_name(*_color_and_shape(name)) for name in values.get(DISTRACTORS, ())]
            found["object"] = list(dict.fromkeys(n for n in (target, *others) if n))
        for what, factors in (("wording", self.wording), ("look", self.looks)):
            found[what] = [
                f"{name}={held if isinstance(held, Interval) else values[name]}"
                for name, held in factors.items()
                if name in values and values[name] in held
            ]
        return {what: names for what, names in found.items() if names}

    def colors(self, split: str, shape: str, colors: Sequence[str]) -> list[str]:
        """Which of some colours a target of this shape may have in a split."""
        wanted = split == UNSEEN_OBJECT
        return [c for c in colors if (self.object_name(c, shape) is not None) == wanted]

    def shapes_of(self, split: str, shapes: Sequence[str], colors: Sequence[str]) -> list[str]:
        """Which of some shapes a target may have in a split, given the colours that there are."""
        return [shape for shape in shapes if self.colors(split, shape, colors)]

    def wordings(self, split: str, phrasing: type[Phrasing]) -> dict[str, tuple[Any, ...]]:
        """What each field of a phrasing may be in a split, where not everything: field -> values."""
        found: dict[str, tuple[Any, ...]] = {}
        for name, held in self.wording.items():
            options = _options(name, phrasing)
            chosen = [v for v in options if (v in held) == (split == UNSEEN_WORDING)]
            found[name.removeprefix(LANGUAGE)] = tuple(chosen)
        return found

    def problems(self, phrasing: type[Phrasing], shapes: Collection[str] = OBJECTS) -> list[str]:
        """What keeps the splits from being disjoint, or from having episodes at all, in plain sentences.

        Args:
            phrasing: of the task.
            shapes: that its targets may have.
        """
        found = [f"there is no shape {s!r} to hold out" for s in self.shapes if s not in shapes]
        found += [f"there is no {c} {s} to hold out" for c, s in self.pairs if s not in shapes]
        found += [
            f"the {c} {s} is held out twice, as it and as a {s}" for c, s in self.pairs if s in self.shapes
        ]
        found += [f"there is no colour {c!r} to hold out" for c, _ in self.pairs if c not in COLORS]
        left = [s for s in OBJECTS if s not in self.shapes]
        if len(left) < LEAST_SHAPES:
            found.append(f"{len(left)} shapes would be left to be seen, and scenes need {LEAST_SHAPES}")
        for color in COLORS:
            if (count := sum((color, s) not in self.pairs for s in left)) < LEAST_SHAPES - 1:
                found.append(
                    f"{count} {color} objects would be left to be seen, and scenes need {LEAST_SHAPES - 1}"
                )
        for shape in left:
            if (count := sum((c, shape) not in self.pairs for c in COLORS)) < 2:
                found.append(
                    f"a {shape} would be left in {count} colours, and scenes need two: hold out the shape"
                )
        for name, held in self.wording.items():
            found += _wording_problems(name, held, phrasing)
        for name, held in self.looks.items():
            if not name.startswith(APPEARANCE):
                found.append(f"{name} is no look: its name would begin with {APPEARANCE!r}")
            elif not isinstance(held, Interval):
                found += _word_problems(name, held, KINDS, PLAIN)
        return found


def _color_and_shape(name: str) -> tuple[str, str]:
    """Of ``"red cube_small"``."""
    color, slot = name.split(" ")
    return color, slot.rpartition("_")[0]


def _options(name: str, phrasing: type[Phrasing]) -> Sequence[Any]:
    """All values of a factor of language."""
    what = name.removeprefix(LANGUAGE)
    return phrasing.OPTIONS.get(what) or range(phrasing.LIMITS[what] + 1)


def _wording_problems(name: str, held: Values, phrasing: type[Phrasing]) -> list[str]:
    if not name.startswith(LANGUAGE):
        return [f"{name} is no wording: its name would begin with {LANGUAGE!r}"]
    what = name.removeprefix(LANGUAGE)
    if isinstance(held, Interval) or what not in (*phrasing.LIMITS, *phrasing.OPTIONS):
        return [
            f"{name} cannot be held out: wordings are {', '.join((*phrasing.LIMITS, *phrasing.OPTIONS))}, by value"
        ]
    problems = _word_problems(name, held, _options(name, phrasing), getattr(phrasing(), what))
    if what == "paraphrase" and not problems:
        texts = phrasing.WORDING.templates
        seen = {text for k, text in enumerate(texts) if k not in held}
        problems = [
            f"template {k} is held out and seen as another number" for k in held if texts[int(k)] in seen
        ]
    return problems


def _word_problems(name: str, held: Collection[Any], options: Sequence[Any], nominal: Any) -> list[str]:
    found = [
        f"{name} is never {value!r}: it is one of {', '.join(map(str, options))}"
        for value in held
        if value not in options
    ]
    if nominal in held:
        found.append(f"{name}={nominal} is held out and is what every set says that leaves {name} alone")
    if not set(options) - set(held):
        found.append(f"nothing of {name} would be left to be seen")
    return found
