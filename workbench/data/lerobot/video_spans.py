"""Spans of video files: an episode's frames, read in order, or cut out into a file of their own without a new coding.

Packets are copied where the span begins with a key frame and the next one does, which holds for every file that
LeRobot's tools wrote; otherwise the frames are coded once more (`workbench.data.video`).
"""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import av
import numpy as np

from workbench.data.lerobot.files import LeRobotImportError
from workbench.data.lerobot.places import VideoSpan
from workbench.data.video import VideoWriter


class SpanReader:
    """Frames of spans. Spans that follow each other in a file are decoded in one go."""

    def __init__(self) -> None:
        self._path: Path | None = None
        self._frames: Iterator[tuple[float, np.ndarray]] = iter(())
        self._at = 0.0

    def frames(self, span: VideoSpan, count: int, fps: float) -> Iterator[np.ndarray]:
        """The ``count`` pictures ``[H, W, 3]`` uint8 RGB of a span; LeRobotImportError if there are fewer."""
        if span.path != self._path or abs(span.first - self._at) > 0.5 / fps:
            self._path, self._frames = span.path, _decoded(span.path, span.first - 0.5 / fps)
        self._at = span.first + count / fps
        for k in range(count):
            found = next(self._frames, None)
            if found is None:
                self._path = None
                raise LeRobotImportError(
                    f"{span.path} ends after {k} of the {count} frames that begin at {span.first:.4f} s"
                )
            yield found[1]


def _decoded(path: Path, since: float) -> Iterator[tuple[float, np.ndarray]]:
    """Time [s] and picture of each frame from a time on."""
    try:
        with av.open(str(path)) as container:
            stream = _video(container, path)
            if since > 0:
                container.seek(int(since / stream.time_base), stream=stream)
            for frame in container.decode(stream):
                time = float(frame.pts * frame.time_base)
                if time >= since:
                    yield time, frame.to_ndarray(format="rgb24")
    except FileNotFoundError:
        raise LeRobotImportError(f"{path} is missing") from None
    except av.error.FFmpegError as problem:
        raise LeRobotImportError(f"{path} cannot be decoded: {problem.strerror}") from None


def cut(span: VideoSpan, count: int, fps: float, target: Path) -> bool:
    """Write the ``count`` frames of a span into a file of their own; whether their coding stayed.

    LeRobotImportError for a file that cannot be read, or ends before.
    """
    target.parent.mkdir(parents=True, exist_ok=True)
    if _copy_packets(span, count, fps, target):
        return True
    pictures = SpanReader().frames(span, count, fps)
    first = next(pictures)
    try:
        with VideoWriter(target, (first.shape[1], first.shape[0]), fps) as video:
            video.add(first)
            for picture in pictures:
                video.add(picture)
    except ValueError as problem:
        raise LeRobotImportError(f"{span.path} cannot be cut: {problem}") from None
    return False


def _copy_packets(span: VideoSpan, count: int, fps: float, target: Path) -> bool:
    begin, end = span.first - 0.5 / fps, span.first + (count - 0.5) / fps
    try:
        with av.open(str(span.path)) as source:
            stream = _video(source, span.path)
            if begin > 0:
                source.seek(int(begin / stream.time_base), stream=stream)
            inside: list[Any] = []
            for packet in source.demux(stream):
                if packet.pts is None:
                    continue
                time = float(packet.pts * stream.time_base)
                if begin <= time < end:
                    if not inside and not packet.is_keyframe:
                        return False
                    inside.append(packet)
                elif inside:
                    if not packet.is_keyframe:
                        return False
                    break
            else:
                if span.first == 0.0 and len(inside) == count:
                    shutil.copyfile(span.path, target)  # it is the whole file
                    return True
            if len(inside) != count:
                return False
            with av.open(str(target), "w", format="mp4") as made:
                copied = made.add_stream_from_template(stream, opaque=True)
                shift = min(packet.pts for packet in inside)
                for packet in inside:
                    packet.pts -= shift
                    packet.dts = packet.dts - shift if packet.dts is not None else None
                    packet.stream = copied
                    made.mux(packet)
            return True
    except FileNotFoundError:
        raise LeRobotImportError(f"{span.path} is missing") from None
    except av.error.FFmpegError as problem:
        raise LeRobotImportError(f"{span.path} cannot be read: {problem.strerror}") from None


def _video(container: Any, path: Path) -> Any:
    if not container.streams.video:
        raise LeRobotImportError(f"{path} holds no video")
    return container.streams.video[0]
