"""Servers that say what a test wants them to, at an address of their own."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import numpy as np
from websockets.exceptions import ConnectionClosed
from websockets.sync.server import ServerConnection, serve

from policy.serve import internvla_m1, openpi

Handler = Callable[[ServerConnection], None]


@contextmanager
def websocket_server(handler: Handler, port: int = 0) -> Iterator[int]:
    """A websocket server on the loopback; gives its port. Each connection is the handler's."""

    def quiet(connection: ServerConnection) -> None:
        try:
            handler(connection)
        except ConnectionClosed:
            return

    with serve(quiet, "127.0.0.1", port, compression=None, max_size=None, close_timeout=0.2) as server:
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        try:
            yield server.socket.getsockname()[1]
        finally:
            server.shutdown()
            thread.join()


def openpi_answers(chunk: Callable[[dict], np.ndarray], metadata: dict | None = None) -> Handler:
    """openpi's server of a policy: observation -> chunk ``[H, D]``."""

    def handler(connection: ServerConnection) -> None:
        connection.send(openpi.encode(metadata or {}))
        for frame in connection:
            asked = openpi.decode_request(frame)
            connection.send(openpi.encode({"actions": chunk(asked), "server_timing": {"infer_ms": 1.5}}))

    return handler


def m1_answers(chunks: Callable[[dict], np.ndarray], seen: list | None = None) -> Handler:
    """InternVLA-M1's server of a policy: payload -> normalised chunks ``[B, H, D]``."""

    def handler(connection: ServerConnection) -> None:
        connection.send(internvla_m1.encode({"env": "simpler_env"}))
        for frame in connection:
            request = internvla_m1.decode_request(frame)
            reply = {"status": "ok", "ok": True, "request_id": request.request_id}
            if request.kind == "ping":
                connection.send(internvla_m1.encode(reply | {"type": "pong"}))
                continue
            if seen is not None:
                seen.append(request.payload)
            data = {"raw_action": {"normalized_actions": chunks(request.payload)}}
            connection.send(internvla_m1.encode(reply | {"type": "inference_result", "data": data}))

    return handler
