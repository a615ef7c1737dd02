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


@pytest.mark.parametrize(
    ("word", "named"),
    [
        ("environments=2", "environments"),
        ("num_envs=0", "num_envs must be at least 1, not 0"),
        ("repeats=0", "repeats must be at least 1, not 0"),
        ("repeats=many", "repeats"),
        ("preset=m1-big", "'m1-big'; give checkpoint="),
        ("device=tpu", "no device 'tpu'"),
    ],
)
def test_a_wrong_word_is_named_in_one_sentence(monkeypatch, capsys, word, named):
    status, said = run(monkeypatch, capsys, word)
    assert status == 2
    assert named in said.err
    assert said.err.count("\n") == 1


def test_a_folder_without_a_checkpoint_is_named(monkeypatch, capsys, tmp_path):
    status, said = run(monkeypatch, capsys, f"checkpoint={tmp_path}")
    assert status == 2
    assert str(tmp_path) in said.err
