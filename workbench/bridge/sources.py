"""Cameras and pose sensors as the bridge reads them: each keeps its newest message, and says when that was captured.

Each is read by a thread of its own; one that falls silent shows in the age of what it said last.
"""

from __future__ import annotations

import contextlib
import json
import socket
import threading
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Protocol

import numpy as np

from workbench.bridge.observation import Picture, Poses

CONNECT_S = 5.0
"""For so long a source is waited for when it is opened [s]."""


class SourceError(Exception):
    """A camera or sensor cannot be had; one sentence says why."""


class Camera(Protocol):
    """One or several cameras."""

    def newest(self) -> Mapping[str, Picture]:
        """Name -> its newest picture; those that have given none are left out."""
        ...

    def close(self) -> None:
        """Let go of it; never raises."""
        ...


class TwinCameras:
    """The twin's two cameras, see `workbench.bridge.twin.cameras`."""

    def __init__(self, port: int) -> None:
        self._line = socket.create_connection(("127.0.0.1", port), timeout=CONNECT_S)
        self._line.settimeout(None)
        self._stream = self._line.makefile("rb")
        self._newest: dict[str, Picture] = {}
        self._lock = threading.Lock()
        self._thread = threading.Thread(target=self._read, name="twin-cameras", daemon=True)
        self._thread.start()

    def newest(self) -> Mapping[str, Picture]:
        """See `Camera`."""
        with self._lock:
            return dict(self._newest)

    def close(self) -> None:
        """See `Camera`."""
        with contextlib.suppress(OSError):
            self._line.shutdown(socket.SHUT_RDWR)
        self._line.close()

    def _read(self) -> None:
        with contextlib.suppress(OSError, ValueError):  # the twin has ended, which shows in the pictures' age
            while line := self._stream.readline():
                header = json.loads(line)
                shape = header["height"], header["width"], 3
                data = self._stream.read(shape[0] * shape[1] * 3)
                if len(data) < shape[0] * shape[1] * 3:
                    return
                picture = Picture(np.frombuffer(data, np.uint8).reshape(shape), float(header["captured"]))
                with self._lock:
                    self._newest[header["camera"]] = picture


class ThreadCamera:
    """A `Camera` that a thread of its own reads."""

    def __init__(self, name: str, size: int) -> None:
        """``name`` of the camera; pictures are cropped to a square in the middle and resized to ``size`` [px]."""
        self._name, self._size = name, size
        self._newest: dict[str, Picture] = {}
        self._lock = threading.Lock()
        self._closing = threading.Event()
        self._thread = threading.Thread(target=self._read, name=f"camera-{name}", daemon=True)

    def newest(self) -> Mapping[str, Picture]:
        """See `Camera`."""
        with self._lock:
            return dict(self._newest)

    def close(self) -> None:
        """See `Camera`."""
        self._closing.set()
        self._thread.join(1.0)
        self._release()

    def _read(self) -> None:
        while not self._closing.is_set():
            picture = self._next()
            if picture is not None:
                with self._lock:
                    self._newest[self._name] = picture

    def _next(self) -> Picture | None:
        """The next picture; None if none came in half a second at most."""
        raise NotImplementedError

    def _release(self) -> None:
        """Let go of the device."""
        raise NotImplementedError


class OpenCvCamera(ThreadCamera):
    """Any camera that OpenCV opens, by its number or address; needs ``opencv-python-headless``."""

    def __init__(self, name: str, address: str, size: int) -> None:
        """See `ThreadCamera`."""
        super().__init__(name, size)
        try:
            import cv2
        except ImportError:
            raise SourceError(
                "cameras of OpenCV need opencv-python-headless, which the workbench's extra [robot] brings"
            ) from None
        self._capture: Any = cv2.VideoCapture(int(address) if address.isdigit() else address)
        if not self._capture.isOpened():
            raise SourceError(f"the camera {name} cannot be opened: {address}")
        self._thread.start()

    def _next(self) -> Picture | None:
        good, bgr = self._capture.read()
        captured = time.monotonic()
        if not good:
            self._closing.wait(0.05)
            return None
        return Picture(squared(bgr[..., ::-1], self._size), captured)

    def _release(self) -> None:
        self._capture.release()


class FileCamera:
    """Pictures of a folder, one after the other at a rate, over and over: for tests and dry runs."""

    def __init__(self, name: str, folder: Path, size: int, rate_hz: float = 15.0) -> None:
        from PIL import Image

        files = sorted(path for path in folder.glob("*") if path.suffix.lower() in (".jpg", ".jpeg", ".png"))
        if not files:
            raise SourceError(f"the camera {name} finds no pictures in {folder}")
        self._name, self._rate, self._began = name, rate_hz, time.monotonic()
        self._pictures = [squared(np.asarray(Image.open(file).convert("RGB")), size) for file in files]

    def newest(self) -> Mapping[str, Picture]:
        """See `Camera`."""
        shown = int((time.monotonic() - self._began) * self._rate)
        picture = self._pictures[shown % len(self._pictures)]
        return {self._name: Picture(picture, self._began + shown / self._rate)}

    def close(self) -> None:
        """See `Camera`."""


class PoseSensorLine:
    """What a pose sensor sends by UDP, see `workbench.bridge.twin.pose_sensor`."""

    def __init__(self) -> None:
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._socket.bind(("127.0.0.1", 0))
        self._socket.settimeout(0.2)
        self._newest: Poses | None = None
        self._closing = threading.Event()
        self._thread = threading.Thread(target=self._read, name="pose-sensor", daemon=True)
        self._thread.start()

    @property
    def port(self) -> int:
        """Where it listens."""
        return int(self._socket.getsockname()[1])

    def newest(self) -> Poses | None:
        """The newest message; None while none has come."""
        return self._newest

    def close(self) -> None:
        """Let go of it."""
        self._closing.set()
        self._thread.join(1.0)
        self._socket.close()

    def _read(self) -> None:
        seq = 0
        while not self._closing.is_set():
            try:
                message = json.loads(self._socket.recv(65536))
            except (TimeoutError, ValueError):
                continue
            except OSError:
                return
            if int(message["seq"]) <= seq:
                continue  # overtaken by a newer one
            seq = int(message["seq"])
            things = {name: np.array(pose, np.float64) for name, pose in message["poses"].items()}
            self._newest = Poses(things, float(message["captured"]))


def squared(rgb: np.ndarray, size: int) -> np.ndarray:
    """The middle square of a picture ``[H, W, 3]`` uint8, resized ``[size, size, 3]``."""
    from PIL import Image

    height, width = rgb.shape[:2]
    side = min(height, width)
    top, left = (height - side) // 2, (width - side) // 2
    middle = np.ascontiguousarray(rgb[top : top + side, left : left + side])
    if side == size:
        return middle
    return np.asarray(Image.fromarray(middle).resize((size, size), Image.Resampling.BILINEAR))
