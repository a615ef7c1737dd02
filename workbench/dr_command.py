"""``workbench dr``: words of the command line, and what they ask for."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from rich.console import Console

from workbench.dr import CheckOptions, check_factors, export_episode, print_catalogue
from workbench.options import OptionError, parse_options

USAGE = """\
usage: workbench dr list [FACTOR or FAMILY ...]
       workbench dr check [FACTOR or FAMILY ...] [key=value ...]   measure that factors do what they say
       workbench dr show [FACTOR or FAMILY ...] [key=value ...]    contact sheets of what they look like
       workbench dr export RUN episode=N [to=FILE]                 a recorded episode as a factor set"""
EXPORT_USAGE = "usage: workbench dr export RUN episode=N [to=FILE]"


def dr_command(words: Sequence[str], console: Console) -> int:
    """Run ``workbench dr words...``; 0, or 1 if a factor does not do what it says. OptionError for wrong words."""
    what, given = words[0], [word for word in words[1:] if "=" in word]
    names = [word for word in words[1:] if "=" not in word]
    if what == "list":
        if given:
            raise OptionError(f"dr list takes names of factors or families, not {given[0]!r}")
        print_catalogue(names, console)
        return 0
    if what == "export":
        _export(names, given, console)
        return 0
    if what not in ("check", "show"):
        raise OptionError(f"dr does not know {what!r}: choose one of list, check, show, export")
    options = parse_options(CheckOptions, given)
    options.resolve()
    if what == "check":
        return 1 if check_factors(names, options, console) else 0
    from workbench.dr_show import show_factors

    for sheet in show_factors(names, options, console):
        console.print(str(sheet))
    return 0


def _export(names: Sequence[str], given: Sequence[str], console: Console) -> None:
    pairs = dict(word.split("=", 1) for word in given)
    episode = pairs.get("episode", "")
    if len(names) != 1 or not episode.isdigit() or pairs.keys() - {"episode", "to"}:
        raise OptionError(EXPORT_USAGE)
    target = Path(pairs.get("to", f"episode_{int(episode):06d}.yaml"))
    export_episode(Path(names[0]), int(episode), target)
    console.print(f"{target}   (workbench eval dr={target} episodes=1 num_envs=1 reproduces it)")
