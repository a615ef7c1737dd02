"""openpi's websocket protocol (openpi 15a9616, ``src/openpi/serving/websocket_policy_server.py``).

The server speaks first: a map of metadata. Then each request, a flat map of observations and a prompt, is answered by
the policy's own map with the server's timing added, or by a text frame that is a traceback. There is no reset and no
batch.
"""

from __future__ import annotations

import numpy as np

from policy.serve.codec import Codec
from policy.serve.errors import Path, ProtocolError
from policy.serve.fields import Map, as_map, binary, finite, is_numeric, kind_of, numbers, optional
from policy.serve.limits import DEFAULT_LIMITS, Limits
from policy.serve.msgpack_reader import Found
from policy.serve.openpi_arrays import OpenpiMarks

CODEC = Codec("openpi", OpenpiMarks("openpi"))
encode = CODEC.encode


def decode_metadata(data: object, limits: Limits = DEFAULT_LIMITS) -> Map:
    """What the server says of itself: any map, usually empty.

    Raises:
        ProtocolError: It is no map.
    """
    return as_map(CODEC.decode(binary(data), limits), (CODEC.dialect,))


def decode_request(data: object, limits: Limits = DEFAULT_LIMITS, found: Found | None = None) -> Map:
    """An observation: arrays and numbers under ``observation/...``, and text under ``prompt``.

    Arrays that were read at sight are added to `found`.

    Raises:
        ProtocolError: It is no map, or one of these is something else.
    """
    path: Path = (CODEC.dialect,)
    return check_observation(as_map(CODEC.decode(data, limits, found), path), path)


def decode_reply(frame: object, limits: Limits = DEFAULT_LIMITS) -> Map:
    """The policy's map; `server_times` and `actions` read it.

    Raises:
        ProtocolError: It is no map.
        ServerError: The frame is text, which is the traceback of what failed.
    """
    return as_map(CODEC.decode(binary(frame), limits), (CODEC.dialect,))


def actions(reply: Map) -> np.ndarray:
    """The action chunk ``[H, D]`` of a reply, in whatever units the policy has.

    Raises:
        ProtocolError: There is none of that shape.
    """
    return numbers(reply.get("actions"), (2,), (CODEC.dialect, "actions"))


def server_times(reply: Map) -> dict[str, float]:
    """The server's ``infer_ms`` [ms], and ``prev_total_ms`` [ms] from the second reply of a connection on.

    Raises:
        ProtocolError: They are no numbers.
    """
    path: Path = (CODEC.dialect,)
    times = optional(reply, "server_timing", dict, path) or {}
    return {name: finite(value, (*path, "server_timing", name)) for name, value in times.items()}


def check_observation(message: Map, path: Path) -> Map:
    """The message, whose ``observation/...`` are arrays or numbers, and whose ``prompt`` is text if there is one.

    Raises:
        ProtocolError: They are not.
    """
    optional(message, "prompt", str, path)
    for key, value in message.items():
        if key.startswith("observation/") and not is_numeric(value):
            raise ProtocolError((*path, key), f"it is {kind_of(value)}, not an array or a number")
    return message
