"""How much one message may hold, and make its reader allocate."""

from __future__ import annotations

from dataclasses import dataclass

MIB = 1 << 20


@dataclass(frozen=True)
class Limits:
    """Bounds that are checked before what they bound is allocated.

    Decoding takes at most about ``2 * message_bytes + 128 * values + 8 * image_bytes``: msgpack copies what is in the
    message, a value has an object of its own, and a progressive JPEG holds its coefficients beside its pixels.
    """

    message_bytes: int = 64 * MIB
    """Length of a message. A batch of 64 environments with two cameras of 224 x 224 is 19 MB."""
    values: int = 100_000
    """Values in a message, keys and containers counted: one byte of msgpack can be a container of 64 bytes."""
    depth: int = 16
    """Containers inside containers. The dialects use at most six."""
    text_bytes: int = MIB
    """Length of one text, in UTF-8."""
    dimensions: int = 8
    """Dimensions of an array."""
    image_bytes: int = 64 * MIB
    """Pixels of all compressed images of a message together, once decompressed [bytes]."""


DEFAULT_LIMITS = Limits()
