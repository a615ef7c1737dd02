"""GR00T's three versions as a server speaks them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from policy.serve import gr00t
from policy.serve.client.gr00t import LANGUAGE
from policy.serve.errors import ProtocolError, shown
from policy.serve.exchange import WORKBENCH, Asked
from policy.serve.fields import as_map, one_of
from policy.serve.modality_config import ModalityConfig
from policy.serve.server.status import owns_in, some
from policy.serve.server.turn import Ask, Frame, Received, Reset, Say, Served, Turn, own_of

ENDPOINTS = ("ping", "get_action", "get_modality_config", "reset")


class Gr00tSpoken:
    """See `policy.serve.server.turn.Spoken`. There is no kill: a client does not end a server."""

    def __init__(
        self,
        version: gr00t.Version,
        contract: Mapping[str, Any],
        keys: Sequence[tuple[str, int]],
        prompt_key: str = "",
    ) -> None:
        """
        Args:
            version: of the protocol.
            contract: what a ping is told.
            keys: parts of an action by name, with their widths.
            prompt_key: what the prompt is called; the version's own by default.
        """
        self.version: gr00t.Version = version
        self._contract, self._keys = contract, keys
        self._prompt_key = prompt_key or LANGUAGE[version]
        self._path = (gr00t.CODECS[version].dialect,)

    def greeting(self) -> Frame | None:
        """Nothing: clients speak first."""
        return None

    def turn(self, frame: Received) -> Turn:
        """See the protocol."""
        request = gr00t.decode_request(frame, self.version)
        endpoint = one_of(request["endpoint"], ENDPOINTS, (*self._path, "endpoint"))
        if endpoint == "ping":
            return Say(self._say({"status": "ok", "message": "Server is running", WORKBENCH: self._contract}))
        if endpoint == "reset":
            return Reset(self._say({}))
        if endpoint == "get_modality_config":
            return Say(self._say(self._modalities()))
        data = request["data"]
        return self._single(data) if self.version == "n1.5" else self._batch(data)

    def refusal(self, problem: str) -> Frame:
        """See the protocol."""
        return self._say({"error": problem})

    def _single(self, data: dict[str, Any]) -> Turn:
        own = own_of(data.pop(WORKBENCH, None))
        asked = self._asked(data, 0, None, own)

        def answer(served: Served) -> Frame:
            reply: dict[str, Any] = {f"action.{name}": part for name, part in self._parts(served.chunks[0])}
            return self._say(reply | ({WORKBENCH: served.own()} if own is not None else {}))

        return Ask([asked], answer)

    def _batch(self, data: dict[str, Any]) -> Turn:
        observation = as_map(data["observation"], (*self._path, "data", "observation"))
        flat: dict[str, Any] = {}
        for name, value in observation.items():
            nested = isinstance(value, dict)
            prefix = "" if name == "language" else f"{name}."
            flat |= {f"{prefix}{key}": v for key, v in value.items()} if nested else {name: value}
        sizes = {len(v) for v in flat.values() if isinstance(v, np.ndarray) and v.ndim}
        if len(sizes) != 1:
            raise ProtocolError(
                (*self._path, "data", "observation"), f"its parts are for {sorted(sizes)[:4]} environments"
            )
        (rows,) = sizes
        owns = owns_in(data.get("options") or {}, rows, (*self._path, "data", "options"))
        questions = [self._asked(flat, row, rows, own) for row, own in enumerate(owns)]

        def answer(served: Served) -> Frame:
            whole = dict(self._parts(np.stack(served.chunks)))
            info = {WORKBENCH: served.own()} if owns[0] is not None else {}
            return self._say([whole, info])

        return Ask(some(questions, self._path), answer)

    def _asked(
        self, flat: Mapping[str, Any], row: int, rows: int | None, own: Mapping[str, Any] | None
    ) -> Asked:
        """The question of a row; the newest of several steps in time is taken."""
        images: dict[str, np.ndarray] = {}
        state: dict[str, np.ndarray] = {}
        for key, value in flat.items():
            if not isinstance(value, np.ndarray):
                continue
            if rows is not None and not value.ndim:
                raise ProtocolError((*self._path, key), "it is one number, not one of each environment")
            one = value if rows is None else value[row]
            if not one.ndim or not len(one):
                raise ProtocolError(
                    (*self._path, key), f"its shape is {shown(value.shape)}, without a step in time"
                )
            newest = one[-1]
            (images if newest.ndim == 3 else state)[key] = newest
        return Asked(images, state, self._prompt(flat, row), str(row), own)

    def _prompt(self, flat: Mapping[str, Any], row: int) -> str:
        value = flat.get(self._prompt_key)
        for index in (row, 0):
            if not isinstance(value, list | tuple):
                break
            value = value[index] if index < len(value) else None
        if not isinstance(value, str):
            raise ProtocolError(
                (*self._path, self._prompt_key), f"it has no instruction for environment {row}"
            )
        return value

    def _parts(self, actions: np.ndarray) -> list[tuple[str, np.ndarray]]:
        ends = np.cumsum([width for _, width in self._keys])[:-1]
        parts = np.split(actions, ends, -1)
        return [(name, np.ascontiguousarray(part)) for (name, _), part in zip(self._keys, parts, strict=True)]

    def _modalities(self) -> dict[str, Any]:
        names = {
            "video": [str(camera) for camera in self._contract["cameras"]],
            "action": [name for name, _ in self._keys],
            "language": [self._prompt_key],
        }
        return {
            modality: ModalityConfig({"delta_indices": [0], "modality_keys": keys})
            for modality, keys in names.items()
        }

    def _say(self, message: object) -> Frame:
        return gr00t.encode(message, self.version)
