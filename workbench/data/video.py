"""Videos of datasets: every frame at its index over the rate, every frame decodable, cheap to enter anywhere.

As LeRobot writes them: AV1 in yuv420p with a key frame at every second frame, so that a random frame costs two
decodings at most. H.264 where this PyAV cannot write AV1.
"""

from __future__ import annotations

import io
import os
from collections.abc import Iterator
from fractions import Fraction
from functools import cache
from pathlib import Path
from types import TracebackType
from typing import Any, BinaryIO, Self

import av
import numpy as np

from tasks.threads import leave_real_time

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
        file: The file, or its path; it must not be read before the writer is closed.
        size: Width and height [px], both even.
        fps: Frames a second [Hz].

    Raises:
        ValueError: for a size that yuv420p cannot hold.
        OSError: as from any write.
    """

    def __init__(self, file: Path | BinaryIO, size: tuple[int, int], fps: float) -> None:
        if size[0] % 2 or size[1] % 2:
            raise ValueError(f"pictures of {size[0]}x{size[1]} px: a video needs an even width and height")
        self.frames = 0
        rate = _rate(fps)
        name = encoder()
        self._container = _create(file)
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
        packets = self._stream.encode(frame)
        if self.frames == 1:
            leave_real_time()  # which SVT-AV1 takes, as root, for its threads and for the one that calls it
        self._write(packets)

    def close(self) -> None:
        """Write what is left; the file is whole when this returns."""
        try:
            self._write(self._stream.encode())
        finally:
            self._container.close()

    def _write(self, packets: list[Any]) -> None:
        for packet in packets:
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


class VideoJoiner:
    """Joins videos end to end into one MP4 file, without encoding them anew.

    They must be of one encoder, size and rate. What is joined does not depend on who encoded it, nor on what comes
    before it; each video begins with a key frame.

    Args:
        path: The file; it must not be read before `close`.
        fps: Frames a second [Hz].
    """

    def __init__(self, path: Path, fps: float) -> None:
        self.frames, self.bytes = 0, 0
        """Frames, and bytes of them, up to here."""
        self._rate = _rate(fps)
        self._container = _create(path)
        self._stream: Any = None

    def add(self, video: bytes) -> int:
        """Add a video, a whole MP4 file; gives how many frames it has."""
        begun = self.frames
        source: Any = av.open(io.BytesIO(video))
        with source:
            stream = source.streams.video[0]
            if self._stream is None:
                self._stream = self._container.add_stream_from_template(stream, opaque=True)
                self._stream.time_base = 1 / self._rate
            for packet in source.demux(stream):
                if packet.size:  # the last is empty, and only says that there are no more
                    self._put(packet, begun)
        return self.frames - begun

    def _put(self, packet: Any, begun: int) -> None:
        numbers = [begun + round(time * packet.time_base * self._rate) for time in (packet.pts, packet.dts)]
        packet.pts, packet.dts = numbers
        packet.duration, packet.time_base, packet.stream = 1, 1 / self._rate, self._stream
        self.frames += 1
        self.bytes += packet.size
        self._container.mux(packet)

    def close(self) -> None:
        """Write what is left; the file is whole when this returns."""
        self._container.close()


def _rate(fps: float) -> Fraction:
    return Fraction(fps).limit_denominator(1000)


def _create(file: Path | BinaryIO) -> Any:
    """An MP4 file to write."""
    if isinstance(file, Path):
        file.parent.mkdir(parents=True, exist_ok=True)
    return av.open(str(file) if isinstance(file, Path) else file, "w", format="mp4")


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
