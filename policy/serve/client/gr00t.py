"""GR00T's three versions as a client speaks them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from policy.serve import gr00t
from policy.serve.client.connection import Connection
from policy.serve.client.speaker import Past, answer, one
from policy.serve.errors import ProtocolError
from policy.serve.exchange import WORKBENCH, Answered, Asked, Chunk, Greeting, contract_in
from policy.serve.fields import as_map

LANGUAGE = {
    "n1.5": "annotation.human.action.task_description",
    "n1.6": "annotation.language.language_instruction",
    "n1.7": "annotation.language.language_instruction",
}
"""What the prompt is called unless a mapping says otherwise."""


class Gr00tSpeaker:
    """See `policy.serve.client.speaker.Speaker`. Names are ``video.x`` and ``state.x``, also where they are nested."""

    past: Past = "server"

    def __init__(self, version: gr00t.Version, token: str = "") -> None:
        self.version: gr00t.Version = version
        self.batches = version != "n1.5"
        self._token, self._path = token, (gr00t.CODECS[version].dialect,)

    def greet(self, connection: Connection, timeout_s: float) -> Greeting:
        """A ping, since the server says nothing by itself."""
        reply = as_map(self._call(connection, {"endpoint": "ping"}, timeout_s), self._path)
        if reply.get("status") != "ok":
            raise ProtocolError(self._path, "its answer to a ping has no status ok")
        return Greeting(reply, contract_in(reply))

    def begin(self, connection: Connection, asked: Asked, timeout_s: float) -> None:
        """A reset, which N1.5 does not have."""
        if self.version != "n1.5":
            own = {} if asked.own is None else {WORKBENCH: {"session": asked.session}}
            data: dict[str, Any] = {"options": own or None}
            as_map(self._call(connection, {"endpoint": "reset", "data": data}, timeout_s) or {}, self._path)

    def ask(self, connection: Connection, questions: Sequence[Asked], timeout_s: float) -> Answered:
        """See the protocol."""
        data = self._single(one(questions)) if self.version == "n1.5" else self._batch(questions)
        reply = self._call(connection, {"endpoint": "get_action", "data": data}, timeout_s)
        own = None
        if self.version == "n1.5":
            own = reply.pop(WORKBENCH, None) if isinstance(reply, dict) else None
        elif isinstance(reply, list) and len(reply) == 2 and isinstance(reply[1], dict):
            own = reply[1].get(WORKBENCH)
        parts = gr00t.actions(reply, self.version)
        return answer(self._chunks(parts, questions), own, self._path)

    def _call(self, connection: Connection, message: dict[str, Any], timeout_s: float) -> Any:
        if self._token:
            message = message | {"api_token": self._token}
        return gr00t.decode_reply(
            connection.ask(gr00t.encode(message, self.version), timeout_s), self.version
        )

    def _single(self, asked: Asked) -> dict[str, Any]:
        flat: dict[str, Any] = {name: image[None] for name, image in asked.images.items()}
        flat |= {name: vector[None] for name, vector in asked.state.items()}
        flat[self._prompt_key(asked)] = [asked.prompt]
        if asked.own is not None:
            flat[WORKBENCH] = {**asked.own, "session": asked.session}
        return flat

    def _batch(self, questions: Sequence[Asked]) -> dict[str, Any]:
        first = questions[0]
        flat: dict[str, Any] = {
            name: np.stack([asked.images[name] for asked in questions])[:, None] for name in first.images
        }
        flat |= {name: np.stack([asked.state[name] for asked in questions])[:, None] for name in first.state}
        key, prompts = self._prompt_key(first), [asked.prompt for asked in questions]
        options: dict[str, Any] | None = None
        if first.own is not None:
            options = {WORKBENCH: [{**(asked.own or {}), "session": asked.session} for asked in questions]}
        if self.version == "n1.7":
            return {"observation": flat | {key: prompts}, "options": options}
        nested: dict[str, dict[str, Any]] = {"language": {key: [[prompt] for prompt in prompts]}}
        for name, value in flat.items():
            modality, _, rest = name.partition(".")
            nested.setdefault(modality, {})[rest] = value
        return {"observation": nested, "options": options}

    def _prompt_key(self, asked: Asked) -> str:
        return asked.prompt_key or LANGUAGE[self.version]

    def _chunks(self, parts: dict[str, np.ndarray], questions: Sequence[Asked]) -> list[Chunk]:
        if self.version == "n1.5":
            return [parts]
        rows = {len(part) for part in parts.values()}
        if rows != {len(questions)}:
            raise ProtocolError(
                self._path, f"it has chunks for {min(rows)}, and {len(questions)} were asked for"
            )
        return [{name: part[row] for name, part in parts.items()} for row in range(len(questions))]
