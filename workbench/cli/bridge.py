"""``workbench bridge``: a policy on a real arm; its logs as an archive; the twin's environment."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from rich.console import Console

from workbench.bridge.options import BridgeOptions
from workbench.cli.options import OptionError, help_table, option, parse_options
from workbench.cli.positional import positional

USAGE = """usage: workbench bridge key=value ...
       workbench bridge archive RUN out=FOLDER     its logs, for `workbench data`
       workbench bridge twin_setup                 makes the twin's environment
"""


@dataclass
class ArchiveOptions:
    """Options of ``workbench bridge archive``."""

    out: str = option("", "new folder for the archive")


def bridge_command(words: Sequence[str], wants_help: bool, console: Console) -> int:
    """Do what the words say, or print how to say it; the exit status."""
    if wants_help:
        console.print(USAGE, markup=False)
        console.print(help_table(BridgeOptions))
        return 0
    if words and words[0] == "archive":
        return _archive(words[1:], console)
    if list(words) == ["twin_setup"]:
        from workbench.bridge.twin.environment import make

        console.print(f"the twin's interpreter: {make()}", markup=False)
        return 0
    options = parse_options(BridgeOptions, words)
    options.resolve()
    from workbench.bridge.command import bridge

    return bridge(options, console)


def _archive(words: Sequence[str], console: Console) -> int:
    usage = "bridge archive takes a run folder: workbench bridge archive RUN out=FOLDER"
    (run,), given = positional(words, 1, usage, ArchiveOptions)
    out = parse_options(ArchiveOptions, given).out
    if not out:
        raise OptionError(f"out= is missing; {usage}")
    from workbench.bridge.dataset import write_archive

    console.print(f"{out}: {write_archive(Path(run), Path(out))} episodes", markup=False)
    return 0
