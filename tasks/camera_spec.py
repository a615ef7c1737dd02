"""`CameraSpec`: a calibrated camera as numbers; no PyTorch is needed to know it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import torch

MAX_IMAGE_AGE = 15
"""Greatest age of an image that comes late [control steps]."""


@dataclass(frozen=True)
class CameraSpec:
    """A calibrated camera of the task."""

    name: str
    width: int
    """[px]"""
    height: int
    """[px]"""
    focal_px: float
    """Focal length [px]."""
    eye: tuple[float, float, float] | None = None
    """Nominal position in the world frame [m]; None for a camera that a link carries."""
    target: tuple[float, float, float] | None = None
    """Point in the middle of the image, world frame [m]."""

    def intrinsics(self) -> torch.Tensor:
        """Calibration matrix ``[3, 3]`` [px]."""
        import torch

        f, u, v = self.focal_px, self.width / 2, self.height / 2
        return torch.tensor(((f, 0.0, u), (0.0, f, v), (0.0, 0.0, 1.0)))
