"""A disk that fills up while a dataset is made: one sentence; closed chunks stay, and the same command goes on."""

from __future__ import annotations

import pytest

from tests.workbench.data.made_up import made_up_episode
from workbench.cli.main import main
from workbench.data.archive.archive import episodes, settled
from workbench.data.archive.chunk_writer import RollingWriter
from workbench.data.generate import generate

WORDS = ("generate", "stages=plan", "episodes=6", "chunk=2", "seed=5", "device=cpu", "dr=none")


@pytest.fixture
def planned(monkeypatch):
    """The first pass without a simulator: made-up episodes, all kept."""

    def run_pass(options, root, stage, work, booked, ready):
        with RollingWriter(root / generate.FOLDERS[stage], options.task, options.chunk) as writer:
            ready()
            for index in work:
                episode = made_up_episode(index, steps=60)
                line = {"index": index, "kept": True, "rejected": None, "record": dict(episode.record)}
                writer.settle(line, episode)
                booked(line)
        return {}

    monkeypatch.setattr(generate, "run_pass", run_pass)


def test_a_dataset_on_a_disk_that_fills_up_again_and_again_is_the_same(tmp_path, planned, small_disk, capsys):
    whole = tmp_path / "whole"
    assert main([*WORDS, f"out={whole}"]) == 0
    chunk = max(path.stat().st_size for path in whole.rglob("*.hdf5")) // 1024
    out, kept, stops = small_disk(3 * chunk // 2 + 64) / "data", 0, 0
    capsys.readouterr()
    while (status := main([*WORDS, f"out={out}"])) != 0:
        assert status == 2
        complaint = capsys.readouterr().err
        assert complaint.startswith(f"workbench generate: cannot write {out}")
        assert "No space left on device; what is there is whole: make room, then" in complaint
        assert complaint.count("\n") == 1
        assert not list(out.rglob("*.tmp"))
        now = len(settled(out / "plan"))
        assert now >= max(kept, 2), "a chunk that was closed is lost"
        kept, stops = now, stops + 1
        assert stops < 8
        small_disk(3 * chunk // 2 + 64 + stops * chunk)
    assert stops >= 1
    assert settled(out / "plan") == settled(whole / "plan")
    assert [e.name for e in episodes(out / "plan")] == [e.name for e in episodes(whole / "plan")]
