"""The model with what only training adds to it, and the losses of its objectives behind one call."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, cast

import torch
from torch import nn

from policy.m1.images import resize
from policy.m1.model import M1Model, Reading
from policy.m1.training.aids import PlaceHead, SceneHead
from policy.m1.training.answers import answer_losses
from policy.m1.training.batches import ActionBatch, Batch, NumbersBatch, SceneBatch
from policy.m1.training.packing import PackedAnswers, Packer
from policy.m1.training.phases import (
    ACTION,
    ACTION_HEAD,
    AIDS,
    ANSWERS,
    DINO,
    LANGUAGE,
    NUMBERS,
    QFORMER,
    READING,
    SCENE,
    VISION,
    Phase,
)
from policy.m1.training.randomness import torch_generator
from policy.m1.training.schedule import blur_at


@dataclass(frozen=True)
class Portion:
    """What one device learns from in one pass."""

    content: ActionBatch | NumbersBatch | PackedAnswers | SceneBatch
    weight: float
    """How much its loss is a mean over: valid actions, tokens of answers, or pictures."""
    keys: tuple[int, ...]
    """Positions of its samples in their stream."""
    reading: Reading | None = None
    """What the vision-language model made of it, where that is remembered."""


class Learner(nn.Module):
    """An `M1Model` in training.

    ``model`` keeps its own names below ``model.``; the heads of `policy.m1.training.aids` stand below ``aids.`` and are
    in no checkpoint of a model.
    """

    def __init__(
        self,
        model: M1Model,
        colors: int,
        shapes: int,
        helped_layers: int,
        seed: int,
    ) -> None:
        super().__init__()
        self.model = model
        self.seed = seed
        self._packers: dict[float, Packer] = {}
        width = model.config.language.hidden_size
        self.aids = nn.ModuleDict(
            {"scene": SceneHead(width, colors, shapes), "place": PlaceHead(width, helped_layers)}
        )

    def part_of(self, name: str) -> str:
        """The part, of `policy.m1.training.phases.PARTS`, that a parameter belongs to."""
        prefixes = {
            "model.vlm.model.model.visual.": VISION,
            "model.vlm.": LANGUAGE,
            "model.dino": DINO,
            "model.qformer.": QFORMER,
            "model.numbers.": QFORMER,
            "model.action_head.": ACTION_HEAD,
            "aids.": AIDS,
        }
        return next(part for prefix, part in prefixes.items() if name.startswith(prefix))

    def select(self, phase: Phase, never: frozenset[str]) -> dict[str, list[tuple[str, nn.Parameter]]]:
        """Freeze what the phase does not train; the parameters that it does, by part.

        ``never`` names parameters that nothing trains.
        """
        chosen: dict[str, list[tuple[str, nn.Parameter]]] = {part: [] for part in phase.rates}
        for name, parameter in self.named_parameters():
            part = self.part_of(name)
            parameter.requires_grad_(part in phase.rates and name not in never)
            if parameter.requires_grad:
                chosen[part].append((name, parameter))
        return {part: named for part, named in chosen.items() if named}

    def prepare(self, objective: str, batch: Batch, keys: tuple[int, ...], phase: Phase) -> Portion:
        """A batch as the model takes it; runs beside the training of the batch before."""
        if isinstance(batch, ActionBatch | NumbersBatch):
            return Portion(batch, float(batch.valid.sum()), keys)
        if isinstance(batch, SceneBatch):
            return Portion(batch, float(len(batch.pictures)), keys)
        packed = self.packer(phase).pack(batch)
        return Portion(packed, packed.weight, keys)

    def packer(self, phase: Phase) -> Packer:
        """The packer of a phase."""
        weight = phase.help.text_weight
        if weight not in self._packers:
            self._packers[weight] = Packer(self.model, weight)
        return self._packers[weight]

    def forward(self, objective: str, portion: Portion, phase: Phase, step: int) -> dict[str, torch.Tensor]:
        """Losses by name, each a mean over ``portion.weight``; ``loss`` is what to minimise."""
        content: Any = portion.content
        if objective in (ACTION, NUMBERS, READING):
            return self._action_losses(objective, portion, phase)
        if objective == SCENE:
            pictures = resize(content.pictures.to(self.model.device), self.model.config.images)
            tokens = self.model.vlm.image_tokens(pictures[:, None])
            return self.aids["scene"].loss(tokens, content)
        if objective == ANSWERS:
            help_ = phase.help
            return answer_losses(
                self.model,
                self.packer(phase),
                content,
                blur_at(phase, step),
                help_.attention,
                help_.place,
                self.aids["place"],
                help_.layers,
            )
        raise ValueError(f"there is no objective {objective!r}")

    def _action_losses(self, objective: str, portion: Portion, phase: Phase) -> dict[str, torch.Tensor]:
        model, content = self.model, cast(ActionBatch | NumbersBatch, portion.content)
        targets = model.targets(content.actions, content.valid)
        if isinstance(content, NumbersBatch):
            condition = model.condition_of_numbers(content.hand, content.places)
        else:
            condition = model.condition(
                content.images, content.instructions, content.hand, portion.reading, content.perturbed
            )
        losses: dict[str, torch.Tensor] = {}
        weight = 1.0 if objective == READING else phase.read_actions if objective == ACTION else 0.0
        if weight:
            losses["read"] = model.reading_loss(condition, targets, content.valid)
        if objective == READING:
            return {"loss": losses["read"]}
        generators = [torch_generator(self.seed, "noise", phase.name, key) for key in portion.keys]
        losses["denoise"] = model.denoising_loss(condition, targets, content.valid, generators)
        if not weight:
            return {"loss": losses["denoise"]}
        return losses | {"loss": losses["denoise"] + weight * losses["read"]}
