"""starVLA's websocket protocol (starVLA 0ed0aad, ``deployment/model_server/``).

InternVLA-M1's, grown apart: the metadata say what the checkpoint is, the payload is ``examples``, actions come back in
*physical units*, failures are replies on an open connection, and there is no init and no reset. A flat request is an
inference whatever its keys.
"""

from __future__ import annotations

import numpy as np

from policy.serve.codec import Codec
from policy.serve.errors import Path
from policy.serve.fields import Map, as_map, binary, numbers, of_kind, optional, required, texts
from policy.serve.internvla_m1 import check_pictures
from policy.serve.limits import DEFAULT_LIMITS, Limits
from policy.serve.openpi_arrays import OpenpiMarks
from policy.serve.status_reply import Request, StatusReply, request_from, status_reply

CODEC = Codec("starVLA", OpenpiMarks("starVLA"))
PATH: Path = (CODEC.dialect,)
KINDS = ("ping", "infer", "predict_action")
encode = CODEC.encode


def decode_metadata(data: object, limits: Limits = DEFAULT_LIMITS) -> Map:
    """What the server says of its checkpoint; chunk length and keys of statistics are checked where they are said.

    Raises:
        ProtocolError: It is no map, or one of these is of another kind.
    """
    metadata = as_map(CODEC.decode(binary(data), limits), PATH)
    optional(metadata, "action_chunk_size", int, PATH)
    optional(metadata, "default_unnorm_key", str, PATH)
    for key in ("available_unnorm_keys", "action_keys", "state_keys"):
        if metadata.get(key) is not None:
            texts(metadata[key], (*PATH, key))
    return metadata


def decode_request(data: object, limits: Limits = DEFAULT_LIMITS) -> Request:
    """What a client asks. Of an inference each of ``examples`` has pictures ``[H, W, 3]`` uint8 and an instruction.

    Raises:
        ProtocolError: It is no request, or an example lacks one of these.
    """
    message = CODEC.decode(data, limits)
    request = request_from(message, KINDS, "infer", PATH)
    if request.kind != "ping" and "examples" in request.payload:
        path = (*PATH, "examples") if request.payload is message else (*PATH, "payload", "examples")
        for row, value in enumerate(of_kind(request.payload["examples"], list, path)):
            example = as_map(value, (*path, row))
            check_pictures(required(example, "image", list, (*path, row)), (*path, row, "image"))
            required(example, "lang", str, (*path, row))
    return request


def decode_reply(frame: object, limits: Limits = DEFAULT_LIMITS) -> StatusReply:
    """What the server answered: see `status_reply`."""
    return status_reply(CODEC, frame, limits)


def actions(reply: StatusReply) -> np.ndarray:
    """The chunks ``[B, H, D]`` in physical units.

    Raises:
        ProtocolError: There are none.
        ServerError: The server reported a failure.
    """
    return numbers(reply.answered().get("actions"), (3,), (*PATH, "data", "actions"))
