"""Videos: every frame comes back, at its time, looking as it did."""

from __future__ import annotations

import os
import sys

import av
import numpy as np
import pytest

from workbench.data import video as video_module
from workbench.data.video import VideoError, VideoWriter, decode, information


def pictures(count, width=64, height=48):
    """Smooth pictures that differ: a bright band that wanders."""
    v, u = np.mgrid[:height, :width]
    return [
        np.stack((128 + 100 * np.sin(u / 9 + k), v * 4.0, u * 3.0), -1).clip(0, 255).astype(np.uint8)
        for k in range(count)
    ]


@pytest.fixture(params=["libsvtav1", "libx264"])
def any_encoder(request, monkeypatch):
    """Each encoder that this PyAV has, the preferred and the one to fall back on."""
    try:
        av.codec.Codec(request.param, "w")
    except (av.error.FFmpegError, ValueError):
        pytest.skip(f"this PyAV has no {request.param}")
    monkeypatch.setattr(video_module, "encoder", lambda: request.param)


@pytest.mark.usefixtures("any_encoder")
@pytest.mark.parametrize(("fps", "count"), [(20.0, 9), (20 / 3, 14), (30.0, 1)])
def test_every_frame_comes_back_at_its_time(tmp_path, fps, count):
    made = pictures(count)
    with VideoWriter(tmp_path / "v.mp4", (64, 48), fps) as video:
        for picture in made:
            video.add(picture)
    found = list(decode(tmp_path / "v.mp4"))
    np.testing.assert_allclose([t for t, _ in found], np.arange(count) / fps, atol=1e-4)
    for k, (_, picture) in enumerate(found):
        errors = [np.abs(picture.astype(int) - other).mean() for other in made]
        assert np.argmin(errors) == k, "a frame is itself, not its neighbour"
        assert errors[k] < 6


@pytest.mark.usefixtures("any_encoder")
def test_a_key_frame_is_never_far(tmp_path):
    with VideoWriter(tmp_path / "v.mp4", (64, 48), 20.0) as video:
        for picture in pictures(12):
            video.add(picture)
    with av.open(str(tmp_path / "v.mp4")) as container:
        keys = [packet.is_keyframe for packet in container.demux(video=0) if packet.size]
    assert all(keys[::2])
    assert information(tmp_path / "v.mp4") == {
        "video.height": 48,
        "video.width": 64,
        "video.codec": information(tmp_path / "v.mp4")["video.codec"],
        "video.pix_fmt": "yuv420p",
        "video.is_depth_map": False,
        "video.fps": 20,
        "video.channels": 3,
        "has_audio": False,
    }


def test_sizes_that_do_not_fit_are_refused(tmp_path):
    with pytest.raises(ValueError, match="63x48 px: a video needs an even width"):
        VideoWriter(tmp_path / "v.mp4", (63, 48), 20.0)
    with (
        pytest.raises(ValueError, match="a picture has 32x48 px, the video has 64x48"),
        VideoWriter(tmp_path / "v.mp4", (64, 48), 20.0) as video,
    ):
        video.add(pictures(1, 32)[0])


def test_what_is_no_video_is_named(tmp_path):
    (tmp_path / "v.mp4").write_bytes(b"not a video" * 50)
    with pytest.raises(VideoError, match=r"v\.mp4"):
        list(decode(tmp_path / "v.mp4"))
    with pytest.raises(VideoError, match=r"v\.mp4"):
        information(tmp_path / "v.mp4")


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="threads' scheduling is looked up in /proc")
def test_encoding_leaves_no_thread_with_real_time_priority(tmp_path):
    """Encoders take it where they may, as for root, also for the thread that calls them: nothing else would run."""
    with VideoWriter(tmp_path / "video.mp4", (64, 64), 10.0) as writer:
        for _ in range(3):
            writer.add(np.zeros((64, 64, 3), np.uint8))
            found = {os.sched_getscheduler(int(task)) for task in os.listdir("/proc/self/task")}
            assert found == {os.SCHED_OTHER}
