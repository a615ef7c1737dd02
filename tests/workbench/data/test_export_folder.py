"""A folder appears whole or not at all, whatever goes wrong, a full disk included."""

from __future__ import annotations

import errno
import os
import signal
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest

from workbench.data.export_folder import ExportError, ExportFolder


def test_the_folder_appears_when_all_is_written(tmp_path):
    with ExportFolder(tmp_path / "out") as folder:
        (folder / "a").mkdir()
        (folder / "a/b").write_text("content")
        assert not (tmp_path / "out").exists()
    assert [p.name for p in tmp_path.iterdir()] == ["out"]
    assert sorted(p.name for p in (tmp_path / "out").rglob("*")) == ["a", "b"]


def test_nothing_is_left_of_a_failure(tmp_path):
    def fail():
        with ExportFolder(tmp_path / "out") as folder:
            (folder / "a").write_text("content")
            raise RuntimeError("something else")

    with pytest.raises(RuntimeError, match="something else"):
        fail()
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("problem", "sentence"),
    [
        (OSError(errno.ENOSPC, "No space left on device"), "the disk is full: .*out was not written"),
        (OSError("[Errno 28] Error writing. Detail: No space left on device"), "the disk is full"),
        (OSError(errno.EIO, "Input/output error"), "out was not written: .*Input/output error"),
    ],
)
def test_what_the_disk_refuses_is_one_sentence(tmp_path, problem, sentence):
    with pytest.raises(ExportError, match=sentence), ExportFolder(tmp_path / "out"):
        raise problem
    assert not list(tmp_path.iterdir())


def test_a_folder_with_content_is_not_touched(tmp_path):
    (tmp_path / "out").mkdir()
    (tmp_path / "out/mine").write_text("precious")
    with pytest.raises(ExportError, match="already exists"), ExportFolder(tmp_path / "out"):
        pass
    (tmp_path / "other.partial").mkdir()
    (tmp_path / "other.partial/mine").write_text("precious")
    with pytest.raises(ExportError, match="in the way"), ExportFolder(tmp_path / "other"):
        pass
    assert (tmp_path / "out/mine").read_text() == (tmp_path / "other.partial/mine").read_text() == "precious"


def test_a_killed_run_leaves_nothing_that_looks_whole_and_the_next_one_succeeds(tmp_path):
    script = f"""
        import time, pathlib
        from workbench.data.export_folder import ExportFolder
        with ExportFolder(pathlib.Path({str(tmp_path / "out")!r})) as folder:
            (folder / "half").write_text("of it")
            print("ready", flush=True)
            time.sleep(60)
    """
    process = subprocess.Popen(
        [sys.executable, "-c", textwrap.dedent(script)],
        stdout=subprocess.PIPE,
        env=os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)},
    )
    assert process.stdout is not None
    assert process.stdout.readline() == b"ready\n"
    with pytest.raises(ExportError, match="another process is writing"), ExportFolder(tmp_path / "out"):
        pass
    assert (tmp_path / "out.partial/half").exists(), "the other process's work was cleared away"
    process.send_signal(signal.SIGKILL)
    process.wait()
    process.stdout.close()
    assert not (tmp_path / "out").exists()
    with ExportFolder(tmp_path / "out") as folder:
        (folder / "whole").write_text("all of it")
    assert [p.name for p in (tmp_path / "out").iterdir()] == ["whole"]
    assert not (tmp_path / "out.partial").exists()


@pytest.mark.parametrize("out", [".", "/"])
def test_a_folder_without_a_name_of_its_own_is_refused(out):
    with pytest.raises(ExportError, match="is no name for a new folder"):
        ExportFolder(Path(out))
