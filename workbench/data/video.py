"""Videos of datasets: every frame at its index over the rate, every frame decodable, cheap to enter anywhere.

As LeRobot writes them: AV1 in yuv420p with a key frame at every second frame, so that a random frame costs two
decodings at most. H.264 where this PyAV cannot write AV1.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from fractions import Fraction
from functools import cache
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import av
import numpy as np

PIXEL_FORMAT = "yuv420p"
KEY_FRAME_EVERY = 2
"""Frames."""
_QUALITY = {
    "libsvtav1": {"crf": "30", "preset": "12", "svtav1-params": "lp=1"},
    "libaom-av1": {"crf": "30", "cpu-used": "8", "row-mt": "0"},
    "libx264": {"crf": "18", "preset": "fast", "bf": "0"},
}
"""Encoders in the order of preference. Constant rate factors of 30 (AV1) and 18 (H.264) look like the original; one
thread, since whoever generates data keeps the other cores busy."""

# SVT-AV1 greets on the terminal, past Python's logging; errors still come.
os.environ.setdefault("SVT_LOG", "1")


class VideoError(Exception):
    """A video that cannot be read; one sentence names the file."""


@cache
def encoder() -> str:
    """The first of the preferred encoders that this PyAV has; VideoError if it has none."""
    for name in _QUALITY:
        try:
            av.codec.Codec(name, "w")
        except av.error.FFmpegError:
            continue
        except ValueError:
            continue
        return name
    raise VideoError(f"this PyAV {av.__version__} can write none of {', '.join(_QUALITY)}")


class VideoWriter:
    """Writes one MP4 file; a context manager.

    Args:
        path: The file; it must not be read before the writer is closed.
        size: Width and height [px], both even.
        fps: Frames a second [Hz].

    Raises:
        ValueError: for a size that yuv420p cannot hold.
        OSError: as from any write.
    """

    def __init__(self, path: Path, size: tuple[int, int], fps: float) -> None:
        if size[0] % 2 or size[1] % 2:
            raise ValueError(f"pictures of {size[0]}x{size[1]} px: a video needs an even width and height")
        path.parent.mkdir(parents=True, exist_ok=True)
        self.path, self.frames, self.bytes = path, 0, 0
        rate = Fraction(fps).limit_denominator(1000)
        name = encoder()
        self._container = av.open(str(path), "w", format="mp4")
        options = {"g": str(KEY_FRAME_EVERY), **_QUALITY[name]}
        stream: Any = self._container.add_stream(name, rate=rate, options=options)
        self._stream = stream
        self._stream.width, self._stream.height = size
        self._stream.pix_fmt = PIXEL_FORMAT
        self._stream.thread_count = 1
        self._time_base = 1 / rate

    def add(self, picture: np.ndarray) -> None:
        """Add a picture ``[H, W, 3]`` uint8 RGB; ValueError if its size is not the video's."""
        height, width = picture.shape[:2]
        if (width, height) != (self._stream.width, self._stream.height):
            raise ValueError(
                f"a picture has {width}x{height} px, the video has {self._stream.width}x{self._stream.height}"
            )
        frame = av.VideoFrame.from_ndarray(picture, format="rgb24")
        frame.pts, frame.time_base = self.frames, self._time_base
        self.frames += 1
        self._write(self._stream.encode(frame))

    def close(self) -> None:
        """Write what is left; the file is whole when this returns."""
        try:
            self._write(self._stream.encode())
        finally:
            self._container.close()

    def _write(self, packets: list[Any]) -> None:
        for packet in packets:
            self.bytes += packet.size
            self._container.mux(packet)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        if kind is None:
            self.close()
        else:
            self._container.close()


def decode(path: Path) -> Iterator[tuple[float, np.ndarray]]:
    """Every frame's time [s] and picture ``[H, W, 3]`` uint8 RGB; VideoError if one cannot be decoded."""
    try:
        with av.open(str(path)) as container:
            if not container.streams.video:
                raise VideoError(f"{path} holds no video")
            stream = container.streams.video[0]
            for frame in container.decode(stream):
                if frame.pts is None or frame.time_base is None:
                    raise VideoError(f"{path} has a frame without a time")
                yield float(frame.pts * frame.time_base), frame.to_ndarray(format="rgb24")
    except av.error.FFmpegError as problem:
        raise VideoError(f"{path} cannot be decoded: {problem.strerror}") from None


def information(path: Path) -> dict[str, Any]:
    """What LeRobot keeps about a video in ``info.json``; VideoError if it cannot be read."""
    try:
        with av.open(str(path)) as container:
            stream = container.streams.video[0]
            found = stream.average_rate
            rate = Fraction(found.numerator, found.denominator) if found else Fraction(0)
            return {
                "video.height": stream.height,
                "video.width": stream.width,
                "video.codec": stream.codec.canonical_name,
                "video.pix_fmt": stream.pix_fmt,
                "video.is_depth_map": False,
                "video.fps": int(rate) if rate.denominator == 1 else float(rate),
                "video.channels": 3,
                "has_audio": bool(container.streams.audio),
            }
    except (av.error.FFmpegError, IndexError) as problem:
        raise VideoError(f"{path} holds no video that can be read: {problem}") from None
