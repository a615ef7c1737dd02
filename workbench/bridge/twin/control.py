"""The twin's control line: JSON lines over TCP on the loopback address, looked at between two steps.

    {"do": "begin", "seed": 1, "index": 17}   place the objects of an episode
    {"do": "sense", "port": 40001}            send the pose sensor's messages there
    {"do": "judge"}                           was the episode a success, and if not, why not?
    {"do": "counters"}                        traffic since the start
    {"do": "stop"}

Each is answered with one line. What is true is never answered but as a judgement. Runs in the twin's environment.
"""

from __future__ import annotations

import json
import select
import socket
from collections.abc import Callable
from typing import Any

Handler = Callable[[dict[str, Any], tuple[str, int]], dict[str, Any]]


class ControlLine:
    """One listener, any number of clients."""

    def __init__(self, host: str, handler: Handler) -> None:
        self._handler = handler
        self._listener = socket.create_server((host, 0))
        self._listener.setblocking(False)
        self._clients: dict[socket.socket, bytearray] = {}

    @property
    def port(self) -> int:
        """Where it listens."""
        return int(self._listener.getsockname()[1])

    def poll(self) -> None:
        """Answer what has come; never waits."""
        ready, _, _ = select.select([self._listener, *self._clients], [], [], 0.0)
        for line in ready:
            if line is self._listener:
                client, _ = self._listener.accept()
                client.setblocking(False)
                self._clients[client] = bytearray()
            else:
                self._read(line)

    def close(self) -> None:
        """Let go of all."""
        for client in [*self._clients, self._listener]:
            client.close()
        self._clients.clear()

    def _read(self, client: socket.socket) -> None:
        try:
            data = client.recv(65536)
        except (BlockingIOError, InterruptedError):
            return
        except OSError:
            data = b""
        if not data:
            client.close()
            del self._clients[client]
            return
        pending = self._clients[client]
        pending += data
        while b"\n" in pending:
            line, _, rest = bytes(pending).partition(b"\n")
            pending[:] = rest
            client.sendall(json.dumps(self._answer(line, client.getpeername())).encode() + b"\n")

    def _answer(self, line: bytes, peer: tuple[str, int]) -> dict[str, Any]:
        try:
            asked = json.loads(line)
            return self._handler(asked, peer)
        except (ValueError, KeyError, TypeError) as problem:
            return {"error": f"{type(problem).__name__}: {problem}"}
