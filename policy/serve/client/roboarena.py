"""RoboArena and DreamZero as a client speaks them: openpi's maps with an endpoint, sessions and resets."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from policy.serve import dreamzero, roboarena
from policy.serve.client.connection import Connection
from policy.serve.client.openpi import flat
from policy.serve.client.speaker import Past, answer, one
from policy.serve.codec import Codec
from policy.serve.exchange import WORKBENCH, Answered, Asked, Greeting, contract_in
from policy.serve.fields import binary
from policy.serve.roboarena import ServerNeeds, chunk_from, needs_from


class RoboArenaSpeaker:
    """See `policy.serve.client.speaker.Speaker`. Whether there are sessions the server says when it greets."""

    batches = False
    past: Past = "server"
    codec: Codec = roboarena.CODEC

    def greet(self, connection: Connection, timeout_s: float) -> Greeting:
        """See the protocol."""
        metadata = self.codec.decode(binary(connection.receive(timeout_s)))
        needs = needs_from(metadata, (self.codec.dialect,))
        self.past = self._past(needs)
        limits = {"image_resolution": needs.image_resolution, "n_external_cameras": needs.n_external_cameras}
        return Greeting(metadata, contract_in(metadata), limits)

    def begin(self, connection: Connection, asked: Asked, timeout_s: float) -> None:
        """See the protocol."""
        message: dict[str, Any] = {"endpoint": "reset"}
        if self.past == "session":
            message |= {"session_id": asked.session}
        roboarena.check_reset_reply(connection.ask(self.codec.encode(message), timeout_s))

    def ask(self, connection: Connection, questions: Sequence[Asked], timeout_s: float) -> Answered:
        """See the protocol."""
        asked = one(questions)
        message = flat(asked) | {"endpoint": "infer"}
        if self.past == "session" or self.codec is dreamzero.CODEC:
            message["session_id"] = asked.session
        reply = self.codec.decode(binary(connection.ask(self.codec.encode(message), timeout_s)))
        own = reply.get(WORKBENCH) if isinstance(reply, dict) else None
        chunk: np.ndarray = chunk_from(reply, (self.codec.dialect,))
        return answer([{"actions": chunk}], own, (self.codec.dialect,))

    def _past(self, needs: ServerNeeds) -> Past:
        return "session" if needs.needs_session_id else "server"


class DreamZeroSpeaker(RoboArenaSpeaker):
    """DreamZero: a session that the server has not seen last begins anew, so that it has room for one at a time."""

    codec = dreamzero.CODEC

    def _past(self, needs: ServerNeeds) -> Past:
        return "server"
