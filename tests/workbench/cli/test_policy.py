"""``workbench policy import``: a published run becomes a checkpoint, or one sentence says why not."""

import pytest
import torch

from policy.m1.checkpoint import load_checkpoint
from tests.policy.m1.published import published_tensors, write_qwen, write_run
from workbench.cli.main import main


@pytest.fixture(scope="module")
def published(tmp_path_factory):
    folder = tmp_path_factory.mktemp("published")
    return write_run(folder / "run", published_tensors()), write_qwen(folder / "qwen")


def test_a_run_becomes_a_checkpoint(published, tmp_path, capsys):
    run, qwen = published
    out = tmp_path / "checkpoint"
    assert main(["policy", "import", str(run), f"qwen={qwen}", f"out={out}", "views=base,ego"]) == 0
    model = load_checkpoint(out)
    assert model.config.images.views == ("base", "ego")
    joint = published_tensors()["dino_encoder.body.blocks.1.attn.qkv.weight"]
    attention = model.dino.model.encoder.layer[1].attention.attention
    assert torch.equal(
        torch.cat([attention.query.weight, attention.key.weight, attention.value.weight]), joint
    )
    said = capsys.readouterr().out
    assert "gripper 1 opens" in said
    assert "7 channels at 20 Hz for franka" in said


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["check"], "usage: workbench policy check POLICY"),
        (["check", "nobody"], "there is no policy 'nobody'"),
        (["check", "hold", "num_envs=4", "device=cpu"], "num_envs must be at least 15 at level=0.01, not 4"),
        (["check", "hold", "level=2"], "level must lie between 0 and 1"),
        (["check", "hold", "policy=random"], "option 'policy' is given twice"),
        (["import"], "usage: workbench policy import RUN_DIR"),
        (["export", "x"], "usage: workbench policy import RUN_DIR"),
        (["import", "RUN", "out=x"], "qwen= is missing"),
        (["import", "RUN", "out=x", "qwen=QWEN", "colour=red"], "there is no option 'colour'"),
        (["import", "/nowhere", "out=x", "qwen=QWEN"], "/nowhere is no folder"),
        (["import", "RUN", "out=x", "qwen=QWEN", "views=a,a"], "repeats a camera"),
        (["import", "RUN", "out=x", "qwen=QWEN", "views=a,,b"], "a name is missing beside a comma"),
        (["import", "RUN", "out=x", "qwen=QWEN", "views="], "views must name at least one camera"),
        (
            ["import", "RUN", "out=x", "qwen=QWEN", "execute_steps=0"],
            "execute_steps must be at least 1, not 0",
        ),
        (["import", "RUN", "out=x", "qwen=QWEN", "execute_steps=9999"], "execute_steps"),
        (["import", "RUN", "out=x", "qwen=QWEN", "control_hz=0"], "control_hz must be above 0"),
        (["import", "RUN", "out=x", "qwen=QWEN", "control_hz=-5"], "control_hz must be above 0"),
        (["import", "RUN", "out=x", "qwen=QWEN", "control_hz=1e9"], "at most 10000 Hz"),
        (["import", "RUN", "out=x", "qwen=QWEN", "control_hz=nan"], "expected a number"),
        (["import", "RUN", "out=x", "qwen=QWEN", "control_hz=inf"], "expected a finite number"),
        (["import", "RUN", "out=x", "qwen=QWEN", "step=-1"], "step must be at least 0"),
        (["import", "RUN", "out=x", "qwen=QWEN", "action_spec=/nowhere.json"], "action_spec=/nowhere.json"),
    ],
)
def test_wrong_input_gets_one_sentence(published, tmp_path, monkeypatch, capsys, words, message):
    monkeypatch.chdir(tmp_path)
    run, qwen = published
    given = [word.replace("QWEN", str(qwen)).replace("RUN", str(run)) for word in words]
    assert main(["policy", *given]) == 2
    assert message in capsys.readouterr().err.replace("\n", " ")
    assert not (tmp_path / "x").exists()
