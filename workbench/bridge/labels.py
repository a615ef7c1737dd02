"""`Judged`: was the episode on the twin a success? Asked of the twin twice a second, by a thread of its own."""

from __future__ import annotations

import threading
from typing import Any

from workbench.bridge.twin.client import RunningTwin
from workbench.bridge.twin.environment import TwinError

ASK_EVERY_S = 0.5
"""[s]"""
UNEXPLAINED = "operator"
"""A person called it a failure and said no more."""


class Judged:
    """The twin's verdict; for labels alone: no policy is told."""

    def __init__(self, twin: RunningTwin) -> None:
        self._twin = twin
        self._lock = threading.Lock()
        self._verdict: dict[str, Any] = {}
        self._closing = threading.Event()
        self._thread = threading.Thread(target=self._run, name="judge", daemon=True)
        self._thread.start()
        self.lost = ""
        """Why the twin can no longer be asked; empty while it can."""

    def begin(self, seed: int, index: int) -> str:
        """An episode begins; its instruction."""
        with self._lock:
            self._verdict = {}
            return str(self._twin.begin(seed, index)["instruction"])

    @property
    def success(self) -> bool:
        """Whether it is one by now."""
        return bool(self._verdict.get("success"))

    def final(self) -> dict[str, Any]:
        """``success``, ``failure_reason`` and ``time_to_success_s``; TwinError where the twin has gone."""
        with self._lock:
            return self._twin.judge()

    def close(self) -> None:
        """Ask no more."""
        self._closing.set()
        self._thread.join(2.0)

    def _run(self) -> None:
        while not self._closing.wait(ASK_EVERY_S):
            try:
                with self._lock:
                    self._verdict = self._twin.judge()
            except TwinError as problem:
                self.lost = str(problem)
                return
