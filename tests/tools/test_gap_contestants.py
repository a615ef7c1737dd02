"""Checkpoints that are worse in a known way, also where making one was cut short."""

from pathlib import Path

import pytest

pytest.importorskip("torch")

import torch
from safetensors.torch import load_file, save_file

from policy.m1.checkpoint import CONFIG_FILE, WEIGHTS_FILE
from tools import gap_contestants
from tools.gap_contestants import Contestant, checkpoint


@pytest.fixture
def shipped(tmp_path: Path) -> Path:
    folder = tmp_path / "shipped"
    folder.mkdir()
    (folder / CONFIG_FILE).write_text("{}", "utf-8")
    save_file({"a": torch.linspace(-1, 1, 1000), "one": torch.ones(1)}, folder / WEIGHTS_FILE)
    return folder


def test_weights_are_moved_by_a_share_of_their_spread(shipped: Path, tmp_path: Path) -> None:
    made = checkpoint(Contestant(moved=0.02), tmp_path / "made", str(shipped))
    before, after = (load_file(folder / WEIGHTS_FILE) for folder in (shipped, made))
    assert (after["a"] - before["a"]).std() / before["a"].std() == pytest.approx(0.02, rel=0.1)
    assert torch.equal(after["one"], before["one"])
    assert checkpoint(Contestant(moved=0.0), tmp_path / "none", str(shipped)) == shipped


def test_one_whose_making_was_cut_short_is_made_again(
    shipped: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def killed(*_: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr(gap_contestants, "save_file", killed)
        with pytest.raises(KeyboardInterrupt):
            checkpoint(Contestant(moved=0.02), tmp_path / "made", str(shipped))
    made = checkpoint(Contestant(moved=0.02), tmp_path / "made", str(shipped))
    before, after = (load_file(folder / WEIGHTS_FILE)["a"] for folder in (shipped, made))
    assert not torch.equal(before, after), "it is not the one that ships"
