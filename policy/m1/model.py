"""The whole model: a vision-language model that grounds, a condition drawn from it, and a head that acts.

model = M1Model(config, build_tokenizer(config.tokenizer))
loss = model.action_loss(images, instructions, actions, valid)
actions, places = model.decide(images, instructions, noise)
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal

import torch
from torch import nn
from transformers import PreTrainedTokenizerBase

from policy.m1.actions import encode_actions
from policy.m1.backbone import QWEN_TOKENS, VisionLanguageModel, initialise_coordinates
from policy.m1.config import M1Config
from policy.m1.diffusion import ActionDiffusion, Generators, Held
from policy.m1.dino import DinoEncoder
from policy.m1.dit import ActionTransformer
from policy.m1.gradient import scale_gradient
from policy.m1.images import IMAGENET_MEAN, IMAGENET_STD, gather_views, normalised
from policy.m1.numbers import NumberQueries
from policy.m1.prompt import TokenBatch, slot_columns, tokenise
from policy.m1.qformer import LayerwiseQFormer
from policy.m1.strict import ConfigError
from policy.m1.tokenizer import coordinate_tokens

MAX_ANSWER_TOKENS = 256
NEIGHBOURHOOD = 12
"""A slot's place is the mean of what is thought of it this near to the likeliest coordinate [px]: farther away is
another thing, and nearer the likeliest alone is one of a few favourite numbers."""


@dataclass(frozen=True)
class Reading:
    """What the vision-language model made of pictures and prompts."""

    mask: torch.Tensor
    """``[B, L]`` bool: which of the prompt's tokens are no padding."""
    states: tuple[torch.Tensor, ...]
    """Hidden states ``[B, L, D]`` of the layers that the Q-Former reads, in order."""
    places: torch.Tensor
    """What the prompt's S slots stand for ``[B, S, 2]``, in pixels of the first view as resized."""


@dataclass(frozen=True)
class PerturbedHands:
    """Numbers told otherwise than pictures and prompt have it, to learn what to do about it."""

    hand: torch.Tensor
    """``[B, 5]`` (`policy.m1.prompt.measured_hand`)."""
    tool_moved: torch.Tensor
    """``[B, 2]`` how far the tool is seen elsewhere, in pixels of the first view as resized."""


