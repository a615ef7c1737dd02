"""The ``workbench`` command."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

from rich.console import Console
from rich.table import Table

from workbench.options import OptionError, help_table, parse_options
from workbench.positional import positional

ERROR, BAD_INPUT = 1, 2
LOG_WIDTH = 160
"""Columns of output that no terminal shows."""


def _eval(words: Sequence[str], console: Console) -> int:
    """run a policy on named episodes in parallel environments"""
    from workbench.eval_options import EvalOptions
    from workbench.evaluate import evaluate, print_plan
    from workbench.overview import print_summary

    if _wants_help(words):
        console.print("usage: workbench eval key=value ...\n")
        console.print(help_table(EvalOptions))
        return 0
    options = parse_options(EvalOptions, words)
    options.resolve()
    if options.plan_only:
        print_plan(options, console)
        return 0
    summary = evaluate(options, console)
    print_summary(summary, options.out, console)
    return 0


def _generate(words: Sequence[str], console: Console) -> int:
    """make a dataset of annotated episodes: plan without cameras, render what succeeded"""
    from workbench.data.generate import generate
    from workbench.data.generate_options import GenerateOptions
    from workbench.data.overview import print_dataset

    if _wants_help(words):
        console.print("usage: workbench generate key=value ...\n")
        console.print(help_table(GenerateOptions))
        return 0
    options = parse_options(GenerateOptions, words)
    options.resolve()
    print_dataset(generate(options, console), options.out, console)
    return 0


def _train(words: Sequence[str], console: Console) -> int:
    """train a vision-language-action model on a dataset: to ground, then to act"""
    from workbench.training.options import TrainOptions

    if _wants_help(words):
        console.print(
            "usage: workbench train stage=grounding|action data=FOLDER key=value ...\n", markup=False
        )
        console.print(help_table(TrainOptions))
        return 0
    options = parse_options(TrainOptions, words)
    options.resolve()
    from workbench.training.train import train

    checkpoint = train(options, console)
    console.print(f"{checkpoint}   (workbench eval policy=m1 checkpoint={checkpoint})", markup=False)
    return 0


def _eval_grounding(words: Sequence[str], console: Console) -> int:
    """measure how well a checkpoint says where things are, on held-out pictures"""
    from workbench.training.grounding_eval_options import USAGE, GroundingEvalOptions

    if _wants_help(words):
        console.print(USAGE + "\n", markup=False)
        console.print(help_table(GroundingEvalOptions))
        return 0
    options = parse_options(GroundingEvalOptions, words)
    options.resolve()
    from workbench.training.grounding_eval import eval_grounding

    eval_grounding(options, console)
    return 0


def _tune(words: Sequence[str], console: Console) -> int:
    """find how far each factor can go before the policy fails"""
    from workbench.overview import print_report
    from workbench.tuning.options import AdrOptions
    from workbench.tuning.tune import print_ranges, tune_adr

    if _wants_help(words):
        console.print("usage: workbench tune adr key=value ...\n")
        console.print(help_table(AdrOptions))
        return 0
    if not words or words[0] != "adr":
        given = f", not {words[0]!r}" if words else ""
        if words and words[0] in ("ladder", "factorial"):
            given += f"; that is workbench eval attribute={words[0]}"
        raise OptionError(f"tune takes a method: workbench tune adr key=value ...{given}")
    options = parse_options(AdrOptions, words[1:])
    options.resolve()
    found = tune_adr(options, console)
    print_ranges(found, options.out, console)
    print_report(options.out, console)
    return 0 if found["factors"] else ERROR


def _dr(words: Sequence[str], console: Console) -> int:
    """the factors of domain randomisation: list, check, show, export"""
    from workbench.dr_command import USAGE, CheckOptions, dr_command

    if not words or _wants_help(words):
        console.print(USAGE + "\n", markup=False)
        console.print(help_table(CheckOptions))
        return 0 if words else BAD_INPUT
    return dr_command(words, console)


def _policy(words: Sequence[str], console: Console) -> int:
    """make a checkpoint of a published InternVLA-M1 run"""
    from workbench.policy_command import USAGE, ImportOptions, policy_command

    if not words or _wants_help(words):
        console.print(USAGE + "\n", markup=False)
        console.print(help_table(ImportOptions))
        return 0 if words else BAD_INPUT
    return policy_command(words, console)


def _data(words: Sequence[str], console: Console) -> int:
    """datasets: inspect, validate, convert, merge, split, import"""
    from workbench.data_command import run

    return run(words, console)


def _compare(words: Sequence[str], console: Console) -> int:
    """test runs against each other on the episodes they share"""
    from workbench.comparison.command import USAGE, CompareOptions, compare_command

    if _wants_help(words):
        console.print(USAGE, markup=False)
        console.print(help_table(CompareOptions))
        return 0
    compare_command(words, console)
    return 0


def _report(words: Sequence[str], console: Console) -> int:
    """write a run's or a dataset's report.html again"""
    from workbench.folder_kinds import GENERATE, command_of, require_evaluation
    from workbench.report import write_report
    from workbench.run_folder import RunFolder

    if _wants_help(words):
        console.print("usage: workbench report RUN")
        return 0
    (folder,), _ = positional(words, 1, "report takes a run folder: workbench report RUN")
    if command_of(Path(folder)) == GENERATE:
        from workbench.data.dataset_report import write_dataset_report

        console.print(str(write_dataset_report(Path(folder), RunFolder(folder).summary())))
        return 0
    require_evaluation(Path(folder))
    console.print(str(write_report(Path(folder))))
    return 0


def _view(words: Sequence[str], console: Console) -> int:
    """open a run's recording in Rerun"""
    from workbench.folder_kinds import require_evaluation
    from workbench.run_options import ViewOptions
    from workbench.viewing import view

    if _wants_help(words):
        console.print("usage: workbench view RUN [episode=N] [web=true]\n", markup=False)
        console.print(help_table(ViewOptions))
        return 0
    (folder,), given = positional(words, 1, "view takes a run folder: workbench view RUN", ViewOptions)
    options = parse_options(ViewOptions, given)
    options.resolve()
    if (Path(folder) / "config.yaml").is_file():
        require_evaluation(Path(folder))
    view(Path(folder), episode=options.episode, web=options.web)
    return 0


