"""The one configuration of a model: everything a checkpoint means travels in it, and nothing else does.

    config = preset("m1-mini", action_spec=DELTA_EEF, views=("front", "wrist"), words=grammar_words)
    config == M1Config.from_plain(config.to_plain())

Every field is read by the code beside it; a key that no field takes is an error (`policy.m1.strict`).
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from policy.action import ActionSpec
from policy.grounding import GRASP, PLACE
from policy.m1.strict import ConfigError, from_plain, to_plain


@dataclass(frozen=True)
class VisionTowerConfig:
    """Qwen2.5-VL's vision transformer, in the names of its own configuration."""

    depth: int
    hidden_size: int
    intermediate_size: int
    num_heads: int
    fullatt_block_indexes: tuple[int, ...]
    """Blocks that attend over the whole image; the others stay within windows."""
    window_size: int = 112
    """Side of an attention window [px]."""
    patch_size: int = 14
    """Side of a patch [px]."""
    spatial_merge_size: int = 2
    """Patches per side that become one token of the language model."""
    temporal_patch_size: int = 2
    """Frames per patch; a still image is repeated."""
    tokens_per_second: int = 2
    coordinate_planes: bool = False
    """Adds two input planes, x and y from -1.5 to 1.5. A tower trained from nothing localises sooner with them; the
    published weights have none."""


@dataclass(frozen=True)
class LanguageModelConfig:
    """Qwen2.5-VL's language model, in the names of its own configuration."""

    vocab_size: int
    hidden_size: int
    intermediate_size: int
    num_hidden_layers: int
    num_attention_heads: int
    num_key_value_heads: int
    mrope_section: tuple[int, int, int]
    """Rotary frequencies given to time, height and width; they sum to half a head's width."""
    rope_theta: float = 1_000_000.0
    """Base of the rotary frequencies; must shrink with the head, or the width section gets frequencies near zero."""
    max_position_embeddings: int = 128_000
    rms_norm_eps: float = 1e-6
    tie_word_embeddings: bool = True
    initializer_range: float = 0.02


@dataclass(frozen=True)
class DinoConfig:
    """DINOv2, the second pair of eyes."""

    hidden_size: int
    num_hidden_layers: int
    num_attention_heads: int
    patch_size: int = 14
    """Side of a patch [px]."""
    position_grid: int = 37
    """Side of the square grid of position embeddings; 37 in the published weights (518 px), resampled to the image."""
    mlp_ratio: int = 4


@dataclass(frozen=True)
class QFormerConfig:
    """The layer-wise Q-Former: learned queries read the language model's hidden states."""

    start_layer: int
    """First entry of the language model's ``hidden_states`` that is read, where 0 are the embeddings."""
    end_layer: int
    """One past the last; one cross-attention block per entry."""
    hidden_size: int = 768
    num_queries: int = 64
    num_heads: int = 8
    dropout: float = 0.1
    told_numbers: bool = False
    """Whether queries begin with what `policy.m1.numbers` tells; those of the published model do not."""
    number_places: int = 0
    """How many of the places that the prompt has slots for are told so, from the first; the last of them is where the
    tool is."""


@dataclass(frozen=True)
class ActionHeadConfig:
    """The diffusion transformer that writes actions."""

    depth: int = 12
    hidden_size: int = 768
    num_heads: int = 12
    reads_condition: bool = False
    """Whether actions are also read linearly from the condition, and the transformer adds what that leaves open. For a
    small head that predicts actions: by itself it takes long to find again what its condition says plainly. The
    published model has no such layer."""


@dataclass(frozen=True)
class DiffusionConfig:
    """How noise becomes actions (DDPM in training, DDIM when acting)."""

    train_steps: int = 100
    """Length of the noise schedule."""
    sample_steps: int = 10
    """DDIM steps; as many as some even stride through `train_steps` makes (`policy.m1.noise_levels`)."""
    guidance_scale: float = 1.5
    """Classifier-free guidance; 1 is none, and costs half."""
    condition_dropout: float = 0.1
    """Probability that training replaces a sample's condition by the learned null condition."""
    draws_per_sample: int = 4
    """Noise levels drawn for each sample of a training batch; the vision-language model runs once for all."""
    target: Literal["noise", "sample"] = "noise"
    """What the head predicts: the noise, as published, or the actions beneath it. Where there is little but noise, a
    small error of the noise is a large one of the actions: it takes long training to become small enough."""


CONTACT, PATH = "contact", "path"
SLOTS = (GRASP, CONTACT, PLACE, PATH)
"""Places that a prompt can have slots for: where the hand takes the object; where each finger touches it, the left one
first; where the object is to rest; points of the tool's way to the end of its sub-task, the first where it is, the
others evenly spaced."""
SLOT_WORDS = ("u", "v")
"""Words that stand in a prompt for a place's coordinates."""
HAND = "{hand}"
"""What stands in a prompt for the measured hand, told as whole numbers: tool position x, y, z in the robot base frame,
its turn about the vertical, and the fingertips' distance (`policy.m1.prompt.measured_hand`)."""
HAND_LOW, HAND_HIGH = (0.1, -0.5, -0.1, -math.pi / 2, 0.0), (0.9, 0.5, 0.7, math.pi / 2, 0.1)
"""What the least and the greatest number stand for [m, rad]."""


