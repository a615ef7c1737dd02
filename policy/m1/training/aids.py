"""Heads that exist only while a small model learns: they turn each image token, and each coordinate, into a lesson."""

from __future__ import annotations

import torch
from torch import nn
from torch.nn import functional

from policy.m1.training.batches import SceneBatch

CELLS = 2
"""Cells per side of an image token: several things can share one."""
RARITY = 4.0
"""Weight of a cell with a thing against one without: most have none."""
OFFSET_UNIT = 16.0
"""Offsets from a cell's centre are learned in this unit [px]."""
SMOOTH = 0.05
"""Where the box loss turns from squared to absolute."""
WEIGHTS = {"thing": 4.0, "color": 0.5, "shape": 1.0, "offset": 1.0, "box": 2.0}


class SceneHead(nn.Module):
    """One linear layer on each image token: for each of its cells, is a thing's middle here, and what and where is it?

    The box is read twice, from the cell's centre and from the image's corner: the second makes features hold absolute
    places, which the language model will have to say.
    """

    def __init__(self, width: int, colors: int, shapes: int) -> None:
        super().__init__()
        self.colors, self.shapes = colors, shapes
        self.read = nn.Linear(width, CELLS * CELLS * (1 + colors + shapes + 8))
        nn.init.normal_(self.read.weight, std=0.05)

    def forward(self, tokens: torch.Tensor) -> torch.Tensor:
        """Image tokens ``[B, N, D]``, N a square, to ``[B, rows, columns, 1 + colors + shapes + 8]`` of cells."""
        batch, count, _ = tokens.shape
        side = round(count**0.5)
        read = self.read(tokens.float()).view(batch, side, side, CELLS, CELLS, -1)
        return read.permute(0, 1, 3, 2, 4, 5).reshape(batch, side * CELLS, side * CELLS, -1)

    def loss(self, tokens: torch.Tensor, batch: SceneBatch) -> dict[str, torch.Tensor]:
        """Mean over the pictures, by name; ``loss`` is their weighted sum. Boxes are in pixels of square pictures."""
        read = self.forward(tokens)
        pictures, side = read.shape[0], read.shape[1]
        size = batch.pictures.shape[1]
        cell = size / side
        index = torch.cat([torch.full((len(b),), i) for i, b in enumerate(batch.boxes)]).long()
        boxes = torch.cat([torch.from_numpy(b).float().reshape(-1, 4) for b in batch.boxes])
        middle = (boxes[:, :2] + boxes[:, 2:]) / 2
        place = (middle / cell).long().clamp(0, side - 1)
        color = torch.cat([torch.from_numpy(c).long() for c in batch.colors])
        shape = torch.cat([torch.from_numpy(s).long() for s in batch.shapes])
        index, boxes, place, color, shape = (x.to(read.device) for x in (index, boxes, place, color, shape))
        here = torch.zeros(read.shape[:3], device=read.device)
        here[index, place[:, 1], place[:, 0]] = 1.0
        rarity = torch.tensor(RARITY, device=read.device)
        losses = {"thing": functional.binary_cross_entropy_with_logits(read[..., 0], here, pos_weight=rarity)}
        if len(index):
            found = read[index, place[:, 1], place[:, 0]]
            sections = [1, self.colors, self.shapes, 4, 4]
            _, said_color, said_shape, offset, box = found.split(sections, dim=-1)
            centre = (place.float() + 0.5) * cell
            from_centre = (boxes - torch.cat([centre, centre], dim=1)) / OFFSET_UNIT
            # Each picture counts alike, however much stands in it, so that a step's loss does not depend on how its
            # pictures are dealt out.
            share = 1.0 / torch.bincount(index, minlength=pictures)[index] / pictures
            each = {
                "color": functional.cross_entropy(said_color, color, reduction="none"),
                "shape": functional.cross_entropy(said_shape, shape, reduction="none"),
                "offset": _smooth(offset, from_centre),
                "box": _smooth(box, boxes / (size / 2) - 1),
            }
            losses |= {name: (value * share).sum() for name, value in each.items()}
        losses["loss"] = torch.stack([WEIGHTS[name] * value for name, value in losses.items()]).sum()
        return losses


def _smooth(said: torch.Tensor, true: torch.Tensor) -> torch.Tensor:
    return functional.smooth_l1_loss(said, true, beta=SMOOTH, reduction="none").mean(dim=-1)


class PlaceHead(nn.Module):
    """Reads from hidden states where a coordinate's thing is, one linear layer for each layer that is helped."""

    def __init__(self, width: int, layers: int) -> None:
        super().__init__()
        self.read = nn.ModuleList(nn.Linear(width, 2) for _ in range(layers))

    def losses(self, hidden: list[torch.Tensor], places: torch.Tensor, side: float) -> torch.Tensor:
        """Error of each of ``[M]`` coordinates from hidden states ``[M, D]`` a layer; places ``[M, 2]`` [px]."""
        wanted = places / (side / 2) - 1
        total = torch.zeros(len(places), device=places.device)
        for read, state in zip(self.read, hidden, strict=True):
            state = functional.rms_norm(state.float(), state.shape[-1:], eps=1e-6)
            total = total + _smooth(read(state), wanted)
        return total
