"""A disk that refuses: one sentence names the place and the reason, what was there stays, and a repeat completes."""

from __future__ import annotations

import errno
import resource
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import torch
from PIL import Image
from safetensors.torch import save_file

from tests.workbench.synthetic import synthetic_trajectory
from tests.workbench.views.test_report import episode, write_run
from workbench.cli import main as cli
from workbench.cli.command import Command
from workbench.runs.durable import naming, write_atomically
from workbench.views.drawing import Pictures
from workbench.views.recording import read_recording, write_recording

NOISE = np.random.default_rng(0).integers(0, 255, (64, 64, 3), np.uint8)


@contextmanager
def files_end_at(size: int) -> Iterator[None]:
    """In here no file of this process and those that it starts grows beyond ``size`` [bytes]; needs no root."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


def write_text(path: Path) -> None:
    with path.open("wb") as file:
        file.write(NOISE.tobytes())


@pytest.mark.parametrize(
    "write",
    [
        write_text,
        lambda path: np.savez(path, noise=NOISE),
        lambda path: Image.fromarray(NOISE).save(path, "PNG"),
        lambda path: pq.write_table(pa.table({"noise": NOISE.ravel()}), path),
        lambda path: save_file({"noise": torch.from_numpy(NOISE)}, path),
    ],
    ids=["file", "numpy", "pillow", "arrow", "safetensors"],
)
def test_whatever_a_library_makes_of_a_refusal_it_names_the_file(
    write: Callable[[Path], None], tmp_path: Path
) -> None:
    path = tmp_path / "noise"
    with pytest.raises(OSError, match="File too large") as refused, files_end_at(4096), naming(path):
        write(path)
    assert refused.value.errno == errno.EFBIG
    assert Path(str(refused.value.filename)) == path


def test_other_errors_are_left_as_they_are(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"^no number$"), naming(tmp_path):
        raise ValueError("no number")
    with pytest.raises(OSError, match="no number") as left, naming(tmp_path):
        raise OSError("no number")
    assert left.value.filename is None


@pytest.mark.parametrize("share", [0.1, 0.8], ids=["no episode fits", "all together do not fit"])
def test_a_recording_that_does_not_fit_leaves_the_old_one(tmp_path: Path, share: float) -> None:
    path = tmp_path / "recording.rrd"
    write_recording([synthetic_trajectory(7, steps=4, size=32)], path)
    old = path.read_bytes()
    longer = [synthetic_trajectory(k, steps=20, size=64) for k in (1, 2)]
    write_recording(longer, tmp_path / "whole.rrd")
    size = (tmp_path / "whole.rrd").stat().st_size
    with pytest.raises(OSError, match="File too large") as refused, files_end_at(int(size * share)):
        write_recording(longer, path)
    assert refused.value.filename == str(path)
    assert path.read_bytes() == old
    assert sorted(p.name for p in tmp_path.iterdir()) == ["recording.rrd", "whole.rrd"]
    write_recording(longer, path)
    assert len(read_recording(path)) == 2


def test_half_a_trajectory_or_state_is_never_left(tmp_path: Path) -> None:
    pictures = Pictures(tmp_path)
    with files_end_at(2048):
        with pytest.raises(OSError, match=r"episode_000007\.npz"):
            pictures.keep_trajectory(synthetic_trajectory(7, steps=4, size=32))
        with pytest.raises(OSError, match=r"000007\.npz"):
            pictures.keep_final(7, {"noise": NOISE})
    assert not [path for path in tmp_path.rglob("*") if path.is_file()]
    assert not pictures.missing()


def test_a_report_that_does_not_fit_is_one_sentence_and_leaves_the_old_one(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run = write_run(tmp_path / "run", [episode(i, i < 15) for i in range(20)])
    write_atomically(run / "report.html", "old")
    with files_end_at(1024):
        assert cli.main(["report", str(run)]) == 2
    complaint = capsys.readouterr().err
    assert complaint.startswith(f"workbench report: cannot use {run / 'report.html'}: File too large; ")
    assert complaint.count("\n") == 1
    assert (run / "report.html").read_text("utf-8") == "old"
    assert cli.main(["report", str(run)]) == 0


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EROFS, errno.EACCES, errno.EDQUOT])
def test_a_refusal_anywhere_in_a_command_is_one_sentence(
    number: int, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def refuse(*_: object) -> int:
        raise OSError(number, "what the system says", "/some/where")

    monkeypatch.setitem(cli.COMMANDS, "report", Command(refuse, "", ""))
    assert cli.main(["report"]) == 2
    complaint = capsys.readouterr().err
    assert complaint.startswith("workbench report: cannot use /some/where: what the system says; ")
    assert complaint.endswith("and the same command again goes on from here\n")


def test_a_bug_keeps_its_traceback(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object) -> int:
        raise FileNotFoundError(errno.ENOENT, "No such file", "forgotten")

    monkeypatch.setitem(cli.COMMANDS, "report", Command(fail, "", ""))
    with pytest.raises(FileNotFoundError):
        cli.main(["report"])


CHATTER = """
from pathlib import Path
from workbench.rollout.launch import output_to

with output_to(Path("/dev/full")) as terminal:
    for _ in range(1000):
        print("an engine's chatter " * 10)
    terminal.write("done")
"""


def test_a_log_that_takes_nothing_stops_no_run() -> None:
    # In a process of its own: pytest's output is no file descriptor.
    done = subprocess.run([sys.executable, "-c", CHATTER], capture_output=True, encoding="utf-8", check=False)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "done")
