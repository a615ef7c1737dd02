"""Two slow places of ``transformers``' Qwen2.5-VL vision tower, computed the same but at once.

* Patches arrive cut out, so the 3-D convolution that embeds them is one matrix product. As a convolution it takes a
  third of the small tower's time on a processor. All frames of a still image are alike, so one is enough.
* Windows are attended one by one in a Python loop. All windows of square images of one size are alike, so they are a
  batch; where they are not, the loop remains.

Parameters, their names and all results stay those of ``transformers``.
"""

from __future__ import annotations

from typing import Any

import torch
from torch.nn import functional
from transformers.models.qwen2_5_vl.modeling_qwen2_5_vl import (
    Qwen2_5_VisionPatchEmbed,
    Qwen2_5_VisionTransformerPretrainedModel,
    Qwen2_5_VLVisionAttention,
    apply_rotary_pos_emb_vision,
)


class PatchProduct(Qwen2_5_VisionPatchEmbed):
    """Embeds flattened patches by one matrix product."""

    def forward(self, hidden_states: torch.Tensor) -> torch.Tensor:
        """Patches ``[N, C * T * p * p]``, or ``[N, C * p * p]`` whose frames are all alike, to ``[N, D]``."""
        weight = self.proj.weight  # [D, C, T, p, p]
        if hidden_states.shape[-1] == weight[0, :, 0].numel():
            weight = weight.sum(2)
        return functional.linear(hidden_states.to(weight.dtype), weight.flatten(1))


class BatchedWindowAttention(Qwen2_5_VLVisionAttention):
    """Attends within all windows at once if they are of one length."""

    def forward(
        self,
        hidden_states: torch.Tensor,
        cu_seqlens: torch.Tensor,
        position_embeddings: tuple[torch.Tensor, torch.Tensor] | None = None,
        **kwargs: Any,
    ) -> torch.Tensor:
        """Tokens ``[N, D]`` of windows that begin at ``cu_seqlens`` ``[W + 1]``."""
        lengths = cu_seqlens.diff()
        count, windows = hidden_states.shape[0], len(lengths)
        if position_embeddings is None or count % windows or not bool((lengths == count // windows).all()):
            return super().forward(
                hidden_states, cu_seqlens, position_embeddings=position_embeddings, **kwargs
            )
        q, k, v = (
            self.qkv(hidden_states).unflatten(-1, (3, self.num_heads, -1)).unbind(1)
        )  # [N, heads, D / heads]
        q, k = apply_rotary_pos_emb_vision(q, k, *position_embeddings)
        q, k, v = (x.unflatten(0, (windows, -1)).transpose(1, 2) for x in (q, k, v))
        attended = functional.scaled_dot_product_attention(q, k, v, scale=self.scaling)
        return self.proj(attended.transpose(1, 2).reshape(count, -1))


def quicken(tower: Qwen2_5_VisionTransformerPretrainedModel) -> None:
    """Make a vision tower compute its patches and windows as above, in place."""
    # The modules hold nothing that their faster kin would not: only the way they compute is exchanged.
    tower.patch_embed.__class__ = PatchProduct
    for block in tower.blocks:
        block.attn.__class__ = BatchedWindowAttention
