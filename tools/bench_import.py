"""What import, inspection and validation of many episodes cost: time and peak memory of each command, by size.

    python -m tools.bench_import episodes=2400,24000 [commands=inspect,import] [folder=/tmp/bench] [keep=true]

Datasets are made of replicated episodes of 16 frames: a v3.0 dataset with a video of 64x64 px and 10 kB of task data an
episode, as somebody's tool writes it, and an archive. Each command runs in a process of its own.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from tasks.registry import DEFAULT as DEFAULT_TASK
from workbench.data.video import VideoWriter

FRAMES, FPS, SIDE, A_FILE = 16, 10, 64, 1200
"""Frames an episode, frames a second [Hz], side of a picture [px], episodes a file."""
KEY = "observation.images.top"


def foreign(root: Path, episodes: int) -> None:
    """A v3.0 dataset of so many episodes."""
    (root / "meta").mkdir(parents=True)
    rng, text = np.random.default_rng(0), json.dumps({"note": "x" * 10_000})
    video = root / f"videos/{KEY}/chunk-000/file-000.mp4"
    with VideoWriter(video, (SIDE, SIDE), FPS) as writer:
        for k in range(A_FILE * FRAMES):
            picture = np.full((SIDE, SIDE, 3), k % 256, np.uint8)
            picture[k % SIDE] = 255 - k % 256
            writer.add(picture)
    for file, first in enumerate(range(0, episodes, A_FILE)):
        some = np.arange(first, min(first + A_FILE, episodes))
        rows = len(some) * FRAMES
        columns = {
            name: pa.FixedSizeListArray.from_arrays(pa.array(rng.normal(size=rows * n).astype(np.float32)), n)
            for name, n in (("observation.state", 8), ("action", 7))
        }
        k = np.tile(np.arange(FRAMES), len(some))
        columns |= {
            "timestamp": pa.array((k / FPS).astype(np.float32)),
            "frame_index": pa.array(k),
            "episode_index": pa.array(np.repeat(some, FRAMES)),
            "index": pa.array(first * FRAMES + np.arange(rows)),
            "task_index": pa.array(np.zeros(rows, np.int64)),
        }
        path = root / f"data/chunk-000/file-{file:03d}.parquet"
        path.parent.mkdir(parents=True, exist_ok=True)
        pq.write_table(pa.table(columns), path, row_group_size=64 * FRAMES)
        lines = [
            {
                "episode_index": int(e), "tasks": ["put it there"], "length": FRAMES, "data/chunk_index": 0,
                "data/file_index": file, f"videos/{KEY}/chunk_index": 0, f"videos/{KEY}/file_index": file,
                f"videos/{KEY}/from_timestamp": float((e - first) * FRAMES / FPS),
                f"videos/{KEY}/to_timestamp": float((e - first + 1) * FRAMES / FPS), "task_data": text,
            }
            for e in some.tolist()
        ]  # fmt: skip
        path = root / f"meta/episodes/chunk-000/file-{file:03d}.parquet"
        path.parent.mkdir(parents=True, exist_ok=True)
        pq.write_table(pa.Table.from_pylist(lines), path, row_group_size=64)
        if file:
            shutil.copyfile(video, root / f"videos/{KEY}/chunk-000/file-{file:03d}.mp4")
    tasks = pa.table({"task_index": pa.array([0], pa.int64()), "task": ["put it there"]})
    pq.write_table(tasks, root / "meta/tasks.parquet")
    features = {
        "observation.state": {"dtype": "float32", "shape": [8], "names": None},
        "action": {"dtype": "float32", "shape": [7], "names": None},
        KEY: {"dtype": "video", "shape": [SIDE, SIDE, 3], "names": ["height", "width", "channels"]},
    }
    for name in ("timestamp", "frame_index", "episode_index", "index", "task_index"):
        kind = "float32" if name == "timestamp" else "int64"
        features[name] = {"dtype": kind, "shape": [1], "names": None}
    info = {
        "codebase_version": "v3.0", "fps": FPS, "robot_type": "none", "total_episodes": episodes,
        "total_frames": episodes * FRAMES, "total_tasks": 1, "chunks_size": 1000,
        "splits": {"train": f"0:{episodes}"}, "features": features,
        "data_path": "data/chunk-{chunk_index:03d}/file-{file_index:03d}.parquet",
        "video_path": "videos/{video_key}/chunk-{chunk_index:03d}/file-{file_index:03d}.mp4",
    }  # fmt: skip
    (root / "meta/info.json").write_text(json.dumps(info), "utf-8")
    (root / "meta/stats.json").write_text("{}", "utf-8")


def archive(root: Path, episodes: int) -> None:
    """An archive of so many episodes, all of them the same sixteen."""
    from tests.workbench.data.made_up import made_up_episode
    from workbench.data.archive.chunk_writer import ChunkWriter

    first = root / "episodes/chunk-000000.hdf5"
    with ChunkWriter(first, DEFAULT_TASK) as writer:
        for k in range(16):
            writer.add(made_up_episode(k, steps=FRAMES, stride=4))
            writer.lines.append({"name": f"{k:06d}-00", "kept": True})
    for k in range(1, -(-episodes // 16)):
        shutil.copyfile(first, root / f"episodes/chunk-{k:06d}.hdf5")


def measured(*words: str | Path) -> tuple[float, float, int]:
    """Wall time [s], peak resident memory [MiB] and exit status of ``workbench data``."""
    began = time.perf_counter()
    process = subprocess.Popen(
        [sys.executable, "-m", "workbench.cli.main", "data", *map(str, words)], stdout=subprocess.DEVNULL
    )
    _, status, usage = os.wait4(process.pid, 0)
    return time.perf_counter() - began, usage.ru_maxrss / 1024, os.waitstatus_to_exitcode(status)


def main() -> int:
    """Print a row of a table for each command and size."""
    given = dict(word.split("=", 1) for word in sys.argv[1:])
    only = tuple(given.get("commands", "inspect,import,split").split(","))
    root = Path(given.get("folder", "/tmp/bench_import"))
    print("| command | episodes | time [s] | processor [s] | peak memory [MiB] |\n|---|---:|---:|---:|---:|")
    for episodes in map(int, given.get("episodes", "240,2400").split(",")):
        shutil.rmtree(root, ignore_errors=True)
        foreign(root / "v3", episodes)
        archive(root / "archive", episodes)
        for what, words in (
            ("inspect, archive", ("inspect", root / "archive")),
            ("inspect, v3.0", ("inspect", root / "v3")),
            ("import", ("import", root / "v3", f"out={root / 'imported'}")),
            ("split", ("split", root / "v3", f"out={root / 'parts'}")),
        ):
            if not what.startswith(only):
                continue
            before = os.times()
            wall, memory, status = measured(*words)
            after = os.times()
            spent = (
                after.children_user + after.children_system - before.children_user - before.children_system
            )
            said = "" if status == 0 else f" (exit status {status})"
            print(f"| {what}{said} | {episodes:,} | {wall:.0f} | {spent:.0f} | {memory:.0f} |", flush=True)
        if given.get("keep") != "true":
            shutil.rmtree(root, ignore_errors=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
