"""The live view: what is given to it is drawn, and whoever gives it never waits."""

import time
from pathlib import Path

import numpy as np
import pytest

from policy.grounding import Box, Grounding, Point
from workbench.bridge.trajectory import camera_track
from workbench.views.live import CAMERAS, EVENTS, PLOTS, WAITING, WORLD, LiveView, Sample
from workbench.views.recording.reading import read_recording

TOOL = np.array((0.5, 0.1, 0.2, 0.0, 1.0, 0.0, 0.0))


def sample(at: float) -> Sample:
    said = Grounding(
        "front", (64, 64), (Box("cube", (10.0, 10.0, 20.0, 20.0)),), (Point("grasp", (15.0, 15.0)),)
    )
    picture = np.full((64, 64, 3), 90, np.uint8)
    return Sample(
        at=at,
        tool=TOOL[:3],
        planned=TOOL[:3] + np.linspace(0, 0.1, 5)[:, None],
        pictures={"front": (picture, camera_track("front", "franka", 64, TOOL[None]))},
        grounding=said,
        plots={"joint_margin": {"joint_1": 0.4}, "latency": {"policy": 0.02}},
        events=("the target was too far ahead",),
        begins=at == 0.0,
    )


def test_everything_is_shown(tmp_path: Path) -> None:
    view = LiveView("run", str(tmp_path / "live.rrd"), ("front",))
    for k in range(3):
        view.show(sample(0.1 * k))
        time.sleep(0.05)
    view.close()
    (content,) = read_recording(tmp_path / "live.rrd").values()
    wanted = {
        f"{CAMERAS}/front", f"{CAMERAS}/front/image", f"{CAMERAS}/front/predicted/boxes", f"{CAMERAS}/front/executed",
        f"{CAMERAS}/front/predicted/points", f"{WORLD}/planned", f"{WORLD}/executed", f"{PLOTS}/joint_margin/joint_1",
        f"{PLOTS}/latency/policy", EVENTS,
    }  # fmt: skip
    assert wanted <= set(content.entities)


def test_what_cannot_be_drawn_in_time_is_left_out_and_nobody_waits(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(LiveView, "_draw", lambda self, sample: time.sleep(0.2))
    view = LiveView("run", str(tmp_path / "live.rrd"), ("front",))
    began = time.monotonic()
    for k in range(50):
        view.show(sample(0.1 * k))
    assert time.monotonic() - began < 0.2
    assert view.left_out >= 50 - WAITING - 2
    view.close()
