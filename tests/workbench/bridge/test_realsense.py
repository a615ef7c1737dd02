"""RealSense cameras: by a module that stands for the library, and by the library's own device of software."""

from __future__ import annotations

import sys
import time
from types import ModuleType, SimpleNamespace
from typing import Any

import numpy as np
import pytest

from workbench.bridge.options import BridgeOptions
from workbench.bridge.realsense import RealSenseCamera
from workbench.bridge.sources import SourceError
from workbench.cli.options import OptionError

DOMAIN = SimpleNamespace(hardware_clock="hardware", global_time="global")
OFFSET_S = 500.0
"""By which the camera's own clock is behind."""


class Frame:
    def __init__(self, number: int, domain: str, held_up: float) -> None:
        self._pixels = np.full((48, 64, 3), number, np.uint8)
        self._domain = domain
        clock = time.time() if domain == DOMAIN.global_time else time.monotonic() - OFFSET_S
        self._dated = 1000 * (clock - held_up)

    def get_data(self) -> np.ndarray:
        return self._pixels

    def get_timestamp(self) -> float:
        return self._dated

    def get_frame_timestamp_domain(self) -> str:
        return self._domain


class Pipeline:
    """Gives frames that say when they were taken; then none."""

    domain = DOMAIN.hardware_clock
    held_up = (0.0, 0.0, 0.3)
    asked: tuple[Any, ...] = ()
    running = False

    def start(self, config: Any) -> None:
        type(self).asked = config.asked
        if config.asked[0] == "none":
            raise RuntimeError("No device connected")
        type(self).running = True
        self._left = list(enumerate(self.held_up))

    def wait_for_frames(self, wait: int) -> Any:
        if not self._left:
            time.sleep(0.01)
            raise RuntimeError("Frame didn't arrive within 500")
        number, held_up = self._left.pop(0)
        return SimpleNamespace(get_color_frame=lambda: Frame(number, self.domain, held_up))

    def stop(self) -> None:
        type(self).running = False


class Config:
    asked: tuple[Any, ...] = ()

    def enable_device(self, serial: str) -> None:
        self.asked += (serial,)

    def enable_stream(self, *what: Any) -> None:
        self.asked += what


@pytest.fixture
def library(monkeypatch: pytest.MonkeyPatch) -> type[Pipeline]:
    made: Any = ModuleType("pyrealsense2")
    made.config, made.pipeline, made.timestamp_domain = Config, Pipeline, DOMAIN
    made.stream, made.format = SimpleNamespace(color="color"), SimpleNamespace(rgb8="rgb8")
    monkeypatch.setitem(sys.modules, "pyrealsense2", made)
    return Pipeline


def last(camera: RealSenseCamera, number: int) -> Any:
    end = time.monotonic() + 5.0
    while time.monotonic() < end:
        picture = camera.newest().get("wrist")
        if picture is not None and picture.rgb[0, 0, 0] == number:
            return picture
        time.sleep(0.005)
    raise AssertionError("no picture has come")


@pytest.mark.parametrize("domain", [DOMAIN.hardware_clock, DOMAIN.global_time])
def test_a_picture_that_was_held_up_is_as_old_as_it_is(
    library: type[Pipeline], monkeypatch: pytest.MonkeyPatch, domain: str
) -> None:
    monkeypatch.setattr(library, "domain", domain)
    camera = RealSenseCamera("wrist", "123", 32)
    picture = last(camera, 2)
    now = time.monotonic()
    assert picture.rgb.shape == (32, 32, 3)
    assert now - 1.0 < picture.captured < now - 0.29
    assert library.asked == ("123", "color", 640, 480, "rgb8", 30)
    camera.close()
    assert not library.running


def test_a_picture_that_was_held_up_is_old_where_the_time_of_day_was_set_back_too(
    library: type[Pipeline], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(library, "domain", DOMAIN.global_time)
    told = time.time
    monkeypatch.setattr(
        "workbench.bridge.realsense.time",
        SimpleNamespace(time=lambda: told() - 60.0, monotonic=time.monotonic),
    )
    camera = RealSenseCamera("wrist", "123", 32)
    assert last(camera, 2).captured < time.monotonic() - 0.29
    camera.close()


def test_a_camera_that_was_pulled_out_is_closed_all_the_same(
    library: type[Pipeline], monkeypatch: pytest.MonkeyPatch
) -> None:
    def stop(_: Pipeline) -> None:
        raise RuntimeError("No such device")

    monkeypatch.setattr(library, "stop", stop)
    camera = RealSenseCamera("wrist", "123", 32)
    last(camera, 2)
    camera.close()
    assert not camera._thread.is_alive()
    assert camera.newest()["wrist"].rgb[0, 0, 0] == 2, "it gives nothing newer"


def test_what_cannot_be_had_is_a_sentence(library: type[Pipeline], monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(SourceError, match="wrist cannot be opened: realsense:none: No device connected"):
        RealSenseCamera("wrist", "none", 32)
    monkeypatch.setitem(sys.modules, "pyrealsense2", None)
    with pytest.raises(SourceError, match=r"which the workbench's extra \[robot-realsense\] brings"):
        RealSenseCamera("wrist", "123", 32)
    options = BridgeOptions(cameras="wrist=realsense:123,front=opencv:0")
    assert options.camera_sources == {"wrist": ("realsense", "123"), "front": ("opencv", "0")}
    with pytest.raises(OptionError, match="NAME=realsense:SERIAL"):
        _ = BridgeOptions(cameras="wrist=kinect:1").camera_sources


def test_the_library_itself_gives_what_is_read_here(monkeypatch: pytest.MonkeyPatch) -> None:
    """Its device of software, in the place of a pipeline's."""
    try:
        import pyrealsense2 as rs
    except ImportError as problem:
        pytest.skip(f"pyrealsense2 is not there: {problem}")
    device = rs.software_device()
    sensor, stream, lens = device.add_sensor("color"), rs.video_stream(), rs.intrinsics()
    lens.width, lens.height, lens.fx, lens.fy = 64, 48, 60.0, 60.0
    stream.type, stream.uid, stream.fmt, stream.intrinsics = rs.stream.color, 1, rs.format.rgb8, lens
    stream.width, stream.height, stream.fps, stream.bpp = 64, 48, 30, 3
    profile = sensor.add_video_stream(stream).as_video_stream_profile()
    frames = rs.syncer()

    class Software:
        def start(self, config: Any) -> None:
            assert isinstance(config, rs.config)
            sensor.open(profile)
            sensor.start(frames)

        def wait_for_frames(self, wait: int) -> Any:
            return frames.wait_for_frames(wait)

        def stop(self) -> None:
            sensor.stop()
            sensor.close()

    monkeypatch.setattr(rs, "pipeline", Software)
    camera = RealSenseCamera("wrist", "123", 32)
    for number, held_up in enumerate((0.0, 0.3), 1):
        frame = rs.software_video_frame()
        frame.pixels, frame.stride, frame.bpp = np.full((48, 64, 3), number, np.uint8), 192, 3
        frame.timestamp, frame.domain = (
            1000 * (time.monotonic() - OFFSET_S - held_up),
            rs.timestamp_domain.hardware_clock,
        )
        frame.frame_number, frame.profile = number, profile
        sensor.on_video_frame(frame)
        picture = last(camera, number)
    assert time.monotonic() - 1.0 < picture.captured < time.monotonic() - 0.29
    camera.close()
