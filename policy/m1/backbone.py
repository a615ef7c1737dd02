"""Qwen2.5-VL from ``transformers``, asked for hidden states when acting and for words when grounding."""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch
from torch import nn
from transformers import Qwen2_5_VLConfig, Qwen2_5_VLForConditionalGeneration

from policy.m1.config import LanguageModelConfig, VisionTowerConfig
from policy.m1.images import qwen_grid, qwen_patches
from policy.m1.prompt import TokenBatch
from policy.m1.tokenizer import IMAGE, PAD, TURN_BEGIN, TURN_END, VIDEO, VISION_BEGIN, VISION_END
from policy.m1.vision_tower import quicken

QWEN_TOKENS = {
    PAD: 151643,
    TURN_BEGIN: 151644,
    TURN_END: 151645,
    VISION_BEGIN: 151652,
    VISION_END: 151653,
    IMAGE: 151655,
    VIDEO: 151656,
}
"""Numbers of the control tokens in Qwen2.5's vocabulary."""
RGB = 3


def qwen_config(
    vision: VisionTowerConfig, language: LanguageModelConfig, tokens: dict[str, int]
) -> Qwen2_5_VLConfig:
    """``transformers``' configuration of the same model; ``tokens`` gives the numbers of the control tokens."""
    return Qwen2_5_VLConfig(
        text_config={
            "vocab_size": language.vocab_size,
            "hidden_size": language.hidden_size,
            "intermediate_size": language.intermediate_size,
            "num_hidden_layers": language.num_hidden_layers,
            "num_attention_heads": language.num_attention_heads,
            "num_key_value_heads": language.num_key_value_heads,
            "max_position_embeddings": language.max_position_embeddings,
            "rms_norm_eps": language.rms_norm_eps,
            "initializer_range": language.initializer_range,
            "rope_parameters": {
                "rope_type": "default",
                "rope_theta": language.rope_theta,
                "mrope_section": list(language.mrope_section),
            },
            "tie_word_embeddings": language.tie_word_embeddings,
            # Not `pad_token_id`: it would hold the embedding of padding at zero, which Qwen's configuration does not.
            "bos_token_id": tokens[PAD],
            "eos_token_id": tokens[TURN_END],
        },
        vision_config={
            "depth": vision.depth,
            "hidden_size": vision.hidden_size,
            "intermediate_size": vision.intermediate_size,
            "num_heads": vision.num_heads,
            "in_channels": RGB + 2 * vision.coordinate_planes,
            "patch_size": vision.patch_size,
            "spatial_merge_size": vision.spatial_merge_size,
            "temporal_patch_size": vision.temporal_patch_size,
            "tokens_per_second": vision.tokens_per_second,
            "window_size": vision.window_size,
            "out_hidden_size": language.hidden_size,
            "fullatt_block_indexes": list(vision.fullatt_block_indexes),
            "initializer_range": language.initializer_range,
        },
        image_token_id=tokens[IMAGE],
        video_token_id=tokens[VIDEO],
        vision_start_token_id=tokens[VISION_BEGIN],
        vision_end_token_id=tokens[VISION_END],
        tie_word_embeddings=language.tie_word_embeddings,
        bos_token_id=tokens[PAD],
        eos_token_id=tokens[TURN_END],
    )


class VisionLanguageModel(nn.Module):
    """Qwen2.5-VL with its pixels made here and its positions always three-dimensional."""

    def __init__(
        self, vision: VisionTowerConfig, language: LanguageModelConfig, tokens: dict[str, int]
    ) -> None:
        super().__init__()
        self.vision = vision
        self.model = Qwen2_5_VLForConditionalGeneration(qwen_config(vision, language, tokens))
        quicken(self.model.model.visual)
        self.model.generation_config.pad_token_id = tokens[PAD]

    def inputs(self, images: torch.Tensor, tokens: TokenBatch) -> dict[str, torch.Tensor]:
        """What ``transformers`` calls the pixels ``[B, V, 3, S, S]`` uint8 and the prompts."""
        return {
            "input_ids": tokens.input_ids,
            "attention_mask": tokens.attention_mask,
            "mm_token_type_ids": tokens.mm_token_type_ids,
            "pixel_values": qwen_patches(images, self.vision, frames=1).to(self.model.dtype),
            "image_grid_thw": qwen_grid(images, self.vision),
        }

    def image_tokens(self, images: torch.Tensor) -> torch.Tensor:
        """What the vision tower makes of images ``[B, V, 3, S, S]`` uint8: ``[B, V * tokens, D]``."""
        pixels = qwen_patches(images, self.vision, frames=1).to(self.model.dtype)
        tower = self.model.model.visual
        tokens = tower(pixels, grid_thw=qwen_grid(images, self.vision)).pooler_output
        return tokens.reshape(images.shape[0], -1, tokens.shape[-1])

    def hidden_states(
        self, images: torch.Tensor, tokens: TokenBatch, layers: Sequence[int]
    ) -> list[torch.Tensor]:
        """The entries ``layers`` of ``hidden_states``, each ``[B, L, D]``; 0 are the embeddings, the last is normed."""
        last = self.model.config.text_config.num_hidden_layers
        every = any(layer != last for layer in layers)
        output = self.model.model(**self.inputs(images, tokens), use_cache=False, output_hidden_states=every)
        return [
            output.last_hidden_state if layer == last else output.hidden_states[layer] for layer in layers
        ]

    def answer_loss(self, images: torch.Tensor, tokens: TokenBatch) -> torch.Tensor:
        """Mean cross-entropy of the answers' tokens: a scalar."""
        return self.model(**self.inputs(images, tokens), labels=tokens.labels, use_cache=False).loss

    @torch.no_grad()
    def generate(self, images: torch.Tensor, tokens: TokenBatch, max_new_tokens: int) -> torch.Tensor:
        """The likeliest answer, token by token: ``[B, <= max_new_tokens]``, padded after the end of the turn."""
        output = self.model.generate(
            **self.inputs(images, tokens), max_new_tokens=max_new_tokens, do_sample=False
        )
        return output[:, tokens.input_ids.shape[1] :]


@torch.no_grad()
def initialise_coordinates(model: VisionLanguageModel, numbers: Sequence[int]) -> None:
    """Give the tokens ``numbers``, the coordinates 0, 1, 2 ... in order, embeddings in which near places are alike.

    Sines and cosines of wavelengths from twice the range down to 12 px. Trained from nothing, such a start makes the
    difference between places that are learned and places that are guessed.
    """
    weight = model.model.get_input_embeddings().weight
    half = weight.shape[1] // 2
    place = torch.arange(len(numbers), dtype=torch.float32)
    lengths = torch.linspace(math.log(2 * len(numbers)), math.log(12.0), half).exp()
    phase = 2 * math.pi * place[:, None] / lengths
    waves = torch.cat([phase.sin(), phase.cos()], dim=1)
    # Loud enough to be heard beside the random embeddings of the other tokens.
    spread = 1.5 * model.model.config.text_config.initializer_range
    weight[torch.tensor(list(numbers))] = (waves * spread).to(weight)
