"""The command as a whole: a run folder that survives being killed, and a checkpoint that acts."""

import json
import os
import signal
import subprocess
import sys
import time

import h5py
import pytest
import torch
from rich.console import Console
from safetensors.torch import load_file

from policy.m1.checkpoint import load_checkpoint
from tests.workbench.data.made_up import made_up_episode
from workbench.cli.main import main
from workbench.cli.options import OptionError
from workbench.data.archive.chunk_writer import ChunkWriter
from workbench.runs.folder import RunFolderError
from workbench.training import build, train
from workbench.training.frames import ArchiveFrames
from workbench.training.options import TrainOptions

CONSOLE = Console(quiet=True)
SHORT = {"batch": 2, "answer_batch": 1, "log_every": 1, "device": "cpu", "ema": 0.9}


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    folder = tmp_path_factory.mktemp("data")
    with ChunkWriter(folder / "episodes" / "chunk-00000.hdf5", "made-up") as chunk:
        for index in range(2):
            chunk.add(made_up_episode(index, images=True))
    return folder


@pytest.fixture
def small(monkeypatch):
    """The small preset, smaller, so that a step takes a tenth of a second."""
    from dataclasses import replace

    from policy.m1 import presets
    from policy.m1.config import LanguageModelConfig, VisionTowerConfig

    def tiny(name, spec, views, words):
        mini = presets.preset(name, spec, views, words)
        return replace(
            mini,
            vision=VisionTowerConfig(2, 32, 64, 2, (1,), window_size=56, coordinate_planes=True),
            language=LanguageModelConfig(
                mini.language.vocab_size, 64, 96, 2, 2, 1, (4, 6, 6), rope_theta=20.0, initializer_range=0.2
            ),
            dino=replace(
                mini.dino, hidden_size=32, num_hidden_layers=1, num_attention_heads=2, position_grid=4
            ),
            images=replace(mini.images, size=56),
            tokenizer=replace(mini.tokenizer),
            qformer=replace(mini.qformer, start_layer=2, end_layer=3, hidden_size=48, num_queries=8),
            action_head=replace(mini.action_head, depth=1, hidden_size=48),
        )

    monkeypatch.setattr(build, "preset", tiny)


def options(data, out, **changes):
    made = TrainOptions(data=str(data), out=str(out), **(SHORT | changes))
    made.resolve()
    return made


def lines(folder):
    return [json.loads(line) for line in (folder / "losses.jsonl").read_text().splitlines()]


def test_two_stages_make_a_checkpoint_that_acts_and_answers(data, tmp_path, small):
    from policy.m1.policy import M1Policy

    steps = {"vision_steps": 1, "naming_steps": 1, "language_steps": 1, "slots_steps": 1, "steps": 1}
    grounded = train.train(options(data, tmp_path / "g", stage="grounding", **steps), CONSOLE)
    assert [line["phase"] for line in lines(tmp_path / "g")] == [
        "vision",
        "naming",
        "language",
        "slots",
        "joint",
    ]
    acting = train.train(
        options(
            data,
            tmp_path / "a",
            stage="action",
            numbers_steps=1,
            head_steps=1,
            steps=1,
            from_checkpoint=str(grounded),
        ),
        CONSOLE,
    )
    config = load_checkpoint(acting).config
    assert config.provenance.notes == (build.GROUNDED,)
    assert config.provenance.steps == 8
    assert config.provenance.origin == "trained"
    assert config.action_spec.normalisation.scheme == "min_max"
    assert M1Policy.from_checkpoint(acting).cameras == ("front",)
    names = {path.name for path in (tmp_path / "a").iterdir()}
    assert {"config.yaml", "provenance.json", "losses.jsonl", "tensorboard", "states", "checkpoint"} <= names
    with pytest.raises(OptionError, match="has been through the grounding stage"):
        train.train(
            options(
                data,
                tmp_path / "u",
                stage="action",
                guidance="off",
                steps=1,
                numbers_steps=0,
                head_steps=0,
                from_checkpoint=str(grounded),
            ),
            CONSOLE,
        )
    assert not (tmp_path / "u").exists(), "what was refused left a folder"


def test_a_new_head_keeps_what_was_grounded_and_nothing_else(data, tmp_path, small):
    grounded = train.train(
        options(data, tmp_path / "g", stage="action", numbers_steps=2, head_steps=2, steps=2), CONSOLE
    )
    old = load_checkpoint(grounded).state_dict()
    frames = ArchiveFrames(data, ("front",))
    chosen = {"stage": "action", "from_checkpoint": str(grounded), "seed": 7}
    made = {
        new: build.build_model(options(data, "x", new_head=new, **chosen), frames).state_dict()
        for new in (False, True)
    }
    first = build.build_model(options(data, "x", stage="action", seed=7), frames).state_dict()
    assert all(torch.equal(made[False][name], old[name]) for name in old)
    for name in old:
        expected = old if name.startswith("vlm.") else first
        assert torch.equal(made[True][name], expected[name]), name
    assert any(not torch.equal(old[name], first[name]) for name in old if not name.startswith("vlm."))


