"""Several questions about one picture in one pass.

The picture's tokens come once; behind them stand the questions with their answers, each seeing the picture and itself
but none of the others, each at the positions that it would have alone. So a row teaches what as many rows would, at
little more than the cost of one.

A prompt for acting has no answer. Where it has slots, the tokens that stand there learn to stand for coordinates: all
at once, each from what its own token gathered, not one after the other.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch

from policy.m1.model import M1Model
from policy.m1.prompt import conversation, slot_columns
from policy.m1.strict import ConfigError
from policy.m1.tokenizer import IMAGE, PAD, TURN_BEGIN, TURN_END, VISION_BEGIN, VISION_END, coordinate_tokens
from policy.m1.training.batches import AnswerBatch, Asked, Marked

type Place = tuple[float, float]
type Lesson = tuple[int, int, Place]
"""Where in a segment a token stands that is to predict, what it is to predict, and the place that this is about."""
NOWHERE: Place = (float("nan"), float("nan"))
"""A place that is not known."""


@dataclass(frozen=True)
class PackedAnswers:
    """Rows of tokens, and every one that is to predict: where an answer's token comes next, and slots."""

    pictures: torch.Tensor
    """``[B, H, W, 3]`` RGB uint8."""
    input_ids: torch.Tensor
    """``[B, L]``"""
    positions: torch.Tensor
    """``[3, B, L]``: time, height and width."""
    mask: torch.Tensor
    """``[B, 1, L, L]`` bool: which token (last axis) each token sees."""
    row: torch.Tensor
    """``[M]``: rows of the tokens that predict."""
    column: torch.Tensor
    """``[M]``: and where they stand."""
    target: torch.Tensor
    """``[M]``: the tokens to predict."""
    coordinate: torch.Tensor
    """``[M]``: the number that the target is, -1 for other tokens."""
    looks: torch.Tensor
    """``[M, 2]`` (u, v) as a share of the picture's sides; NaN where unknown."""
    weight: float
    """Sum of the targets' weights: what the loss is a mean over."""

    def to(self, device: torch.device) -> PackedAnswers:
        """The same on another device."""
        return PackedAnswers(*(v.to(device) if torch.is_tensor(v) else v for v in vars(self).values()))


