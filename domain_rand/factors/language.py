"""How the task is asked: these factors word the scene's instruction, when it is composed, and change nothing else."""

from __future__ import annotations

from domain_rand.distributions import Choice, Integers, Numbered
from domain_rand.factor import Factor, register
from tasks.language import Phrasing

NOMINAL = Phrasing()


@register
class Paraphrase(Factor):
    """How the sentence is built: nominal "put ... on ...", and nine others, some of them no commands."""

    name = "language.paraphrase"
    unit = "template"
    nominal = NOMINAL.paraphrase
    default = Numbered(0, Phrasing.LIMITS["paraphrase"])
    because = "all there are"


@register
class Verb(Factor):
    """What to do with the object: put, place, set, deposit, move or transfer it."""

    name = "language.verb"
    unit = "name"
    nominal = NOMINAL.verb
    default = Choice(Phrasing.OPTIONS["verb"])
    because = "all there are"


@register
class ColorSynonym(Factor):
    """Words for colours: 0 plain ("red"), 1 a shade ("cherry red"), 2 and 3 without the plain word ("crimson")."""

    name = "language.color_synonym"
    unit = "level"
    nominal = NOMINAL.color_synonym
    default = Numbered(0, Phrasing.LIMITS["color_synonym"])
    because = "all there are"


@register
class NounSynonym(Factor):
    """Words for bodies: 0 plain ("brick"), 1 with the same root ("brick-shaped block"), 2 other ("oblong block")."""

    name = "language.noun_synonym"
    unit = "level"
    nominal = NOMINAL.noun_synonym
    default = Numbered(0, Phrasing.LIMITS["noun_synonym"])
    because = "all there are"


@register
class Reference(Factor):
    """How the object is referred to; fits one body always.

    By name ("the red cube"), by an attribute ("the red object that is not a brick"), or by its place ("the red object
    that is nearest to the robot's base"). The name stands in where no attribute or place will do.
    """

    name = "language.reference"
    unit = "name"
    nominal = NOMINAL.reference
    default = Choice(Phrasing.OPTIONS["reference"])
    because = "all there are"


@register
class Politeness(Factor):
    """Courtesy around the sentence: 0 none, 1 "please", 2 "if you do not mind, ..., please"."""

    name = "language.politeness"
    unit = "level"
    nominal = NOMINAL.politeness
    default = Numbered(0, Phrasing.LIMITS["politeness"])
    because = "all there are"


@register
class IrrelevantWords(Factor):
    """Clauses that have nothing to do with the task: "while the coffee is brewing, put ..."."""

    name = "language.irrelevant_words"
    unit = "clauses"
    nominal = NOMINAL.irrelevant_words
    default = Integers(0, 2)
    because = "more than two clauses drown a sentence"
    legal = Integers(0, Phrasing.LIMITS["irrelevant_words"])


@register
class TypingErrors(Factor):
    """Words with one typing error each: letters swapped, left out, doubled, or the neighbouring key."""

    name = "language.typing_errors"
    unit = "words"
    nominal = NOMINAL.typing_errors
    default = Integers(0, 3)
    because = "one word in four of a sentence of twelve"
    legal = Integers(0, Phrasing.LIMITS["typing_errors"])


@register
class LetterCase(Factor):
    """Capitals and punctuation: plain as nominal, as a sentence, as a title, all capitals, or bare of both."""

    name = "language.letter_case"
    unit = "name"
    nominal = NOMINAL.letter_case
    default = Choice(Phrasing.OPTIONS["letter_case"])
    because = "all there are"
