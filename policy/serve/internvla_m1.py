"""InternVLA-M1's websocket protocol (InternVLA-M1 949223b, ``deployment/model_server/``).

openpi's codec. Requests are typed (ping, init, reset, infer) or flat: a flat one with ``device`` is an init, with
``reset`` a reset, any other an inference. Actions come back *normalised*. A failure during inference is a traceback in
a text frame.
"""

from __future__ import annotations

import numpy as np

from policy.serve.codec import Codec
from policy.serve.errors import Path, ProtocolError, shown
from policy.serve.fields import Map, as_map, binary, numbers, of_kind, texts
from policy.serve.limits import DEFAULT_LIMITS, Limits
from policy.serve.openpi_arrays import OpenpiMarks
from policy.serve.status_reply import Request, StatusReply, request_from, status_reply

CODEC = Codec("InternVLA-M1", OpenpiMarks("InternVLA-M1"))
PATH: Path = (CODEC.dialect,)
KINDS = ("ping", "init", "reset", "infer")
encode = CODEC.encode


def decode_metadata(data: object, limits: Limits = DEFAULT_LIMITS) -> Map:
    """What the server says of itself: a map, empty or with ``env``.

    Raises:
        ProtocolError: It is no map.
    """
    return as_map(CODEC.decode(binary(data), limits), PATH)


def decode_request(data: object, limits: Limits = DEFAULT_LIMITS) -> Request:
    """What a client asks. The pictures ``batch_images[sample][view]`` are checked, ``[H, W, 3]`` uint8.

    Raises:
        ProtocolError: It is no request, or pictures and instructions do not fit each other.
    """
    message = as_map(CODEC.decode(data, limits), PATH)
    flat_kind = "init" if "device" in message else "reset" if "reset" in message else "infer"
    request = request_from(message, KINDS, flat_kind, PATH)
    if request.kind == "infer" and "batch_images" in request.payload:
        path = PATH if request.payload is message else (*PATH, "payload")
        samples = of_kind(request.payload["batch_images"], list, (*path, "batch_images"))
        for row, views in enumerate(samples):
            check_pictures(views, (*path, "batch_images", row))
        instructions = texts(request.payload.get("instructions"), (*path, "instructions"))
        if len(instructions) != len(samples):
            raise ProtocolError(
                (*path, "instructions"),
                f"there are {len(instructions)} for {len(samples)} samples of pictures",
            )
    return request


def decode_reply(frame: object, limits: Limits = DEFAULT_LIMITS) -> StatusReply:
    """What the server answered: see `status_reply`."""
    return status_reply(CODEC, frame, limits)


def normalised_actions(reply: StatusReply) -> np.ndarray:
    """The chunks ``[B, H, D]``, normalised, from either route: ``data`` (typed) or ``data.raw_action`` (flat).

    Raises:
        ProtocolError: There are none; an older wrapper's single step, already in its own units, is no chunk.
        ServerError: The server reported a failure.
    """
    data, path = reply.answered(), (*PATH, "data")
    if "raw_action" in data:
        data, path = of_kind(data["raw_action"], dict, (*path, "raw_action")), (*path, "raw_action")
    if "normalized_actions" not in data:
        raise ProtocolError(path, f"it lacks 'normalized_actions'; its keys are {shown(list(data))}")
    return numbers(data["normalized_actions"], (3,), (*path, "normalized_actions"))


def check_pictures(views: object, path: Path) -> None:
    """Return if these are the pictures of one sample: a list of ``[H, W, 3]`` uint8.

    Raises:
        ProtocolError: They are not.
    """
    for index, view in enumerate(of_kind(views, list, path)):
        picture = numbers(view, (3,), (*path, index))
        if picture.dtype != np.uint8 or picture.shape[2] != 3:
            raise ProtocolError(
                (*path, index), f"it is {picture.dtype} of shape {shown(picture.shape)}, not uint8 [H, W, 3]"
            )
