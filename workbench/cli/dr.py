"""``workbench dr``: words of the command line, and what they ask for."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from rich.console import Console

from workbench.cli.options import OptionError, parse_options
from workbench.cli.positional import positional, separate
from workbench.randomisation.commands import (
    TASK,
    CheckOptions,
    check_factors,
    export_episode,
    print_catalogue,
)
from workbench.runs.kinds import require_evaluation
from workbench.views.options import ExportOptions

USAGE = """\
usage: workbench dr list [FACTOR or FAMILY ...]
       workbench dr check [FACTOR or FAMILY ...] [key=value ...]   measure that factors do what they say
       workbench dr check [FACTOR or FAMILY ...] in=task           measure what they change in the task's own episodes
       workbench dr show [FACTOR or FAMILY ...] [key=value ...]    contact sheets of what they look like
       workbench dr export RUN episode=N [to=FILE]                 a recorded episode as a factor set"""
EXPORT_USAGE = "usage: workbench dr export RUN episode=N [to=FILE]"


def dr_command(words: Sequence[str], console: Console) -> int:
    """Run ``workbench dr words...``; 0, or 1 if a factor does not do what it says. OptionError for wrong words."""
    what = words[0]
    if what == "list":
        for word in words[1:]:
            if "=" in word:
                raise OptionError(f"dr list takes names of factors or families, not {word!r}")
        print_catalogue(words[1:], console)
        return 0
    if what == "export":
        _export(words[1:], console)
        return 0
    if what not in ("check", "show"):
        raise OptionError(f"dr does not know {what!r}: choose one of list, check, show, export")
    names, given = separate(words[1:], CheckOptions)
    options = parse_options(CheckOptions, given)
    options.resolve()
    if what == "check" and options.place == TASK:
        from workbench.randomisation.in_task import check_in_task

        return 1 if check_in_task(names, options, console) else 0
    if what == "check":
        return 1 if check_factors(names, options, console) else 0
    from workbench.randomisation.show import show_factors

    for sheet in show_factors(names, options, console):
        console.print(str(sheet))
    return 0


def _export(words: Sequence[str], console: Console) -> None:
    (run,), given = positional(words, 1, EXPORT_USAGE, ExportOptions)
    options = parse_options(ExportOptions, given)
    options.resolve()
    if options.episode is None:
        raise OptionError(EXPORT_USAGE)
    require_evaluation(Path(run))
    target = Path(options.to or f"episode_{options.episode:06d}.yaml")
    export_episode(Path(run), options.episode, target)
    console.print(f"{target}   (workbench eval dr={target} episodes=1 num_envs=1 reproduces it)")
