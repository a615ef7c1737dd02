"""`Service`: messages of clients in, answers out; what both transports share."""

from __future__ import annotations

import queue
import sys
import threading
import time
import traceback
from collections.abc import Callable, Sequence

import numpy as np

from policy.serve.errors import ProtocolError, ServerError
from policy.serve.server.batcher import Answer, Batcher, Job
from policy.serve.server.contract import Contract
from policy.serve.server.metrics import Metrics
from policy.serve.server.rows import Reader, Row
from policy.serve.server.sessions import Session, Sessions
from policy.serve.server.turn import Ask, Frame, Received, Reset, Say, Served, Spoken

OWN = "own/"
"""Sessions of the bench's clients: their names are unique, and outlive a connection."""

LONGEST_DRAIN_S = 30.0
"""How long a server that ends waits for its policy [s]."""
ATTENDED_S = 5.0
"""While the policy runs, the client's connection is looked after as often as this [s]."""


class Service:
    """One policy, any number of clients, each in a thread of its own."""

    def __init__(
        self,
        contract: Contract,
        speak: Callable[[], Spoken],
        reader: Reader,
        batcher: Batcher,
        sessions: Sessions,
        metrics: Metrics,
    ) -> None:
        """
        Args:
            contract: what the policy is.
            speak: the dialect, for one connection.
            reader: between questions and the policy.
            batcher: runs the policy.
            sessions: episodes under way.
            metrics: counts.
        """
        self.contract, self.speak, self.metrics = contract, speak, metrics
        self._reader, self._batcher, self._sessions = reader, batcher, sessions
        self.draining = False
        self.under_way = 0
        self._lock = threading.Lock()
        """Of the sessions, and of what is under way."""

    def answer(
        self, spoken: Spoken, client: str, frame: Received, attend: Callable[[], object] = lambda: None
    ) -> Frame | None:
        """What a message is answered by, once it is; None where the dialect has no answer to it.

        `attend` is called every now and then until then.
        """
        began = time.perf_counter()
        self.metrics.count("requests_total")
        with self._lock:
            self.under_way += 1
        try:
            if self.draining:
                raise ServerError("refused", "this server is ending")
            turn = spoken.turn(frame)
            if isinstance(turn, Say):
                return turn.frame
            if isinstance(turn, Reset):
                with self._lock:
                    for session in turn.sessions if turn.sessions is not None else ("",):
                        self._sessions.end(f"{client}/{session}")
                    self.metrics.set("sessions", len(self._sessions))
                return turn.frame
            return turn.answer(self._served(turn, client, began, attend))
        except (ProtocolError, ServerError) as problem:
            self.metrics.count("refused_total")
            return spoken.refusal(str(problem))
        except Exception as bug:
            traceback.print_exc(file=sys.stderr)  # for whoever runs the server; the client gets a sentence
            self.metrics.count("failures_total")
            return spoken.refusal(f"the server failed with {type(bug).__name__}; its log says more")
        finally:
            with self._lock:
                self.under_way -= 1
            self.metrics.time("request_seconds", time.perf_counter() - began)

    @property
    def wake(self) -> int:
        """See `Batcher.wake`."""
        return self._batcher.wake

    @property
    def wanted(self) -> bool:
        """See `Batcher.wanted`."""
        return self._batcher.wanted

    def host(self, work: Callable[[], object], attend: Callable[[], object]) -> None:
        """Speak with a client in the policy's thread, which spares two turns of threads: see `Batcher.host`."""
        self._batcher.host(work, attend, ATTENDED_S)

    def answered(self) -> None:
        """Wait until what is under way is answered, or the policy has had its time for that."""
        end = time.monotonic() + LONGEST_DRAIN_S
        while self.under_way and time.monotonic() < end:
            time.sleep(0.01)

    def leave(self, client: str) -> None:
        """A client is gone, and so are its sessions, but for those of the bench's."""
        with self._lock:
            self._sessions.end(f"{client}/")
            self.metrics.set("sessions", len(self._sessions))

    def _served(self, turn: Ask, client: str, began: float, attend: Callable[[], object]) -> Served:
        rows = turn.rows or [self._reader.row(asked) for asked in turn.questions]
        if turn.learn is not None:
            turn.learn(rows[0])
        if (
            len(rows) > 1
            and len({tuple((name, image.shape) for name, image in row.images.items()) for row in rows}) > 1
        ):
            raise ServerError("refused", "pictures of one camera differ in size within a message")
        sessions: list[Session] = []
        try:
            with self._lock:
                for asked, row in zip(turn.questions, rows, strict=True):
                    name = (
                        f"{OWN}{row.own['session']}" if row.own is not None else f"{client}/{asked.session}"
                    )
                    session = self._sessions.get(name, row.own, self.contract.execute_steps)
                    session.busy += 1
                    sessions.append(session)
                steps = [session.step for session in sessions]
                self.metrics.set("sessions", len(self._sessions))
            if len({session.slot for session in sessions}) != len(sessions):
                raise ServerError("refused", "two questions of a message are about one episode")
            answers, infer_ms = self._acted(sessions, steps, rows, attend)
        finally:
            with self._lock:
                for session in sessions:
                    self._sessions.done(session)
        chunks = [self._told(row, actions) for row, (actions, _) in zip(rows, answers, strict=True)]
        if len({len(chunk) for chunk in chunks}) > 1:
            raise ServerError("refused", "the policy's chunks are not of one length")
        grounding = [said for _, said in answers]
        return Served(chunks, grounding, 1e3 * (time.perf_counter() - began), infer_ms)

    def _acted(
        self, sessions: list[Session], steps: list[int], rows: Sequence[Row], attend: Callable[[], object]
    ) -> tuple[list[Answer], float]:
        """What the policy answered, and how long it ran [ms]."""
        done: queue.SimpleQueue[list[Answer] | Exception] = queue.SimpleQueue()
        job = Job(sessions, steps, rows, done.put)
        self._batcher.submit(job)
        while True:
            try:
                result = done.get(timeout=ATTENDED_S)
            except queue.Empty:
                attend()
                continue
            if isinstance(result, Exception):
                raise result
            return result, job.infer_ms

    def _told(self, row: Row, actions: np.ndarray) -> np.ndarray:
        if row.lacks and not np.isfinite(actions).all():
            raise ServerError(
                "the policy gives no finite actions, and the request lacks", ", ".join(row.lacks)
            )
        return self._reader.told(row, actions)
