"""`RealSenseCamera`: the colour pictures of an Intel RealSense, through ``pyrealsense2``.

Its pictures are dated by a clock. Where librealsense has already brought that to this computer's time of day, the
picture is as old as that says; the camera's own clock is compared with this machine's (`DeviceClock`).
"""

from __future__ import annotations

import contextlib
import importlib
import time
from typing import Any

import numpy as np

from workbench.bridge.device_clock import DeviceClock
from workbench.bridge.observation import Picture
from workbench.bridge.sources import SourceError, ThreadCamera, squared

WIDTH, HEIGHT, RATE_HZ = 640, 480, 30
"""What all of them offer [px, px, Hz]."""
WAIT_MS = 500
"""For so long a picture is waited for before the thread looks whether it is to end [ms]."""


class RealSenseCamera(ThreadCamera):
    """Of a RealSense; needs the extra [robot-realsense]."""

    def __init__(self, name: str, serial: str, size: int) -> None:
        """
        Args:
            name: of the camera.
            serial: its number, as ``rs-enumerate-devices`` says it.
            size: width and height of its pictures, the middle square, resized [px].

        SourceError where it cannot be had.
        """
        super().__init__(name, size)
        try:
            self._rs: Any = importlib.import_module("pyrealsense2")
        except ModuleNotFoundError:
            raise SourceError(
                "RealSense cameras need pyrealsense2, which the workbench's extra [robot-realsense] brings"
            ) from None
        except ImportError as problem:
            raise SourceError(f"pyrealsense2 lacks a library of the system: {problem}") from None
        config = self._rs.config()
        config.enable_device(serial)
        config.enable_stream(self._rs.stream.color, WIDTH, HEIGHT, self._rs.format.rgb8, RATE_HZ)
        self._pipeline = self._rs.pipeline()
        try:
            self._pipeline.start(config)
        except RuntimeError as problem:
            raise SourceError(f"the camera {name} cannot be opened: realsense:{serial}: {problem}") from None
        self._clock = DeviceClock()
        self._thread.start()

    def _next(self) -> Picture | None:
        try:
            frame = self._pipeline.wait_for_frames(WAIT_MS).get_color_frame()
        except RuntimeError:  # none came in time, which shows in the age of the last one
            return None
        if not frame:
            return None
        captured = self._captured(frame, time.monotonic())
        shown = np.asanyarray(frame.get_data())
        return Picture(squared(shown, self._size).copy(), captured)  # the frame's memory is used again

    def _release(self) -> None:
        with contextlib.suppress(RuntimeError):  # of a camera that was pulled out
            self._pipeline.stop()

    def _captured(self, frame: Any, arrived: float) -> float:
        """When a frame that arrived then was captured, on this machine's monotonic clock [s]."""
        dated = frame.get_timestamp() / 1000
        captured = self._clock.captured(dated, arrived)
        if frame.get_frame_timestamp_domain() == self._rs.timestamp_domain.hardware_clock:
            return captured
        # The time of day may have been set back, by which the picture would be of the future: the earlier one counts.
        return min(captured, arrived - max(0.0, time.time() - dated))
