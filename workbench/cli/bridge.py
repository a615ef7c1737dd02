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
       workbench bridge policy_a=... policy_b=...  two policies by turns, their order sealed
       workbench bridge unseal RUN                 ends that: who was who
       workbench bridge archive RUN out=FOLDER     its logs, for `workbench data`
       workbench bridge twin_setup                 makes the twin's environment
"""


@dataclass
class ArchiveOptions:
    """Options of ``workbench bridge archive``."""

    out: str = option("", "new folder for the archive")


@dataclass
class UnsealOptions:
    """Options of ``workbench bridge unseal``."""

    partial: bool = option(False, "also where trials are missing, of which none can then be added")
    vault: str = option("", "the folder that was vault= of the run")


def bridge_command(words: Sequence[str], wants_help: bool, console: Console) -> int:
    """Do what the words say, or print how to say it; the exit status."""
    if wants_help:
        console.print(USAGE, markup=False)
        console.print(help_table(BridgeOptions))
        return 0
    if words and words[0] == "archive":
        return _archive(words[1:], console)
    if words and words[0] == "unseal":
        return _unseal(words[1:], console)
    if list(words) == ["twin_setup"]:
        from workbench.bridge.twin.environment import make

        console.print(f"the twin's interpreter: {make()}", markup=False)
        return 0
    options = parse_options(BridgeOptions, words)
    options.resolve()
    if options.policy_a:
        from workbench.bridge.blind.command import bridge_blind

        return bridge_blind(options, console)
    from workbench.bridge.command import bridge

    return bridge(options, console)


def _unseal(words: Sequence[str], console: Console) -> int:
    usage = "bridge unseal takes a run folder: workbench bridge unseal RUN [partial=true]"
    (run,), given = positional(words, 1, usage, UnsealOptions)
    options = parse_options(UnsealOptions, given)
    from workbench.bridge.blind.command import unseal_run

    unseal_run(Path(run), options.partial, options.vault, console)
    return 0


def _archive(words: Sequence[str], console: Console) -> int:
    usage = "bridge archive takes a run folder: workbench bridge archive RUN out=FOLDER"
    (run,), given = positional(words, 1, usage, ArchiveOptions)
    out = parse_options(ArchiveOptions, given).out
    if not out:
        raise OptionError(f"out= is missing; {usage}")
    from workbench.bridge.dataset import write_archive

    console.print(f"{out}: {write_archive(Path(run), Path(out))} episodes", markup=False)
    return 0
