"""`TickLog`: everything that happens on a real robot, tick by tick, in MCAP: what is written survives a kill.

Messages are JSON, each written to the system as it comes, without chunks: a process that is killed loses the one in
flight. Power cuts are guarded against once a second, by a thread of its own. Topics:

    /episode    begin and end: index, seed, instruction, outcome
    /decision   what a policy was asked and answered: ages, hash of the input, latency, chunk, grounding
    /tick       each period: state with capture times, action, target before and set point after the gate, timings
    /frame      control step of the pictures that follow
    /event      arming, stops, interventions, in sentences
    /picture/*  JPEG (base64, as Foxglove's CompressedImage)

Times of messages are the wall clock's; those inside, the monotonic clock's; ``/clock`` at the beginning has both.
"""

from __future__ import annotations

import base64
import io
import json
import math
import os
import struct
import threading
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
from mcap.exceptions import McapError
from mcap.reader import NonSeekingReader
from mcap.writer import CompressionType, Writer
from PIL import Image

from workbench.bridge.priority import ordinary
from workbench.runs.durable import naming

SYNC_S = 1.0
"""Between two times that the file is put on disk [s]."""
JPEG_QUALITY = 92
IMAGE_SCHEMA = {
    "type": "object",
    "title": "foxglove.CompressedImage",
    "properties": {
        "timestamp": {
            "type": "object",
            "properties": {"sec": {"type": "integer"}, "nsec": {"type": "integer"}},
        },
        "frame_id": {"type": "string"},
        "data": {"type": "string", "contentEncoding": "base64"},
        "format": {"type": "string"},
    },
}


class TickLog:
    """Writes one file; for one thread, beside that which puts it on disk."""

    def __init__(self, path: Path) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        self._file = _Direct(path)
        self._writer = Writer(self._file, compression=CompressionType.NONE, use_chunking=False)  # type: ignore[arg-type]
        self._writer.start(profile="", library="sim2real-workbench")
        self._channels: dict[str, int] = {}
        self._sequence = 0
        self._wall = time.time_ns() - time.monotonic_ns()
        self._closing = threading.Event()
        self.write("/clock", {"wall_minus_monotonic_ns": self._wall})
        self._syncer = threading.Thread(target=self._sync, name="tick-log", daemon=True)
        self._syncer.start()

    def write(self, topic: str, message: Mapping[str, Any], at: float | None = None) -> None:
        """A message, with the system when this returns; ``at``: its time on the monotonic clock [s]; None: now."""
        stamp = self._wall + (time.monotonic_ns() if at is None else int(at * 1e9))
        data = json.dumps(message, default=_plain, allow_nan=False, separators=(",", ":")).encode()
        self._sequence += 1
        self._writer.add_message(self._channel(topic), stamp, data, stamp, self._sequence)

    def picture(self, camera: str, rgb: np.ndarray, captured: float) -> None:
        """A picture ``[H, W, 3]`` uint8, captured on the monotonic clock [s]."""
        held = io.BytesIO()
        Image.fromarray(rgb).save(held, "JPEG", quality=JPEG_QUALITY)
        stamp = self._wall + int(captured * 1e9)
        message = {
            "timestamp": {"sec": stamp // 10**9, "nsec": stamp % 10**9},
            "frame_id": camera,
            "format": "jpeg",
            "data": base64.b64encode(held.getvalue()).decode(),
        }
        self.write(f"/picture/{camera}", message, captured)

    def close(self) -> None:
        """End the file, on disk."""
        if self._closing.is_set():
            return
        self._closing.set()
        self._syncer.join()
        self._writer.finish()  # type: ignore[no-untyped-call]
        self._file.sync()
        self._file.close()

    def _channel(self, topic: str) -> int:
        if topic not in self._channels:
            is_picture = topic.startswith("/picture/")
            name = IMAGE_SCHEMA["title"] if is_picture else "workbench" + topic.replace("/", ".")
            schema = IMAGE_SCHEMA if is_picture else {"type": "object"}
            number = self._writer.register_schema(str(name), "jsonschema", json.dumps(schema).encode())
            self._channels[topic] = self._writer.register_channel(topic, "json", number)
        return self._channels[topic]

    def _sync(self) -> None:
        ordinary()
        while not self._closing.wait(SYNC_S):
            self._file.sync()


class _Direct:
    """A file without a buffer: every write goes to the system, whole."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o644)
        self._written = 0

    def write(self, data: bytes) -> int:
        """All of it; OSError, with the file's name, where the disk refuses."""
        left = memoryview(data)
        with naming(self._path):
            while left:
                left = left[os.write(self._descriptor, left) :]
        self._written += len(data)
        return len(data)

    def tell(self) -> int:
        """Bytes so far."""
        return self._written

    def sync(self) -> None:
        """On disk when this returns."""
        os.fsync(self._descriptor)

    def close(self) -> None:
        """Let go of it."""
        os.close(self._descriptor)


def read_ticks(path: Path, *topics: str) -> Iterator[tuple[str, dict[str, Any]]]:
    """Messages in order: topic, content; of a file that was cut off, those that are whole.

    ValueError for a file that is no MCAP.
    """
    wanted = list(topics) or None
    with path.open("rb") as file:
        if file.read(8) != b"\x89MCAP0\r\n":
            raise ValueError(f"{path} is no MCAP file")
        file.seek(0)
        messages = NonSeekingReader(file).iter_messages(wanted, log_time_order=False)
        while True:
            try:
                _, channel, message = next(messages)
                content = json.loads(message.data)
            except StopIteration:
                return
            except (McapError, struct.error, ValueError) as problem:
                if file.read(1):
                    raise ValueError(f"{path} is damaged in the middle: {problem}") from None
                return  # cut off: what came before stands
            yield channel.topic, content


def _plain(value: Any) -> Any:
    """Numpy's arrays and scalars; numbers that are not finite become null."""
    if isinstance(value, np.ndarray):
        return _finite(value.tolist())
    if isinstance(value, np.generic):
        return _finite(value.item())
    raise TypeError(f"a {type(value).__name__} cannot be logged")


def _finite(value: Any) -> Any:
    if isinstance(value, list):
        return [_finite(x) for x in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value
