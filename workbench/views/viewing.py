"""Looking at a run's recording: the Rerun viewer, and pictures of it without a screen.

By default Rerun's program listens on every network interface and reports usage to its makers. Here viewers bind to
127.0.0.1, and the native program runs in `quiet_environment`. The web viewer runs in the browser, where no setting
reaches it, so `view` says what it contacts.
"""

from __future__ import annotations

import subprocess
import time
from pathlib import Path

from workbench.cli.stopping import Terminated
from workbench.runs.durable import write_atomically
from workbench.views.recording import read_recording
from workbench.views.recording.of_run import RECORDING, record_run
from workbench.views.recording.rerun_viewer import RerunViewer, ViewerError, free_port, rerun_command

WEB_NOTICE = (
    "The web viewer runs in your browser, which contacts tel.rerun.io (usage reports) and api.github.com (new "
    "releases); the recording stays on this machine. The native viewer contacts nobody. Ctrl-C ends."
)


class ViewingError(Exception):
    """A recording cannot be shown; one sentence says why and what would help."""


def find_recording(run: Path) -> Path:
    """The recording of a run folder, or ``run`` itself when it is an ``.rrd`` file; ViewingError if there is none.

    That of a run which has ended without one, as on a robot's computer without Rerun, is written.
    """
    if run.suffix == ".rrd":
        if run.is_file():
            return run
        raise ViewingError(f"there is no recording {run}")
    if not run.is_dir():
        raise ViewingError(f"there is no run folder {run}")
    has_ended = (run / "summary.json").is_file()
    if not (run / RECORDING).is_file() and not (has_ended and record_run(run)):
        raise ViewingError(
            f"{run} has no {RECORDING}: no episode of this run was recorded, or it has not finished"
        )
    return run / RECORDING


def view(run: Path, episode: int | None = None, web: bool = False) -> None:
    """Open a run's recording in the Rerun viewer, and return when the user has closed it.

    Args:
        run: run folder or ``.rrd`` file.
        episode: index of the episode to show; None shows the table of all, to pick from.
        web: in the browser instead of a window; Ctrl-C ends it.

    Raises ViewingError when there is nothing to show, no such episode, or no screen.
    """
    recording = find_recording(run)
    wanted = _choose(recording, episode)
    try:
        if web:
            _view_in_browser(recording, wanted if episode is not None else None)
        else:
            with RerunViewer(recording) as viewer:
                if episode is None:
                    viewer.show_list(sorted(read_recording(recording)))
                else:
                    viewer.show(wanted)
                viewer.wait()
    except Terminated:
        raise
    except KeyboardInterrupt:
        return
    except ViewerError as problem:
        raise ViewingError(str(problem)) from None


def screenshot(
    run_or_rrd: Path,
    png: Path,
    time_s: float | None = None,
    size: tuple[int, int] = (1920, 1080),
    episode: int | None = None,
) -> list[str]:
    """Make a picture of the viewer showing a recording, without a screen.

    Args:
        run_or_rrd: run folder or ``.rrd`` file.
        png: where to.
        time_s: simulated time since the episode's start [s]; None takes the end.
        size: (width, height) of the picture [px].
        episode: index of the episode; None takes the lowest.

    Returns:
        What the views complained of, one sentence each: empty when all is well.

    Raises ViewingError when there is nothing to show or no graphics driver.
    """
    recording = find_recording(run_or_rrd)
    wanted = _choose(recording, episode)
    png.parent.mkdir(parents=True, exist_ok=True)
    try:
        with RerunViewer(recording, headless_size=size) as viewer:
            end_ns = viewer.show(wanted)
            at_ns = end_ns if time_s is None else round(time_s * 1e9)
            # The first picture makes the viewer load what it shows; once it has, the second one shows it.
            viewer.screenshot(at_ns)
            time.sleep(1.0)
            write_atomically(png, viewer.screenshot())
            return viewer.complaints()
    except ViewerError as problem:
        raise ViewingError(str(problem)) from None


def _choose(recording: Path, episode: int | None) -> str:
    """Recording id of an episode, of the lowest one for None."""
    try:
        episodes = read_recording(recording)
    except ValueError as problem:
        raise ViewingError(str(problem)) from None
    by_index = {content.properties.get("episode:index"): name for name, content in episodes.items()}
    if episode is None:
        return min(episodes)
    if episode not in by_index:
        held = ", ".join(str(index) for index in by_index if index is not None) or "none"
        raise ViewingError(f"{recording} does not hold episode {episode}; the episodes recorded are {held}")
    return by_index[episode]


def _view_in_browser(recording: Path, wanted: str | None) -> None:
    print(WEB_NOTICE, flush=True)
    if wanted:
        name = read_recording(recording)[wanted].name
        print(
            f"A browser cannot be told which episode to open: choose {name!r} in the list on the left.",
            flush=True,
        )
    command, environment = rerun_command("--web-viewer", f"--web-viewer-port={free_port()}", str(recording))
    if subprocess.run(command, env=environment, check=False).returncode:
        raise ViewerError("the web viewer could not start; its own message stands above")
