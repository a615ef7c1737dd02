"""From instructions to tokens: one user turn that shows every view and asks the spatial question.

The action head reads the hidden states that this turn leaves behind; nothing is written aloud. The same turn with the
grounding question, followed by an answer, trains the model to speak, and lets it be asked.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import torch
from transformers import PreTrainedTokenizerBase

from policy.m1.config import HAND, HAND_HIGH, HAND_LOW, SLOT_WORDS, M1Config
from policy.m1.tokenizer import IMAGE, PAD, TURN_BEGIN, TURN_END, VISION_BEGIN, VISION_END

IGNORED = -100
"""Label of a token that no loss is taken on."""


@dataclass(frozen=True)
class TokenBatch:
    """Prompts of equal length, padded on the left so that all end together."""

    input_ids: torch.Tensor
    """``[B, L]`` int64."""
    attention_mask: torch.Tensor
    """``[B, L]`` int64: 1 for a token, 0 for padding."""
    mm_token_type_ids: torch.Tensor
    """``[B, L]`` int32: 1 where a view's token stands, 0 for text. Without it the position encoding silently becomes
    one-dimensional and the model cannot tell where in an image anything is."""
    labels: torch.Tensor
    """``[B, L]`` int64: the tokens of the answer, `IGNORED` elsewhere."""

    def to(self, device: torch.device) -> TokenBatch:
        """The same on another device."""
        return TokenBatch(*(t.to(device) for t in vars(self).values()))


def conversation(
    config: M1Config, question: str, instruction: str, views: int, hand: Sequence[float] | None = None
) -> str:
    """The text of a prompt with ``views`` images, up to where the model speaks, in Qwen2.5-VL's turns.

    ``hand``, see `policy.m1.config.HAND`, is for a question that tells it; ValueError where that lacks it.
    """
    if HAND in question:
        if hand is None:
            raise ValueError("the prompt tells of the hand: what is measured of it is missing")
        question = question.replace(HAND, hand_words(hand, config.tokenizer.coordinate_bins))
    if config.prompt.lower_case:
        instruction = instruction.lower()
    # Not str.format: an instruction is not ours to interpret.
    asked = question.replace("{instruction}", instruction.strip())
    images = (VISION_BEGIN + IMAGE * config.image_tokens + VISION_END) * views
    system = f"{TURN_BEGIN}system\n{config.prompt.system}{TURN_END}\n" if config.prompt.system else ""
    return f"{system}{TURN_BEGIN}user\n{images}{asked}{TURN_END}\n{TURN_BEGIN}assistant\n"


def measured_hand(ee_pose: torch.Tensor, gripper_width: torch.Tensor) -> torch.Tensor:
    """What a prompt tells of the hand ``[B, 5]``: x, y, z [m], turn about the vertical [rad], fingers' distance [m].

    ``ee_pose`` ``[B, 7]`` is the tool's in the robot base frame, ``gripper_width`` ``[B]``. The turn is that of the
    tool's x axis from the base's, within a quarter turn to either side: a parallel gripper turned by half is the same.
    """
    x, y, z, w = ee_pose[:, 3:].unbind(1)
    turn = torch.atan2(2 * (x * y + z * w), 1 - 2 * (y * y + z * z))
    turn = torch.remainder(turn + math.pi / 2, math.pi) - math.pi / 2
    return torch.cat([ee_pose[:, :3], turn[:, None], gripper_width[:, None]], dim=1)


def hand_words(hand: Sequence[float], bins: int) -> str:
    """What `measured_hand` gives of one hand, as whole numbers below ``bins``; 0 for what is not finite."""
    shares = (
        (x - low) / (high - low) if math.isfinite(x) else 0.0
        for x, low, high in zip(hand, HAND_LOW, HAND_HIGH, strict=True)
    )
    return " ".join(str(round(min(max(share, 0.0), 1.0) * (bins - 1))) for share in shares)


def tokenise(
    tokenizer: PreTrainedTokenizerBase,
    config: M1Config,
    question: str,
    instructions: Sequence[str],
    views: int,
    answers: Sequence[str] | None = None,
    hand: torch.Tensor | None = None,
) -> TokenBatch:
    """Prompts of ``question`` about each instruction and ``views`` images, followed by ``answers`` if there are any.

    ``hand`` ``[B, 5]`` is for a question that tells it (`policy.m1.config.HAND`).

    Raises ValueError for an instruction that would smuggle in a special token, and for an answer with a word that the
    tokenizer does not know: a model cannot learn to say it.
    """
    special = set(tokenizer.all_special_tokens) | {IMAGE, VISION_BEGIN, VISION_END, TURN_BEGIN, TURN_END}
    rows, labels = [], []
    for i, instruction in enumerate(instructions):
        if any(token in instruction for token in special):
            raise ValueError(f"instruction {instruction!r} contains a control token of the model")
        held = None if hand is None else hand[i].tolist()
        row = _ids(tokenizer, conversation(config, question, instruction, views, held))
        label = [IGNORED] * len(row)
        if answers is not None:
            said = _ids(tokenizer, answers[i] + TURN_END)
            if tokenizer.unk_token_id is not None and tokenizer.unk_token_id in said:
                raise ValueError(f"answer {answers[i]!r} has words that the tokenizer does not know")
            row, label = row + said, label + said
        rows.append(row)
        labels.append(label)
    length = max(map(len, rows))
    pad, image = (tokenizer.convert_tokens_to_ids(token) for token in (PAD, IMAGE))
    input_ids = torch.tensor([[pad] * (length - len(row)) + row for row in rows])
    return TokenBatch(
        input_ids,
        torch.tensor([[0] * (length - len(row)) + [1] * len(row) for row in rows]),
        (input_ids == image).int(),
        torch.tensor([[IGNORED] * (length - len(label)) + label for label in labels]),
    )


def slot_columns(tokenizer: PreTrainedTokenizerBase, config: M1Config, ids: Sequence[int]) -> list[int]:
    """Where the slots of a prompt for acting stand among its tokens ``ids``, u and v of one place after the other."""
    standing = set(tokenizer.convert_tokens_to_ids(list(SLOT_WORDS)))
    found = [i for i, token in enumerate(ids) if token in standing]
    # The instruction comes before and may hold such a word, too.
    return found[len(found) - 2 * len(config.prompt.slots) :]


def _ids(tokenizer: PreTrainedTokenizerBase, text: str) -> list[int]:
    return list(tokenizer(text, add_special_tokens=False).input_ids)