class M1Model(nn.Module):
    """InternVLA-M1 (arXiv 2510.13778), batched over samples or environments.

    ``images`` in all methods map a camera's name to ``[B, H, W, 3]`` RGB uint8; instructions are ``[B]``. ``hand``
    ``[B, 5]`` is what `policy.m1.prompt.measured_hand` gives, for models whose prompt tells it. Inputs are moved to the
    model's device.
    """

    def __init__(self, config: M1Config, tokenizer: PreTrainedTokenizerBase | None = None) -> None:
        """Random weights. ``tokenizer`` may be left out for a model of Qwen's vocabulary that is never spoken to.

        Raises ConfigError for a tokenizer that does not fit the vocabulary.
        """
        super().__init__()
        self.config = config
        self.tokenizer = tokenizer
        self.vlm = VisionLanguageModel(config.vision, config.language, _control_tokens(config, tokenizer))
        self.dino = DinoEncoder(config.dino)
        self.dino_projection = nn.Linear(config.dino.hidden_size, config.language.hidden_size)
        self.qformer = LayerwiseQFormer(config.qformer, config.language.hidden_size)
        if config.qformer.told_numbers:
            self.numbers = NumberQueries(
                config.qformer.number_places, config.qformer.num_queries, config.qformer.hidden_size
            )
        transformer = ActionTransformer(
            config.action_head, config.action_spec.dim, config.chunk_length, config.qformer.num_queries
        )
        self.action_head = ActionDiffusion(transformer, config.diffusion)
        bins = config.tokenizer.coordinate_bins
        if bins and tokenizer is not None:
            initialise_coordinates(self.vlm, coordinate_tokens(tokenizer, bins))

    @property
    def device(self) -> torch.device:
        """Where the weights are."""
        return self.dino_projection.weight.device

    def forward(self, loss: Literal["action", "answer"], *args: Any, **kwargs: Any) -> torch.Tensor:
        """`action_loss` or `answer_loss`, by name: wrappers for training on several devices call nothing else."""
        return self.action_loss(*args, **kwargs) if loss == "action" else self.answer_loss(*args, **kwargs)

    def condition(
        self,
        images: Mapping[str, torch.Tensor],
        instructions: Sequence[str],
        hand: torch.Tensor | None = None,
        reading: Reading | None = None,
        perturbed: PerturbedHands | None = None,
    ) -> torch.Tensor:
        """What the action head is told ``[B, Q, D]``, float32.

        ``reading`` is what `read` made of the same arguments, if it is known. ``perturbed``, for models that are told
        numbers, replaces the hand among those, and moves the last place.
        """
        if reading is None:
            pixels, reading = self._read(images, instructions, hand)
        else:
            pixels = self._pixels(images, self.config.images.views)
        if perturbed is not None:
            places = reading.places.clone()
            places[:, self.config.qformer.number_places - 1] += perturbed.tool_moved.to(places)
            hand, reading = perturbed.hand, replace(reading, places=places)
        return self._condition(pixels, reading, hand)

    def condition_of_numbers(self, hand: torch.Tensor, places: torch.Tensor) -> torch.Tensor:
        """What the head would be told ``[B, Q, D]`` if the Q-Former read nothing but hand ``[B, 5]`` and places.

        ``places`` ``[B, S, 2]`` are in pixels of the first view as resized. ValueError for a model without numbers.
        """
        return self.qformer.of_numbers(self._told(hand, places))

    def _told(self, hand: torch.Tensor | None, places: torch.Tensor) -> torch.Tensor:
        if not self.config.qformer.told_numbers:
            raise ValueError(f"{self.config.name} is not told numbers: qformer.told_numbers is off")
        if hand is None:
            raise ValueError("the action head is told of the hand: what is measured of it is missing")
        device = self.device
        told: torch.Tensor = self.numbers(hand.to(device), places.to(device), self.config.images.size)
        return told

    @torch.no_grad()
    def read(
        self,
        images: Mapping[str, torch.Tensor],
        instructions: Sequence[str],
        hand: torch.Tensor | None = None,
    ) -> Reading:
        """What a frozen vision-language model would say again each time: `action_loss` takes it back."""
        return self._read(images, instructions, hand)[1]

    def _read(
        self, images: Mapping[str, torch.Tensor], instructions: Sequence[str], hand: torch.Tensor | None
    ) -> tuple[torch.Tensor, Reading]:
        """Pixels of all views, and what they and the prompt leave behind."""
        views = self.config.images.views
        pixels = self._pixels(images, views)
        tokens = self._prompt(self.config.prompt.action, instructions, len(views), hand=hand)
        layers = range(self.config.qformer.start_layer, self.config.qformer.end_layer)
        states = self.vlm.hidden_states(pixels, tokens, layers)
        return pixels, Reading(
            tokens.attention_mask.bool(), tuple(states), self._slot_places(tokens, states[-1])
        )

    def _condition(self, pixels: torch.Tensor, reading: Reading, hand: torch.Tensor | None) -> torch.Tensor:
        spoken = [scale_gradient(hidden.float(), self.config.vlm_gradient_scale) for hidden in reading.states]
        seen = self._dino_tokens(pixels)
        told = self._told(hand, reading.places) if self.config.qformer.told_numbers else None
        mask = torch.cat([reading.mask, seen.new_ones(seen.shape[:2], dtype=torch.bool)], dim=1)
        # Mixed precision is for the two backbones; what writes the actions computes in float32, here and when acting.
        with torch.autocast(self.device.type, enabled=False):
            tokens = [torch.cat([hidden, seen.float()], dim=1) for hidden in spoken]
            return self.qformer(tokens, mask, told)

    def action_loss(
        self,
        images: Mapping[str, torch.Tensor],
        instructions: Sequence[str],
        actions: torch.Tensor,
        valid: torch.Tensor,
        generator: Generators = None,
        hand: torch.Tensor | None = None,
        reading: Reading | None = None,
    ) -> torch.Tensor:
        """Diffusion loss of action chunks ``[B, T, A]`` in the physical units of the configured `ActionSpec`.

        ``valid`` ``[B, T]`` is False for steps that the episode did not have. ``reading`` as in `condition`. See
        `ActionDiffusion.loss`.
        """
        targets = self.targets(actions, valid)
        return self.denoising_loss(
            self.condition(images, instructions, hand, reading), targets, valid, generator
        )

    def targets(self, actions: torch.Tensor, valid: torch.Tensor) -> torch.Tensor:
        """Action chunks ``[B, T, A]`` in physical units as the head's own; ValueError for another shape."""
        wanted = (len(valid), self.config.chunk_length, self.config.action_spec.dim)
        if tuple(actions.shape) != wanted or valid.shape != actions.shape[:2]:
            raise ValueError(
                f"actions must be {list(wanted)} with valid steps {list(wanted[:2])}, "
                f"not {list(actions.shape)} and {list(valid.shape)}"
            )
        return encode_actions(actions.to(self.device), self.config)

    def denoising_loss(
        self,
        condition: torch.Tensor,
        targets: torch.Tensor,
        valid: torch.Tensor,
        generator: Generators = None,
    ) -> torch.Tensor:
        """Diffusion loss of `targets` under a `condition`."""
        with torch.autocast(self.device.type, enabled=False):
            return self.action_head.loss(targets, valid.to(self.device), condition, generator)

    def reading_loss(
        self, condition: torch.Tensor, targets: torch.Tensor, valid: torch.Tensor
    ) -> torch.Tensor:
        """Mean squared error of `targets` as read linearly from a `condition`.

        ValueError for a head that reads none (`ActionHeadConfig.reads_condition`).
        """
        reading = self.action_head.transformer.reading
        if reading is None:
            raise ValueError(f"{self.config.name} reads no actions from its condition")
        return reading.loss(condition, targets, valid.to(self.device))

    def answer_loss(
        self,
        images: Mapping[str, torch.Tensor],
        questions: Sequence[str],
        answers: Sequence[str],
    ) -> torch.Tensor:
        """Next-token loss of ``answers`` to whole user turns ``questions``; keeps the model able to ground.

        All ``images`` are shown, in their order, whatever they are called and however many.
        """
        tokens = self._prompt("{instruction}", questions, len(images), answers)
        return self.vlm.answer_loss(self._pixels(images, list(images)), tokens)

    @torch.no_grad()
    def decide(
        self,
        images: Mapping[str, torch.Tensor],
        instructions: Sequence[str],
        noise: torch.Tensor,
        steps: int | None = None,
        guidance_scale: float | None = None,
        hand: torch.Tensor | None = None,
        held: Held | None = None,
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """Action chunks, and the places that the model thought of while it read its prompt.

        ``noise`` ``[B, T, A]`` is where sampling starts; ``steps`` and ``guidance_scale`` replace the configured ones;
        ``held`` is what chunks are to go on from. Chunks ``[B, T, A]`` are in the model's own units (see
        `policy.m1.actions.decode_actions`). Places ``[B, S, 2]`` (u, v) are those of the prompt's S slots, in pixels of
        the first view as resized: at each slot, the mean over the likeliest coordinate and its `NEIGHBOURHOOD`.
        """
        pixels, reading = self._read(images, instructions, hand)
        condition = self._condition(pixels, reading, hand)
        if held is not None:
            held = Held(held.actions.to(condition), held.weight.to(condition))
        chunks = self.action_head.sample(condition, noise.to(condition), steps, guidance_scale, held)
        return chunks, reading.places

    @torch.no_grad()
    def think(
        self,
        images: Mapping[str, torch.Tensor],
        instructions: Sequence[str],
        hand: torch.Tensor | None = None,
    ) -> torch.Tensor:
        """The places ``[B, S, 2]`` of `decide` alone."""
        return self._read(images, instructions, hand)[1].places

    @torch.no_grad()
    def _slot_places(self, tokens: TokenBatch, last: torch.Tensor) -> torch.Tensor:
        slots = len(self.config.prompt.slots)
        if not slots:
            return torch.zeros((len(last), 0, 2), device=last.device)
        assert self.tokenizer is not None
        columns = [slot_columns(self.tokenizer, self.config, row) for row in tokens.input_ids.tolist()]
        rows = torch.arange(len(last), device=last.device)[:, None]
        logits = self.vlm.model.lm_head(last[rows, torch.tensor(columns, device=last.device)])
        numbers = coordinate_tokens(self.tokenizer, self.config.tokenizer.coordinate_bins)
        share = logits[..., numbers].float().softmax(dim=-1)
        place = torch.arange(len(numbers), device=last.device)
        share = share * ((place - share.argmax(dim=-1, keepdim=True)).abs() <= NEIGHBOURHOOD)
        return ((share * place).sum(dim=-1) / share.sum(dim=-1)).unflatten(1, (slots, 2))

    @torch.no_grad()
    def answer(
        self,
        images: Mapping[str, torch.Tensor],
        instructions: Sequence[str],
        max_new_tokens: int = MAX_ANSWER_TOKENS,
        question: str | None = None,
    ) -> list[str]:
        """What the model says to the grounding question about each instruction, coordinates in the resized image.

        All ``images`` are shown, in their order. Show one, and it is clear which image the coordinates belong to.
        ``question``, with ``{instruction}`` in it, replaces the configured one.
        """
        tokens = self._prompt(question or self.config.prompt.grounding, instructions, len(images))
        said = self.vlm.generate(self._pixels(images, list(images)), tokens, max_new_tokens)
        assert self.tokenizer is not None
        return [text.strip() for text in self.tokenizer.batch_decode(said, skip_special_tokens=True)]

    def _pixels(self, images: Mapping[str, torch.Tensor], views: Sequence[str]) -> torch.Tensor:
        return gather_views({k: v.to(self.device) for k, v in images.items()}, views, self.config.images)

    def _prompt(
        self,
        question: str,
        instructions: Sequence[str],
        views: int,
        answers: Sequence[str] | None = None,
        hand: torch.Tensor | None = None,
    ) -> TokenBatch:
        if self.tokenizer is None:
            raise ConfigError("this model has no tokenizer, so it cannot be told anything")
        tokens = tokenise(self.tokenizer, self.config, question, instructions, views, answers, hand)
        return tokens.to(self.device)

    def _dino_tokens(self, pixels: torch.Tensor) -> torch.Tensor:
        """Patch tokens of all views, one after the other ``[B, V * P, D]``, float32."""
        batch, views = pixels.shape[:2]
        patches = self.dino(normalised(pixels.flatten(0, 1), IMAGENET_MEAN, IMAGENET_STD))
        projected = self.dino_projection(patches.to(self.dino_projection.weight.dtype))
        return projected.unflatten(0, (batch, views)).flatten(1, 2)


def _control_tokens(config: M1Config, tokenizer: PreTrainedTokenizerBase | None) -> dict[str, int]:
    if tokenizer is None:
        if config.tokenizer.kind != "qwen":
            raise ConfigError(f"{config.name} needs its tokenizer")
        return dict(QWEN_TOKENS)
    if len(tokenizer) > config.language.vocab_size:
        raise ConfigError(
            f"the tokenizer has {len(tokenizer)} tokens, but the language model of {config.name} has "
            f"{config.language.vocab_size}"
        )
    vocabulary = tokenizer.get_vocab()
    missing = [token for token in QWEN_TOKENS if token not in vocabulary]
    if missing:
        raise ConfigError(f"the tokenizer lacks the control tokens {', '.join(missing)}")
    return {token: vocabulary[token] for token in QWEN_TOKENS}
