"""ZeroMQ connections, request and reply, over the package ``pyzmq``."""

from __future__ import annotations

import time

import zmq

from policy.serve.client.address import Address
from policy.serve.client.connection import Frame
from policy.serve.errors import ConnectionLost, ProtocolError, TimedOut
from policy.serve.limits import DEFAULT_LIMITS

LONGEST_WAIT_S = 0.2
"""After so long a waiting thread looks whether it is still wanted [s]."""


class ZeroMQConnection:
    """See `policy.serve.client.connection.Connection`.

    A socket that got no answer is closed with all that it was to send and receive: ZeroMQ keeps sending to a server
    that comes up again, and an answer to a socket that is gone is dropped by it.
    """

    def __init__(self, address: Address, send_s: float) -> None:
        """
        Args:
            address: of the server. That it is not there shows when it does not answer: ZeroMQ does not say.
            send_s: how long a message may wait to be taken [s].
        """
        self._socket: zmq.Socket[bytes] = zmq.Context.instance().socket(zmq.REQ)
        self._socket.setsockopt(zmq.LINGER, 0)
        self._socket.setsockopt(zmq.IPV6, 1)
        self._socket.setsockopt(zmq.SNDTIMEO, int(1000 * send_s))
        self._socket.setsockopt(zmq.MAXMSGSIZE, DEFAULT_LIMITS.message_bytes)
        self._closed = self._abandoned = False
        try:
            self._socket.connect(f"tcp://{address.place}")
        except zmq.ZMQError as problem:
            self.close()
            raise ConnectionLost(str(problem)) from None

    def send(self, frame: bytes) -> None:
        """See the protocol."""
        self._require_open()
        try:
            self._socket.send(frame)
        except zmq.Again:
            self.close()
            raise TimedOut("nobody takes messages there") from None
        except zmq.ZMQError as problem:
            self.close()
            raise ConnectionLost(f"a message could not be sent: {problem}") from None

    def receive(self, timeout_s: float) -> Frame:
        """See the protocol."""
        self._require_open()
        try:
            if not self._arrives(timeout_s):
                self.close()
                raise TimedOut(f"no answer came in {timeout_s:g} s")
            parts = self._socket.recv_multipart(zmq.NOBLOCK)
        except zmq.ZMQError as problem:
            self.close()
            raise ConnectionLost(f"no message could be received: {problem}") from None
        if len(parts) != 1:
            self.close()
            raise ProtocolError(("GR00T",), f"it has {len(parts)} parts, not one")
        return parts[0]

    def ask(self, frame: bytes, timeout_s: float) -> Frame:
        """See the protocol; a ZeroMQ socket of this kind receives nothing that it did not ask for."""
        self.send(frame)
        return self.receive(timeout_s)

    def abandon(self) -> None:
        """See the protocol. A ZeroMQ socket must not be closed by another thread than the one that waits on it."""
        self._abandoned = True

    def close(self) -> None:
        """See the protocol."""
        if not self._closed:
            self._closed = True
            self._socket.close(linger=0)

    def leave(self) -> None:
        """There is nothing to be said."""
        self.close()

    def _arrives(self, timeout_s: float) -> bool:
        end = time.monotonic() + timeout_s
        while not self._abandoned and (left := end - time.monotonic()) > 0:
            if self._socket.poll(max(1, int(1000 * min(left, LONGEST_WAIT_S)))):
                return True
        return False

    def _require_open(self) -> None:
        if self._closed:
            raise ConnectionLost("the connection was closed")
