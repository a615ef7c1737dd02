"""Wrong input gets one clear sentence and a non-zero exit, loses nothing, and starts no simulator."""

from __future__ import annotations

import pytest
import yaml
from rich.console import Console

from domain_rand.factor import REGISTRY
from domain_rand.sets import load_set
from workbench.cli import main as cli
from workbench.evaluation.evaluate import evaluate
from workbench.evaluation.options import PRESENTATION, EvalOptions
from workbench.runs.folder import RunFolder
from workbench.runs.provenance import provenance

TYPICAL = ["episodes=2", "num_envs=2", "device=cpu", "physics=ovphysx", "record=0", "last_frames=0"]


@pytest.fixture(autouse=True)
def no_simulator(monkeypatch):
    def refuse(*words, **options):
        raise AssertionError("the simulator was started")

    monkeypatch.setattr("workbench.rollout.episode_runner.launch_tabletop", refuse)


def say(capsys, *words: str) -> str:
    """Run the command, expect failure, return the one sentence it printed."""
    status = cli.main(list(words))
    printed = capsys.readouterr()
    assert status == 2, f"{words} ended with {status}: {printed.out}{printed.err}"
    lines = printed.err.strip().splitlines()
    assert len(lines) == 1, f"{words} printed {len(lines)} lines: {printed.err}"
    assert "Traceback" not in printed.err
    return lines[0]


@pytest.mark.parametrize(
    ("words", "names"),
    [
        (["eval", "episods=3"], ["episods", "did you mean episodes="]),
        (["eval", "--episodes", "3"], ["key=value"]),
        (["eval", "episodes=many"], ["episodes=many", "whole number"]),
        (["eval", "episodes=-4"], ["episodes", "-4"]),
        (["eval", "episodes=2", "episodes=3"], ["episodes", "twice"]),
        (["eval", "num_envs=0"], ["num_envs", "0"]),
        (["eval", "time_limit_s=0"], ["time_limit_s"]),
        (["eval", "confidence=95"], ["confidence", "95"]),
        (["eval", "task=juggle"], ["juggle", "pick_place"]),
        (["eval", "policy=oracle"], ["oracle", "expert"]),
        (["eval", "physics=bullet"], ["bullet", "ovphysx"]),
        (["eval", "renderer=crayon"], ["crayon", "newton_warp"]),
        (["eval", "device=tpu"], ["tpu", "cuda:N"]),
        (["eval", "device=cuda:63"], ["cuda:63"]),
        (["eval", "dr=wild"], ["wild", "default"]),
        (["eval", "action_space=torque"], ["torque", "delta_eef"]),
        (["evaluate"], ["evaluate", "eval"]),
        (["compare", "only_one"], ["two run folders"]),
        (["compare", "no_such_run", "nor_this"], ["no_such_run"]),
        (["report", "no_such_run"], ["no_such_run"]),
        (["view", "no_such_run"], ["no_such_run"]),
        (["view", "run", "episod=1"], ["episod"]),
    ],
)
def test_one_sentence_names_what_was_wrong(capsys, words, names):
    sentence = say(capsys, *words)
    for name in names:
        assert name in sentence, sentence


def test_isaac_sim_engine_says_what_to_install(capsys):
    sentence = say(capsys, "eval", "physics=isaacsim_physx")
    assert "Isaac Sim" in sentence
    assert "install" in sentence


def test_out_below_a_file_is_refused(capsys, tmp_path):
    (tmp_path / "file").write_text("")
    assert "file" in say(capsys, "eval", *TYPICAL, f"out={tmp_path / 'file' / 'run'}")


@pytest.fixture
def run(tmp_path):
    """A run folder that was begun with the typical options and holds no episode yet."""
    from workbench.cli.options import parse_options

    options = parse_options(EvalOptions, [*TYPICAL, f"out={tmp_path / 'run'}"])
    options.resolve()
    with RunFolder(options.out) as folder:
        folder.create_or_resume(options.config("eval"), provenance(load_set("default")), PRESENTATION)
    return tmp_path / "run"


def test_run_of_another_configuration_is_refused_and_named(capsys, run):
    before = (run / "config.yaml").read_bytes()
    sentence = say(capsys, "eval", *TYPICAL, "seed=7", f"out={run}")
    assert "seed" in sentence
    assert "7" in sentence
    assert (run / "config.yaml").read_bytes() == before


def test_presentation_may_differ_on_resuming(run):
    config = yaml.safe_load((run / "config.yaml").read_text())
    assert config["record"] == 0
    options = EvalOptions(**{k: v for k, v in config.items() if k != "command"}, out=str(run))
    options.record = 3
    with pytest.raises(AssertionError, match="simulator was started"):
        evaluate(options, Console(quiet=True))


@pytest.mark.parametrize("content", ['{"index": 0, "task": "pick_pl', '{"index": 0}\n', "not json\n"])
def test_broken_episodes_file_is_refused_and_kept(capsys, run, content):
    (run / "episodes.jsonl").write_text(content)
    assert "episodes.jsonl" in say(capsys, "eval", *TYPICAL, f"out={run}")
    assert (run / "episodes.jsonl").read_text() == content


@pytest.mark.parametrize("command", ["eval", "tune", "compare", "report", "view", "doctor", "demo"])
def test_every_command_has_help(capsys, command):
    assert cli.main([command, "--help"]) == 0
    assert f"usage: workbench {command}" in capsys.readouterr().out


@pytest.mark.parametrize("command", cli.COMMANDS)
def test_help_says_what_a_command_does_and_shows_a_line_to_start_from(command, capsys):
    assert cli.main([command, "--help"]) == 0
    said = capsys.readouterr().out
    assert cli.COMMANDS[command].says in said
    assert f"    workbench {command}" in said


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["compare", "a", "b", "confidence=95"], "confidence must lie between 0 and 1"),
        (["dr", "list", "episodes=3"], "dr list takes names of factors"),
        (["demo", "episodes=3"], "demo takes no options"),
        (["doctor", "now"], "doctor takes no options"),
        (["tune", "ladder"], "workbench eval attribute=ladder"),
        (["dr", "show", "control", "device=cpu"], "a still picture shows none of control"),
        (["dr", "check", "camera.exposure", "device=cpu", "out=/proc/nosuch"], "choose another out="),
        (["dr", "check", "in=kitchen"], "in must be laboratory or task, not 'kitchen'"),
        (["dr", "check", "in=task", "episodes=2"], "episodes must be at least 5"),
        (
            ["eval-grounding", "checkpoint=c", "data=d", "out=/nosuch/x.json"],
            "out=/nosuch/x.json cannot be written",
        ),
        (["eval-grounding", "checkpoint=c", "data=d", "device=gpu"], "device must be cpu or cuda"),
        (["eval-grounding", "checkpoint=c", "data=d", "seed=-1"], "seed must be at least 0"),
    ],
)
def test_wrong_input_is_one_sentence_before_anything_starts(words, said, capsys):
    assert cli.main(words) == 2
    told = capsys.readouterr().err
    assert told.count("\n") == 1, told
    assert said in told


def test_every_factor_is_listed_with_its_range(capsys):
    assert cli.main(["dr", "list"]) == 0
    said = capsys.readouterr().out
    assert "language.paraphrase  0 -> 0 to 9" in said
    for name in REGISTRY:
        assert f"{name}  " in said
