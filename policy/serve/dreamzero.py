"""DreamZero's websocket protocol.

From dreamzero ab790c1, ``eval_utils/``, and RoboLab 0aef241, ``policies/dreamzero/client.py``. It is RoboArena's,
with a bare array ``[H, 8]`` for a reply. A new ``session_id`` resets, and so does the endpoint reset; RoboLab's client
sends that with ``session_ids``, a list or nil, which the public server does not look at.
"""

from __future__ import annotations

import numpy as np

from policy.serve.codec import Codec
from policy.serve.errors import Path
from policy.serve.fields import Map, binary
from policy.serve.limits import DEFAULT_LIMITS, Limits
from policy.serve.openpi_arrays import OpenpiMarks
from policy.serve.roboarena import (
    RESET_REPLY,
    ServerNeeds,
    check_request,
    check_reset_reply,
    chunk_from,
    needs_from,
)

CODEC = Codec("DreamZero", OpenpiMarks("DreamZero"))
PATH: Path = (CODEC.dialect,)
encode = CODEC.encode


def decode_metadata(data: object, limits: Limits = DEFAULT_LIMITS) -> ServerNeeds:
    """What the server needs.

    Raises:
        ProtocolError: It does not say so.
    """
    return needs_from(CODEC.decode(binary(data), limits), PATH)


def decode_request(data: object, limits: Limits = DEFAULT_LIMITS) -> Map:
    """A request with its ``endpoint``.

    Raises:
        ProtocolError: It is none.
    """
    return check_request(CODEC.decode(data, limits), PATH)


def decode_reply(frame: object, limits: Limits = DEFAULT_LIMITS) -> np.ndarray:
    """The action chunk ``[H, D]``.

    Raises:
        ProtocolError: The reply holds none.
        ServerError: The frame is text, which is the traceback of what failed.
    """
    return chunk_from(CODEC.decode(binary(frame), limits), PATH)


__all__ = [
    "CODEC",
    "RESET_REPLY",
    "check_reset_reply",
    "decode_metadata",
    "decode_reply",
    "decode_request",
    "encode",
]
