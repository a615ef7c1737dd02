"""`LargeFrame`: a client's websocket frame that is read into place, with one pass over it for the mask."""

from __future__ import annotations

import struct

import numpy as np
from websockets.frames import Opcode

try:
    from websockets.speedups import apply_mask
except ImportError:  # a machine for which the package has no compiled part
    from websockets.utils import apply_mask

__all__ = ["HEAD", "LARGE_HEAD", "PAYLOAD_AT", "LargeFrame", "apply_mask"]

LARGE_HEAD = bytes((0x80 | Opcode.BINARY, 0x80 | 127))
"""How such a frame of a client's begins: whole, binary, masked; its length follows in 8 bytes, then the mask in 4."""
HEAD = struct.Struct("!2sQ4s")
PAYLOAD_AT = 16
"""Where the payload stands in memory: behind the head, and so that words are aligned."""


class LargeFrame:
    """A masked frame and its payload as it comes, in memory of its own."""

    def __init__(self, length: int) -> None:
        """Of so many bytes of payload."""
        self._memory = bytearray(PAYLOAD_AT + length)
        self.frame = memoryview(self._memory)[PAYLOAD_AT - HEAD.size :]
        """Where it begins with its head."""
        self.rest = self.frame[HEAD.size :]
        """What is missing of the payload."""

    def grown(self, count: int) -> bool:
        """So many bytes more are there; whether it is whole."""
        self.rest = self.rest[count:]
        return not self.rest

    def unmasked(self) -> bytearray:
        """All of the payload, without the mask; nothing of the frame may be in use any more."""
        mask, memory = bytes(self.frame[HEAD.size - 4 : HEAD.size]), self._memory
        self.rest, self.frame = memoryview(b""), memoryview(b"")
        words = (len(memory) - PAYLOAD_AT) // 4
        masked = np.frombuffer(memory, np.uint32, words, PAYLOAD_AT)
        np.bitwise_xor(masked, np.frombuffer(mask, np.uint32), out=masked)
        end = PAYLOAD_AT + 4 * words
        memory[end:] = apply_mask(memory[end:], mask)
        del masked, memory[:PAYLOAD_AT]  # moves nothing
        return memory
