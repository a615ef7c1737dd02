"""GR00T's protocol over ZeroMQ, request and reply, in the three versions that are about.

| version | a request's ``data`` | the reply to get_action | arrays |
|---|---|---|---|
| N1.5 | the observation itself, flat | ``{action.<key>: [H, D]}`` | npy files |
| N1.6 | ``{observation, options}``, nested by modality | ``[{<key>: [B, H, D]}, info]`` | npy files |
| N1.7 | ``{observation, options}``, flat or nested | the same, with or without ``action.`` | msgpack-numpy |

A failure is a map ``{error}``, whose text may be empty. starVLA's server speaks N1.6 besides its own dialect, with
plain maps for modality configurations. Sources: ``gr00t/eval/service.py`` (N1.5), ``gr00t/policy/server_client.py``
(N1.6), RoboLab 0aef241 ``policies/gr00t/client.py`` (N1.7).
"""

from __future__ import annotations

from typing import Any, Literal

import numpy as np

from policy.serve.codec import Codec
from policy.serve.errors import Path, ProtocolError, ServerError
from policy.serve.fields import Map, as_map, kind_of, numbers, of_kind, optional, required
from policy.serve.gr00t_arrays import MsgpackNumpyMarks, NpyMarks
from policy.serve.limits import DEFAULT_LIMITS, Limits

Version = Literal["n1.5", "n1.6", "n1.7"]

CODECS: dict[Version, Codec] = {
    "n1.5": Codec("GR00T N1.5", NpyMarks("GR00T N1.5", config_as_text=True)),
    "n1.6": Codec("GR00T N1.6", NpyMarks("GR00T N1.6", config_as_text=False)),
    "n1.7": Codec("GR00T N1.7", MsgpackNumpyMarks("GR00T N1.7")),
}


def encode(message: object, version: Version) -> bytes:
    """The bytes that say `message`.

    Raises:
        ProtocolError: Something in it has no form in this version.
    """
    return CODECS[version].encode(message)


def decode_request(data: object, version: Version, limits: Limits = DEFAULT_LIMITS) -> Map:
    """A request: ``endpoint``, ``data`` where the endpoint takes some, ``api_token`` where the server wants one.

    Raises:
        ProtocolError: It is none, or a get_action lacks its observation.
    """
    path: Path = (CODECS[version].dialect,)
    request = as_map(CODECS[version].decode(data, limits), path)
    endpoint = required(request, "endpoint", str, path)
    optional(request, "api_token", str, path)
    content = optional(request, "data", dict, path)
    if endpoint == "get_action":
        content = required(request, "data", dict, path)
        if version != "n1.5":
            required(content, "observation", dict, (*path, "data"))
    if content is not None and version != "n1.5":
        optional(content, "options", dict, (*path, "data"))
    return request


def decode_reply(data: object, version: Version, limits: Limits = DEFAULT_LIMITS) -> Any:
    """What the server answered; `actions` reads the answer to a get_action.

    Raises:
        ProtocolError: The bytes say nothing.
        ServerError: The server reported a failure.
    """
    codec = CODECS[version]
    reply = codec.decode(data, limits)
    if isinstance(reply, dict) and set(reply) == {"error"}:
        said = of_kind(reply["error"], str, (codec.dialect, "error"))
        raise ServerError("the policy's server refused", said)
    return reply


def actions(reply: object, version: Version) -> dict[str, np.ndarray]:
    """The parts of an action by name, without ``action.``: ``[H, D]`` in N1.5, ``[B, H, D]`` after it.

    Raises:
        ProtocolError: It is no answer to a get_action: no parts, two of one name, or of another shape or length.
    """
    path: Path = (CODECS[version].dialect,)
    if version != "n1.5":
        pair = of_kind(reply, list, path)
        if len(pair) != 2:
            raise ProtocolError(path, f"it is a list of {len(pair)}, not of actions and information")
        as_map(pair[1], (*path, 1))
        reply, path = pair[0], (*path, 0)
    parts: dict[str, np.ndarray] = {}
    for key, value in as_map(reply, path).items():
        name = key.removeprefix("action.")
        if name in parts:
            raise ProtocolError((*path, key), f"the action has the part {name!r} twice")
        parts[name] = numbers(value, (2 if version == "n1.5" else 3,), (*path, key))
    lengths = {part.shape[:-1] for part in parts.values()}
    if len(lengths) != 1:
        found = {name: part.shape for name, part in parts.items()}
        raise ProtocolError(path, f"its parts are not of one length each: {found or kind_of(reply)}")
    return parts
