"""The live view: what is given to it is drawn, and whoever gives it never waits."""

import sys
import time
from pathlib import Path

import numpy as np
import pytest

from policy.grounding import Box, Grounding, Point
from workbench.bridge.trajectory import camera_track
from workbench.views.live import PIPE_BYTES, LiveError, LiveView
from workbench.views.live_drawing import CAMERAS, EVENTS, PLOTS, PLOTTED, WORLD
from workbench.views.live_sample import ALL_PLOTS, Sample
from workbench.views.recording.reading import read_recording

TOOL = np.array((0.5, 0.1, 0.2, 0.0, 1.0, 0.0, 0.0))
BLOCKED = (sys.executable, "-c", "import time; print('it is said to open', flush=True); time.sleep(60)")


def sample(at: float, size: int = 64) -> Sample:
    said = Grounding(
        "front", (64, 64), (Box("cube", (10.0, 10.0, 20.0, 20.0)),), (Point("grasp", (15.0, 15.0)),)
    )
    picture = np.full((size, size, 3), 90, np.uint8)
    return Sample(
        at=at,
        tool=TOOL[:3],
        planned=TOOL[:3] + np.linspace(0, 0.1, 5)[:, None],
        pictures={"front": (picture, camera_track("front", "franka", size, TOOL[None]))},
        grounding=said,
        plots={"joint_margin": {"joint_1": 0.4}, "latency": {"policy": 0.02}},
        events=("the target was too far ahead",),
        begins=at == 0.0,
    )


def test_everything_is_shown(tmp_path: Path) -> None:
    view = LiveView("run", str(tmp_path / "live.rrd"), ("front",))
    assert view.said == f"the live view is written to {tmp_path / 'live.rrd'}"
    shown = [view.show(sample(0.1 * k)) for k in range(3)]
    view.close()
    assert all(shown)
    (content,) = read_recording(tmp_path / "live.rrd").values()
    wanted = {
        f"{CAMERAS}/front", f"{CAMERAS}/front/image", f"{CAMERAS}/front/predicted/boxes", f"{CAMERAS}/front/executed",
        f"{CAMERAS}/front/predicted/points", f"{WORLD}/planned", f"{WORLD}/executed", f"{PLOTS}/joint_margin/joint_1",
        f"{PLOTS}/latency/policy", EVENTS,
    }  # fmt: skip
    assert wanted <= set(content.entities)


def test_a_viewer_that_blocks_holds_nobody_up(monkeypatch: pytest.MonkeyPatch) -> None:
    """It takes nothing at all: what fits into the pipe waits there, the rest is left out, and each call returns."""
    monkeypatch.setattr("workbench.views.live.GOODBYE_S", 0.2)
    view = LiveView("run", "nowhere", ("front",), BLOCKED)
    longest, taken = 0.0, 0
    for k in range(60):
        one = sample(0.1 * k, size=224)
        spent = time.thread_time()
        taken += view.show(one)
        longest = max(longest, time.thread_time() - spent)
    assert longest < 0.01, "no longer than a period of the loop, in time that this thread had"
    assert 1 <= taken <= PIPE_BYTES // (224 * 224 * 3) + 1
    assert view.left_out == 60 - taken
    began = time.monotonic()
    view.close()
    assert time.monotonic() - began < 10.0


def test_a_viewer_that_has_ended_holds_nobody_up() -> None:
    view = LiveView("run", "nowhere", (), (sys.executable, "-c", "print('it is said to open', flush=True)"))
    view._process.wait(10)
    assert not any(view.show(sample(0.1 * k)) for k in range(1, 5))
    view.close()


def test_a_view_that_does_not_open_is_said_in_a_sentence() -> None:
    with pytest.raises(LiveError, match="the live view does not open at nowhere"):
        LiveView("run", "nowhere", (), (sys.executable, "-c", ""))


def test_plots_have_titles() -> None:
    assert tuple(PLOTTED) == ALL_PLOTS


def test_an_address_that_is_none_is_named_with_the_reason() -> None:
    with pytest.raises(LiveError, match=r"does not open at rerun\+http://nowhere:1/x: \w+"):
        LiveView("run", "rerun+http://nowhere:1/x", ("front",))


def test_a_file_that_cannot_be_written_is_named_with_the_reason() -> None:
    with pytest.raises(LiveError, match=r"does not open at /proc/none/live\.rrd: No such file or directory"):
        LiveView("run", "/proc/none/live.rrd", ("front",))
