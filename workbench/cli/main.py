"""The ``workbench`` command."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence

from rich.console import Console

from workbench.cli import results
from workbench.cli.command import BAD_INPUT, Command, print_commands, wants_help
from workbench.cli.expected_errors import sentence_of
from workbench.cli.options import OptionError, help_table, parse_options
from workbench.cli.stopping import Terminated, signals_as_interrupts
from workbench.cli.utf8 import escape_what_output_cannot_say, restart_in_utf8_mode

ERROR, INTERRUPTED = 1, 130
LOG_WIDTH = 160
"""Columns of output that no terminal shows."""


def _eval(words: Sequence[str], console: Console) -> int:
    from workbench.evaluation.options import EvalOptions

    if wants_help(words):
        console.print("usage: workbench eval key=value ...\n")
        console.print(help_table(EvalOptions))
        return 0
    options = parse_options(EvalOptions, words)
    options.resolve()
    from workbench.evaluation.evaluate import evaluate, print_plan
    from workbench.evaluation.overview import print_summary

    if options.plan_only:
        print_plan(options, console)
        return 0
    summary = evaluate(options, console)
    print_summary(summary, options.out, console)
    return 0


def _generate(words: Sequence[str], console: Console) -> int:
    from workbench.data.generate.options import GenerateOptions

    if wants_help(words):
        console.print("usage: workbench generate key=value ...\n")
        console.print(help_table(GenerateOptions))
        return 0
    options = parse_options(GenerateOptions, words)
    options.resolve()
    from workbench.data.generate.generate import generate
    from workbench.data.generate.overview import print_dataset

    print_dataset(generate(options, console), options.out, console)
    return 0


def _train(words: Sequence[str], console: Console) -> int:
    from workbench.training.options import TrainOptions

    if wants_help(words):
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
    from workbench.training.grounding_eval_options import USAGE, GroundingEvalOptions

    if wants_help(words):
        console.print(USAGE + "\n", markup=False)
        console.print(help_table(GroundingEvalOptions))
        return 0
    options = parse_options(GroundingEvalOptions, words)
    options.resolve()
    from workbench.training.grounding_eval import eval_grounding

    eval_grounding(options, console)
    return 0


def _tune(words: Sequence[str], console: Console) -> int:
    if words and words[0] in ("sysid", "excitation"):
        from workbench.identification import sysid_command

        if wants_help(words):
            sysid_command.print_help(words, console)
            return 0
        run = sysid_command.sysid_command if words[0] == "sysid" else sysid_command.excitation_command
        return run(words[1:], console)
    from workbench.tuning.options import AdrOptions

    if wants_help(words):
        console.print(
            "usage: workbench tune adr key=value ...; also: tune sysid --help, tune excitation --help\n"
        )
        console.print(help_table(AdrOptions))
        return 0
    if not words or words[0] != "adr":
        given = f", not {words[0]!r}" if words else ""
        if words and words[0] in ("ladder", "factorial"):
            given += f"; that is workbench eval attribute={words[0]}"
        raise OptionError(
            f"tune takes a method, adr, sysid or excitation: workbench tune adr key=value ...{given}"
        )
    options = parse_options(AdrOptions, words[1:])
    options.resolve()
    from workbench.evaluation.overview import print_report
    from workbench.tuning.tune import print_ranges, tune_adr

    found = tune_adr(options, console)
    print_ranges(found, options.out, console)
    print_report(options.out, console)
    return 0 if found["factors"] else ERROR


def _dr(words: Sequence[str], console: Console) -> int:
    from workbench.cli.dr import USAGE, CheckOptions, dr_command

    if not words or wants_help(words):
        console.print(USAGE + "\n", markup=False)
        console.print(help_table(CheckOptions))
        return 0 if words else BAD_INPUT
    return dr_command(words, console)


def _policy(words: Sequence[str], console: Console) -> int:
    from workbench.cli.policy import policy_command, print_help

    if not words or wants_help(words):
        print_help(words, console)
        return 0 if words else BAD_INPUT
    return policy_command(words, console)


def _validate(words: Sequence[str], console: Console) -> int:
    from workbench.validate.command import print_help, validate_command

    if not words or wants_help(words):
        print_help(console)
        return 0 if words else BAD_INPUT
    return validate_command(words, console)


def _serve(words: Sequence[str], console: Console) -> int:
    from workbench.serving.options import ServeOptions

    if wants_help(words):
        console.print("usage: workbench serve key=value ...\n")
        console.print(help_table(ServeOptions))
        return 0
    options = parse_options(ServeOptions, words)
    options.resolve()
    from workbench.serving.serve import serve

    return serve(options, console)


def _bridge(words: Sequence[str], console: Console) -> int:
    from workbench.cli.bridge import bridge_command

    return bridge_command(words, wants_help(words), console)


def _calibrate(words: Sequence[str], console: Console) -> int:
    from workbench.cli.calibrate import calibrate_command

    return calibrate_command(words, wants_help(words), console)


def _data(words: Sequence[str], console: Console) -> int:
    from workbench.cli.data import run

    return run(words, console)


def _doctor(words: Sequence[str], console: Console) -> int:
    if wants_help(words):
        console.print("usage: workbench doctor")
        return 0
    if words:
        raise OptionError(f"doctor takes no options, not {words[0]!r}")
    from workbench.cli.doctor import doctor

    return doctor(console)


def _demo(words: Sequence[str], console: Console) -> int:
    if wants_help(words):
        console.print("usage: workbench demo")
        return 0
    if words:
        raise OptionError(f"demo takes no options, not {words[0]!r}")
    from workbench.cli.demo import demo

    return demo(console)


COMMANDS = {
    "demo": Command(
        _demo,
        "the main job on small defaults: evaluate the expert, report, record",
        "workbench demo",
    ),
    "eval": Command(
        _eval,
        "run a policy on named episodes in parallel environments",
        "workbench eval policy=expert episodes=64 num_envs=16 seed=1 out=runs/expert",
    ),
    "dr": Command(
        _dr,
        "the factors of domain randomisation: list, check, show, export",
        "workbench dr show camera appearance out=runs/looks",
    ),
    "generate": Command(
        _generate,
        "make a dataset of annotated episodes: plan without cameras, render what succeeded",
        "workbench generate dr=heavy episodes=100 renders=3 out=data/heavy",
    ),
    "data": Command(
        _data,
        "datasets: inspect, validate, convert, merge, split, import",
        "workbench data export data/heavy format=lerobot_v21 out=data/heavy-v21",
    ),
    "train": Command(
        _train,
        "train a vision-language-action model on a dataset: to ground, then to act",
        "workbench train stage=grounding data=data/heavy out=runs/grounded",
    ),
    "eval-grounding": Command(
        _eval_grounding,
        "measure how well a checkpoint says where things are, on held-out pictures",
        "workbench eval-grounding checkpoint=runs/grounded/checkpoint data=data/held-out",
    ),
    "tune": Command(
        _tune,
        "find how far each factor can go before the policy fails (adr), or what an arm's logs say of it (sysid)",
        "workbench tune adr policy=expert dr=heavy factors=camera.exposure",
    ),
    "policy": Command(
        _policy,
        "check that a policy and a task mean the same; measure what it takes; import a published run",
        "workbench policy check m1",
    ),
    "serve": Command(
        _serve,
        "a policy behind a server, in the protocol of openpi, RoboArena, GR00T, InternVLA-M1, starVLA or vla-eval",
        "workbench serve policy=m1 checkpoint=m1-mini protocol=openpi",
    ),
    "bridge": Command(
        _bridge,
        "a policy on a real arm, or on its twin: it watches, then acts behind a gate, and every tick is kept",
        "workbench bridge robot=twin policy=expert mode=live arm=true episodes=2",
    ),
    "calibrate": Command(
        _calibrate,
        "a camera's lens and place, from pictures of a board; is it still right?",
        "workbench calibrate runs/board mount=fixed camera=front out=front.yaml",
    ),
    "validate": Command(
        _validate,
        "a verdict before hardware is risked: go, go with restrictions, or no-go, with its reasons",
        "workbench validate policy=m1 calibration=calibrated.yaml key=verdict.key",
    ),
    "compare": Command(
        results.compare,
        "test runs against each other on the episodes they share",
        "workbench compare runs/expert runs/noisy confidence=0.9",
    ),
    "gap": Command(
        results.gap,
        "how well simulated success, motion and pictures say what real ones are",
        "workbench gap compare runs/real-a,runs/sim-a runs/real-b,runs/sim-b runs/real-c,runs/sim-c",
    ),
    "report": Command(
        results.report,
        "write a run's or a dataset's report.html again",
        "workbench report runs/expert",
    ),
    "view": Command(
        results.view,
        "open a run's recording in Rerun",
        "workbench view runs/expert episode=3",
    ),
    "doctor": Command(
        _doctor,
        "say what works on this machine, and try it",
        "workbench doctor",
    ),
}


def main(argv: Sequence[str] | None = None) -> int:
    """Entry point; returns the exit status: 0 done, 1 failed, 2 wrong input, 128 + n ended by signal n."""
    if argv is None:
        restart_in_utf8_mode()
    escape_what_output_cannot_say()
    words = list(sys.argv[1:] if argv is None else argv)
    # In a file or a log there is no edge for tables to be squeezed at.
    width = None if sys.stdout.isatty() or "COLUMNS" in os.environ else LOG_WIDTH
    console = Console(soft_wrap=True, highlight=False, emoji=False, width=width)
    errors = Console(stderr=True, soft_wrap=True, highlight=False, emoji=False)
    if not words or words[0] in ("--help", "-h", "help"):
        print_commands(COMMANDS, console)
        return 0
    command = COMMANDS.get(words[0])
    if command is None:
        errors.print(f"workbench: there is no command {words[0]!r}: choose one of {', '.join(COMMANDS)}")
        return BAD_INPUT
    try:
        with signals_as_interrupts():
            if wants_help(words[1:]):
                console.print(f"{command.says}; for example:\n\n    {command.example}\n", markup=False)
            return command.run(words[1:], console)
    except KeyboardInterrupt as stop:
        ended = "terminated" if isinstance(stop, Terminated) else "interrupted"
        errors.print(f"workbench: {ended}; the same command again goes on from here")
        return stop.exit_status if isinstance(stop, Terminated) else INTERRUPTED
    except Exception as problem:
        sentence = sentence_of(problem)
        if sentence is None:
            raise
        errors.print(f"workbench {words[0]}: {sentence}", markup=False)
        return BAD_INPUT


if __name__ == "__main__":
    sys.exit(main())
