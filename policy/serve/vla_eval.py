"""vla-eval's websocket protocol, version 1 (vla-eval 0.8.0, ``vla_eval/protocol``).

The client greets first. Every message is an envelope of four fields; an action echoes the ``seq`` of its observation,
by which a late answer is told from the one that is waited for. ``episode_start`` and ``episode_end`` get no reply
unless they fail.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from policy.serve.codec import Codec
from policy.serve.errors import Path, ProtocolError, ServerError
from policy.serve.fields import Map, as_map, finite, numbers, one_of, optional, required
from policy.serve.images import EncodedImage
from policy.serve.limits import DEFAULT_LIMITS, Limits
from policy.serve.vla_eval_arrays import VlaEvalMarks

CODEC = Codec("vla-eval", VlaEvalMarks())
PATH: Path = (CODEC.dialect,)
KINDS = ("hello", "observation", "action", "episode_start", "episode_end", "error")


@dataclass(frozen=True)
class Message:
    """One envelope."""

    kind: str
    """One of `KINDS`; ``type`` on the wire."""
    payload: Map
    seq: int
    """Number of the message in its connection; an answer has that of what it answers."""
    timestamp: float
    """When it was sent, by the sender's clock [s since 1970]."""


def decode(data: object, limits: Limits = DEFAULT_LIMITS) -> Message:
    """The message that `data` says.

    Raises:
        ProtocolError: It lacks a field of the envelope, is of an unknown type, or an observation's images or task are
            of another kind.
    """
    envelope = as_map(CODEC.decode(data, limits), PATH)
    kind = one_of(required(envelope, "type", str, PATH), KINDS, (*PATH, "type"))
    payload = required(envelope, "payload", dict, PATH)
    seq = required(envelope, "seq", int, PATH)
    if seq < 0:
        raise ProtocolError((*PATH, "seq"), f"it is {seq}, not a number of a message")
    if "timestamp" not in envelope:
        raise ProtocolError(PATH, "it lacks 'timestamp', which must be a finite number")
    if kind == "observation":
        check_observation(payload, (*PATH, "payload"))
    return Message(kind, payload, seq, finite(envelope["timestamp"], (*PATH, "timestamp")))


def encode(message: Message) -> bytes:
    """The bytes that say `message`.

    Raises:
        ProtocolError: Its type is unknown, or its payload holds what has no form here.
    """
    one_of(message.kind, KINDS, (*PATH, "type"))
    return CODEC.encode(
        {"type": message.kind, "payload": message.payload, "seq": message.seq, "timestamp": message.timestamp}
    )


def actions(message: Message) -> np.ndarray:
    """The action ``[D]`` or the chunk ``[H, D]`` of an answer to an observation.

    Raises:
        ProtocolError: It is another message, or holds none.
        ServerError: The server reported a failure.
    """
    if message.kind == "error":
        said = required(message.payload, "error", str, (*PATH, "payload"))
        raise ServerError(f"the policy's server refused message {message.seq}", said)
    one_of(message.kind, ("action",), (*PATH, "type"))
    return numbers(message.payload.get("actions"), (1, 2), (*PATH, "payload", "actions"))


def pixels(image: np.ndarray | EncodedImage) -> np.ndarray:
    """A camera's picture ``[H, W, C]`` uint8, however it travelled."""
    return image.pixels if isinstance(image, EncodedImage) else image


def check_observation(payload: Map, path: Path) -> None:
    """Return if ``images`` are pictures by name and ``task_description`` is text, as far as they are there.

    Raises:
        ProtocolError: They are not.
    """
    optional(payload, "task_description", str, path)
    for name, image in (optional(payload, "images", dict, path) or {}).items():
        numbers(pixels(image), (2, 3), (*path, "images", name))
