"""Whether a model fits into the memory that is left, known before it is tried: the system ends what does not."""

from __future__ import annotations

import re
from pathlib import Path

GIB = 1 << 30
BYTES = {"float32": 4, "bfloat16": 2, "int8": 5, "int4": 3}
"""Precision -> bytes of a weight while the model is loaded: quantised ones stand beside what they are made of."""
ROOM = 1.5 * GIB
"""For PyTorch itself and what a decision leaves in between [bytes]."""


def too_large(precision: str, parameters: int, stored: int, available: int | None) -> str | None:
    """Why a model does not fit, in one sentence; None where it does, or nobody knows.

    Args:
        precision: of its weights, once loaded.
        parameters: how many.
        stored: bytes of one in the checkpoint.
        available: memory that is left [bytes].
    """
    converted = BYTES.get(precision, stored)
    needed = parameters * (converted if converted == stored else converted + stored) + ROOM
    if available is None or needed <= available:
        return None
    return (
        f"{precision} takes some {needed / GIB:.0f} GiB of memory to load, and {available / GIB:.0f} are free"
    )


def available_bytes(device: str) -> int | None:
    """Memory that is left on a device [bytes]; None where the system does not say."""
    if device.startswith("cuda"):
        import torch

        return int(torch.cuda.mem_get_info(device)[0])
    meminfo = Path("/proc/meminfo")
    found = re.search(r"MemAvailable:\s+(\d+) kB", meminfo.read_text("utf-8")) if meminfo.is_file() else None
    return int(found[1]) * 1024 if found else None
