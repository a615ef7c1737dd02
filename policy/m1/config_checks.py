"""What makes an `M1Config` impossible: sizes that no network has, and settings that contradict each other.

Checked when a configuration is made, whether by a preset, from a checkpoint or from a published run: what is wrong is
then named, instead of a division by zero or an endless loop where the network is built.
"""

from __future__ import annotations

import math
import re
from typing import TYPE_CHECKING, Any

from policy.m1.config import HAND, SLOT_WORDS, SLOTS, rotation_channels
from policy.m1.noise_levels import noise_levels

if TYPE_CHECKING:
    from policy.m1.config import M1Config

MOST = 10_000_000
"""No size of a network is greater."""
MOST_LAYERS = 1_000
MOST_CHUNK = 10_000
"""Actions per decision."""
MAY_BE_ZERO = ("start_layer", "number_places", "coordinate_bins", "steps")
LAYERS = ("depth", "num_hidden_layers", "end_layer", "train_steps", "sample_steps", "draws_per_sample")
"""Numbers that something is repeated by; each may be as many as `MOST_LAYERS`."""


def impossible_sizes(config: M1Config) -> list[str]:
    """Sizes that are no sizes, and attention heads that do not divide what they share; empty when all are right."""
    found = []
    for part in ("vision", "language", "dino", "qformer", "action_head", "diffusion", "images", "tokenizer"):
        for name, value in vars(getattr(config, part)).items():
            found += _size(f"{part}.{name}", name, value)
    found += _size("chunk_length", "chunk_length", config.chunk_length)
    if config.chunk_length > MOST_CHUNK:
        found.append(f"chunk_length must be at most {MOST_CHUNK}, not {config.chunk_length}")
    if found:
        return found
    vision, language = config.vision, config.language
    shared = [
        ("vision.num_heads", vision.num_heads, "vision.hidden_size", vision.hidden_size),
        (
            "language.num_attention_heads",
            language.num_attention_heads,
            "language.hidden_size",
            language.hidden_size,
        ),
        (
            "language.num_key_value_heads",
            language.num_key_value_heads,
            "language.num_attention_heads",
            language.num_attention_heads,
        ),
        (
            "dino.num_attention_heads",
            config.dino.num_attention_heads,
            "dino.hidden_size",
            config.dino.hidden_size,
        ),
        ("qformer.num_heads", config.qformer.num_heads, "qformer.hidden_size", config.qformer.hidden_size),
        (
            "action_head.num_heads",
            config.action_head.num_heads,
            "action_head.hidden_size",
            config.action_head.hidden_size,
        ),
    ]
    found += [
        f"{name} must divide {of}, {whole}, which {heads} does not"
        for name, heads, of, whole in shared
        if whole % heads
    ]
    if not found and vision.hidden_size // vision.num_heads % 4:
        found.append("vision.hidden_size must be a multiple of four times vision.num_heads")
    if not found and language.hidden_size // language.num_attention_heads % 2:
        found.append("language.hidden_size must be an even multiple of language.num_attention_heads")
    if bad := [block for block in vision.fullatt_block_indexes if not 0 <= block < vision.depth]:
        found.append(f"vision.fullatt_block_indexes names block {bad[0]} of {vision.depth}")
    return found


def _size(where: str, name: str, value: Any) -> list[str]:
    if isinstance(value, float):
        return [] if math.isfinite(value) else [f"{where} must be finite, not {value}"]
    if not isinstance(value, int) or isinstance(value, bool):
        return []
    least, most = int(name not in MAY_BE_ZERO), MOST_LAYERS if name in LAYERS else MOST
    return [] if least <= value <= most else [f"{where} must be {least} to {most}, not {value}"]


