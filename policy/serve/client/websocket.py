"""Websocket connections, over the package ``websockets``."""

from __future__ import annotations

import contextlib
import socket
import struct

from websockets.exceptions import ConnectionClosed, InvalidHandshake, InvalidStatus, InvalidURI
from websockets.sync.client import ClientConnection, connect

from policy.serve.client.address import Address
from policy.serve.client.connection import Frame, Unasked
from policy.serve.errors import ConnectionLost, ServerError, TimedOut, shown
from policy.serve.limits import DEFAULT_LIMITS


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
            self._socket: ClientConnection = connect(
                f"ws://{address.place}",
                compression=None,  # pictures do not shrink by it, and it costs milliseconds
                max_size=DEFAULT_LIMITS.message_bytes,
                max_queue=4,
                open_timeout=connect_s,
                ping_interval=None,  # every wait here has an end of its own
                close_timeout=1,
                additional_headers=headers,
                proxy=None,
                legacy=True,  # a connection, not a context manager
            )
        except InvalidStatus as refusal:
            status = refusal.response.status_code
            why = " ".join(bytes(refusal.response.body or b"").decode("utf-8", "replace").split())
            raise ConnectionLost(f"it refuses with HTTP {status}{': ' + shown(why) if why else ''}") from None
        except (OSError, InvalidHandshake, InvalidURI, EOFError, TimeoutError) as problem:
            said = problem.strerror if isinstance(problem, OSError) and problem.strerror else str(problem)
            raise ConnectionLost(said or type(problem).__name__) from None
        # A server that reads nothing would let a large message wait for ever.
        limit = struct.pack("ll", int(send_s), int(send_s % 1 * 1e6))
        self._socket.socket.setsockopt(socket.SOL_SOCKET, socket.SO_SNDTIMEO, limit)
        self._closed = False

    def send(self, frame: bytes) -> None:
        """See the protocol."""
        try:
            self._socket.send(frame)
        except ConnectionClosed as end:
            raise self._lost(end) from None
        except (OSError, RuntimeError) as problem:
            self.close()
            raise ConnectionLost(f"a message could not be sent: {problem}") from None

    def receive(self, timeout_s: float) -> Frame:
        """See the protocol."""
        if self._closed:
            raise ConnectionLost("the connection was closed")
        try:
            return self._socket.recv(timeout=timeout_s)
        except TimeoutError:
            self.close()
            raise TimedOut(f"no answer came in {timeout_s:g} s") from None
        except ConnectionClosed as end:
            raise self._lost(end) from None
        except UnicodeDecodeError:
            self.close()
            raise ConnectionLost("a text message is not UTF-8") from None

    def ask(self, frame: bytes, timeout_s: float) -> Frame:
        """See the protocol."""
        self._refuse_unasked()
        self.send(frame)
        return self.receive(timeout_s)

    def abandon(self) -> None:
        """See the protocol."""
        self.close()

    def close(self) -> None:
        """See the protocol."""
        if self._closed:
            return
        self._closed = True
        with contextlib.suppress(OSError):
            self._socket.socket.shutdown(socket.SHUT_RDWR)
        with contextlib.suppress(OSError):
            self._socket.close_socket()

    def leave(self) -> None:
        """End the connection as the protocol wants it."""
        if not self._closed:
            self._closed = True
            self._socket.close()

    def _refuse_unasked(self) -> None:
        """Nothing may be waiting when a question is asked: it would be taken for the answer."""
        if self._closed:
            raise ConnectionLost("the connection was closed")
        try:
            waiting = self._socket.recv(timeout=0)
        except TimeoutError:
            return
        except ConnectionClosed as end:
            raise self._lost(end) from None
        self.close()
        if isinstance(waiting, str):  # a traceback, from servers of most dialects
            raise ServerError(
                "the policy's server failed between two requests", waiting.strip().rpartition("\n")[2]
            )
        raise Unasked(waiting)

    def _lost(self, end: ConnectionClosed) -> ConnectionLost:
        self.close()
        if end.rcvd is None:
            return ConnectionLost("the connection broke off")
        return ConnectionLost(f"the server closed the connection ({end.rcvd.code} {shown(end.rcvd.reason)})")