class Packer:
    """Makes rows for a model; knows its prompt and its numbers."""

    def __init__(self, model: M1Model, text_weight: float = 1.0) -> None:
        """ConfigError for a model without a tokenizer."""
        if model.tokenizer is None:
            raise ConfigError("this model has no tokenizer, so it cannot be told anything")
        self.config, self.tokenizer, self.text_weight = model.config, model.tokenizer, text_weight
        bins = model.config.tokenizer.coordinate_bins
        numbers = coordinate_tokens(self.tokenizer, bins) if bins else []
        self.number_of = {token: number for number, token in enumerate(numbers)}
        prefix, _ = self._split(conversation(self.config, "", "", 1))
        self.prefix = self._ids(prefix)
        image = self.tokenizer.convert_tokens_to_ids(IMAGE)
        self.image_start = self.prefix.index(image)
        self.prefix_positions = self._prefix_positions(image)

    def pack(self, batch: AnswerBatch) -> PackedAnswers:
        """One row a picture.

        Raises ValueError for a question with a control token, for an answer with words that the tokenizer does not
        know, and for a batch without questions.
        """
        rows = [[self._segment(asked) for asked in some] for some in batch.asked]
        begin = len(self.prefix)
        length = begin + max(sum(len(ids) for ids, _ in row) for row in rows)
        count = len(rows)
        pad = self.tokenizer.convert_tokens_to_ids(PAD)
        ids = torch.full((count, length), pad)
        ids[:, :begin] = torch.tensor(self.prefix)
        positions = torch.zeros((3, count, length), dtype=torch.long)
        positions[:, :, :begin] = self.prefix_positions[:, None]
        owner = torch.full((count, length), -1)
        owner[:, :begin] = 0
        predicted: list[tuple[int, int, int, int]] = []
        looks: list[Place] = []
        next_position = int(self.prefix_positions.max()) + 1
        for r, row in enumerate(rows):
            at = begin
            for k, (segment, lessons) in enumerate(row):
                end = at + len(segment)
                ids[r, at:end] = torch.tensor(segment)
                positions[:, r, at:end] = torch.arange(len(segment)) + next_position
                owner[r, at:end] = k + 1
                for i, target, place in lessons:
                    predicted.append((r, at + i, target, self.number_of.get(target, -1)))
                    looks.append(place)
                at = end
        if not predicted:
            raise ValueError("a batch of answers has no question")
        table = torch.tensor(predicted)
        coordinate = table[:, 3]
        weight = torch.where(coordinate >= 0, 1.0, self.text_weight).sum()
        return PackedAnswers(
            batch.pictures,
            ids,
            positions,
            _mask(owner),
            table[:, 0],
            table[:, 1],
            table[:, 2],
            coordinate,
            torch.tensor(looks) / self.config.images.size,
            float(weight),
        )

    def weights(self, packed: PackedAnswers) -> torch.Tensor:
        """Weight of each target ``[M]``."""
        return torch.where(packed.coordinate >= 0, 1.0, self.text_weight)

    def _segment(self, asked: Asked | Marked) -> tuple[list[int], list[Lesson]]:
        """Tokens of a question and its answer, or of a prompt for acting, and what they teach."""
        if isinstance(asked, Marked):
            return self._marked(asked)
        for control in (IMAGE, VISION_BEGIN, VISION_END, TURN_BEGIN, TURN_END):
            if control in asked.question or control in asked.answer:
                raise ValueError(f"question {asked.question!r} contains a control token of the model")
        _, rest = self._split(conversation(self.config, "{instruction}", asked.question, 1))
        question, answer = self._ids(rest), self._ids(asked.answer + TURN_END)
        unknown = self.tokenizer.unk_token_id
        if unknown is not None and unknown in answer:
            raise ValueError(f"answer {asked.answer!r} has words that the tokenizer does not know")
        numbers = [i for i, token in enumerate(answer) if token in self.number_of]
        places = [NOWHERE] * len(answer)
        if len(numbers) == len(asked.looks):
            for i, look in zip(numbers, asked.looks, strict=True):
                places[i] = look
        before = len(question) - 1
        lessons = [
            (before + i, token, place) for i, (token, place) in enumerate(zip(answer, places, strict=True))
        ]
        return question + answer, lessons

    def _marked(self, marked: Marked) -> tuple[list[int], list[Lesson]]:
        _, rest = self._split(
            conversation(self.config, self.config.prompt.action, marked.instruction, 1, marked.hand)
        )
        ids, numbers = self._ids(rest), list(self.number_of)
        slots = slot_columns(self.tokenizer, self.config, ids)
        lessons = []
        pairs = zip(slots[::2], slots[1::2], strict=True)
        for pair, place in zip(pairs, marked.places, strict=True):
            if place is not None:
                named = (numbers[min(max(round(x), 0), len(numbers) - 1)] for x in place)
                lessons += [(i, number, place) for i, number in zip(pair, named, strict=True)]
        return ids, lessons

    def _split(self, text: str) -> tuple[str, str]:
        head, mark, rest = text.rpartition(VISION_END)
        return head + mark, rest

    def _ids(self, text: str) -> list[int]:
        return list(self.tokenizer(text, add_special_tokens=False).input_ids)

    def _prefix_positions(self, image: int) -> torch.Tensor:
        """``[3, P]``: text counts up in all three; an image's tokens share a time and have their row and column.

        Qwen2-VL's scheme (arXiv 2409.12191, section 2.1): what follows an image begins one past its greatest position.
        """
        side = round(self.config.image_tokens**0.5)
        columns: list[tuple[int, int, int]] = []
        place, seen = 0, 0
        for token in self.prefix:
            if token == image:
                columns.append((place, place + seen // side, place + seen % side))
                seen += 1
                if seen == side * side:
                    place, seen = place + side, 0
            else:
                columns.append((place, place, place))
                place += 1
        return torch.tensor(columns).T


def _mask(owner: torch.Tensor) -> torch.Tensor:
    """From the segment of each token ``[B, L]`` (0 the picture's, -1 padding): who sees whom ``[B, 1, L, L]``."""
    length = owner.shape[1]
    earlier = torch.ones((length, length), dtype=torch.bool).tril()
    same = owner[:, :, None] == owner[:, None, :]
    # Padding sees the picture, too: a token that sees nothing has no softmax.
    return (earlier & (same | (owner == 0)[:, None, :]))[:, None]
