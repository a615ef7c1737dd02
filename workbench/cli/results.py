"""Commands that look at what others made: `compare`, `gap`, `report`, `view`."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

from rich.console import Console

from workbench.cli.command import BAD_INPUT, wants_help
from workbench.cli.options import OptionError, help_table, parse_options
from workbench.cli.positional import positional


def compare(words: Sequence[str], console: Console) -> int:
    """``workbench compare``: runs against each other."""
    from workbench.comparison.command import USAGE, CompareOptions, compare_command

    if wants_help(words):
        console.print(USAGE, markup=False)
        console.print(help_table(CompareOptions))
        return 0
    compare_command(words, console)
    return 0


type _Verb = tuple[Callable[[Sequence[str], Console], int], Callable[[Console], None]]
"""What runs a verb on the words after it, and what prints its help."""


def _compare() -> _Verb:
    from workbench.gap.command import gap_command, print_help

    return gap_command, print_help


def _replay() -> _Verb:
    from workbench.identification.replay_command import print_help, replay_command

    return replay_command, print_help


def _report() -> _Verb:
    from workbench.gap.report import print_help, report_command

    return report_command, print_help


def _visual() -> _Verb:
    from workbench.visual_gap.command import print_help, visual_command

    return visual_command, print_help


GAP: dict[str, tuple[Callable[[], _Verb], str, str]] = {
    "compare": (_compare, "compare TABLE or PAIR ... [key=value ...]", "simulated success rates against real ones"),
    "replay": (_replay, "replay LOG ... [key=value ...]", "a real arm's motion against the simulated arm's"),
    "report": (_report, "report key=value ...", "before and after calibration on one page"),
    "visual": (_visual, "visual LOG ... [key=value ...]", "real pictures against simulated ones of the same states"),
}  # fmt: skip
"""Verbs of ``workbench gap``: where each is, its form, what it is for."""


def gap(words: Sequence[str], console: Console) -> int:
    """``workbench gap``: simulated success, motion and pictures against real ones."""
    if not words or words[0] in ("--help", "-h"):
        for k, (_, form, meaning) in enumerate(GAP.values()):
            console.print(f"{'usage:' if k == 0 else '':<6} workbench gap {form:<42} {meaning}", markup=False)
        return 0 if words else BAD_INPUT
    if words[0] not in GAP:
        raise OptionError(f"gap does not know {words[0]!r}: choose one of {', '.join(GAP)}")
    run, print_help = GAP[words[0]][0]()
    if wants_help(words):
        print_help(console)
        return 0
    return run(words[1:], console)


def report(words: Sequence[str], console: Console) -> int:
    """``workbench report``: the page of a run or a dataset, written again."""
    if wants_help(words):
        console.print("usage: workbench report RUN")
        return 0
    from workbench.runs.folder import RunFolder
    from workbench.runs.kinds import GENERATE, command_of, require_evaluation
    from workbench.views.report import write_report

    (folder,), _ = positional(words, 1, "report takes a run folder: workbench report RUN")
    if command_of(Path(folder)) == GENERATE:
        from workbench.data.generate.report import write_dataset_report

        console.print(str(write_dataset_report(Path(folder), RunFolder(folder).summary())))
        return 0
    require_evaluation(Path(folder))
    console.print(str(write_report(Path(folder))))
    return 0


def view(words: Sequence[str], console: Console) -> int:
    """``workbench view``: a run's recording in Rerun."""
    from workbench.views.options import ViewOptions

    if wants_help(words):
        console.print("usage: workbench view RUN [episode=N] [web=true]\n", markup=False)
        console.print(help_table(ViewOptions))
        return 0
    from workbench.runs.kinds import require_evaluation
    from workbench.views.viewing import view as view_recording

    (folder,), given = positional(words, 1, "view takes a run folder: workbench view RUN", ViewOptions)
    options = parse_options(ViewOptions, given)
    options.resolve()
    if (Path(folder) / "config.yaml").is_file():
        require_evaluation(Path(folder))
    view_recording(Path(folder), episode=options.episode, web=options.web)
    return 0
