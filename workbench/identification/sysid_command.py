"""``workbench tune sysid``: parameters of a simulated arm from logs, with what is known of them and what is not.

``workbench tune excitation`` writes a motion to record.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from robots import registry as robots
from workbench.cli.options import OptionError, help_table, option, parse_options
from workbench.cli.positional import called_like_an_option, separate
from workbench.identification.calibrated import write_calibrated
from workbench.identification.excitation import excitation, write_excitation
from workbench.identification.identifiability import Identifiability
from workbench.identification.identify import CMA_ES, METHODS, Identified, Settings, can_tell, identify
from workbench.identification.log_readers import read_logs
from workbench.identification.parameters import DEFAULT, KINDS, ParameterSet
from workbench.identification.replay_command import LogOptions
from workbench.identification.sysid_result import HEADINGS, rows_of, to_dict, write_result

SYSID_USAGE = "usage: workbench tune sysid LOG ... [held_out=LOG;LOG] [out=FOLDER] [key=value ...]\n"
EXCITATION_USAGE = "usage: workbench tune excitation out=FILE.mcap [key=value ...]\n"
PLAYED = (
    "workbench bridge robot=twin policy=replay:{} action_space=delta_joints mode=live arm=true scale=1 "
    "episode_s={}"
)


@dataclass
class SysidOptions(LogOptions):
    """Options of ``workbench tune sysid``."""

    parameters: str = option(
        DEFAULT, f"what to find: {', '.join(KINDS)}; stiffness@1-4 is one factor for joints 1 to 4"
    )
    method: str = option(METHODS[0], "lm: Levenberg-Marquardt; cma: begun by CMA-ES")
    window: float = option(2.0, "scored part of each window that starts anew from what was measured", "s")
    burn_in: float = option(0.4, "simulated before it and not scored", "s")
    without_step: bool = option(
        True,
        "find the robot's own parameters too: at a fifth of the step, with flaws that engines have no name for",
    )
    seed: int = option(0, "of importance samples and CMA-ES")
    out: str = option("", "folder for posterior.json, calibrated.yaml and report.html")

    def settings(self) -> Settings:
        """OptionError for what cannot be."""
        if self.method not in METHODS:
            raise OptionError(f"method={self.method}: choose one of {', '.join(METHODS)}")
        if not 0.2 <= self.window <= 60 or not 0 <= self.burn_in <= 10:
            raise OptionError("window must be from 0.2 to 60 s, burn_in from 0 to 10 s")
        if self.method == CMA_ES:
            import cmaes  # noqa: F401  said before the work rather than after
        return Settings(
            self.dt,
            self.window,
            self.burn_in,
            self.method,
            self.seed,
            self.threads or None,
            self.without_step,
        )


@dataclass
class ExcitationOptions:
    """Options of ``workbench tune excitation``."""

    robot: str = option(robots.DEFAULT, f"for whom: {', '.join(robots.names())}")
    duration: float = option(20.0, "of the motion; 20 s are enough", "s")
    share: float = option(0.4, "of the limits of velocity, acceleration and jerk that it may use")
    seed: int = option(0, "of frequencies and phases")
    out: str = option("", "file to write: NAME.mcap")


def sysid_command(words: Sequence[str], console: Console) -> int:
    """Run ``tune sysid``; OptionError for words that cannot be used, LogError for logs."""
    names, given = separate(words, SysidOptions)
    options = parse_options(SysidOptions, given)
    model, settings = options.check(), options.settings()
    if not names:
        raise OptionError(f"tune sysid takes at least one log{called_like_an_option(given)}; see --help")
    parameters = ParameterSet(model, options.parameters)
    training = read_logs(names, model, options.units, options.interpolation)
    held_out = []
    if options.held_out:
        held_out = read_logs(options.held_out_words, model, options.units, options.interpolation)
    first = can_tell(model, training, parameters, settings)
    print_identifiability(first, console)
    found = identify(model, training, held_out, parameters, settings, _progress(console))
    print_identified(found, console)
    if options.out:
        out = Path(options.out)
        out.mkdir(parents=True, exist_ok=True)
        sources = [log.source for log in training]
        left = write_calibrated(found, model, out / "calibrated.yaml", sources)
        said = to_dict(found, model, sources, [log.source for log in held_out], options.method) | {
            "not_in_set": left
        }
        write_result(found, said, held_out, out)
        for line in left:
            console.print(f"not in calibrated.yaml: {line}", markup=False)
        console.print(f"{out}/report.html   (workbench eval dr={out}/calibrated.yaml)", markup=False)
    return 0


def excitation_command(words: Sequence[str], console: Console) -> int:
    """Run ``tune excitation``."""
    options = parse_options(ExcitationOptions, words)
    if options.robot not in robots.names():
        raise OptionError(f"robot={options.robot}: choose one of {', '.join(robots.names())}")
    if not options.out.endswith(".mcap"):
        raise OptionError("out=NAME.mcap is missing: the file that policy=replay: of the bridge plays")
    if not 0.05 <= options.share <= 0.9:
        raise OptionError(f"share must be from 0.05 to 0.9, not {options.share:g}")
    if not 6 <= options.duration <= 600:
        raise OptionError(f"duration must be from 6 to 600 s, not {options.duration:g}")
    model = robots.robot(options.robot)
    found = excitation(model, options.duration, options.share, seed=options.seed)
    count = write_excitation(found, model, Path(options.out))
    used = ", ".join(f"{100 * share:.0f} % of {name}" for name, share in found.used.items())
    console.print(
        f"{count} actions; at most {used}; the tool stays {found.lowest:.2f} m above the base plane",
        markup=False,
    )
    console.print(PLAYED.format(options.out, f"{options.duration + 2:g}"), markup=False)
    return 0


def print_help(words: Sequence[str], console: Console) -> None:
    """What ``--help`` prints."""
    usage, cls = (
        (EXCITATION_USAGE, ExcitationOptions) if words[0] == "excitation" else (SYSID_USAGE, SysidOptions)
    )
    console.print(usage, markup=False)
    console.print(help_table(cls))


def print_identifiability(found: Identifiability, console: Console) -> None:
    """Before the fit: what these logs can tell."""
    console.print(
        f"these logs tell {found.told.sum()} of {len(found.width)} parameters (rank {found.rank} against the prior)",
        markup=False,
    )
    for confusion in found.confusions:
        console.print(f"  {confusion.sentence}", markup=False)


def print_identified(found: Identified, console: Console) -> None:
    """The posterior, what speaks against it, and how it does on what was held out."""
    grid = Table(
        *map(escape, HEADINGS),
        box=None,
    )
    for row in rows_of(found):
        grid.add_row(*row)
    console.print(grid)
    steps = [s for s in (found.coarse, found.fine) if s is not None]
    sizes = ", ".join(f"{s.posterior.effective:.0f} of {len(s.posterior.samples)}" for s in steps)
    console.print(
        f"{found.evaluations} evaluations in {found.wall_s:.0f} s; importance samples are worth {sizes}",
        markup=False,
    )
    if found.told_own is not None:
        for confusion in found.told_own.confusions:
            console.print(f"of the robot's own, {confusion.sentence}", markup=False)
    for line in found.warnings:
        console.print(f"warning: {line}", markup=False)
    for name, pair in found.rmse.items():
        before, after = (1000 * float((pair[k] ** 2).mean() ** 0.5) for k in ("before", "after"))
        console.print(f"{name.replace('_', ' ')}: {before:.2f} mrad before, {after:.2f} after", markup=False)
    if found.coverage is not None:
        each = ", ".join(f"{100 * c:.0f}" for c in found.coverage)
        console.print(
            f"{100 * found.coverage.mean():.0f} % of held-out samples are inside the 90 % band (by joint: {each})",
            markup=False,
        )


def _progress(console: Console):  # type: ignore[no-untyped-def]
    last = [""]

    def told(what: str, value: float) -> None:
        if console.is_terminal:
            console.print(f"\r\x1b[K{what}: objective {value:.1f}", end="", markup=False, highlight=False)
        elif what != last[0]:
            console.print(f"{what} ...", markup=False)
        last[0] = what

    return told
