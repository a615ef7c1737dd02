"""``workbench calibrate``: words of the command line, and what they ask for."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from rich.console import Console

from workbench.calibration.options import USAGE, CalibrateOptions
from workbench.cli.options import OptionError, help_table, parse_options
from workbench.cli.positional import separate

DONE, STALE = 0, 1


def calibrate_command(words: Sequence[str], wants_help: bool, console: Console) -> int:
    """Do what the words say, or print how to say it; 0, or 1 where `check` finds a stale calibration."""
    if wants_help or not words:
        console.print(USAGE + "\n", markup=False)
        console.print(help_table(CalibrateOptions))
        return 0 if wants_help else 2
    what = words[0] if words[0] in ("check", "refine", "board") else ""
    names, given = separate(words[1:] if what else words, CalibrateOptions)
    options = parse_options(CalibrateOptions, given)
    options.resolve()
    wanted = {"": ("DATA",), "board": ()}.get(what, ("CALIBRATION", "DATA"))
    if len(names) != len(wanted):
        raise OptionError(
            f"give {' '.join(('workbench calibrate', what, *wanted)).replace('  ', ' ')}; see --help"
        )
    from workbench.calibration import command

    match what:
        case "board":
            command.draw_board(options, console)
            return DONE
        case "refine":
            factors = command.refine(Path(names[0]), Path(names[1]), options, console)
        case "check":
            fits = command.check_calibration(Path(names[0]), Path(names[1]), options, console)
            return DONE if fits else STALE
        case _:
            factors = command.calibrate_camera(Path(names[0]), options, console)
    for sentence in beyond(factors):
        console.print(sentence, markup=False)
    return DONE


def beyond(content: dict[str, dict[str, Any]]) -> list[str]:
    """Factors whose value simulated cameras refuse, each in a sentence."""
    import numpy as np

    from domain_rand.factor import Factor
    from domain_rand.factors import camera

    known = [kind for kind in vars(camera).values() if isinstance(kind, type) and issubclass(kind, Factor)]
    kinds = {kind.name: kind for kind in known if kind is not Factor}
    found = []
    for name, said in content.items():
        legal: Any = kinds[name].legal
        if any(not legal.lo <= x <= legal.hi for x in np.atleast_1d(said["value"])):
            found.append(
                f"{name} is {said['value']}, and simulated cameras take {legal.lo:g} to {legal.hi:g}: stand the real "
                "camera nearer to where the simulated one is, or leave this factor out"
            )
    return found
