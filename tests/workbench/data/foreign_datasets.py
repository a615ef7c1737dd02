"""Small datasets as tools of others write them, in each of LeRobot's versions."""

from __future__ import annotations

import io
import json
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from PIL import Image

from workbench.data.video import VideoWriter

FPS, SIZE = 10, (32, 24)
TASKS = ("pick the cube", "把红色方块放进碗里", 'place — it\'s "here"')
TOP, WRIST = "observation.images.top", "observation.images.wrist"


def rows(episode: int, frames: int, first: int = 0, seed: int = 0) -> dict:
    """An episode's rows, by name: numbers as others keep them, a task that changes in the middle."""
    rng = np.random.default_rng([seed, episode])
    k = np.arange(frames)
    return {
        "observation.state": rng.normal(size=(frames, 6)).astype(np.float32),
        "action": rng.normal(size=(frames, 6)),
        "next.done": k == frames - 1,
        "timestamp": (k / FPS).astype(np.float32),
        "frame_index": k,
        "episode_index": np.full(frames, episode),
        "index": first + k,
        "task_index": np.where(k < frames // 2, 1, episode % 2 * 2).astype(np.int64),
    }


def picture(seed: int) -> np.ndarray:
    """A picture of its own for every frame."""
    shade = np.linspace(0, 200, SIZE[0] * SIZE[1] * 3).reshape(SIZE[1], SIZE[0], 3)
    return ((shade + 31 * seed) % 256).astype(np.uint8)


def png(seed: int) -> bytes:
    """The same as PNG."""
    buffer = io.BytesIO()
    Image.fromarray(picture(seed)).save(buffer, "PNG")
    return buffer.getvalue()


def table(columns: dict, pictures: bool = True) -> pa.Table:
    """Rows as Arrow, with a column of pictures."""
    arrays = {}
    for name, value in columns.items():
        if value.ndim == 2:
            flat = pa.array(value.reshape(-1))
            arrays[name] = pa.FixedSizeListArray.from_arrays(flat, value.shape[1])
        else:
            arrays[name] = pa.array(value)
    if pictures:
        kind = pa.struct({"bytes": pa.binary(), "path": pa.string()})
        seeds = columns["index"].tolist()
        arrays[WRIST] = pa.array([{"bytes": png(k), "path": f"frame-{k:06d}.png"} for k in seeds], kind)
    return pa.table(arrays)


def write_video(path: Path, seeds) -> None:
    """A video of those pictures."""
    with VideoWriter(path, SIZE, FPS) as video:
        for seed in seeds:
            video.add(picture(seed))


def features(video: bool, pictures: bool) -> dict:
    """What ``info.json`` says of the columns."""
    six = {"dtype": "float32", "shape": [6], "names": list("abcdef")}
    shape, names = [SIZE[1], SIZE[0], 3], ["height", "width", "channel"]
    found = {"observation.state": six, "action": six | {"dtype": "float64"}}
    found["next.done"] = {"dtype": "bool", "shape": [1]}
    if video:
        found[TOP] = {"dtype": "video", "shape": shape, "names": names, "video_info": {"video.fps": FPS}}
    if pictures:
        found[WRIST] = {"dtype": "image", "shape": shape, "names": names}
    for name in ("timestamp", "frame_index", "episode_index", "index", "task_index"):
        found[name] = {"dtype": "float32" if name == "timestamp" else "int64", "shape": [1]}
    return found


def write_v2(
    root: Path,
    lengths=(6, 5),
    version="v2.0",
    video: bool = True,
    pictures: bool = False,
    seed: int = 0,
    tasks=TASKS,
) -> Path:
    """A dataset of v2.0 or v2.1: a table an episode; statistics of v2.0 are one file for all."""
    (root / "meta").mkdir(parents=True)
    first, lines = 0, []
    for k, frames in enumerate(lengths):
        path = root / f"data/chunk-000/episode_{k:06d}.parquet"
        path.parent.mkdir(parents=True, exist_ok=True)
        pq.write_table(table(rows(k, frames, first, seed), pictures), path)
        if video:
            write_video(root / f"videos/chunk-000/{TOP}/episode_{k:06d}.mp4", range(first, first + frames))
        named = [tasks[1], tasks[k % 2 * 2]]
        lines.append({"episode_index": k, "tasks": sorted(named), "length": frames})
        first += frames
    write_lines(root / "meta/episodes.jsonl", lines)
    write_lines(root / "meta/tasks.jsonl", [{"task_index": k, "task": text} for k, text in enumerate(tasks)])
    info = {
        "codebase_version": version,
        "robot_type": "so100",
        "total_episodes": len(lengths),
        "total_frames": first,
        "total_tasks": len(tasks),
        "chunks_size": 1000,
        "fps": FPS,
        "splits": {"train": "0:100"},
        "data_path": "data/chunk-{episode_chunk:03d}/episode_{episode_index:06d}.parquet",
        "video_path": "videos/chunk-{episode_chunk:03d}/{video_key}/episode_{episode_index:06d}.mp4",
        "features": features(video, pictures),
    }
    (root / "meta/info.json").write_text(json.dumps(info))
    (root / "meta/stats.json").write_text(json.dumps(_statistics(lengths, seed)))
    return root


def _statistics(lengths, seed) -> dict:
    every = [rows(k, frames, 0, seed) for k, frames in enumerate(lengths)]
    found = {}
    for name in ("observation.state", "action"):
        value = np.concatenate([r[name] for r in every]).astype(float)
        found[name] = {n: getattr(value, n)(0).tolist() for n in ("mean", "std", "min", "max")}
    return found


def write_v3(
    root: Path, lengths=(6, 5, 7), video: bool = True, pictures: bool = True, tasks_column: bool = True,
    order=None, seed: int = 0,
) -> Path:  # fmt: skip
    """A dataset of v3.0 in one table and one video; ``order`` are the rows of the table as they are to lie."""
    (root / "meta/episodes/chunk-000").mkdir(parents=True)
    first, parts, lines = 0, [], []
    for k, frames in enumerate(lengths):
        parts.append(rows(k, frames, first, seed))
        line = {
            "episode_index": k,
            "length": frames,
            "data/chunk_index": 0,
            "data/file_index": 0,
            "dataset_from_index": first,
            "dataset_to_index": first + frames,
        }
        if tasks_column:
            line["tasks"] = sorted({TASKS[t] for t in parts[-1]["task_index"].tolist()})
        if video:
            line |= {f"videos/{TOP}/chunk_index": 0, f"videos/{TOP}/file_index": 0}
            line |= {f"videos/{TOP}/from_timestamp": first / FPS}
            line |= {f"videos/{TOP}/to_timestamp": (first + frames) / FPS}
        lines.append(line)
        first += frames
    whole = table({name: np.concatenate([part[name] for part in parts]) for name in parts[0]}, pictures)
    if order is not None:
        whole = whole.take(pa.array(order))
    path = root / "data/chunk-000/file-000.parquet"
    path.parent.mkdir(parents=True)
    pq.write_table(whole, path, row_group_size=7)  # which cuts through episodes
    if video:
        write_video(root / f"videos/{TOP}/chunk-000/file-000.mp4", range(first))
    pq.write_table(pa.Table.from_pylist(lines), root / "meta/episodes/chunk-000/file-000.parquet")
    tasks = pa.table({"task_index": pa.array(range(len(TASKS)), pa.int64()), "task": list(TASKS)})
    pq.write_table(tasks, root / "meta/tasks.parquet")
    info = {
        "codebase_version": "v3.0",
        "fps": FPS,
        "robot_type": "so100",
        "total_episodes": len(lengths),
        "total_frames": first,
        "total_tasks": len(TASKS),
        "chunks_size": 1000,
        "splits": {"train": f"0:{len(lengths)}"},
        "data_path": "data/chunk-{chunk_index:03d}/file-{file_index:03d}.parquet",
        "video_path": "videos/{video_key}/chunk-{chunk_index:03d}/file-{file_index:03d}.mp4",
        "features": features(video, pictures),
    }
    (root / "meta/info.json").write_text(json.dumps(info))
    stats = {name: {n: [0.0] for n in ("mean", "std", "min", "max")} | {"count": [first]} for name in ()}
    (root / "meta/stats.json").write_text(json.dumps(stats))
    return root


def write_lines(path: Path, lines) -> None:
    """A JSON-lines file."""
    path.write_text("".join(json.dumps(line, ensure_ascii=False) + "\n" for line in lines), "utf-8")
