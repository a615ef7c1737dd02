"""What goes wrong in LeRobot datasets, v2.1 and v3.0; see `tests.workbench.data.corruptions`."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from tests.workbench.data.corruptions import BAD, NONSENSE, OTHER, OTHER_TASK, TRANSLATION, Corruption, scaled
from workbench.data.lerobot.columns import ANNOTATION, INDEX
from workbench.data.lerobot.reading import load_lerobot
from workbench.data.statistics import ColumnStatistics
from workbench.data.video import VideoWriter, decode

Columns = dict[str, np.ndarray]
Facts = dict[str, Any]


def plant_in_lerobot(source: Path, target: Path, corruption: Corruption) -> None:
    """A copy of a LeRobot dataset (v2.1 or v3.0) with a corruption in it."""
    shutil.copytree(source, target)
    corruption.plant(target)
    mend_statistics(target)


def _rows(change: Callable[[Columns], None]) -> Callable[[Path], None]:
    def plant(root: Path) -> None:
        edit_rows(root, BAD, change)

    return plant


def edit_rows(root: Path, episode: int, change: Callable[[Columns], None]) -> None:
    """Change rows ``[N, D]`` of an episode, by column."""
    files = sorted((root / "data").rglob("*.parquet"))
    path = files[episode] if len(files) > 1 else files[0]
    table = pq.read_table(path)
    mine = np.flatnonzero(np.asarray(table["episode_index"]) == episode)
    whole = {name: np.array(table[name].to_pylist()) for name in table.column_names}
    rows = {name: v[mine].reshape(len(mine), -1).copy() for name, v in whole.items()}
    before = {name: v.copy() for name, v in rows.items()}
    change(rows)
    for name, value in rows.items():
        if np.array_equal(value, before[name], equal_nan=True):
            continue
        whole[name][mine] = value.reshape(whole[name][mine].shape)
        kind = table.schema.field(name).type
        table = table.set_column(table.column_names.index(name), name, pa.array(whole[name].tolist(), kind))
    pq.write_table(table, path)


def _facts(change: Callable[[Facts], None]) -> Callable[[Path], None]:
    def plant(root: Path) -> None:
        edit_lines(root, lambda line, facts: change(facts) if line["episode_index"] == BAD else None)

    return plant


def edit_lines(root: Path, change: Callable[[dict[str, Any], Facts], Any]) -> None:
    """Change what is said of each episode."""
    path = root / "meta/episodes.jsonl"
    if path.exists():
        lines = [json.loads(line) for line in path.read_text().splitlines()]
        for line in lines:
            change(line, line["task_data"])
        path.write_text("".join(json.dumps(line) + "\n" for line in lines))
        return
    path = next((root / "meta/episodes").rglob("*.parquet"))
    table = pq.read_table(path)
    lines = table.to_pylist()
    for line in lines:
        facts = json.loads(line["task_data"])
        change(line, facts)
        line["task_data"] = json.dumps(facts)
    pq.write_table(pa.Table.from_pylist(lines, table.schema), path)


def edit_tasks(root: Path, change: Callable[[str], str]) -> None:
    """Change texts wherever they are."""
    path = root / "meta/tasks.jsonl"
    if path.exists():
        lines = [json.loads(line) for line in path.read_text().splitlines()]
        path.write_text("".join(json.dumps({**line, "task": change(line["task"])}) + "\n" for line in lines))
    else:
        path = root / "meta/tasks.parquet"
        table = pq.read_table(path)
        texts = pa.array([change(text) for text in table["task"].to_pylist()])
        pq.write_table(table.set_column(table.column_names.index("task"), "task", texts), path)
    edit_lines(root, lambda line, _: line.update(tasks=[change(text) for text in line["tasks"]]))


def _swap_texts(root: Path) -> None:
    first, second = (load_lerobot(root).episode(k).task for k in (BAD, OTHER_TASK))
    edit_tasks(root, lambda text: {first: second, second: first}.get(text, text))


def _nonsense_text(root: Path) -> None:
    asked = load_lerobot(root).episode(BAD).task
    edit_tasks(root, lambda text: NONSENSE if text == asked else text)


def mend_statistics(root: Path) -> None:
    """Make the statistics of numbers those of what the tables hold."""
    whole, each = ColumnStatistics(), {}
    for episode in load_lerobot(root):
        numbers = {n: v for n, v in episode.columns.items() if not n.startswith(ANNOTATION)}
        whole.add(numbers)
        own = ColumnStatistics()
        own.add(numbers)
        each[episode.index] = own.result()
    for name in ("meta/stats.json", "meta/stats_gr00t.json"):
        if (root / name).exists():
            content = json.loads((root / name).read_text())
            (root / name).write_text(json.dumps(_mended(content, whole.result())))
    path = root / "meta/episodes_stats.jsonl"
    if path.exists():
        lines = [json.loads(line) for line in path.read_text().splitlines()]
        for line in lines:
            line["stats"] = _mended(line["stats"], each[line["episode_index"]])
        path.write_text("".join(json.dumps(line) + "\n" for line in lines))


def _mended(content: dict[str, Any], truth: dict[str, Any]) -> dict[str, Any]:
    return {
        name: {key: truth[name].get(key, value) for key, value in table.items()} if name in truth else table
        for name, table in content.items()
    }


def _video_pictures(root: Path) -> dict[tuple[str, int], list[np.ndarray]]:
    dataset = load_lerobot(root)
    found = {}
    for place in dataset.places:
        for key, span in place.videos.items():
            frames = [picture for _, picture in decode(span.path)]
            begin = round(span.first * dataset.fps)
            found[key, place.index] = frames[begin : begin + place.length]
    return found


def _swap_videos(first: tuple[str, int], second: tuple[str, int]) -> Callable[[Path], None]:
    """Swap the frames of two episodes or cameras (views, by their names) that are equally long."""

    def plant(root: Path) -> None:
        dataset = load_lerobot(root)
        pictures = _video_pictures(root)
        keys = [(next(k for k in dataset.places[0].videos if k.endswith(v)), e) for v, e in (first, second)]
        pictures[keys[0]], pictures[keys[1]] = pictures[keys[1]], pictures[keys[0]]
        for key in {k for k, _ in pictures}:
            for path in {place.videos[key].path for place in dataset.places}:
                mine = [p for p in dataset.places if p.videos[key].path == path]
                frames = [
                    f for p in sorted(mine, key=lambda p: p.videos[key].first) for f in pictures[key, p.index]
                ]
                with VideoWriter(path, (frames[0].shape[1], frames[0].shape[0]), dataset.fps) as video:
                    for frame in frames:
                        video.add(frame)

    return plant


def _column(name: str, make: Callable[[np.ndarray], np.ndarray]) -> Callable[[Path], None]:
    return _rows(lambda rows: rows.update({name: make(rows[name])}))


def _sent(make: Callable[[np.ndarray], np.ndarray]) -> Callable[[Path], None]:
    """Change what the arm was sent in every column that has it."""

    def change(rows: Columns) -> None:
        for name in ("command.delta_eef_position", "command.delta_eef_rotation_vector"):
            rows[name] = make(rows[name])
        for name in ("command.delta_eef_rotation", "command.delta_eef_quaternion"):
            rows[name] = make(rows[name]) if make is _row_later else rows[name]
        rows["action"][:, :6] = make(rows["action"][:, :6])

    return _rows(change)


def _row_later(values: np.ndarray) -> np.ndarray:
    return np.concatenate((values[:1], values[:-1]))


def _other_gripper(rows: Columns) -> None:
    rows["command.gripper_close"] *= -1
    rows["action"][:, -1] *= -1


def _degrees(rows: Columns) -> None:
    rows["state.joints"] = np.degrees(rows["state.joints"])
    rows["observation.state"][:, :7] = rows["state.joints"]


def _copied_row(rows: Columns) -> None:
    for name, value in rows.items():
        if name not in INDEX:
            value[6] = value[5]


def _added(columns: int, shift: tuple[float, ...]) -> Callable[[np.ndarray], np.ndarray]:
    return lambda value: (value.reshape(len(value), -1, columns) + np.array(shift)).reshape(len(value), -1)


def _corner_and_size(values: np.ndarray) -> np.ndarray:
    boxes = values.reshape(len(values), -1, 4).copy()
    boxes[..., 2:] -= np.where(np.isfinite(boxes[..., :2]), boxes[..., :2], 0)
    return boxes.reshape(len(values), -1)


def _intrinsics(facts: Facts) -> None:
    k = np.array(facts["camera_data"]["base_view"]["intrinsics"])
    k[:2] *= 1.05
    facts["camera_data"]["base_view"]["intrinsics"] = k.tolist()


BASE, EGO = "annotation.base_view", "annotation.ego_view"
IN_LEROBOT = (
    Corruption(
        "boxes +10 px",
        r"base_view\.boxes: .*boxes lie (9|10)\.\d px right",
        _column(f"{BASE}.boxes", _added(4, (10, 0, 10, 0))),
    ),
    Corruption(
        "boxes as corner and size",
        r"base_view\.boxes: .*as corner and size",
        _column(f"{BASE}.boxes", _corner_and_size),
    ),
    Corruption(
        "grasp +15 px",
        r"base_view\.grasp: .*grasp lies 15\.\d px right",
        _column(f"{BASE}.grasp", _added(2, (15, 0))),
    ),
    Corruption(
        "intrinsics x 1.05",
        r"base_view/intrinsics.*: .*the whole matrix of intrinsics is 1\.05 times",
        _facts(_intrinsics),
    ),
    Corruption(
        "front camera +5 cm",
        r"base_view\.camera_position.*camera's position is off by \([+-]0\.\d, \+50\.\d",
        _column(f"{BASE}.camera_position", _added(3, (0, 0.05, 0))),
    ),
    Corruption(
        "wrist camera +5 cm",
        r"ego_view\.camera_position.*camera's position is off by \(\+50\.\d",
        _column(f"{EGO}.camera_position", _added(3, (0.05, 0, 0))),
    ),
    Corruption(
        "camera's rotation transposed",
        r"base_view\.camera_rotation.*rotation is transposed",
        _column(f"{BASE}.camera_rotation", lambda v: v.reshape(-1, 3, 3).transpose(0, 2, 1).reshape(-1, 9)),
    ),
    Corruption(
        "bodies x 10",
        r"body_position: .*bodies' positions are 10 times",
        _column("annotation.body_position", lambda v: v * 10),
    ),
    Corruption(
        "state in millimetres",
        r"state\.eef_position: .*is (1000|999)\S* times .*millimetres",
        _column("state.eef_position", lambda v: v * 1000),
    ),
    Corruption(
        "targets in millimetres",
        r"command\.eef_position: .*is (1000|999)\S* times .*millimetres",
        _column("command.eef_position", lambda v: v * 1000),
    ),
    Corruption(
        "deltas in millimetres",
        r"command\.delta_eef_position.*: .*translation is 1\S*e\+03 times .*millimetres",
        _column("command.delta_eef_position", lambda v: v * 1000),
    ),
    Corruption(
        "action in millimetres",
        r"action: .*is not what command.*it is 1000 times as large",
        _column("action", lambda v: scaled(v, TRANSLATION, 1000.0)),
    ),
    Corruption("joints in degrees", r"state\.joints: .*is in degrees", _rows(_degrees)),
    Corruption(
        "quaternions x y z w",
        r"state\.eef_quaternion: .*is stored x y z w where w x y z is meant",
        _column("state.eef_quaternion", lambda v: np.roll(v, -1, 1)),
    ),
    Corruption(
        "length of quaternions",
        r"state\.eef_quaternion: .*has length 1\.1",
        _column("state.eef_quaternion", lambda v: v * 1.1),
    ),
    Corruption(
        "sign of a quaternion",
        r"state\.eef_quaternion: .*changes its sign at row",
        _column("state.eef_quaternion", lambda v: v * np.where(np.arange(len(v)) == 4, -1.0, 1.0)[:, None]),
    ),
    Corruption("sign of the gripper", r"command\.gripper_close: .*has the wrong sign", _rows(_other_gripper)),
    Corruption(
        "sign of the action's gripper",
        r"action: .*it has the wrong sign",
        _column("action", lambda v: scaled(v, 6, -1.0)),
    ),
    Corruption("actions a row late", r"command\.delta_eef.*: .*lies \d\S* rows late", _sent(_row_later)),
    Corruption("actions zero", r"command\.delta_eef.*: .*is zero in every row", _sent(lambda v: v * 0)),
    Corruption("action alone zero", r"action: .*it is zero in every row", _column("action", lambda v: v * 0)),
    Corruption(
        "action alone a row late", r"action: .*its rows are one row late", _column("action", _row_later)
    ),
    Corruption(
        "joint deltas a row late",
        r"command\.delta_joints: .*(rows late|not the difference)",
        _column("command.delta_joints", _row_later),
    ),
    Corruption("a row twice", r"state\.joints: .*row 6 repeats row 5", _rows(_copied_row)),
    Corruption("success=False", r"task_data/success: .*is false", _facts(lambda f: f.update(success=False))),
    Corruption(
        "a nonsense instruction", r"task: .*colourless.*another episode's, or nobody's", _nonsense_text
    ),
    Corruption("tasks swapped", r"task: .*another episode's, or nobody's", _swap_texts),
    Corruption(
        "videos of two renderings swapped",
        r"base_view: .*it is that of camera \S*base_view of episode 1",
        _swap_videos(("base_view", BAD), ("base_view", OTHER)),
    ),
    Corruption(
        "front and wrist swapped",
        r"base_view: .*it is that of camera \S*ego_view of the same episode",
        _swap_videos(("base_view", BAD), ("ego_view", BAD)),
    ),
)
