"""openpi as a client speaks it: the server greets, and each request is one environment's."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from policy.serve import openpi
from policy.serve.client.connection import Connection
from policy.serve.client.speaker import Past, answer, one
from policy.serve.errors import ProtocolError
from policy.serve.exchange import WORKBENCH, Answered, Asked, Greeting, contract_in

SIGNS = {
    "needs_session_id": "remote:roboarena:// (or remote:dreamzero://)",
    "available_unnorm_keys": "remote:starvla://",
}
"""Metadata by which servers of other dialects that begin alike are known -> what to use instead."""


class OpenpiSpeaker:
    """See `policy.serve.client.speaker.Speaker`."""

    batches = False
    past: Past = "none"

    def greet(self, connection: Connection, timeout_s: float) -> Greeting:
        """See the protocol."""
        metadata = openpi.decode_metadata(connection.receive(timeout_s))
        refuse_signs(metadata, SIGNS, "openpi")
        return Greeting(metadata, contract_in(metadata))

    def begin(self, connection: Connection, asked: Asked, timeout_s: float) -> None:
        """openpi has no word for it; a server of the bench sees it by the session."""

    def ask(self, connection: Connection, questions: Sequence[Asked], timeout_s: float) -> Answered:
        """See the protocol."""
        reply = openpi.decode_reply(connection.ask(openpi.encode(flat(one(questions))), timeout_s))
        times = openpi.server_times(reply)
        return answer(
            [{"actions": openpi.actions(reply)}],
            reply.get(WORKBENCH),
            (openpi.CODEC.dialect,),
            times.get("infer_ms"),
        )


def flat(asked: Asked) -> dict[str, Any]:
    """One flat map of pictures, state and prompt, as openpi, RoboArena and DreamZero have it."""
    message: dict[str, Any] = {**asked.images, **asked.state, asked.prompt_key or "prompt": asked.prompt}
    if asked.own is not None:
        message[WORKBENCH] = {**asked.own, "session": asked.session}
    return message


def refuse_signs(metadata: dict[str, Any], signs: dict[str, str], dialect: str) -> None:
    """Return unless metadata are those of a server of another dialect.

    Raises:
        ProtocolError: They are.
    """
    for key, use in signs.items():
        if key in metadata:
            raise ProtocolError(
                (dialect,), f"its metadata have {key!r}, as servers of another dialect do: use {use}"
            )
