"""The loss of answers: next tokens, with what helps a small model to find its places."""

from __future__ import annotations

from typing import Any

import torch
from torch import nn
from torch.nn import functional
from transformers.models.qwen2_5_vl.modeling_qwen2_5_vl import apply_multimodal_rotary_pos_emb

from policy.m1.images import resize
from policy.m1.model import M1Model
from policy.m1.training.aids import PlaceHead
from policy.m1.training.packing import PackedAnswers, Packer


def answer_losses(
    model: M1Model,
    packer: Packer,
    packed: PackedAnswers,
    blur: float,
    attention: float,
    place: float,
    place_head: PlaceHead | None,
    layers: tuple[int, ...],
) -> dict[str, torch.Tensor]:
    """Means over the weights of the targets, by name; ``loss`` is what to minimise.

    ``blur`` is the standard deviation of soft labels [px], 0 for hard ones; ``attention`` and ``place`` weigh the help
    on ``layers``. Only coordinates whose place is known are helped.
    """
    size = model.config.images.size
    images = resize(packed.pictures.to(model.device), model.config.images)[:, None]
    packed = packed.to(model.device)
    with Watch(model, layers if attention or place else ()) as watch:
        hidden = _hidden_states(model, packer, packed, images)
    said = hidden[packed.row, packed.column]
    logits = model.vlm.model.lm_head(said).float()
    each = functional.cross_entropy(logits, packed.target, reduction="none")
    is_number = packed.coordinate >= 0
    if blur > 0 and bool(is_number.any()):
        numbers = torch.tensor(list(packer.number_of), device=logits.device)
        logged = logits[is_number].log_softmax(dim=-1)[:, numbers]
        place_of = torch.arange(len(numbers), device=logits.device)
        apart = (place_of - packed.coordinate[is_number][:, None]) / blur
        soft = -(torch.softmax(-0.5 * apart.square(), dim=-1) * logged).sum(dim=-1)
        each = each.masked_scatter(is_number, soft)
    weights = packer.weights(packed).to(each)
    losses = {"text": (each * weights).sum() / packed.weight}
    total = losses["text"]
    known = ~packed.looks.isnan().any(dim=-1)
    row, column, looks = packed.row[known], packed.column[known], packed.looks[known]
    if attention:
        side = round(model.config.image_tokens**0.5)
        cell = (looks * side).long().clamp(0, side - 1)
        token = packer.image_start + cell[:, 1] * side + cell[:, 0]
        found = watch.attention_loss(model, packed.mask, row, column, token)
        losses["attention"] = found.sum() / packed.weight
        total = total + attention * losses["attention"]
    if place and place_head is not None:
        states = [state[row, column] for state in watch.outputs]
        losses["place"] = place_head.losses(states, looks * size, size).sum() / packed.weight
        total = total + place * losses["place"]
    losses["loss"] = total
    return losses


def _hidden_states(
    model: M1Model, packer: Packer, packed: PackedAnswers, images: torch.Tensor
) -> torch.Tensor:
    """``[B, L, D]``, normed."""
    qwen = model.vlm.model
    words = qwen.get_input_embeddings()(packed.input_ids)
    tokens = model.vlm.image_tokens(images).to(words.dtype)
    begin, end = packer.image_start, packer.image_start + tokens.shape[1]
    embedded = torch.cat([words[:, :begin], tokens, words[:, end:]], dim=1)
    output = qwen.model.language_model(
        inputs_embeds=embedded,
        position_ids=packed.positions,
        attention_mask={"full_attention": packed.mask},
        use_cache=False,
    )
    return output.last_hidden_state


class Watch:
    """Keeps what went into the attention of some layers and what came out of them, while it is entered."""

    def __init__(self, model: M1Model, layers: tuple[int, ...]) -> None:
        stack = model.vlm.model.model.language_model.layers
        self._layers = [stack[i] for i in layers]
        self._handles: list[Any] = []
        self.inputs: list[tuple[nn.Module, torch.Tensor, Any]] = []
        self.outputs: list[torch.Tensor] = []

    def __enter__(self) -> Watch:
        for layer in self._layers:
            self._handles.append(layer.self_attn.register_forward_pre_hook(self._enter, with_kwargs=True))
            self._handles.append(layer.register_forward_hook(self._leave))
        return self

    def __exit__(self, *_: object) -> None:
        for handle in self._handles:
            handle.remove()

    def _enter(self, module: nn.Module, _: Any, given: dict[str, Any]) -> None:
        self.inputs.append((module, given["hidden_states"], given["position_embeddings"]))

    def _leave(self, _: nn.Module, __: Any, output: Any) -> None:
        self.outputs.append(output if torch.is_tensor(output) else output[0])

    def attention_loss(
        self,
        model: M1Model,
        mask: torch.Tensor,
        row: torch.Tensor,
        column: torch.Tensor,
        token: torch.Tensor,
    ) -> torch.Tensor:
        """Cross-entropy ``[M]`` of the first head's attention at ``(row, column)`` on ``token``, mean over layers."""
        section = list(model.config.language.mrope_section)
        width = model.config.language.hidden_size // model.config.language.num_attention_heads
        total = torch.zeros(len(row), device=row.device)
        for module, hidden, (cos, sin) in self.inputs:
            first = [
                functional.linear(hidden, layer.weight[:width], layer.bias[:width])[:, None]
                for layer in (module.q_proj, module.k_proj)
            ]
            query, keys = apply_multimodal_rotary_pos_emb(*first, cos, sin, section)
            every = query[:, 0].float() @ keys[:, 0].float().transpose(1, 2) * width**-0.5  # [B, L, L]
            scores = every[row, column].masked_fill(~mask[row, 0, column], float("-inf"))
            total = total + functional.cross_entropy(scores, token, reduction="none")
        return total / max(len(self.inputs), 1)
