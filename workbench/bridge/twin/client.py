"""`RunningTwin`: the twin's process as the bridge and tests hold it."""

from __future__ import annotations

import contextlib
import json
import os
import random
import select
import socket
import subprocess
import threading
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from workbench.bridge.twin import environment
from workbench.bridge.twin.environment import TwinError
from workbench.bridge.twin.parameters import TwinParameters

START_S = 60.0
"""For so long a twin that starts is waited for [s]."""
ANSWER_S = 10.0
"""The same of an answer on its control line [s]."""
REPOSITORY = Path(__file__).parents[3]


class RunningTwin:
    """A twin, started; a context manager that ends it."""

    def __init__(
        self,
        folder: Path,
        parameters: TwinParameters | None = None,
        cameras: bool = False,
        python: Path | None = None,
        priority: int = 10,
    ) -> None:
        """
        Args:
            folder: for its audit and its output.
            parameters: of its reality.
            cameras: whether its cameras draw.
            python: of its environment; None: the one under the cache folder.
            priority: real-time priority, where it may be had; 0: none.

        TwinError when it does not start.
        """
        folder = folder.absolute()  # the twin works in a folder of its own
        folder.mkdir(parents=True, exist_ok=True)
        self.audit = folder / "audit.bin"
        """Its own log: for tests and labels alone."""
        self.parameters = parameters or TwinParameters()
        config = {
            "parameters": self.parameters.to_dict(),
            # Many twins at once: each has a loopback address of its own, with the protocol's fixed ports.
            "host": f"127.{random.randint(1, 250)}.{random.randint(1, 250)}.{random.randint(1, 250)}",
            "audit": str(self.audit),
            "cameras": cameras,
            "priority": priority,
        }
        self._one = threading.Lock()
        self._config = folder / "twin.json"
        self._config.write_text(json.dumps(config, indent=2) + "\n", "utf-8")
        self._log = (folder / "twin.log").open("ab")
        environment_of_it = {k: v for k, v in os.environ.items() if not k.startswith("PYTHON")}
        self.process = subprocess.Popen(
            [str(python or environment.python()), "-m", "workbench.bridge.twin.server", str(self._config)],
            cwd=REPOSITORY,
            env=environment_of_it | {"PYTHONPATH": str(REPOSITORY)},
            stdout=subprocess.PIPE,
            stderr=self._log,
            start_new_session=True,  # Ctrl-C is the operator's, to the bridge
        )
        said = self._first_line(folder / "twin.log")
        self.host: str = said["host"]
        """Where its arm and hand are, at the protocol's ports."""
        self.pictures: int | None = said["cameras"]
        """Port of its cameras; None: they do not draw."""
        self._line = socket.create_connection(("127.0.0.1", int(said["control"])), timeout=ANSWER_S)
        self._answers = self._line.makefile("rb")

    def begin(self, seed: int, index: int) -> dict[str, Any]:
        """Place the objects of an episode: ``instruction``, and ``things``, the named object first."""
        return self._ask(do="begin", seed=seed, index=index)

    def sense(self, port: int) -> dict[str, Any]:
        """Let the pose sensor send to this UDP port; ``rate_hz``."""
        return self._ask(do="sense", port=port)

    def judge(self) -> dict[str, Any]:
        """``success``, ``failure_reason`` and ``time_to_success_s`` of the episode so far."""
        return self._ask(do="judge")

    def counters(self) -> dict[str, int]:
        """Traffic since the start, see `workbench.bridge.twin.traffic`; steps, and those that came too late."""
        return self._ask(do="counters")

    def close(self) -> None:
        """End it, with its audit on disk; never raises."""
        with contextlib.suppress(OSError, TwinError, ValueError):
            self._ask(do="stop")
        self.process.terminate()
        try:
            self.process.wait(5)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        for part in (self._answers, self._line, self._log, self.process.stdout):
            if part is not None:
                part.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _ask(self, **what: Any) -> dict[str, Any]:
        try:
            with self._one:
                self._line.sendall(json.dumps(what).encode() + b"\n")
                line = self._answers.readline()
        except OSError as problem:
            raise TwinError(f"the twin does not answer: {problem}") from None
        if not line:
            raise TwinError("the twin has ended")
        answer: dict[str, Any] = json.loads(line)
        if "error" in answer:
            raise TwinError(f"the twin refuses: {answer['error']}")
        return answer

    def _first_line(self, log: Path) -> dict[str, Any]:
        assert self.process.stdout is not None
        ready, _, _ = select.select([self.process.stdout], [], [], START_S)
        line = self.process.stdout.readline() if ready else b""
        if not line:
            self.process.kill()
            self.process.wait()
            self._log.close()
            last = log.read_text("utf-8", "replace").strip().splitlines()[-1:]
            raise TwinError(f"the twin does not start: {' '.join(last) or 'it says nothing'} (see {log})")
        said: dict[str, Any] = json.loads(line)
        return said
