"""InternVLA-M1 and starVLA as a server speaks them: many environments in a request."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from policy.serve import internvla_m1, starvla
from policy.serve.errors import Path, ProtocolError
from policy.serve.exchange import WORKBENCH, Asked
from policy.serve.fields import of_kind, required
from policy.serve.server.turn import Ask, Frame, Received, Reset, Say, Served, Turn, own_of
from policy.serve.status_reply import Request

Normalise = Callable[[np.ndarray], np.ndarray]


class M1Spoken:
    """See `policy.serve.server.turn.Spoken`.

    Actions travel normalised, by the policy's own statistics, with which its clients un-normalise them; clients of the
    bench get them in physical units beside that, to the last bit.
    """

    def __init__(self, contract: Mapping[str, Any], normalise: Normalise) -> None:
        self._contract, self._normalise = contract, normalise
        self._request = Request("infer", "default", {})

    def greeting(self) -> Frame:
        """See the protocol."""
        return internvla_m1.encode({"env": "simpler_env", WORKBENCH: self._contract})

    def turn(self, frame: Received) -> Turn:
        """See the protocol."""
        self._request = Request("infer", "default", {})
        self._request = request = internvla_m1.decode_request(frame)
        if request.kind == "ping":
            return Say(self._reply("pong"))
        if request.kind == "init":
            return Say(self._reply("init_result"))
        if request.kind == "reset":
            return Reset(self._reply("reset_result"))
        payload, path = request.payload, internvla_m1.PATH
        pictures = required(payload, "batch_images", list, path)
        owns = owns_in(payload, len(pictures), path)
        questions = [
            Asked(numbered(views), {}, instruction, str(row), own)
            for row, (views, instruction, own) in enumerate(
                zip(pictures, payload["instructions"], owns, strict=True)
            )
        ]
        return Ask(
            some(questions, path), lambda served: self._answer(served, owns[0] is not None, request.flat)
        )

    def refusal(self, problem: str) -> Frame:
        """See the protocol."""
        kind = {"ping": "pong", "init": "init_result", "reset": "reset_result"}.get(
            self._request.kind, "inference_result"
        )
        failed = {"status": "error", "ok": False, "type": kind, "request_id": self._request.request_id}
        return internvla_m1.encode(failed | {"message": problem})

    def _answer(self, served: Served, is_own: bool, is_flat: bool) -> Frame:
        actions = np.stack(served.chunks)
        data: dict[str, Any] = {"normalized_actions": self._normalise(actions).astype(np.float32)}
        if is_own:
            data[WORKBENCH] = {"actions": actions, **served.own()}
        # The public flat route has what its policy returns one level further down.
        return self._reply("inference_result", {"raw_action": data} if is_flat else data)

    def _reply(self, kind: str, data: Mapping[str, Any] | None = None) -> Frame:
        done = {"status": "ok", "ok": True, "type": kind, "request_id": self._request.request_id}
        return internvla_m1.encode(done | ({"data": data} if data is not None else {}))


class StarVlaSpoken:
    """See `policy.serve.server.turn.Spoken`."""

    def __init__(self, contract: Mapping[str, Any], chunk: int | None = None) -> None:
        self._contract, self._chunk = contract, chunk
        self._request = Request("infer", "default", {})

    def greeting(self) -> Frame:
        """See the protocol."""
        return starvla.encode(
            {
                "env": "starvla_policy_server",
                "ckpt_path": str(self._contract["policy"]),
                "action_chunk_size": self._chunk,
                "available_unnorm_keys": [],
                "default_unnorm_key": None,
                "training_data_mix": None,
                "training_obs_image_size": None,
                "eval_image_contract": "pictures as the cameras give them, RGB",
                WORKBENCH: self._contract,
            }
        )

    def turn(self, frame: Received) -> Turn:
        """See the protocol."""
        self._request = Request("infer", "default", {})
        self._request = request = starvla.decode_request(frame)
        if request.kind == "ping":
            return Say(self._reply("ping"))
        payload, path = request.payload, starvla.PATH
        examples = required(payload, "examples", list, path)
        owns = owns_in(payload, len(examples), path)
        questions = []
        for row, (example, own) in enumerate(zip(examples, owns, strict=True)):
            state = example.get("state")
            vectors = {"state": np.asarray(state)} if isinstance(state, np.ndarray) else {}
            questions.append(Asked(numbered(example["image"]), vectors, example["lang"], str(row), own))
        return Ask(some(questions, path), lambda served: self._answer(served, owns[0] is not None))

    def refusal(self, problem: str) -> Frame:
        """See the protocol."""
        kind = "ping" if self._request.kind == "ping" else "inference_result"
        failed = {"status": "error", "ok": False, "type": kind, "request_id": self._request.request_id}
        return starvla.encode(failed | {"error": {"message": problem}})

    def _answer(self, served: Served, is_own: bool) -> Frame:
        data: dict[str, Any] = {"actions": np.stack(served.chunks)}
        return self._reply("inference_result", data | ({WORKBENCH: served.own()} if is_own else {}))

    def _reply(self, kind: str, data: Mapping[str, Any] | None = None) -> Frame:
        done = {"status": "ok", "ok": True, "type": kind, "request_id": self._request.request_id}
        return starvla.encode(done | ({"data": data} if data is not None else {}))


def numbered(views: Sequence[np.ndarray]) -> dict[str, np.ndarray]:
    """Pictures that have no names, by their order."""
    return {str(at): view for at, view in enumerate(views)}


def some(questions: list[Asked], path: Path) -> list[Asked]:
    """The questions, of which there is at least one.

    Raises:
        ProtocolError: There is none.
    """
    if not questions:
        raise ProtocolError(path, "it asks about no environment")
    return questions


def owns_in(payload: Mapping[str, Any], rows: int, path: Path) -> list[Mapping[str, Any] | None]:
    """What a client of the bench says of each row; None for each of another client's.

    Raises:
        ProtocolError: It does not say it of each row.
    """
    if payload.get(WORKBENCH) is None:
        return [None] * rows
    owns = of_kind(payload[WORKBENCH], list, (*path, WORKBENCH))
    if len(owns) != rows:
        raise ProtocolError((*path, WORKBENCH), f"it has entries for {len(owns)} of {rows} environments")
    return [own_of(of_kind(own, dict, (*path, WORKBENCH))) for own in owns]
