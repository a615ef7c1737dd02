"""What a frozen vision-language model makes of each row of a stream, computed once.

On a processor, reading a picture and its prompt costs several times what the action head costs. While nothing of the
model that reads is trained, each row is read once, as it is shown in the first epoch, and its hidden states are kept in
half precision. Rows are read in fixed blocks, so that what is remembered of one does not depend on which were asked for
before: a training that is resumed begins with an empty memory and goes on to the same weights.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch

from policy.m1.model import M1Model, Reading
from policy.m1.training.batches import ActionBatch, Stream

BLOCK = 16
"""Rows read at once."""
MOST_BYTES = 6 << 30
"""A stream that would take more is not remembered."""
_LENGTH = 64
"""Tokens of a prompt beside those of pictures, more or less, for the estimate of size."""


class Memory:
    """Readings of the rows of one stream of actions."""

    def __init__(self, model: M1Model, stream: Stream) -> None:
        self._model, self._stream = model, stream
        self._known: dict[int, tuple[torch.Tensor, ...]] = {}
        self._places: dict[int, torch.Tensor] = {}

    @staticmethod
    def has_room_for(model: M1Model, stream: Stream) -> bool:
        """Whether all rows fit."""
        config = model.config
        tokens = config.image_tokens * len(config.images.views) + _LENGTH
        layers = config.qformer.end_layer - config.qformer.start_layer
        return stream.size * tokens * layers * config.language.hidden_size * 2 <= MOST_BYTES

    def reading(self, rows: Sequence[int]) -> Reading:
        """Hidden states of rows in float32, padded on the left to the longest."""
        for row in rows:
            if row not in self._known:
                self._read_block(row // BLOCK)
        known = [self._known[row] for row in rows]
        device = self._model.device
        lengths = torch.tensor([len(states[0]) for states in known])
        longest = int(lengths.max())
        mask = torch.arange(longest) >= (longest - lengths)[:, None]
        padded = []
        for layer in zip(*known, strict=True):
            whole = torch.zeros((len(rows), longest, layer[0].shape[-1]))
            for i, states in enumerate(layer):
                whole[i, longest - len(states) :] = states
            padded.append(whole.to(device))
        places = torch.stack([self._places[row] for row in rows])
        return Reading(mask.to(device), tuple(padded), places.to(device))

    def _read_block(self, block: int) -> None:
        rows = range(block * BLOCK, min((block + 1) * BLOCK, self._stream.size))
        batch: ActionBatch = self._stream.batch([(row, 0) for row in rows])
        reading = self._model.read(batch.images, batch.instructions, batch.hand)
        for i, row in enumerate(rows):
            seen = reading.mask[i]
            self._known[row] = tuple(states[i, seen].half().cpu() for states in reading.states)
            self._places[row] = reading.places[i].cpu()