def test_a_run_with_other_options_is_not_resumed(data, tmp_path, small):
    train.train(
        options(data, tmp_path / "r", stage="action", numbers_steps=1, head_steps=0, steps=1), CONSOLE
    )
    with pytest.raises(RunFolderError, match="seed"):
        train.train(
            options(data, tmp_path / "r", stage="action", numbers_steps=1, head_steps=0, steps=1, seed=3),
            CONSOLE,
        )


def test_a_killed_training_does_not_go_on_with_another_dataset_of_the_same_name(tmp_path, small, monkeypatch):
    chunk = tmp_path / "data" / "episodes" / "chunk-00000.hdf5"
    with ChunkWriter(chunk, "made-up") as writer:
        writer.add(made_up_episode(0, images=True))

    def killed(trainer):
        raise KeyboardInterrupt

    monkeypatch.setattr(train.Trainer, "run", killed)
    asked = options(tmp_path / "data", tmp_path / "r", stage="action", numbers_steps=1, head_steps=0, steps=1)
    with pytest.raises(KeyboardInterrupt):
        train.train(asked, CONSOLE)
    with pytest.raises(KeyboardInterrupt):  # the same goes on
        train.train(asked, CONSOLE)
    with h5py.File(chunk, "a") as file:
        file.attrs["edited"] = True
    with pytest.raises(
        RunFolderError, match=r"a run of another dataset, by content and not by name: data\.content"
    ):
        train.train(asked, CONSOLE)


KILLED = """
import sys
from rich.console import Console
from workbench.cli.options import parse_options
from workbench.training import build, train
from workbench.training.options import TrainOptions
from tests.workbench.training.test_train import small
class Patch:
    def setattr(self, where, name, value): setattr(where, name, value)
small.__wrapped__(Patch())
made = parse_options(TrainOptions, sys.argv[1:])
made.resolve()
train.train(made, Console(quiet=True))
"""


@pytest.mark.long
@pytest.mark.slow
def test_a_run_killed_at_once_ends_as_an_uninterrupted_one(data, tmp_path, small):
    """SIGKILL while steps run, then the same command again: same losses to the byte, same weights to the bit."""
    chosen = {"stage": "action", "numbers_steps": 2, "head_steps": 4, "steps": 6, "save_every": 3, "seed": 1}
    train.train(options(data, tmp_path / "whole", **chosen), CONSOLE)
    words = [f"{k}={v}" for k, v in ({"data": data, "out": tmp_path / "killed"} | SHORT | chosen).items()]
    environment = os.environ | {
        "PYTHONPATH": os.pathsep.join([os.getcwd(), os.environ.get("PYTHONPATH", "")])
    }
    running = subprocess.Popen([sys.executable, "-c", KILLED, *words], env=environment)
    losses = tmp_path / "killed" / "losses.jsonl"
    deadline = time.monotonic() + 180
    while time.monotonic() < deadline and running.poll() is None:
        if losses.exists() and len(losses.read_text().splitlines()) >= 7:
            break
        time.sleep(0.005)
    running.send_signal(signal.SIGKILL)
    assert running.wait() == -signal.SIGKILL, "the run ended before it could be killed"
    train.train(options(data, tmp_path / "killed", **chosen), CONSOLE)
    assert losses.read_bytes() == (tmp_path / "whole" / "losses.jsonl").read_bytes()
    a, b = (load_file(tmp_path / name / "checkpoint" / "model.safetensors") for name in ("whole", "killed"))
    assert all(torch.equal(a[name], b[name]) for name in a)


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (["data=x"], "stage= is missing"),
        (["stage=dance", "data=x"], "there is no stage 'dance'"),
        (["stage=grounding", "data=x", "guidance=off"], "goes with stage=action"),
        (["stage=action", "data=x", "new_head=true"], "goes with stage=action and from_checkpoint="),
        (["stage=action", "data=x", "ema=1.0"], "ema must be at least 0 and below 1"),
        (["stage=action", "data=nowhere", "out=OUT"], "holds no episodes"),
        (["stage=action", "data=x", "from_checkpoint=nowhere", "out=OUT"], "no checkpoint"),
        (["stage=action", "data=DATA", "preset=m1-3b", "out=OUT"], "workbench policy import"),
    ],
)
def test_wrong_input_gets_one_sentence(words, sentence, data, tmp_path, capsys):
    given = [w.replace("OUT", str(tmp_path / "out")).replace("DATA", str(data)) for w in words]
    assert main(["train", *given]) == 2
    assert sentence in capsys.readouterr().err


def test_help_lists_the_options(capsys):
    for command in ("train", "eval-grounding"):
        assert main([command, "--help"]) == 0
        assert "data" in capsys.readouterr().out
