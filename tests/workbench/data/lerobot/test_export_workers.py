"""Exports by several processes: the same bytes as by one, and nothing left of one that was killed."""

from __future__ import annotations

import signal
import subprocess
import sys
import textwrap
import time
from pathlib import Path

import pytest

from tests.workbench.data.archives import write_archive
from tests.workbench.data.made_up import made_up_episode, without
from workbench.data.archive.archive import ArchiveError
from workbench.data.archive.survey import Entry
from workbench.data.export_folder import ExportError
from workbench.data.lerobot.v3 import export_lerobot_v3
from workbench.data.lerobot.v21 import export_lerobot_v21
from workbench.data.qa.export import export_qa
from workbench.scale.ordered_map import HERE, Workers

TWO = Workers(2)


@pytest.fixture(scope="module")
def archive(tmp_path_factory):
    made = [made_up_episode(k, steps=9 + 2 * k) for k in range(7)]
    made[3] = without(made[3], record=made[3].record | {"instruction": "move the green ball"})
    return write_archive(tmp_path_factory.mktemp("workers") / "archive", *made)


def v21(archive, out, workers):
    return export_lerobot_v21(archive, out, workers=workers)


def v3(archive, out, workers):
    # So small that every second episode begins a new file.
    return export_lerobot_v3(archive, out, data_mb=0.05, video_mb=0.02, workers=workers)


def qa(archive, out, workers):
    return export_qa(archive / "episodes", out, workers=workers)


def content(root):
    return {str(p.relative_to(root)): p.read_bytes() for p in sorted(root.rglob("*")) if p.is_file()}


@pytest.mark.parametrize("export", [v21, v3, qa])
def test_what_is_written_does_not_depend_on_the_workers(archive, tmp_path, export):
    export(archive, tmp_path / "one/set", HERE)
    export(archive, tmp_path / "two/set", TWO)
    one, two = content(tmp_path / "one/set"), content(tmp_path / "two/set")
    assert len(one) > len(list(archive.rglob("*"))), "or nothing is compared"
    assert list(one) == list(two)
    assert [name for name in one if one[name] != two[name]] == []


def test_a_videos_bytes_do_not_depend_on_what_else_is_in_its_file(archive, tmp_path):
    found = export_lerobot_v3(archive, tmp_path / "one", video_mb=100)
    assert len(list((tmp_path / "one").rglob("*.mp4"))) == len(found.cameras)
    v21(archive, tmp_path / "each", HERE)
    sizes = {
        name: sum(p.stat().st_size for p in (tmp_path / name).rglob("*.mp4")) for name in ("one", "each")
    }
    assert sizes["one"] < sizes["each"], "one header instead of many"


@pytest.mark.parametrize("workers", [HERE, TWO])
def test_a_broken_picture_is_named_and_nothing_is_left(tmp_path, workers):
    bad = made_up_episode(1)
    front = without(bad.cameras["front"], jpeg=(b"no picture", *bad.cameras["front"].jpeg[1:]))
    bad = without(bad, cameras=dict(bad.cameras) | {"front": front})
    write_archive(tmp_path / "archive", made_up_episode(0), bad, made_up_episode(2))
    with pytest.raises(ExportError, match="episode 000001-00, camera front, picture 0"):
        v21(tmp_path / "archive", tmp_path / "out", workers)
    assert [p.name for p in tmp_path.iterdir()] == ["archive"]


def test_an_archive_that_loses_an_episode_on_the_way_is_named(archive, tmp_path, monkeypatch):
    def gone(entry):
        raise ArchiveError(f"{entry.chunk} has no data/demo_{entry.row}")

    monkeypatch.setattr(Entry, "read", gone)
    with pytest.raises(ArchiveError, match="has no data/demo_0"):
        v3(archive, tmp_path / "out", HERE)
    assert not list(tmp_path.iterdir())


def test_exports_do_not_load_torch(archive, tmp_path):
    """It takes half a gigabyte, in each worker, and seconds to load."""
    script = f"""
        import sys
        from pathlib import Path
        from workbench.data.lerobot.v3 import export_lerobot_v3
        export_lerobot_v3(Path({str(archive)!r}), Path({str(tmp_path / "out")!r}))
        assert (Path({str(tmp_path / "out")!r}) / "meta/info.json").exists()
        print(sorted({{"torch", "isaaclab", "warp", "ray"}} & set(sys.modules)))
    """
    root = Path(__file__).parents[4]
    command = [sys.executable, "-c", textwrap.dedent(script)]
    assert subprocess.run(command, cwd=root, check=True, capture_output=True, text=True).stdout == "[]\n"


@pytest.mark.slow
def test_an_export_that_was_killed_is_made_again_with_the_same_bytes(archive, tmp_path):
    out = tmp_path / "out"
    words = [f"{archive}", "format=lerobot_v21", f"out={out}", "workers=2"]
    command = [sys.executable, "-m", "workbench.cli.main", "data", "export", *words]
    root = Path(__file__).parents[4]
    process = subprocess.Popen(command, cwd=root, stdout=subprocess.DEVNULL)
    began, partial = time.monotonic(), out.with_name("out.partial")
    while not list(partial.glob("data/*/*.parquet")):
        assert process.poll() is None, "it ended before it could be killed"
        assert time.monotonic() < began + 120
        time.sleep(0.001)
    process.send_signal(signal.SIGKILL)
    process.wait()
    assert not out.exists()
    before = sum(1 for _ in partial.rglob("*"))
    time.sleep(1)
    assert sum(1 for _ in partial.rglob("*")) == before, "a worker writes on"
    subprocess.run(command, cwd=root, check=True, stdout=subprocess.DEVNULL)
    v21(archive, tmp_path / "alone/out", HERE)
    assert content(out) == content(tmp_path / "alone/out")
    assert not partial.exists()
