"""What the parameters of a published checkpoint are called here.

Published: Qwen2.5-VL in the names of whichever ``transformers`` release saved it, DINOv2 in Meta's names, and the
authors' own names for the rest. Each tensor keeps its values; Meta's joint query-key-value matrices are cut in three.
"""

from __future__ import annotations

import re

import torch

_VLM = "vlm.model."
_DINO = "dino.model."

RULES: tuple[tuple[str, str], ...] = (
    # Qwen2.5-VL: releases before 4.52 had the language model at the top.
    (r"qwen_vl_interface\.model\.lm_head\.(.+)", _VLM + r"lm_head.\1"),
    (r"qwen_vl_interface\.model\.model\.(visual|language_model)\.(.+)", _VLM + r"model.\1.\2"),
    (r"qwen_vl_interface\.model\.visual\.(.+)", _VLM + r"model.visual.\1"),
    (
        r"qwen_vl_interface\.model\.model\.(embed_tokens|layers|norm)\.(.+)",
        _VLM + r"model.language_model.\1.\2",
    ),
    # DINOv2
    (r"dino_encoder\.body\.cls_token", _DINO + "embeddings.cls_token"),
    (r"dino_encoder\.body\.mask_token", _DINO + "embeddings.mask_token"),
    (r"dino_encoder\.body\.pos_embed", _DINO + "embeddings.position_embeddings"),
    (r"dino_encoder\.body\.patch_embed\.proj\.(.+)", _DINO + r"embeddings.patch_embeddings.projection.\1"),
    (
        r"dino_encoder\.body\.blocks\.(\d+)\.attn\.proj\.(.+)",
        _DINO + r"encoder.layer.\1.attention.output.dense.\2",
    ),
    (
        r"dino_encoder\.body\.blocks\.(\d+)\.ls([12])\.gamma",
        _DINO + r"encoder.layer.\1.layer_scale\2.lambda1",
    ),
    (r"dino_encoder\.body\.blocks\.(\d+)\.(norm[12]|mlp\.fc[12])\.(.+)", _DINO + r"encoder.layer.\1.\2.\3"),
    (r"dino_encoder\.body\.norm\.(.+)", _DINO + r"layernorm.\1"),
    (r"dino_pro\.(.+)", r"dino_projection.\1"),
    # Q-Former and action head
    (r"layer_qformer\.(.+)", r"qformer.\1"),
    (r"action_model\.net\.positional_embedding", "action_head.transformer.positions"),
    (r"action_model\.net\.z_embedder\.uncondition", "action_head.transformer.null_condition"),
    (r"action_model\.net\.z_embedder\.linear\.(.+)", r"action_head.transformer.condition_embedder.\1"),
    (r"action_model\.net\.x_embedder\.linear\.(.+)", r"action_head.transformer.action_embedder.\1"),
    (r"action_model\.net\.t_embedder\.mlp\.(.+)", r"action_head.transformer.noise_level_embedder.\1"),
    (r"action_model\.net\.history_embedder\.linear\.(.+)", r"action_head.transformer.history_embedder.\1"),
    (r"action_model\.net\.blocks\.(\d+)\.attn\.(.+)", r"action_head.transformer.blocks.\1.attn.\2"),
    (r"action_model\.net\.blocks\.(\d+)\.mlp\.(fc[12]\..+)", r"action_head.transformer.blocks.\1.\2"),
    (r"action_model\.net\.final_layer\.linear\.(.+)", r"action_head.transformer.output.\1"),
)
"""Published name -> own name, tried in order on the whole name."""

_WRAPPERS = {"_orig_mod", "_fsdp_wrapped_module", "_checkpoint_wrapped_module"}
"""What ``torch.compile``, FSDP and activation checkpointing put into the names of what they wrap."""
_OUTER = {"module", "model"}
"""What a wrapper for several devices, or a trainer, puts in front of all names."""
FLAT = "_flat_param"
"""What FSDP calls parameters that it has laid end to end."""

_JOINT_ATTENTION = re.compile(r"dino_encoder\.body\.blocks\.(\d+)\.attn\.qkv\.(weight|bias)")


def unwrapped(name: str) -> str:
    """A tensor's name without what wrappers of its model have added."""
    parts = [part for part in name.split(".") if part not in _WRAPPERS]
    while len(parts) > 1 and parts[0] in _OUTER:
        parts = parts[1:]
    return ".".join(parts)


def own_name(published: str) -> str | None:
    """The name here of a published tensor; None for one that no rule knows."""
    for pattern, replacement in RULES:
        match = re.fullmatch(pattern, published)
        if match:
            return match.expand(replacement)
    return None


def own_tensors(published: str, tensor: torch.Tensor) -> dict[str, torch.Tensor] | None:
    """The tensors here that a published tensor becomes; None for one that no rule knows."""
    joint = _JOINT_ATTENTION.fullmatch(published)
    if joint:
        layer, kind = joint.groups()
        base = f"{_DINO}encoder.layer.{layer}.attention.attention"
        parts = zip(("query", "key", "value"), tensor.chunk(3), strict=False)
        return {f"{base}.{name}.{kind}": part for name, part in parts}
    name = own_name(published)
    return None if name is None else {name: tensor}