def _doctor(words: Sequence[str], console: Console) -> int:
    """say what works on this machine, and try it"""
    from workbench.doctor import doctor

    if _wants_help(words):
        console.print("usage: workbench doctor")
        return 0
    if words:
        raise OptionError(f"doctor takes no options, not {words[0]!r}")
    return doctor(console)


def _demo(words: Sequence[str], console: Console) -> int:
    """the main job on small defaults: evaluate the expert, report, record"""
    from workbench.demo import demo

    if _wants_help(words):
        console.print("usage: workbench demo")
        return 0
    if words:
        raise OptionError(f"demo takes no options, not {words[0]!r}")
    return demo(console)


COMMANDS: dict[str, Callable[[Sequence[str], Console], int]] = {
    "demo": _demo,
    "eval": _eval,
    "dr": _dr,
    "generate": _generate,
    "data": _data,
    "train": _train,
    "eval-grounding": _eval_grounding,
    "tune": _tune,
    "policy": _policy,
    "compare": _compare,
    "report": _report,
    "view": _view,
    "doctor": _doctor,
}


EXAMPLES = {
    "demo": "workbench demo",
    "eval": "workbench eval policy=expert episodes=64 num_envs=16 seed=1 out=runs/expert",
    "dr": "workbench dr show camera appearance out=runs/looks",
    "generate": "workbench generate dr=heavy episodes=100 renders=3 out=data/heavy",
    "data": "workbench data export data/heavy format=lerobot_v21 out=data/heavy-v21",
    "train": "workbench train stage=grounding data=data/heavy out=runs/grounded",
    "eval-grounding": "workbench eval-grounding checkpoint=runs/grounded/checkpoint data=data/held-out",
    "tune": "workbench tune adr policy=expert dr=heavy factors=camera.exposure",
    "policy": "workbench policy import published/run qwen=published/qwen out=checkpoints/m1",
    "compare": "workbench compare runs/expert runs/noisy confidence=0.9",
    "report": "workbench report runs/expert",
    "view": "workbench view runs/expert episode=3",
    "doctor": "workbench doctor",
}
"""A line to start from, above the options of each command."""


def main(argv: Sequence[str] | None = None) -> int:
    """Entry point; returns the exit status: 0 done, 1 failed, 2 wrong input."""
    words = list(sys.argv[1:] if argv is None else argv)
    # In a file or a log there is no edge for tables to be squeezed at.
    width = None if sys.stdout.isatty() or "COLUMNS" in os.environ else LOG_WIDTH
    console = Console(soft_wrap=True, highlight=False, width=width)
    errors = Console(stderr=True, soft_wrap=True, highlight=False)
    if not words or words[0] in ("--help", "-h", "help"):
        _print_help(console)
        return 0
    command = COMMANDS.get(words[0])
    if command is None:
        errors.print(f"workbench: there is no command {words[0]!r}: choose one of {', '.join(COMMANDS)}")
        return BAD_INPUT
    if _wants_help(words[1:]):
        console.print(f"{command.__doc__}; for example:\n\n    {EXAMPLES[words[0]]}\n", markup=False)
    try:
        return command(words[1:], console)
    except KeyboardInterrupt:
        errors.print("workbench: interrupted; the same command again goes on from here")
        return 130
    except _expected_errors() as error:
        errors.print(f"workbench {words[0]}: {error}", markup=False)
        return BAD_INPUT


def _expected_errors() -> tuple[type[Exception], ...]:
    """Errors that are the user's to mend: one sentence, no traceback."""
    from domain_rand.sets import FactorSetError
    from workbench.comparison import ComparisonError
    from workbench.data.archive import ArchiveError
    from workbench.data.export_folder import ExportError
    from workbench.data.lerobot_files import LeRobotImportError
    from workbench.launch import LaunchError
    from workbench.records import RecordError
    from workbench.run_folder import RunFolderError
    from workbench.viewing import ViewingError

    return (
        OptionError,
        LaunchError,
        FactorSetError,
        RunFolderError,
        RecordError,
        ComparisonError,
        ViewingError,
        ArchiveError,
        ExportError,
        LeRobotImportError,
    )


def _print_help(console: Console) -> None:
    console.print("usage: workbench COMMAND [key=value ...]      workbench COMMAND --help\n", markup=False)
    table = Table(box=None, padding=(0, 2), show_edge=False, show_header=False)
    for name, command in COMMANDS.items():
        table.add_row(name, command.__doc__)
    console.print(table)


def _wants_help(words: Sequence[str]) -> bool:
    return any(word in ("--help", "-h") for word in words)


if __name__ == "__main__":
    sys.exit(main())
