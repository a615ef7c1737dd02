"""openpi and RoboArena as a server speaks them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from policy.serve import openpi, roboarena
from policy.serve.exchange import WORKBENCH, Asked
from policy.serve.fields import is_numeric
from policy.serve.msgpack_reader import Found
from policy.serve.server.repeats import Repeats
from policy.serve.server.turn import Ask, Frame, Received, Reset, Served, Turn, own_of


class OpenpiSpoken:
    """See `policy.serve.server.turn.Spoken`. A connection is an episode, since openpi has no word for a new one."""

    def __init__(self, contract: Mapping[str, Any], prompt_key: str = "") -> None:
        self._contract, self._prompt_key = contract, prompt_key or "prompt"
        self._total_ms: float | None = None
        self._repeats = Repeats()

    def greeting(self) -> Frame:
        """See the protocol."""
        return openpi.encode({WORKBENCH: self._contract})

    def turn(self, frame: Received) -> Turn:
        """See the protocol."""
        row = self._repeats.row(frame)
        if row is not None:
            return Ask([Asked({}, {}, row.instruction)], self._answer, [row])
        found: Found = []
        asked = asked_in(openpi.decode_request(frame, found=found), self._prompt_key)
        return Ask([asked], self._answer, learn=lambda row: self._repeats.learn(frame, found, row))

    def refusal(self, problem: str) -> Frame:
        """Text, which openpi's client raises as an error."""
        return problem

    def _answer(self, served: Served) -> Frame:
        times = {"infer_ms": served.infer_ms}
        if self._total_ms is not None:
            times["prev_total_ms"] = self._total_ms
        self._total_ms = served.server_ms
        reply: dict[str, Any] = {"actions": served.chunks[0], "server_timing": times}
        if any(said is not None for said in served.grounding):
            reply[WORKBENCH] = served.own()
        return openpi.encode(reply)


class RoboArenaSpoken:
    """See `policy.serve.server.turn.Spoken`. Episodes are named by ``session_id``."""

    def __init__(
        self, contract: Mapping[str, Any], cameras: int, action_space: str, prompt_key: str = ""
    ) -> None:
        self._contract, self._prompt_key = contract, prompt_key or "prompt"
        self._needs = {
            "image_resolution": None,
            "needs_wrist_camera": True,
            "n_external_cameras": max(0, cameras - 1),
            "needs_stereo_camera": False,
            "needs_session_id": True,
            "action_space": action_space,
        }

    def greeting(self) -> Frame:
        """See the protocol."""
        return roboarena.encode(self._needs | {WORKBENCH: self._contract})

    def turn(self, frame: Received) -> Turn:
        """See the protocol."""
        request = roboarena.decode_request(frame)
        session = request.pop("session_id", None)
        if request.pop("endpoint") == "reset":
            several = request.get("session_ids")
            named = tuple(several) if several is not None else (session,) if session is not None else None
            return Reset(roboarena.RESET_REPLY, named)
        asked = asked_in(request, self._prompt_key, session or "")
        is_own = asked.own is not None
        return Ask([asked], lambda served: self._answer(served, is_own))

    def refusal(self, problem: str) -> Frame:
        """Text, which clients raise as an error."""
        return problem

    def _answer(self, served: Served, is_own: bool) -> Frame:
        own = {WORKBENCH: served.own()} if is_own else {}
        return roboarena.encode({"actions": served.chunks[0], **own})


def asked_in(message: dict[str, Any], prompt_key: str, session: str = "") -> Asked:
    """The question in a flat map: what has three dimensions is a picture, other arrays and numbers are state."""
    own = own_of(message.pop(WORKBENCH, None))
    prompt = message.pop(prompt_key, "")
    images: dict[str, np.ndarray] = {}
    state: dict[str, np.ndarray] = {}
    for key, value in message.items():
        if is_numeric(value):
            array = np.asarray(value)
            if array.ndim <= 3:
                (images if array.ndim == 3 else state)[key] = array
    return Asked(images, state, prompt if isinstance(prompt, str) else "", session=session, own=own)
