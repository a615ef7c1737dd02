"""A disk that fills up while a dataset is written: one sentence, and nothing left behind."""

from __future__ import annotations

import pytest

from tests.workbench.data.archives import write_archive
from tests.workbench.data.made_up import made_up_episode
from workbench.data.archive.chunk_writer import ChunkWriter
from workbench.data.export_folder import ExportError
from workbench.data.foreign.datasets import copy_dataset
from workbench.data.lerobot.dataset_copy import LAYOUTS
from workbench.data.lerobot.reading import load_lerobot
from workbench.data.lerobot.v3 import export_lerobot_v3
from workbench.data.lerobot.v21 import export_lerobot_v21
from workbench.data.merge import merge
from workbench.data.split import split


def in_halves(folder, out):
    split(folder, out, {"train": 0.5, "val": 0.5})


def as_copy(folder, out):
    merge([folder], out)


@pytest.mark.parametrize("export", [export_lerobot_v21, export_lerobot_v3, in_halves, as_copy])
@pytest.mark.parametrize("kib", [16, 200])
def test_a_full_disk_is_said_and_nothing_is_left(tmp_path, small_disk, export, kib):
    """Sizes at which it is another file each time that does not fit."""
    write_archive(tmp_path / "archive", *(made_up_episode(k, steps=40) for k in range(8)))
    disk = small_disk(kib)
    with pytest.raises(
        ExportError, match=r"the disk is full: .*out was not written, and nothing of it is left"
    ):
        export(tmp_path / "archive", disk / "out")
    assert not list(disk.iterdir())


@pytest.mark.parametrize("layout", LAYOUTS)
def test_an_import_that_does_not_fit_leaves_nothing(tmp_path, small_disk, layout):
    write_archive(tmp_path / "archive", *(made_up_episode(k, steps=40) for k in range(3)))
    export_lerobot_v21(tmp_path / "archive", tmp_path / "dataset")
    disk = small_disk(64)
    with pytest.raises(ExportError, match=r"the disk is full: .*out was not written"):
        copy_dataset(load_lerobot(tmp_path / "dataset"), disk / "out", layout, {})
    assert not list(disk.iterdir())


def test_a_chunk_that_does_not_fit_is_an_error_and_not_a_crash(tmp_path, small_disk):
    disk = small_disk(64)

    def write():
        with ChunkWriter(disk / "chunk-00000.hdf5", "pick_place") as writer:
            for k in range(4):
                writer.add(made_up_episode(k, steps=40))

    with pytest.raises(OSError, match="No space left on device"):
        write()
    assert not list(disk.iterdir())
