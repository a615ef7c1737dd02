"""A training as data: which phases it has, what each trains, on what, at which rates.

InternVLA-M1's two stages are one phase each at full size. Trained from nothing, a small model learns in steps, because
plain training from the start stays at the prior: first its vision tower learns to see, then its language model to say
where, with attention shown where to look, then both together. And before its head acts on what is seen, it learns to on
numbers alone, at a twentieth of the price.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

VISION, LANGUAGE, DINO, QFORMER, ACTION_HEAD, AIDS = (
    "vision",
    "language",
    "dino",
    "qformer",
    "action_head",
    "aids",
)
PARTS = (VISION, LANGUAGE, DINO, QFORMER, ACTION_HEAD, AIDS)
"""Parts of a model that are trained or frozen as one. ``aids`` are heads that only training has."""
ACTION, ANSWERS, SCENE = "action", "answers", "scene"
READING, NUMBERS = "reading", "numbers"
"""Actions given nothing but what is measured of the hand and the places that the prompt has slots for: read linearly
from the condition, and denoised under it."""
OBJECTIVES = (ACTION, ANSWERS, SCENE, READING, NUMBERS)


@dataclass(frozen=True)
class AnswerHelp:
    """What helps a language model that knows nothing yet to answer; all zero is plain next-token loss."""

    attention: float = 0.0
    """Weight of attention supervision: one head of `layers` is shown which image token a coordinate is about."""
    place: float = 0.0
    """Weight of a linear reading of the place from the same layers."""
    layers: tuple[int, ...] = ()
    """Layers of the language model that are helped, from 0."""
    blur: tuple[float, float] = (0.0, 0.0)
    """Standard deviation of a coordinate's soft label at the start, falling to the second by half the phase [px]; 0
    for hard labels."""
    text_weight: float = 1.0
    """Weight of a token that is no coordinate."""


@dataclass(frozen=True)
class Phase:
    """One stretch of training with an optimizer of its own."""

    name: str
    steps: int
    """Optimizer steps."""
    rates: Mapping[str, float]
    """Peak learning rate of each part that is trained; parts not named are frozen."""
    objectives: Mapping[str, float]
    """Weight of each objective's loss."""
    batch: Mapping[str, int]
    """Samples of each objective in one forward pass on one device."""
    warmup: int = 0
    """Steps over which rates rise from nothing."""
    hold: float = 0.0
    """Share of the phase that stays at the peak before the cosine falls."""
    floor: float = 0.0
    """Rate at the end as a share of the peak."""
    weight_decay: float = 1e-8
    betas: tuple[float, float] = (0.9, 0.95)
    help: AnswerHelp = field(default_factory=AnswerHelp)
    read_actions: float = 0.0
    """Weight, beside the loss of `ACTION`, of reading the same actions linearly from the condition."""
    remember: bool = False
    """Whether the frozen vision-language model reads each row once only (`policy.m1.training.memory`)."""

    def problems(self) -> list[str]:
        """What cannot be, in plain sentences."""
        found = []
        if self.steps < 0:
            found.append(f"phase {self.name}: steps must not be negative")
        if unknown := [part for part in self.rates if part not in PARTS]:
            found.append(f"phase {self.name} trains {unknown[0]!r}; there are {', '.join(PARTS)}")
        if unknown := [name for name in self.objectives if name not in OBJECTIVES]:
            found.append(f"phase {self.name} has {unknown[0]!r}; there are {', '.join(OBJECTIVES)}")
        if not self.objectives or not self.rates:
            found.append(f"phase {self.name} trains nothing")
        acting = {ACTION, READING, NUMBERS}
        if self.remember and (self.rates.keys() & {VISION, LANGUAGE} or not set(self.objectives) <= acting):
            found.append(f"phase {self.name} can only remember what it does not train, and only for actions")
        for name in self.objectives:
            if self.batch.get(name, 0) < 1:
                found.append(f"phase {self.name}: the batch of {name} must be at least 1")
        return found
