"""The Rerun program that the SDK brings, and the environment it runs in."""

from __future__ import annotations

import os
from importlib.util import find_spec
from pathlib import Path


def rerun_binary() -> Path:
    """The program itself, not the ``rerun`` script: that one leaves its child behind when it is ended."""
    spec = find_spec("rerun_cli")
    folder = Path(spec.origin).parent if spec and spec.origin else Path("rerun_cli")
    program = folder / ("rerun.exe" if os.name == "nt" else "rerun")
    if not program.is_file():
        raise FileNotFoundError(f"the package rerun-sdk is not whole: there is no program {program}")
    return program


def quiet_environment() -> dict[str, str]:
    """The environment in which the Rerun program contacts nobody outside this machine.

    By default it sends usage events to tel.rerun.io, unless it believes to run in CI, and asks api.github.com for
    new releases, which no setting turns off: a proxy that is not there does. Both hold for this one process and
    leave the user's own Rerun settings alone. A web viewer runs in the browser, where they do not reach.
    """
    nowhere = "http://127.0.0.1:9"  # the discard port: refused at once
    local = "127.0.0.1,localhost"
    return {**os.environ, "CI": "1", "HTTPS_PROXY": nowhere, "https_proxy": nowhere, "NO_PROXY": local}