@dataclass(frozen=True)
class PromptConfig:
    """What the model is told."""

    system: str
    """System turn; empty for none."""
    action: str
    """User turn when acting, with ``{instruction}``, and with `HAND` for a model that is told of its hand. What it asks
    for is never answered aloud: the hidden states that it leaves behind are what the Q-Former reads."""
    grounding: str
    """User turn when asked aloud, with ``{instruction}``."""
    lower_case: bool
    """Whether instructions are put in lower case, in training and when acting alike."""
    slots: tuple[str, ...] = ()
    """Places that `action` leaves room for, in order: each is a word ``u`` and a word ``v`` at its end, over which a
    small model learns to think of that place's coordinates. Names are those of `SLOTS`."""


@dataclass(frozen=True)
class ImageConfig:
    """What the model sees."""

    views: tuple[str, ...]
    """Names of the cameras, in the order in which the model gets their images."""
    size: int = 224
    """Side to which images are resized, without keeping their aspect [px]."""
    resize: Literal["bicubic", "bilinear", "area"] = "bicubic"
    """Filter; all three average over the source pixels when they shrink."""


@dataclass(frozen=True)
class ActionEncoding:
    """How the model's own numbers differ from the physical units of its `ActionSpec`, beyond the statistics."""

    gripper_levels: tuple[float, float] = (-1.0, 1.0)
    """What the model's gripper channel holds where the physical command is -1 and where it is +1."""
    gripper_binary: bool = True
    """Whether the physical command is only ever -1 or +1, split half-way between the levels."""
    rotation: Literal["rotation_vector", "euler_xyz", "pitch_roll", "none"] = "rotation_vector"
    """What the model's rotation channels are: those of the spec, or roll, pitch, yaw about fixed axes [rad]."""


@dataclass(frozen=True)
class TokenizerConfig:
    """Where token numbers come from."""

    kind: Literal["qwen", "words"]
    """``qwen``: Qwen2.5-VL's own, stored with the checkpoint; ``words``: built from `words`."""
    words: tuple[str, ...] = ()
    """Vocabulary of instructions and labels, for ``words``."""
    coordinate_bins: int = 0
    """Numbers 0 to this less one that are a single token each, for ``words``."""


@dataclass(frozen=True)
class Provenance:
    """Where weights come from. Carried along for people; no computation reads it."""

    origin: Literal["initialised", "imported", "trained"] = "initialised"
    base_weights: str = ""
    datasets: tuple[str, ...] = ()
    steps: int = 0
    """Optimizer steps."""
    notes: tuple[str, ...] = ()


@dataclass(frozen=True)
class M1Config:
    """A model, what it sees and is told, and what its actions mean."""

    name: str
    vision: VisionTowerConfig
    language: LanguageModelConfig
    dino: DinoConfig
    qformer: QFormerConfig
    action_head: ActionHeadConfig
    diffusion: DiffusionConfig
    images: ImageConfig
    prompt: PromptConfig
    tokenizer: TokenizerConfig
    action_spec: ActionSpec
    """Channels, units, frames, and the statistics of the training data."""
    encoding: ActionEncoding
    chunk_length: int
    """Actions per decision."""
    execute_steps: int
    """Actions executed before the next decision, 1 to `chunk_length`."""
    vlm_gradient_scale: float = 0.5
    """Factor on the action loss's gradient where it enters the vision-language model; 0 detaches, 1 leaves it."""
    provenance: Provenance = field(default_factory=Provenance)

    def __post_init__(self) -> None:
        problems = self.problems()
        if problems:
            raise ConfigError(f"model configuration {self.name!r} is not valid: " + "; ".join(problems))

    @property
    def image_tokens(self) -> int:
        """Tokens of the language model per view."""
        return (self.images.size // (self.vision.patch_size * self.vision.spatial_merge_size)) ** 2

    def problems(self) -> list[str]:
        """What contradicts itself, in plain sentences; empty when nothing does."""
        from policy.m1.config_checks import contradictions, impossible_sizes

        return impossible_sizes(self) or contradictions(self)

    def to_plain(self) -> dict[str, Any]:
        """Plain JSON types; `from_plain` is the inverse."""
        return to_plain(self)

    @classmethod
    def from_plain(cls, data: Mapping[str, Any]) -> M1Config:
        """Inverse of `to_plain`; ConfigError names what is unknown, missing or wrong."""
        return from_plain(cls, data)


def rotation_channels(spec: ActionSpec) -> list[int]:
    """Positions of the channels ``drot_x``, ``drot_y``, ``drot_z``, as far as there are any."""
    names = [channel.name for channel in spec.channels]
    return [names.index(name) for name in ("drot_x", "drot_y", "drot_z") if name in names]
