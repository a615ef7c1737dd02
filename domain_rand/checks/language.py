"""Proof of the language factors: an independent reader finds the right bodies in what was said."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from domain_rand.checks.check import Outcome, check
from domain_rand.checks.trial import Trial
from domain_rand.episode import draw_scene
from domain_rand.factor import REGISTRY, Value
from tasks.episode import EpisodeSpec
from tasks.language.resolve import read
from tasks.tabletop.composition import scene_facts
from tasks.tabletop.scene import Scene

SCENES = 40
"""Scenes in which every value is tried."""


def _scenes(factor: str, value: Value) -> list[Scene]:
    """The same scenes, asked for with this value of one factor, in a sentence with a comma."""
    given = {"language.irrelevant_words": 1, factor: value}
    return [draw_scene(EpisodeSpec("check", index, 3), given)[1] for index in range(SCENES)]


def _is_right(scene: Scene) -> bool:
    """Whether the instruction fits the named object and receptacle and nothing else."""
    said = read(scene.instruction, scene_facts(scene))
    return set(said.objects) == {frozenset({0})} and set(said.receptacles) == {frozenset({1})}


def _check_reading(factor: str) -> None:
    nominal = REGISTRY[factor].nominal
    assert nominal is not None

    def reading(_trial: Trial, values: Sequence[Value]) -> Outcome:
        plain = [scene.instruction for scene in _scenes(factor, nominal)]
        found, expected = [], []
        for value in values:
            scenes = _scenes(factor, value)
            right = sum(map(_is_right, scenes))
            changed = sum(scene.instruction != text for scene, text in zip(scenes, plain, strict=True))
            words = "other words" if changed > SCENES / 2 else "the same words"
            found.append(f"{right} of {SCENES} right, {words}")
            expected.append(
                f"{SCENES} of {SCENES} right, {'the same' if value == nominal else 'other'} words"
            )
        return found, expected

    register: Callable = check(factor, "instructions that a reader understands", "name")
    register(reading)


for _factor in (
    "paraphrase",
    "verb",
    "color_synonym",
    "noun_synonym",
    "reference",
    "politeness",
    "irrelevant_words",
    "letter_case",
):
    _check_reading(f"language.{_factor}")


@check(
    "language.typing_errors", "words that are mistyped, in every one of 40 instructions", "1", absolute=0.0
)
def mistyped_words(_trial: Trial, values: Sequence[int]) -> Outcome:
    """One error a word, against the same sentence without."""
    plain = [scene.instruction.split() for scene in _scenes("language.typing_errors", 0)]
    found = []
    for value in values:
        counts = {
            sum(a != b for a, b in zip(scene.instruction.split(), words, strict=True))
            for scene, words in zip(_scenes("language.typing_errors", value), plain, strict=True)
        }
        found.append(counts.pop() if len(counts) == 1 else float("nan"))
    return found, values
