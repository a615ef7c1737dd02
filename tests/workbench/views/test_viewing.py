"""Viewing says plainly what is missing, and the viewer shows a recording without complaints."""

import os
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from PIL import Image

from robots.registry import robot
from tests.workbench.synthetic import synthetic_trajectory
from workbench.views.recording import palette, read_recording, rerun_viewer, write_recording
from workbench.views.recording.rerun_viewer import RerunViewer, ViewerError
from workbench.views.viewing import ViewingError, find_recording, screenshot, view


@pytest.fixture(scope="module")
def recording(tmp_path_factory: pytest.TempPathFactory) -> Path:
    episodes = [synthetic_trajectory(index, steps=30, size=64) for index in (4, 17)]
    return write_recording(episodes, tmp_path_factory.mktemp("run") / "recording.rrd", robot().urdf())


def test_viewing_nothing_says_what_is_missing(recording: Path, tmp_path: Path) -> None:
    assert find_recording(recording.parent) == find_recording(recording) == recording
    with pytest.raises(ViewingError, match="there is no run folder"):
        view(tmp_path / "nowhere")
    with pytest.raises(ViewingError, match=r"has no recording\.rrd"):
        view(tmp_path)
    with pytest.raises(ViewingError, match=r"does not hold episode 5; the episodes recorded are 4, 17"):
        view(recording.parent, episode=5)


def test_a_run_that_ended_where_no_rerun_is_gets_its_recording_when_it_is_viewed(tmp_path: Path) -> None:
    synthetic_trajectory(4, steps=30, size=64).save(tmp_path / "trajectories" / "episode_000004.npz")
    with pytest.raises(ViewingError, match=r"has no recording\.rrd: .* or it has not finished"):
        find_recording(tmp_path)
    (tmp_path / "summary.json").write_text("{}", "utf-8")
    assert len(read_recording(find_recording(tmp_path))) == 1


@pytest.fixture
def graphics(recording: Path) -> None:
    """Skips a test where the viewer finds nothing to draw with, not even a software driver."""
    try:
        with RerunViewer(recording, headless_size=(320, 200)) as viewer:
            # It may start all the same, and end only when it is to draw.
            viewer.screenshot()
    except ViewerError as problem:
        if "no graphics driver" in str(problem):
            pytest.skip(str(problem))
        raise


def test_without_a_graphics_driver_a_picture_says_what_to_install(
    recording: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("WGPU_BACKEND", "vulkan")
    monkeypatch.setenv("VK_DRIVER_FILES", "/nonexistent")  # the loader finds no driver, installed or not
    for _ in range(2):
        with pytest.raises(ViewingError, match=r"no graphics driver .* mesa-vulkan-drivers"):
            screenshot(recording, tmp_path / "picture.png", size=(320, 200))


def viewer_that(does: str, recording: Path, monkeypatch: pytest.MonkeyPatch) -> RerunViewer:
    """A `RerunViewer` whose process runs a line of Python, and whose requests all end in a transport error."""

    def refuse(*_: object, **__: object) -> None:
        raise ConnectionError("transport error")

    monkeypatch.setattr(
        rerun_viewer, "rerun_command", lambda *_, **__: ([sys.executable, "-c", does], dict(os.environ))
    )
    viewer = RerunViewer(recording)
    viewer.client = SimpleNamespace(get_state=refuse, take_screenshot=refuse, open=refuse)  # type: ignore[assignment]
    return viewer


@pytest.mark.parametrize("ask", [RerunViewer.screenshot, lambda viewer: viewer.show("episode_000004")])
def test_a_viewer_that_ends_instead_of_answering_gives_its_reason(
    recording: Path, monkeypatch: pytest.MonkeyPatch, ask: Callable[[RerunViewer], object]
) -> None:
    viewer = viewer_that(
        "import time; time.sleep(0.3); print('Failed to get render context')", recording, monkeypatch
    )
    with pytest.raises(ViewerError, match="no graphics driver"):
        ask(viewer)
    viewer.__exit__()


def test_a_viewer_that_runs_and_does_not_answer_is_not_taken_for_a_missing_driver(
    recording: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rerun_viewer, "END_TIMEOUT_S", 0.2)
    viewer = viewer_that(
        "import time; print('Failed to get render context'); time.sleep(60)", recording, monkeypatch
    )
    with pytest.raises(ViewerError, match="has not answered"):
        viewer.screenshot()
    viewer.__exit__()


@pytest.mark.usefixtures("graphics")
def test_the_viewer_shows_every_episode_without_a_complaint(recording: Path, tmp_path: Path) -> None:
    for episode in (4, 17):
        png = tmp_path / f"{episode}.png"
        assert screenshot(recording, png, time_s=0.5, size=(1280, 720), episode=episode) == []
        assert Image.open(png).size == (1280, 720)
        assert set(colors_in(png)) >= {"predicted", "true", "executed"}, (
            "what was said lies over what was done"
        )


def colors_in(png: Path) -> Iterator[str]:
    """Which of the overlay colours a picture shows in at least 30 pixels."""
    pixels = np.asarray(Image.open(png).convert("RGB")).reshape(-1, 3).astype(int)
    for name in ("predicted", "true", "executed"):
        color = getattr(palette, name.upper())[:3]
        if (np.abs(pixels - color).max(1) < 12).sum() >= 30:
            yield name


@pytest.mark.usefixtures("graphics")
def test_the_viewer_lists_every_episode_and_is_gone_afterwards(recording: Path) -> None:
    with RerunViewer(recording, headless_size=(640, 400)) as viewer:
        viewer.show_list(["episode_000004", "episode_000017"])
        opened = {r.store_id.rsplit(":", 1)[1] for r in viewer.client.get_state().recordings}
    assert opened == {"episode_000004", "episode_000017"}
    with pytest.raises((RuntimeError, ConnectionError)):
        viewer.client.get_state()
