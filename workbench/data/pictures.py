"""Pictures as a dataset stores them: JPEG, full colour resolution."""

from __future__ import annotations

import io

import numpy as np
from PIL import Image


def encode(picture: np.ndarray, quality: int) -> bytes:
    """An RGB picture ``[H, W, 3]`` uint8 as JPEG. Colour is not subsampled: small objects are told apart by it."""
    buffer = io.BytesIO()
    Image.fromarray(picture).save(buffer, "JPEG", quality=quality, subsampling=0)
    return buffer.getvalue()


def decode(data: bytes) -> np.ndarray:
    """RGB ``[H, W, 3]`` uint8 of a JPEG; OSError (Pillow's) if it is none."""
    return np.asarray(Image.open(io.BytesIO(data)).convert("RGB"))
