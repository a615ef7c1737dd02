"""InternVLA-M1 and starVLA as a client speaks them: many environments in a request, replies with a status."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from typing import Any

from policy.serve import internvla_m1, starvla
from policy.serve.client.connection import Connection
from policy.serve.client.openpi import refuse_signs
from policy.serve.client.speaker import Past, answer, chunks_of
from policy.serve.errors import ProtocolError, shown
from policy.serve.exchange import WORKBENCH, Answered, Asked, Greeting, contract_in
from policy.serve.fields import numbers
from policy.serve.status_reply import StatusReply

SAMPLING: dict[str, Any] = {"do_sample": False, "cfg_scale": 1.5, "use_ddim": True, "num_ddim_steps": 10}
"""What InternVLA-M1's own client asks for."""


class M1Speaker:
    """See `policy.serve.client.speaker.Speaker`.

    Public servers take keyword arguments from a flat map alone; servers of the bench take the typed form, whose
    answers name the request.
    """

    batches = True
    past: Past = "none"

    def __init__(self, unnorm_key: str = "") -> None:
        self._unnorm_key, self._numbers = unnorm_key, itertools.count(1)

    def greet(self, connection: Connection, timeout_s: float) -> Greeting:
        """See the protocol."""
        metadata = internvla_m1.decode_metadata(connection.receive(timeout_s))
        refuse_signs(metadata, {"available_unnorm_keys": "remote:starvla://"}, "InternVLA-M1")
        name = f"ping-{next(self._numbers)}"
        frame = connection.ask(internvla_m1.encode({"type": "ping", "request_id": name}), timeout_s)
        reply = internvla_m1.decode_reply(frame)
        require(reply, "pong", name, internvla_m1.CODEC.dialect)
        return Greeting(metadata, contract_in(metadata))

    def begin(self, connection: Connection, asked: Asked, timeout_s: float) -> None:
        """Nothing: a model asked for actions keeps no past, and the reset of public servers is for all clients."""

    def ask(self, connection: Connection, questions: Sequence[Asked], timeout_s: float) -> Answered:
        """See the protocol."""
        payload: dict[str, Any] = {
            "batch_images": [list(asked.images.values()) for asked in questions],
            "instructions": [asked.prompt for asked in questions],
            "unnorm_key": self._unnorm_key or None,
        }
        is_own = questions[0].own is not None
        if is_own:
            name = f"r{next(self._numbers)}"
            payload[WORKBENCH] = [{**(asked.own or {}), "session": asked.session} for asked in questions]
            message: dict[str, Any] = {"type": "infer", "request_id": name, "payload": payload}
        else:
            name, message = "default", payload | SAMPLING
        reply = internvla_m1.decode_reply(connection.ask(internvla_m1.encode(message), timeout_s))
        require(reply, "inference_result", name, internvla_m1.CODEC.dialect)
        own = reply.data.get(WORKBENCH)
        path = (internvla_m1.CODEC.dialect, "data")
        if is_own and isinstance(own, dict):
            batch = numbers(own.get("actions"), (3,), (*path, WORKBENCH, "actions"))
        else:
            batch = internvla_m1.normalised_actions(reply)
        return answer(chunks_of(batch, questions, path), own, path)


class StarVlaSpeaker:
    """See `policy.serve.client.speaker.Speaker`."""

    batches = True
    past: Past = "none"

    def __init__(self, unnorm_key: str = "") -> None:
        self._unnorm_key, self._numbers = unnorm_key, itertools.count(1)

    def greet(self, connection: Connection, timeout_s: float) -> Greeting:
        """See the protocol."""
        metadata = starvla.decode_metadata(connection.receive(timeout_s))
        name = f"ping-{next(self._numbers)}"
        frame = connection.ask(starvla.encode({"type": "ping", "request_id": name}), timeout_s)
        require(starvla.decode_reply(frame), "ping", name, starvla.CODEC.dialect)
        limits = {key: metadata[key] for key in ("action_chunk_size",) if metadata.get(key) is not None}
        known = metadata.get("available_unnorm_keys")
        if self._unnorm_key and known is not None and self._unnorm_key not in known:
            raise ProtocolError(
                (starvla.CODEC.dialect, "available_unnorm_keys"),
                f"the mapping wants {self._unnorm_key!r}, and the server has {', '.join(known) or 'none'}",
            )
        return Greeting(metadata, contract_in(metadata), limits)

    def begin(self, connection: Connection, asked: Asked, timeout_s: float) -> None:
        """Nothing: starVLA has no reset."""

    def ask(self, connection: Connection, questions: Sequence[Asked], timeout_s: float) -> Answered:
        """See the protocol."""
        name = f"r{next(self._numbers)}"
        payload: dict[str, Any] = {"examples": [example(asked) for asked in questions]}
        payload["unnorm_key"] = self._unnorm_key or None
        if questions[0].own is not None:
            payload[WORKBENCH] = [{**(asked.own or {}), "session": asked.session} for asked in questions]
        message = {"type": "infer", "request_id": name, "payload": payload}
        reply = starvla.decode_reply(connection.ask(starvla.encode(message), timeout_s))
        require(reply, "inference_result", name, starvla.CODEC.dialect)
        batch = starvla.actions(reply)
        path = (starvla.CODEC.dialect, "data")
        return answer(chunks_of(batch, questions, path), reply.data.get(WORKBENCH), path)


def example(asked: Asked) -> dict[str, Any]:
    """One of starVLA's ``examples``: its state is a vector alone."""
    made: dict[str, Any] = {"image": list(asked.images.values()), "lang": asked.prompt}
    return made | ({"state": next(iter(asked.state.values()))} if asked.state else {})


def require(reply: StatusReply, kind: str, request_id: str, dialect: str) -> None:
    """Return if a reply is the one to a request.

    Raises:
        ServerError: It reports a failure.
        ProtocolError: It is of another type, or answers another request.
    """
    reply.answered()
    if reply.kind != kind:
        raise ProtocolError((dialect, "type"), f"it is {shown(reply.kind)}, not {kind}")
    if reply.request_id != request_id:
        raise ProtocolError(
            (dialect, "request_id"),
            f"it answers {shown(reply.request_id)}, and {shown(request_id)} was asked",
        )
