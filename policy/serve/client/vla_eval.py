"""vla-eval as a client speaks it: an episode is a connection's, and every message has a number."""

from __future__ import annotations

import itertools
import time
from collections.abc import Sequence
from typing import Any
from weakref import WeakSet

from policy.serve import vla_eval
from policy.serve.client.connection import Connection, Unasked
from policy.serve.client.speaker import Past, answer, one
from policy.serve.errors import ProtocolError, ServerError
from policy.serve.exchange import WORKBENCH, Answered, Asked, Greeting, contract_in
from policy.serve.fields import as_map, binary
from policy.serve.images import EncodedImage
from policy.serve.vla_eval import Message


class VlaEvalSpeaker:
    """See `policy.serve.client.speaker.Speaker`. Pictures go as PNG, as the public client's, or as they are to ours."""

    batches = False
    past: Past = "connection"

    def __init__(self) -> None:
        self._numbers = itertools.count(1)
        self._as_png = True
        self._in_episode: WeakSet[Connection] = WeakSet()

    def greet(self, connection: Connection, timeout_s: float) -> Greeting:
        """See the protocol."""
        hello = {"harness_version": "0.8.0", "protocol_version": 1, "benchmark": WORKBENCH}
        message = self._message("hello", hello)
        reply = self._answer(connection.ask(vla_eval.encode(message), timeout_s), message)
        if reply.kind != "hello":
            raise ProtocolError((*vla_eval.PATH, "type"), f"it is {reply.kind!r}, not hello")
        version = reply.payload.get("protocol_version")
        if version != 1:
            raise ProtocolError((*vla_eval.PATH, "payload", "protocol_version"), f"it is {version!r}, not 1")
        contract = contract_in(reply.payload)
        self._as_png = contract is None
        return Greeting(reply.payload, contract)

    def begin(self, connection: Connection, asked: Asked, timeout_s: float) -> None:
        """The start of an episode, which is not answered unless it fails: that shows at the next question."""
        if connection in self._in_episode:
            connection.send(vla_eval.encode(self._message("episode_end", {"metrics": {}})))
        self._in_episode.add(connection)
        task: dict[str, Any] = {"name": asked.prompt}
        if asked.own is not None:
            task[WORKBENCH] = {"session": asked.session}
        connection.send(vla_eval.encode(self._message("episode_start", {"task": task})))

    def ask(self, connection: Connection, questions: Sequence[Asked], timeout_s: float) -> Answered:
        """See the protocol."""
        asked = one(questions)
        images = {n: EncodedImage.of(i) if self._as_png else i for n, i in asked.images.items()}
        payload: dict[str, Any] = {"images": images, "task_description": asked.prompt, **asked.state}
        if asked.own is not None:
            payload[WORKBENCH] = {**asked.own, "session": asked.session}
        message = self._message("observation", payload)
        try:
            frame = connection.ask(vla_eval.encode(message), timeout_s)
        except Unasked as end:  # the start of the episode failed
            self._answer(end.frame, message)
            raise
        reply = self._answer(frame, message)
        chunk = vla_eval.actions(reply)
        own = reply.payload.get(WORKBENCH)
        return answer([{"actions": chunk[None] if chunk.ndim == 1 else chunk}], own, vla_eval.PATH)

    def _message(self, kind: str, payload: dict[str, Any]) -> Message:
        return Message(kind, payload, next(self._numbers), time.time())

    def _answer(self, frame: object, to: Message) -> Message:
        reply = vla_eval.decode(binary(frame))
        if reply.kind == "error":
            error = as_map(reply.payload, vla_eval.PATH).get("error")
            raise ServerError("the policy's server refused", str(error) if error else "")
        if reply.seq != to.seq:
            raise ProtocolError(
                (*vla_eval.PATH, "seq"), f"it answers message {reply.seq}, and {to.seq} was asked"
            )
        return reply
