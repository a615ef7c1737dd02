"""A policy behind openpi's protocol that swings the arm without end, and a proxy that delays and loses its messages.

python -m tools.fault_policy serve PORT [CAMERA ...]
python -m tools.fault_policy proxy PORT SERVER_PORT TIMES     the file TIMES holds when it begins to be bad, and losses
"""

from __future__ import annotations

import math
import sys
import threading
import time
from contextlib import suppress
from pathlib import Path

import numpy as np
from websockets.exceptions import ConnectionClosed
from websockets.sync.client import ClientConnection, connect
from websockets.sync.server import ServerConnection, serve

from policy.serve import openpi
from policy.serve.exchange import WORKBENCH
from policy.serve.server.contract import Contract
from robots.registry import robot

SWING_M, SWING_S = 0.10, 4.0
"""How far to either side, and how long there and back."""
CHUNK, EXECUTE = 8, 2
JITTER_S, LOSS = 0.3, 0.1
GRACE_S = 8.0
"""The proxy is kind for so long after it has connected, for the arm to get moving [s]."""


def serve_swing(port: int, cameras: tuple[str, ...]) -> None:
    """Until it is ended."""
    spec = robot("franka").action_spaces(20.0)["delta_eef"]
    greeting = openpi.encode({WORKBENCH: Contract("swing", spec, cameras, EXECUTE).message()})
    speed = 2 * math.pi * SWING_M / SWING_S

    def answer(connection: ServerConnection) -> None:
        with suppress(ConnectionClosed):
            connection.send(greeting)
            for _ in connection:
                at = time.monotonic() + np.arange(CHUNK) / spec.control_hz
                actions = np.tile(spec.idle_action, (CHUNK, 1)).astype(np.float32)
                actions[:, 1] = speed / spec.control_hz * np.cos(2 * math.pi * at / SWING_S)
                connection.send(openpi.encode({"actions": actions, "server_timing": {"infer_ms": 0.1}}))

    with serve(answer, "127.0.0.1", port, compression=None, max_size=None) as server:
        server.serve_forever()


def relay(port: int, target: int, times: Path) -> None:
    """Until it is ended."""
    random = np.random.default_rng()

    def note(at: float) -> None:
        with times.open("a", encoding="utf-8") as file:
            file.write(f"{at}\n")

    def one_way(
        source: ServerConnection | ClientConnection,
        sink: ServerConnection | ClientConnection,
        kind_until: float,
    ) -> None:
        with suppress(ConnectionClosed):
            for message in source:
                if time.monotonic() > kind_until:
                    time.sleep(random.uniform(0.0, JITTER_S))
                    if random.random() < LOSS:
                        note(time.monotonic())
                        continue
                sink.send(message)
        sink.close()

    def between(connection: ServerConnection) -> None:
        with connect(f"ws://127.0.0.1:{target}", compression=None, max_size=None) as server:
            until = time.monotonic() + GRACE_S
            note(until)
            back = threading.Thread(target=one_way, args=(server, connection, until), daemon=True)
            back.start()
            one_way(connection, server, until)
            back.join(1.0)

    with serve(between, "127.0.0.1", port, compression=None, max_size=None) as proxy:
        proxy.serve_forever()


def main() -> None:
    """See the module."""
    what, port, *rest = sys.argv[1:]
    if what == "serve":
        serve_swing(int(port), tuple(rest))
    else:
        relay(int(port), int(rest[0]), Path(rest[1]))


if __name__ == "__main__":
    main()