def contradictions(config: M1Config) -> list[str]:
    """Settings that contradict each other, in plain sentences; empty when none do. Sizes must be possible."""
    found = []
    token_px = config.vision.patch_size * config.vision.spatial_merge_size
    head = config.language.hidden_size // config.language.num_attention_heads
    layers = config.language.num_hidden_layers
    encoding = config.encoding
    checks = [
        (
            config.images.size % token_px == 0 and config.images.size % config.dino.patch_size == 0,
            f"images.size must be a multiple of {token_px} and {config.dino.patch_size}, not {config.images.size}",
        ),
        (
            config.vision.window_size >= token_px,
            f"vision.window_size must be at least {token_px}, not {config.vision.window_size}",
        ),
        (0 <= config.qformer.dropout < 1, "qformer.dropout must be at least 0 and below 1"),
        (
            config.language.rope_theta > 0 and config.language.rms_norm_eps > 0,
            "language.rope_theta and rms_norm_eps must be positive",
        ),
        (len(config.images.views) > 0, "images.views names no camera"),
        (all(view.strip() for view in config.images.views), "images.views has a camera without a name"),
        (len(set(config.images.views)) == len(config.images.views), "images.views repeats a camera"),
        (
            sum(config.language.mrope_section) * 2 == head and min(config.language.mrope_section) > 0,
            f"language.mrope_section must sum to half a head's width, {head // 2}",
        ),
        (
            0 <= config.qformer.start_layer < config.qformer.end_layer <= layers + 1,
            f"qformer reads hidden states {config.qformer.start_layer} to {config.qformer.end_layer}, "
            f"but there are 0 to {layers + 1}",
        ),
        (
            config.qformer.hidden_size == config.action_head.hidden_size,
            "qformer.hidden_size and action_head.hidden_size must be equal",
        ),
        (
            not config.action_head.reads_condition or config.diffusion.target == "sample",
            "action_head.reads_condition is for diffusion.target sample: a condition says nothing of the noise",
        ),
        (
            0 <= config.diffusion.condition_dropout < 1 and config.diffusion.draws_per_sample > 0,
            "diffusion.condition_dropout must be in [0, 1) and draws_per_sample positive",
        ),
        (
            1 <= config.execute_steps <= config.chunk_length,
            f"execute_steps must be 1 to {config.chunk_length}, not {config.execute_steps}",
        ),
        (0 <= config.vlm_gradient_scale <= 1, "vlm_gradient_scale must be between 0 and 1"),
        (encoding.gripper_levels[0] != encoding.gripper_levels[1], "encoding.gripper_levels are equal"),
        (
            (encoding.rotation == "none") == (config.action_spec.rotation == "none"),
            f"encoding.rotation is {encoding.rotation!r} but the action spec has {config.action_spec.rotation!r}",
        ),
        (
            encoding.rotation != "euler_xyz" or len(rotation_channels(config.action_spec)) == 3,
            "encoding.rotation euler_xyz needs the channels drot_x, drot_y, drot_z",
        ),
        (
            (config.tokenizer.kind == "words") == bool(config.tokenizer.words),
            "tokenizer.words belongs to kind 'words', which needs it",
        ),
    ]
    found += [message for holds, message in checks if not holds]
    try:
        noise_levels(config.diffusion.train_steps, config.diffusion.sample_steps)
    except ValueError as error:
        found.append(f"diffusion.sample_steps: {error}")
    found += [
        f"prompt.{name} lacks {{instruction}}"
        for name in ("action", "grounding")
        if "{instruction}" not in getattr(config.prompt, name)
    ]
    if unknown := [name for name in config.prompt.slots if name not in SLOTS]:
        found.append(f"prompt.slots has {unknown[0]!r}; there are {', '.join(SLOTS)}")
    if HAND in config.prompt.action and not config.tokenizer.coordinate_bins:
        found.append(f"prompt.action with {HAND} needs tokenizer.coordinate_bins")
    if slots := len(config.prompt.slots):
        words = re.findall(r"\w+", config.prompt.action.split("{instruction}")[-1])
        if any(words.count(word) != slots for word in SLOT_WORDS):
            found.append("prompt.action must end with a word u and a word v for each of prompt.slots")
        if not config.tokenizer.coordinate_bins or config.qformer.end_layer != layers + 1:
            found.append(
                "prompt.slots need tokenizer.coordinate_bins and a Q-Former that reads the last layer"
            )
    norm = config.action_spec.normalisation
    names = [channel.name for channel in config.action_spec.channels]
    if norm is not None:
        found += [
            f"normalisation of channel {name} runs from {low} down to {high}"
            for name, low, high, is_scaled in zip(names, norm.low, norm.high, norm.mask, strict=True)
            if is_scaled and low > high
        ]
    gripper = config.action_spec.gripper_index
    if norm is not None and gripper is not None and norm.mask[gripper]:
        found.append("the gripper channel has levels of its own: normalisation.mask must be False there")
    return found
