"""What is asked about one picture, in each phase of learning to ground."""

from __future__ import annotations

from dataclasses import dataclass

from workbench.data.qa.options import KINDS


@dataclass(frozen=True)
class Lesson:
    """What is asked about one picture."""

    named: int
    """Most things asked for by name, in the words in which the policy asks."""
    own: bool
    """Whether the policy's own question about the task is asked."""
    kinds: tuple[str, ...]
    """Kinds of `workbench.data.qa.options.KINDS`; one question of each."""
    most_kinds: int
    """How many of the kinds are asked, by chance."""
    acting: bool = True
    """Whether the prompt for acting is shown, with its slots' places."""
    crowded: float = 0.5
    """Share of the pictures that things are pasted into, where any are."""
    least_pasted: float = 0.0
    """Fewest things pasted into such a picture, as a share of the most; always one."""


NAMING_LESSON = Lesson(
    named=12, own=False, kinds=(), most_kinds=0, acting=False, crowded=1.0, least_pasted=0.5
)
"""Only: where is the red cube? In a crowd there mostly is another of its colour and one of its shape, so that both
words must be heard. A model that is asked other things, too, learns one of them and stays with it."""
FIRST_LESSON = Lesson(named=4, own=True, kinds=KINDS, most_kinds=1)
"""For a model that knows no places yet: many short questions teach more in the same time than few long ones."""
SLOTS_LESSON = Lesson(named=1, own=True, kinds=(), most_kinds=0, crowded=0.3)
"""For a model that knows its places about: a hand that goes where they are a centimetre off grasps nothing."""
FULL_LESSON = Lesson(named=2, own=True, kinds=KINDS, most_kinds=len(KINDS))
