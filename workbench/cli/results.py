"""Commands that look at what others made: `compare`, `gap`, `report`, `view`."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from rich.console import Console

from workbench.cli.command import BAD_INPUT, wants_help
from workbench.cli.options import help_table, parse_options
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


def gap(words: Sequence[str], console: Console) -> int:
    """``workbench gap``: simulated success, motion and pictures against real ones."""
    if words and words[0] == "visual":
        from workbench.visual_gap.command import print_help as print_visual_help
        from workbench.visual_gap.command import visual_command

        if wants_help(words):
            print_visual_help(console)
            return 0
        return visual_command(words[1:], console)
    if words and words[0] == "replay":
        from workbench.identification.replay_command import print_help as print_replay_help
        from workbench.identification.replay_command import replay_command

        if wants_help(words):
            print_replay_help(console)
            return 0
        return replay_command(words[1:], console)
    if words and words[0] == "report":
        from workbench.gap.report import print_help as print_report_help
        from workbench.gap.report import report_command

        if wants_help(words):
            print_report_help(console)
            return 0
        return report_command(words[1:], console)
    from workbench.gap.command import gap_command, print_help

    if not words or wants_help(words):
        print_help(console)
        return 0 if words else BAD_INPUT
    return gap_command(words, console)


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
