"""The English of the instructions: every word that one can contain stands in this module.

What a word may mean is decided here by hand, for this pool of bodies: no word for one colour, shape or receptacle fits
another of the pool. That rules out much of a thesaurus. A "block" could be the cube, the brick or the L-block, a "box"
the cube or the brick, a "dish" the plate or the bowl, "lime" green or yellow, "amber" yellow or orange.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache

COLOR_WORDS: dict[str, tuple[str, ...]] = {
    "red": ("red", "cherry red", "crimson", "scarlet"),
    "green": ("green", "grass green", "emerald", "jade"),
    "blue": ("blue", "royal blue", "cobalt", "sapphire"),
    "yellow": ("yellow", "lemon yellow", "golden", "mustard"),
    "purple": ("purple", "grape purple", "violet", "amethyst"),
    "orange": ("orange", "carrot orange", "tangerine", "pumpkin"),
}
"""Words for a colour by level: 0 the plain word, 1 a shade that keeps it, 2 and 3 other words."""

NOUN_WORDS: dict[str, tuple[str, ...]] = {
    "cube": ("cube", "cube-shaped block", "square block"),
    "brick": ("brick", "brick-shaped block", "oblong block"),
    "cylinder": ("cylinder", "cylindrical block", "drum"),
    "hexagon": ("hexagon", "hexagonal block", "hex prism"),
    "cone": ("cone", "conical block", "truncated cone"),
    "dome": ("dome", "dome-shaped block", "hemisphere"),
    "cross": ("cross", "cross-shaped block", "plus sign"),
    "L-block": ("L-block", "L-shaped block", "corner piece"),
    "plate": ("plate", "dinner plate", "saucer"),
    "bowl": ("bowl", "soup bowl", "basin"),
    "tray": ("tray", "serving tray", "rectangular tray"),
}
"""Words for an object or a receptacle by level: 0 the plain noun, 1 one that keeps its root, 2 another one."""

OBJECT = "object"
"""Any body on the table."""
ROUND = frozenset({"cylinder", "cone", "dome", "plate", "bowl"})
"""Nouns of what is round seen from above; everything else has corners."""
ON = frozenset({"plate"})
"""Receptacles that one puts things on; into the others one puts them."""
HOLLOW = frozenset({"bowl", "tray"})
"""Receptacles that one puts things into; everything else one puts them on."""

VERBS: dict[str, tuple[str, bool]] = {
    "put": ("put", False),
    "place": ("placed", False),
    "set": ("set", False),
    "deposit": ("deposited", False),
    "move": ("moved", True),
    "transfer": ("transferred", True),
}
"""Verb -> its participle, and whether it says "onto" and "into"."""

TEMPLATES = (
    "{verb} {object} {to} {receptacle}",
    "pick up {object} and {verb} it {to} {receptacle}",
    "grasp {object}, lift it and {verb} it {to} {receptacle}",
    "{to} {receptacle}, {verb} {object}",
    "could you {verb} {object} {to} {receptacle}",
    "I would like you to {verb} {object} {to} {receptacle}",
    "{object} should be {done} {to} {receptacle}",
    "make sure that {object} ends up {at} {receptacle}",
    "{object} belongs {at} {receptacle}",
    "{receptacle} is where {object} should go",
)
"""Ways to build the sentence. ``done``: the verb's participle; ``to``: its preposition; ``at``: plain "on" or "in".

"It" stands for the object only: "find the bowl and put the cube that is nearest to the tray in it" would be unclear.
"""


@dataclass(frozen=True, eq=False)
class Wording:
    """How a kind of task is put into words; what varies besides is the same for all."""

    verbs: Mapping[str, tuple[str, bool]]
    """As `VERBS`; the first is the plain one."""
    templates: tuple[str, ...]
    """As `TEMPLATES`, and as many, the plain one first. Each names the object and the receptacle once."""
    always_on: bool = False
    """Whether the object comes to stand on the receptacle, whatever that is."""

    def at(self, receptacle: str) -> str:
        """The preposition that goes with a receptacle's noun."""
        return "on" if self.always_on or receptacle in ON else "in"


PUTTING = Wording(VERBS, TEMPLATES)
"""To put an object on or in a receptacle."""
STACKING = Wording(VERBS, TEMPLATES, always_on=True)
"""To put an object on another one."""
PUSHING = Wording(
    {"push": ("pushed", False), "slide": ("slid", False), "shove": ("shoved", False)},
    (
        "{verb} {object} to {receptacle}",
        "without lifting it, {verb} {object} to {receptacle}",
        "touch {object} from behind and {verb} it to {receptacle}",
        "up to {receptacle}, {verb} {object}",
        "could you {verb} {object} to {receptacle}",
        "I would like you to {verb} {object} to {receptacle}",
        "{object} should be {done} to {receptacle}",
        "make sure that {object} gets {done} next to {receptacle}",
        "{object} belongs next to {receptacle}, and should get there over the table",
        "next to {receptacle} is where {object} should be {done}",
    ),
)
"""To push an object over the table until it is beside a receptacle."""

COURTESIES = ("{}", "{}, please", "if you do not mind, {}, please")
"""Degrees of politeness, around a sentence."""

CLAUSES = (
    "while the coffee is brewing",
    "before the phone rings again",
    "now that everyone is back from lunch",
    "since it is raining outside",
    "as we agreed this morning",
    "because the meeting starts soon",
    "even though it is late",
    "after that long telephone call",
)
"""Clauses that have nothing to do with the task; each fits before and after a sentence."""

NEAREST = "nearest to {}"
FARTHEST = "farthest from {}"
FARTHEST_SIDEWAYS = "farthest to the robot's {}"
CLOSER = "closer to the robot's base than {}"
FARTHER = "farther from the robot's base than {}"
FARTHER_SIDEWAYS = "farther to the robot's {} than {}"
RELATIONS = (NEAREST, FARTHEST, FARTHEST_SIDEWAYS, CLOSER, FARTHER, FARTHER_SIDEWAYS)
ROBOT = "the robot's base"
SIDES = ("left", "right")
SIZE_WORDS = ("smaller", "smallest", "larger", "largest")
OUTLINE_WORDS = ("round", "angular")


class Vocabulary:
    """The words for colours and nouns at given levels of synonyms."""

    def __init__(self, color_level: int = 0, noun_level: int = 0) -> None:
        self._levels = color_level, noun_level

    def color(self, color: str) -> str:
        """The word for a colour."""
        return COLOR_WORDS[color][self._levels[0]]

    def noun(self, noun: str) -> str:
        """The word for an object or a receptacle."""
        return NOUN_WORDS[noun][self._levels[1]]

    def one(self, noun: str) -> str:
        """The noun with its indefinite article: "a brick", "an L-block"."""
        word = self.noun(noun)
        return f"{'an' if word[0] in 'aeiou' or word.startswith('L-') else 'a'} {word}"


@cache
def all_words(wording: Wording = PUTTING) -> frozenset[str]:
    """Every single word that an instruction without typing errors can contain, in lower case."""
    texts = [
        *(word for words in (*COLOR_WORDS.values(), *NOUN_WORDS.values()) for word in words),
        *(word for verb, (participle, _) in wording.verbs.items() for word in (verb, participle)),
        *(re.sub(r"{\w*}", " ", text) for text in (*wording.templates, *COURTESIES, *RELATIONS)),
        *CLAUSES,
        *SIZE_WORDS,
        *OUTLINE_WORDS,
        *SIDES,
        *("the that is not neither nor a an on in onto into", OBJECT, ROBOT),
    ]
    return frozenset(re.findall(r"[a-z]+", " ".join(texts).lower()))
