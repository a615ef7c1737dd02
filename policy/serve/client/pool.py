"""`Pool`: connections to one server, each with one request under way, and what happens when one breaks.

A question can be asked again on another connection if its answer depends on nothing but itself. Where the server keeps
a policy's past, only an episode's first question can: its past is gone with the connection, or may be.
"""

from __future__ import annotations

import contextlib
import threading
import time
from collections.abc import Callable
from dataclasses import replace
from typing import TypeVar

from policy.serve.client.address import Address
from policy.serve.client.connection import Connection
from policy.serve.client.settings import Settings
from policy.serve.client.speaker import Speaker
from policy.serve.errors import ConnectionLost, ProtocolError, RemoteError, ServerError, TimedOut
from policy.serve.exchange import Greeting

T = TypeVar("T")
FIRST_PAUSE_S, LONGEST_PAUSE_S = 0.05, 2.0
"""Between two attempts to reach a server that went away [s]."""


class Pool:
    """Connections that are greeted, lent out, and closed when anything is wrong with them."""

    def __init__(
        self,
        address: Address,
        speaker: Speaker,
        settings: Settings,
        opened: Callable[[Address, Settings], Connection],
    ) -> None:
        self.address, self.speaker, self.settings, self._opened = address, speaker, settings, opened
        self.greeting: Greeting | None = None
        """What the server said of itself last."""
        self._free: dict[int | None, list[Connection]] = {}
        self._all: set[Connection] = set()
        self._lock = threading.Lock()
        self._closed = False

    def use(self, work: Callable[[Connection], T], key: int | None = None, repeatable: bool = True) -> T:
        """What `work` gives on a connection, asked again on a new one where that may be and the first one broke.

        Args:
            work: asks and reads the answer.
            key: whose connection it must be, where a connection has a past; None for any.
            repeatable: whether it may be done again, on another connection.

        Raises:
            RemoteError: Nothing came of it, in one sentence for the user.
        """
        end = time.monotonic() + self.settings.patience_s
        late, pause = 0, FIRST_PAUSE_S
        while True:
            connection: Connection | None = None
            try:
                connection = self._lend(key, repeatable)
                result = work(connection)
            except ConnectionLost as problem:
                self._drop(connection)
                late += isinstance(problem, TimedOut)
                if (
                    self._closed
                    or not repeatable
                    or late >= self.settings.attempts
                    or time.monotonic() >= end
                ):
                    raise self._given_up(problem, late, repeatable) from None
            except (ProtocolError, ServerError) as problem:
                self._drop(connection)
                raise RemoteError(f"{self.address}: {problem}") from None
            except BaseException:
                self._drop(connection)  # whatever it was, an answer may be on its way
                raise
            else:
                self._take_back(connection, key)
                return result
            time.sleep(min(pause, max(0.0, end - time.monotonic())))
            pause = min(2 * pause, LONGEST_PAUSE_S)

    def connect(self) -> Greeting:
        """Greet the server once, without patience, and keep the connection.

        Raises:
            RemoteError: It is not there, or speaks otherwise.
        """
        try:
            connection, greeting = self._greeted()
        except ConnectionLost as problem:
            raise RemoteError(
                f"there is no policy's server to speak with at {self.address}: {problem}"
            ) from None
        except (ProtocolError, ServerError) as problem:
            raise RemoteError(
                f"{self.address} does not greet as {self.address.dialect} does: {problem}"
            ) from None
        self._take_back(connection, None)
        return greeting

    def close(self) -> None:
        """Close all; whoever waits on one gives up soon."""
        with self._lock:
            self._closed = True
            free = [connection for some in self._free.values() for connection in some]
            lent = self._all.difference(free)
            self._free, self._all = {}, set()
        for connection in lent:
            connection.abandon()
        for connection in free:
            with contextlib.suppress(ConnectionLost):
                connection.leave()

    def _lend(self, key: int | None, may_be_new: bool) -> Connection:
        with self._lock:
            if self._closed:
                raise ConnectionLost("the client was closed")
            for name in dict.fromkeys((key, None) if may_be_new else (key,)):
                if self._free.get(name):
                    return self._free[name].pop()
        if key is not None and not may_be_new:
            raise ConnectionLost("its connection is gone")
        return self._greeted()[0]

    def _greeted(self) -> tuple[Connection, Greeting]:
        connection = self._opened(self.address, self.settings)
        try:
            greeting = replace(
                self.speaker.greet(connection, self.settings.connect_s), past=self.speaker.past
            )
        except BaseException:
            connection.close()
            raise
        with self._lock:
            before, self.greeting = self.greeting, greeting
            self._all.add(connection)
        if before is not None and before.contract != greeting.contract:
            self._drop(connection)
            raise ProtocolError((self.address.dialect,), "its server came back with another policy")
        return connection, greeting

    def _take_back(self, connection: Connection, key: int | None) -> None:
        with self._lock:
            if not self._closed:
                self._free.setdefault(key, []).append(connection)
                return
        connection.close()

    def _drop(self, connection: Connection | None) -> None:
        if connection is not None:
            connection.close()
            with self._lock:
                self._all.discard(connection)

    def _given_up(self, problem: ConnectionLost, late: int, repeatable: bool) -> RemoteError:
        if not repeatable:
            return RemoteError(
                f"{self.address}: {problem} in the middle of an episode, and what the server knew of it is lost; the "
                "same command again runs that episode anew and goes on from here"
            )
        times = f" ({late} times; policy.timeout_s= and policy.attempts= allow more)" if late > 1 else ""
        waited = (
            ""
            if late
            else f", and did not come back within {self.settings.patience_s:g} s (policy.patience_s=)"
        )
        return RemoteError(
            f"{self.address}: {problem}{times}{waited}; the same command again goes on from here"
        )
