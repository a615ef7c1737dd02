"""`RerunViewer`: a viewer process that shows one file, listens to this machine only, and goes when it is left."""

from __future__ import annotations

import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Self

import numpy as np
from rerun.experimental import Recording, ViewerClient, ViewerState

from workbench.views.recording.episode_log import EPISODE_TIME
from workbench.views.recording.rerun_binary import quiet_environment, rerun_binary

LOCALHOST = "127.0.0.1"
START_TIMEOUT_S = 60.0
"""How long a viewer may take to start and to load the file [s]; software rendering is slow."""
END_TIMEOUT_S = 10.0
"""How long a viewer that has stopped answering may take to end [s]."""
MANY = 32
"""How many recordings are opened at once at most."""

_NO_GRAPHICS = (
    "there is no graphics driver for the viewer: install a Vulkan one "
    "(Debian, Ubuntu: apt-get install mesa-vulkan-drivers)"
)
_REASONS = {  # by what the viewer prints when it ends
    "No graphics adapter was found": _NO_GRAPHICS,
    "Failed to get render context": _NO_GRAPHICS,
    "nor DISPLAY is set": "there is no screen to open the viewer on: use web=true, or take a screenshot",
    "os error 98": "the port that the viewer was given has just been taken: try again",
}


class ViewerError(Exception):
    """The viewer cannot do as asked; one sentence says why."""


def free_port() -> int:
    """A TCP port of this machine that nothing listens on now."""
    with socket.socket() as probe:
        probe.bind((LOCALHOST, 0))
        return int(probe.getsockname()[1])


def rerun_command(*arguments: str, port: int | None = None) -> tuple[list[str], dict[str, str]]:
    """Command and environment that run Rerun for this machine only (its default is every interface)."""
    command = [str(rerun_binary()), f"--bind={LOCALHOST}", f"--port={port or free_port()}", *arguments]
    return command, quiet_environment()


class RerunViewer:
    """A viewer that shows one recording file, in a window or, given ``headless_size`` [px], without a screen."""

    def __init__(self, recording: Path, headless_size: tuple[int, int] | None = None) -> None:
        headless = (
            ["--headless", f"--window-size={headless_size[0]}x{headless_size[1]}"] if headless_size else []
        )
        port = free_port()
        command, environment = rerun_command(*headless, str(recording), port=port)
        self._output = tempfile.TemporaryFile()  # noqa: SIM115 - closed in __exit__
        self._process = subprocess.Popen(command, env=environment, stdout=self._output, stderr=self._output)
        self._url = f"rerun+http://{LOCALHOST}:{port}/proxy"

    def __enter__(self) -> Self:
        try:
            self.client = self._connect()
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        self._process.terminate()
        try:
            self._process.wait(timeout=END_TIMEOUT_S)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._output.close()

    def show(self, recording_id: str) -> int:
        """Make a recording of the file the active one; returns the end of its time [ns]."""
        deadline = time.monotonic() + START_TIMEOUT_S
        while time.monotonic() < deadline:
            state = self._state()
            found = _find(state, recording_id)
            if found and found.store_id == state.active_recording and not state.loading:
                return next(line.end or 0 for line in found.timelines if line.name == EPISODE_TIME)
            # The viewer opens one recording of a file and knows the others from its catalog. With the catalog
            # turned off in its settings it opens them all.
            try:
                with self._answering():
                    if found:
                        self.client.set_location(found.location)
                    elif state.recordings and state.catalog_url:
                        self.client.open(f"{_dataset_url(state)}?segment_id={recording_id}")
            except RuntimeError:
                pass  # not there yet
            time.sleep(0.1)
        raise ViewerError(f"the viewer did not show {recording_id} within {START_TIMEOUT_S:.0f} s")

    def show_list(self, recording_ids: Sequence[str]) -> None:
        """Open every recording of the file, so that all are in the side bar, and show the table of them."""
        for recording_id in (*recording_ids[1:MANY], recording_ids[0]):
            self.show(recording_id)
        state = self._state()
        if state.catalog_url:
            with self._answering():
                self.client.open(_dataset_url(state))

    def screenshot(self, at_ns: int | None = None) -> bytes:
        """A PNG of what is on screen, at a time since the episode's start [ns] if one is given."""
        deadline = time.monotonic() + START_TIMEOUT_S
        while time.monotonic() < deadline:
            try:
                with self._answering():
                    if at_ns is not None:
                        at = np.timedelta64(at_ns, "ns")
                        self.client.set_time(EPISODE_TIME, duration=at, play_state="paused")
                    return self.client.take_screenshot()
            except TimeoutError:
                pass  # the client waits for seconds only, and software rendering on a busy machine takes longer
        raise ViewerError(f"the viewer drew no picture within {START_TIMEOUT_S:.0f} s")

    def complaints(self) -> list[str]:
        """Warnings and errors of the views on screen, one sentence each."""
        return [
            f"{view.name}: {report.severity}: {report.summary}"
            for view in self._state().views
            for report in view.reports
        ]

    def wait(self) -> None:
        """Returns when the user has closed the viewer; ViewerError when it broke."""
        if self._process.wait():
            raise ViewerError(self._why_ended())

    def _connect(self) -> ViewerClient:
        deadline = time.monotonic() + START_TIMEOUT_S
        while time.monotonic() < deadline:
            if self._process.poll() is not None:
                raise ViewerError(self._why_ended())
            try:
                client = ViewerClient.connect(self._url)
                client.get_state()
            except (RuntimeError, ConnectionError):
                time.sleep(0.1)
            else:
                return client
        raise ViewerError(f"the viewer did not start within {START_TIMEOUT_S:.0f} s")

    def _state(self) -> ViewerState:
        if self._process.poll() is not None:
            raise ViewerError(self._why_ended())
        with self._answering():
            return self.client.get_state()

    @contextmanager
    def _answering(self) -> Iterator[None]:
        """Asks the viewer something; when it ends instead of answering, ViewerError says why it ended.

        Without a graphics driver a viewer may start, serve requests, and end only when it is to draw.
        """
        try:
            yield
        except ConnectionError:
            try:
                self._process.wait(timeout=END_TIMEOUT_S)
            except subprocess.TimeoutExpired:
                raise ViewerError(
                    f"the viewer has not answered, and still runs {END_TIMEOUT_S:.0f} s later"
                ) from None
            raise ViewerError(self._why_ended()) from None

    def _why_ended(self) -> str:
        self._output.seek(0)
        said = self._output.read().decode(errors="replace")
        for sign, reason in _REASONS.items():
            if sign in said:
                return reason
        last = [line for line in said.splitlines() if line.strip()][-3:]
        return f"the viewer ended with code {self._process.returncode}: {' '.join(last)}"


def _find(state: ViewerState, recording_id: str) -> Recording | None:
    return next(
        (r for r in state.recordings if r.store_id.endswith(f":{recording_id}") and r.timelines), None
    )


def _dataset_url(state: ViewerState) -> str:
    """Address of the file in the viewer's own catalog; a recording's id there is ``Recording:<dataset>:<name>``."""
    return f"{state.catalog_url}/dataset/{state.recordings[0].store_id.split(':')[1]}"
