"""Websocket connections of a client."""

from __future__ import annotations

import contextlib
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager

from websockets.client import ClientProtocol
from websockets.exceptions import InvalidStatus, InvalidURI
from websockets.frames import CloseCode
from websockets.uri import parse_uri

from policy.serve.client.address import Address
from policy.serve.client.connection import Frame, Unasked
from policy.serve.errors import ConnectionLost, ServerError, TimedOut, shown
from policy.serve.limits import DEFAULT_LIMITS
from policy.serve.message_socket import MessageSocket

ATTENDED_S = 5.0
"""Servers give up a client that leaves a ping unanswered for 20 s: one that asks nothing looks as often as this [s]."""


class WebsocketConnection:
    """See `policy.serve.client.connection.Connection`."""

    def __init__(self, address: Address, connect_s: float, send_s: float, headers: dict[str, str]) -> None:
        """
        Args:
            address: of the server.
            connect_s: how long the handshake may take [s].
            send_s: how long a message may wait to be taken by the network [s].
            headers: of the handshake, beside the websocket's own.

        Raises:
            ConnectionLost: The server is not there, refuses, or speaks no websocket.
        """
        try:
            uri = parse_uri(f"ws://{address.place}")
            sock = socket.create_connection((uri.host, uri.port), connect_s)
        except (OSError, InvalidURI) as problem:
            said = problem.strerror if isinstance(problem, OSError) and problem.strerror else str(problem)
            raise ConnectionLost(said or type(problem).__name__) from None
        protocol = ClientProtocol(uri, max_size=DEFAULT_LIMITS.message_bytes)
        self._socket = MessageSocket(sock, protocol, "server", send_s)
        self._closed = False
        self._in_use, self._ending = threading.Lock(), threading.Event()
        request = protocol.connect()
        request.headers.update(headers)
        protocol.send_request(request)
        try:
            self._socket.flush()
            self._socket.wait(lambda: bool(self._socket.handshake), connect_s)
        except TimeoutError:
            self.close()
            raise ConnectionLost(f"the handshake was not answered in {connect_s:g} s") from None
        except ConnectionLost:
            self.close()
            raise
        if protocol.handshake_exc is not None or not self._socket.handshake:
            self.close()
            raise ConnectionLost(_refusal(protocol.handshake_exc))
        threading.Thread(target=self._attend, name="pings", daemon=True).start()

    def send(self, frame: bytes) -> None:
        """See the protocol."""
        with self._using():
            self._send(frame)

    def receive(self, timeout_s: float) -> Frame:
        """See the protocol."""
        with self._using():
            return self._receive(timeout_s)

    def ask(self, frame: bytes, timeout_s: float) -> Frame:
        """See the protocol."""
        with self._using():
            self._refuse_unasked()
            self._send(frame)
            return self._receive(timeout_s)

    def abandon(self) -> None:
        """See the protocol."""
        self.close()

    def close(self) -> None:
        """See the protocol."""
        self._closed = True
        self._ending.set()
        self._socket.interrupt()
        if self._in_use.acquire(blocking=False):  # else whoever waits on it closes it
            try:
                self._socket.close()
            finally:
                self._in_use.release()

    def leave(self) -> None:
        """See the protocol."""
        if not self._closed:
            with contextlib.suppress(ConnectionLost), self._using():
                self._socket.end(CloseCode.NORMAL_CLOSURE)
            self.close()

    @contextmanager
    def _using(self) -> Iterator[None]:
        with self._in_use:
            if self._closed:
                raise ConnectionLost("the connection was closed")
            try:
                yield
            finally:
                if self._closed:
                    self._socket.close()

    def _send(self, frame: bytes) -> None:
        try:
            self._socket.send(frame)
        except ConnectionLost:
            self.close()
            raise

    def _receive(self, timeout_s: float) -> Frame:
        try:
            return self._socket.receive(timeout_s)
        except TimeoutError:
            self.close()
            raise TimedOut(f"no answer came in {timeout_s:g} s") from None
        except ConnectionLost:
            self.close()
            raise

    def _refuse_unasked(self) -> None:
        """Nothing may be waiting when a question is asked: it would be taken for the answer."""
        self._socket.attend()
        if not self._socket.messages:
            return
        waiting = self._socket.receive(0)
        self.close()
        if isinstance(waiting, str):  # a traceback, from servers of most dialects
            raise ServerError(
                "the policy's server failed between two requests", waiting.strip().rpartition("\n")[2]
            )
        raise Unasked(waiting)

    def _attend(self) -> None:
        """Answer the server's pings while nothing is asked."""
        while not self._ending.wait(ATTENDED_S):
            if self._in_use.acquire(blocking=False):
                try:
                    if not self._closed:
                        self._socket.attend()
                finally:
                    self._in_use.release()


def _refusal(problem: Exception | None) -> str:
    if isinstance(problem, InvalidStatus):
        status = problem.response.status_code
        why = " ".join(bytes(problem.response.body or b"").decode("utf-8", "replace").split())
        return f"it refuses with HTTP {status}{': ' + shown(why) if why else ''}"
    return str(problem) if problem is not None else "the connection broke off"
