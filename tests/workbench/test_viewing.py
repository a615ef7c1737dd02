"""Viewing says plainly what is missing, and the viewer shows a recording without complaints."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from tests.workbench.synthetic import synthetic_trajectory
from workbench.recording import palette, panda_urdf, write_recording
from workbench.recording.rerun_viewer import RerunViewer, ViewerError
from workbench.viewing import ViewingError, find_recording, screenshot, view


@pytest.fixture(scope="module")
def recording(tmp_path_factory: pytest.TempPathFactory) -> Path:
    episodes = [synthetic_trajectory(index, steps=30, size=64) for index in (4, 17)]
    return write_recording(episodes, tmp_path_factory.mktemp("run") / "recording.rrd", panda_urdf())


def test_viewing_nothing_says_what_is_missing(recording: Path, tmp_path: Path) -> None:
    assert find_recording(recording.parent) == find_recording(recording) == recording
    with pytest.raises(ViewingError, match="there is no run folder"):
        view(tmp_path / "nowhere")
    with pytest.raises(ViewingError, match=r"has no recording\.rrd"):
        view(tmp_path)
    with pytest.raises(ViewingError, match=r"does not hold episode 5; the episodes recorded are 4, 17"):
        view(recording.parent, episode=5)


@pytest.fixture
def graphics(recording: Path) -> None:
    """Skips a test where the viewer finds nothing to draw with, not even a software driver."""
    try:
        with RerunViewer(recording, headless_size=(320, 200)) as viewer:
            # It may start all the same, and end only when it is to draw.
            viewer.client.take_screenshot()
    except ViewerError as problem:
        if "no graphics driver" in str(problem):
            pytest.skip(str(problem))
        raise


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
