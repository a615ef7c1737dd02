"""The twin's declared sensor of objects' poses: noisy, late, and of a stated rate, as motion capture would be.

A message is one UDP packet of JSON: ``{"seq", "captured", "poses": {name: [x, y, z, qx, qy, qz, qw]}}`` [m], base
frame; ``captured`` is the monotonic clock of the machine [s]. Runs in the twin's environment.
"""

from __future__ import annotations

import json
import socket
from collections import deque
from collections.abc import Mapping

import numpy as np

from workbench.bridge.twin.parameters import PoseSensorParameters


class PoseSensor:
    """Sends to whoever asked for it."""

    def __init__(self, parameters: PoseSensorParameters, seed: int) -> None:
        self._parameters = parameters
        self._random = np.random.default_rng(seed)
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._socket.setblocking(False)
        self._listener: tuple[str, int] | None = None
        self._waiting: deque[tuple[float, bytes]] = deque()
        self._next = 0.0
        self._seq = 0

    def send_to(self, address: tuple[str, int] | None) -> None:
        """Who gets the messages from now on."""
        self._listener = address

    def due(self, now: float) -> bool:
        """Whether it measures at this instant [s]."""
        return now >= self._next

    def measure(self, now: float, poses: Mapping[str, np.ndarray]) -> None:
        """Measure true poses ``[7]`` (quaternion w x y z), each with fresh noise."""
        p = self._parameters
        self._next = max(self._next + 1 / p.rate_hz, now)
        self._seq += 1
        noisy = {name: self._noisy(pose) for name, pose in poses.items()}
        message = json.dumps({"seq": self._seq, "captured": now, "poses": noisy}).encode()
        self._waiting.append((now + p.latency_s, message))

    def deliver(self, now: float) -> None:
        """Send what is old enough."""
        while self._waiting and self._waiting[0][0] <= now:
            _, message = self._waiting.popleft()
            if self._listener is not None:
                try:
                    self._socket.sendto(message, self._listener)
                except (
                    OSError
                ):  # nobody listens any more, or the buffer is full: the message is lost, as on a wire
                    continue

    def _noisy(self, pose: np.ndarray) -> list[float]:
        p = self._parameters
        position = pose[:3] + self._random.normal(0.0, p.position_noise, 3)
        x, y, z = self._random.normal(0.0, p.rotation_noise, 3) / 2
        w1, x1, y1, z1 = pose[3:]
        # A small turn (1, x, y, z) after the true one.
        turned = np.array(
            (
                x1 + x * w1 + y * z1 - z * y1,
                y1 + y * w1 + z * x1 - x * z1,
                z1 + z * w1 + x * y1 - y * x1,
                w1 - x * x1 - y * y1 - z * z1,
            )
        )
        return [*position.tolist(), *(turned / np.linalg.norm(turned)).tolist()]
