"""The demo's two evaluations: possible, of the same episodes, and compared only if both came to an end."""

import subprocess
from types import SimpleNamespace

import pytest
from rich.console import Console

from workbench.cli import demo as demo_module
from workbench.cli.demo import EPISODES, EVALUATIONS, demo
from workbench.cli.options import parse_options
from workbench.evaluation.options import EvalOptions

WHO = ("policy", "checkpoint", "ground_every")


@pytest.fixture
def told(monkeypatch):
    """What the demo would run; each evaluation fails with its number's status."""
    commands, statuses = [], [0, 0]

    def run(command):
        commands.append(command)
        return SimpleNamespace(returncode=statuses[len(commands) - 1])

    monkeypatch.setattr(subprocess, "run", run)
    monkeypatch.setattr(
        demo_module, "compare_command", lambda words, console: console.print(" against ".join(words))
    )
    return commands, statuses


def test_both_evaluations_are_possible_and_meet_the_same_episodes():
    configs = []
    for words in EVALUATIONS:
        options = parse_options(EvalOptions, [*words, *EPISODES, "physics=newton_mjwarp", "device=cpu"])
        options.resolve()
        configs.append({k: v for k, v in options.config("eval").items() if k not in WHO})
    assert configs[0] == configs[1]


def test_it_evaluates_both_then_compares(told, capsys):
    assert demo(Console(soft_wrap=True)) == 0
    assert [command[3:5] for command in told[0]] == [["eval", "policy=expert"], ["eval", "policy=m1"]]
    assert "runs/demo-m1-mini against runs/demo-expert\n" in capsys.readouterr().out


@pytest.mark.parametrize("failing", [0, 1])
def test_an_evaluation_that_fails_ends_it_with_its_status(told, capsys, failing):
    commands, statuses = told
    statuses[failing] = 2
    assert demo(Console(soft_wrap=True)) == 2
    assert len(commands) == failing + 1
    said = capsys.readouterr().out
    assert "against" not in said
    assert "the demo writes to runs/demo-expert and runs/demo-m1-mini: move them away" in said
