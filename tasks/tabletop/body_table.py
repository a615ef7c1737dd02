"""`BodyTable`: shapes of a pool's bodies as tensors, one row a body, for whoever judges many environments at once."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import cached_property

import numpy as np
import torch

from tasks.tabletop.workspace import Slot

SURFACE_SPACING = 0.003
"""No point of a body's surface is farther than this from one of its `BodyTable.surface` points [m]."""


class BodyTable:
    """Constants of ``B`` bodies; lengths in metres, points in the bodies' own frames."""

    def __init__(self, slots: Iterable[Slot], device: str = "cpu") -> None:
        self.slots = tuple(slots)
        self.device = device
        self.height = self._of(lambda s: s.height)
        """``[B]``"""
        self.is_receptacle = self._of(lambda s: float(s.is_receptacle)).bool()
        """``[B]``"""
        self.receptacles = self.is_receptacle.nonzero()[:, 0]
        """Rows of the ``R`` receptacles."""
        self.column = self.is_receptacle.long().cumsum(0) - 1
        """Place of each receptacle among them ``[B]``; of objects, nothing that means anything."""
        self.floor = self._of(lambda s: s.support_height) - self.height / 2
        """Height of the surface that carries what lies in a receptacle, over its origin ``[B]``."""
        openings = [s.body.opening for s in self.slots]
        half = [o.half_size if o else (0.0, 0.0) for o in openings]
        scale = self._of(lambda s: s.scale)
        self.half_opening = torch.tensor(half, device=device) * scale[:, None]
        """Half the extents of a receptacle's opening along x and y ``[B, 2]``; 0 for objects."""
        self.round_opening = torch.tensor([o is not None and o.round for o in openings], device=device)
        """Whether the opening is an ellipse, not a rectangle ``[B]``."""
        self.vertices = self._padded([s.body.vertices * s.scale for s in self.slots])
        """Corners ``[B, V, 3]``; bodies with fewer repeat their first."""

    @cached_property
    def surface(self) -> torch.Tensor:
        """Points of the objects' surfaces ``[B, S, 3]``, padded alike; receptacles have one, their origin.

        Made at its first use, which takes a second or two.
        """
        largest = max(s.scale for s in self.slots)
        sampled = {
            s.body.name: s.body.surface(SURFACE_SPACING / largest) for s in self.slots if not s.is_receptacle
        }
        nothing = np.zeros((1, 3))
        return self._padded([sampled.get(s.body.name, nothing) * s.scale for s in self.slots])

    def _of(self, value: Callable[[Slot], float]) -> torch.Tensor:
        return torch.tensor([value(slot) for slot in self.slots], dtype=torch.float32, device=self.device)

    def _padded(self, points: list[np.ndarray]) -> torch.Tensor:
        most = max(map(len, points))
        rows = [np.vstack((p, np.repeat(p[:1], most - len(p), axis=0))) for p in points]
        return torch.tensor(np.stack(rows), dtype=torch.float32, device=self.device)
