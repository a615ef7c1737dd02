"""Imported episodes in one HDF5 file, for whoever replays or compares them without reading LeRobot's layout.

data/demo_<i>             one episode; attributes: num_samples, task, episode_index, meta (JSON), fps
    <column>              its numbers [F, ...], under the dataset's own names
"""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np

from workbench.data.export_folder import ExportError, disk_refusal
from workbench.data.hdf5_image import new_image, write_image
from workbench.data.lerobot_import import ImportedDataset
from workbench.data.progress import Progress


def write_imported(dataset: ImportedDataset, out: Path, progress: Progress | None = None) -> int:
    """Write all episodes of a dataset into a file, which appears when it is whole; gives the number of frames.

    Raises:
        LeRobotImportError: an episode that cannot be read.
        ExportError: ``out`` exists, or the disk refuses.
    """
    if out.exists():
        raise ExportError(f"{out} already exists; choose another out= or move it away")
    frames, file = 0, new_image()
    with file:
        data = file.create_group("data")
        data.attrs["source"] = str(dataset.root)
        data.attrs["codebase_version"] = dataset.version
        for k, episode in enumerate(dataset):
            group = data.create_group(f"demo_{k}")
            about = {"num_samples": episode.frames, "task": episode.task, "fps": episode.fps}
            group.attrs.update(about | {"episode_index": episode.index})
            text = json.dumps(dict(episode.metadata), ensure_ascii=False).encode()
            group.create_dataset("meta", data=np.frombuffer(text, np.uint8))
            for name, value in episode.columns.items():
                group.create_dataset(name, data=value)
            frames += episode.frames
            if progress:
                progress(k + 1, len(dataset))
        data.attrs["total"] = frames
        try:
            out.parent.mkdir(parents=True, exist_ok=True)
            write_image(file, out)
        except OSError as problem:
            raise ExportError(disk_refusal(out, problem)) from None
    return frames
