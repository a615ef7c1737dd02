"""The typed requests and the replies with a status that InternVLA-M1 and starVLA share."""

from __future__ import annotations

from dataclasses import dataclass, field

from policy.serve.codec import Codec
from policy.serve.errors import Path, ServerError, shown
from policy.serve.fields import Map, as_map, binary, one_of, optional, required
from policy.serve.limits import Limits


@dataclass(frozen=True)
class Request:
    """What a client asks."""

    kind: str
    """``ping``, ``infer``, and in InternVLA-M1 ``init`` and ``reset``."""
    request_id: str
    """Comes back in the reply; ``default`` if the client gave none."""
    payload: Map
    """What is to be done with it; of a flat request, the whole message."""
    flat: bool = field(default=False, compare=False)
    """Whether it had no ``type``."""


@dataclass(frozen=True)
class StatusReply:
    """What a server answers."""

    kind: str
    """``inference_result``, ``ping``, ``pong``, ``init_result``, ``reset_result``, ``unknown``."""
    request_id: str
    data: Map
    """Empty where there is none."""
    failure: str | None
    """What went wrong in the server's words; None if nothing did."""

    def answered(self) -> Map:
        """The data.

        Raises:
            ServerError: The server reported a failure.
        """
        if self.failure is not None:
            raise ServerError(f"the policy's server refused request {shown(self.request_id)}", self.failure)
        return self.data


def request_from(message: object, kinds: tuple[str, ...], flat_kind: str, path: Path) -> Request:
    """A typed request, or a flat one, which has no ``type`` and is of `flat_kind`.

    Raises:
        ProtocolError: It is no map, of a type not in `kinds`, or its payload is no map.
    """
    request = as_map(message, path)
    request_id = optional(request, "request_id", str, path)
    name = "default" if request_id is None else request_id
    if "type" not in request:
        return Request(flat_kind, name, request, flat=True)
    kind = one_of(request["type"], kinds, (*path, "type"))
    return Request(kind, name, optional(request, "payload", dict, path) or {})


def status_reply(codec: Codec, frame: object, limits: Limits) -> StatusReply:
    """What a server answered; a failure says why in ``error.message`` (starVLA) or in ``message`` (InternVLA-M1).

    Raises:
        ProtocolError: It is no reply, or its two ways of saying how it went contradict each other.
        ServerError: The frame is text, which is the traceback of what failed.
    """
    path: Path = (codec.dialect,)
    reply = as_map(codec.decode(binary(frame), limits), path)
    status = one_of(required(reply, "status", str, path), ("ok", "error"), (*path, "status"))
    ok = required(reply, "ok", bool, path)
    one_of(status, ("ok",) if ok else ("error",), (*path, "status"))
    failure = None
    if not ok:
        error = optional(reply, "error", dict, path)
        place = path if error is None else (*path, "error")
        failure = optional(reply if error is None else error, "message", str, place) or ""
    return StatusReply(
        kind=required(reply, "type", str, path),
        request_id=required(reply, "request_id", str, path),
        data=optional(reply, "data", dict, path) or {},
        failure=failure,
    )
