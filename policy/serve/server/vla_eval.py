"""vla-eval as a server speaks it: the client greets, and a connection is one episode after the other."""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import Any

import numpy as np

from policy.serve import vla_eval
from policy.serve.exchange import WORKBENCH, Asked
from policy.serve.server.turn import Ask, Frame, Received, Reset, Say, Served, Turn, own_of
from policy.serve.vla_eval import Message


class VlaEvalSpoken:
    """See `policy.serve.server.turn.Spoken`.

    vla-eval's benchmarks execute one action an observation, so they are sent one ``[D]`` at a time, and the policy is
    asked when what is to be executed of its chunk is used up; clients of the bench get chunks ``[H, D]``.
    """

    def __init__(self, contract: Mapping[str, Any]) -> None:
        self._contract = contract
        self._seq = 0
        self._left: list[np.ndarray] = []

    def greeting(self) -> Frame | None:
        """Nothing: clients speak first."""
        return None

    def turn(self, frame: Received) -> Turn:
        """See the protocol."""
        self._seq = 0
        message = vla_eval.decode(frame)
        self._seq = message.seq
        if message.kind == "hello":
            hello = {
                "harness_version": "0.8.0",
                "protocol_version": 1,
                "model_server": "workbench",
                "capabilities": {},
            }
            return Say(self._say("hello", hello | {WORKBENCH: self._contract}))
        if message.kind == "observation":
            return self._asked(message.payload)
        self._left = []
        return Reset(None)  # an episode starts or ends, or a client says what is for servers to say

    def refusal(self, problem: str) -> Frame:
        """See the protocol."""
        return self._say("error", {"error": problem})

    def _asked(self, payload: dict[str, Any]) -> Turn:
        own = own_of(payload.get(WORKBENCH))
        if own is None and self._left:
            return Say(self._say("action", {"actions": self._left.pop(0)}))
        images = {name: vla_eval.pixels(image) for name, image in (payload.get("images") or {}).items()}
        state = {
            name: np.asarray(value, np.float64)
            for name, value in payload.items()
            if isinstance(value, np.ndarray)
            or (isinstance(value, list) and value and all(map(_is_number, value)))
        }
        asked = Asked(images, state, payload.get("task_description") or "", own=own)

        def answer(served: Served) -> Frame:
            if own is not None:
                return self._say("action", {"actions": served.chunks[0], WORKBENCH: served.own()})
            first, *self._left = served.chunks[0][: self._contract["execute_steps"]]
            return self._say("action", {"actions": first})

        return Ask([asked], answer)

    def _say(self, kind: str, payload: dict[str, Any]) -> Frame:
        return vla_eval.encode(Message(kind, payload, self._seq, time.time()))


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)
