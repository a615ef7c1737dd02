"""The benchmark of inference times what it says."""

import re

import pytest

from tools import bench_inference


def run(monkeypatch, capsys, *words):
    monkeypatch.setattr("sys.argv", ["bench_inference", *words])
    status = bench_inference.main()
    return status, capsys.readouterr()


@pytest.mark.slow
def test_shares_of_the_parts_add_up_to_the_whole(monkeypatch, capsys):
    status, said = run(monkeypatch, capsys, "num_envs=2", "repeats=2", "device=cpu")
    assert status == 0
    shares = [int(share) for share in re.findall(r"(\d+)%", said.out)]
    assert len(shares) == len(bench_inference._parts_timed.PARTS) + 1
    assert abs(sum(shares) - 100) <= len(shares) / 2
    assert re.search(r"at once \d+\.\d times as fast as one by one", said.out)


def test_an_unknown_option_is_named(monkeypatch, capsys):
    status, said = run(monkeypatch, capsys, "environments=2")
    assert status == 2
    assert "environments" in said.err


def test_a_folder_without_a_checkpoint_is_named(monkeypatch, capsys, tmp_path):
    status, said = run(monkeypatch, capsys, f"checkpoint={tmp_path}")
    assert status == 2
    assert str(tmp_path) in said.err
