"""`Speaker`: a dialect as a client speaks it, over any connection."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal, Protocol

import numpy as np

from policy.serve.client.connection import Connection
from policy.serve.errors import Path, ProtocolError
from policy.serve.exchange import WORKBENCH, Answered, Asked, Chunk, Greeting, answered

Past = Literal["none", "session", "connection", "server"]
"""Where a server keeps a policy's past: nowhere that the dialect knows of; under the session that a request names; with
the connection; or once, for all clients together."""


class Speaker(Protocol):
    """One dialect."""

    batches: bool
    """Whether one request can ask for many environments."""
    past: Past

    def greet(self, connection: Connection, timeout_s: float) -> Greeting:
        """What a new connection begins with.

        Raises:
            ProtocolError: The server speaks otherwise.
            ServerError: It reports a failure.
            ConnectionLost: It says nothing in time, or goes.
        """
        ...

    def begin(self, connection: Connection, asked: Asked, timeout_s: float) -> None:
        """Tell the server that an episode begins, before its first question; as `greet`, it may raise."""
        ...

    def ask(self, connection: Connection, questions: Sequence[Asked], timeout_s: float) -> Answered:
        """Ask a question, or many where the dialect `batches`; as `greet`, it may raise."""
        ...


def one(questions: Sequence[Asked]) -> Asked:
    """The question of a request that has room for one."""
    (asked,) = questions
    return asked


def chunks_of(batch: np.ndarray, questions: Sequence[Asked], path: Path) -> list[Chunk]:
    """A batch of chunks ``[B, H, D]``, one a question.

    Raises:
        ProtocolError: There are more or fewer.
    """
    if len(batch) != len(questions):
        raise ProtocolError(path, f"it has chunks for {len(batch)}, and {len(questions)} were asked for")
    return [{"actions": chunk} for chunk in batch]


def answer(chunks: Sequence[Chunk], own: object, path: Path, server_ms: float | None = None) -> Answered:
    """Chunks together with what a server of the bench says beside them.

    Raises:
        ProtocolError: It says that in no form that this version knows.
    """
    try:
        return answered(chunks, own, server_ms)
    except ValueError as problem:
        raise ProtocolError((*path, WORKBENCH), str(problem)) from None
