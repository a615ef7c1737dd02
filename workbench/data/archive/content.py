"""`episode_content`: what an episode is, as one hash: equal for equal data, whenever and wherever it was made.

Every number, word and picture counts. What does not: clocks (`CLOCKS`), the file that an episode lies in and the order
there, compression, and what was asked for when it was made.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from typing import Any

import numpy as np

from workbench.data.archive.archive import CAMERA, IMAGES, TRAJECTORY
from workbench.data.episode import DatasetEpisode

CLOCKS = ("wall_s",)
"""Keys of an episode's record that say how long something took on some machine."""
_ARRAYS = ("actions", "joint_pos", "joint_vel", "gripper_width", "body_pose", *TRAJECTORY)


def timeless(record: Mapping[str, Any]) -> dict[str, Any]:
    """A record without clocks: what a demonstration is does not depend on the machine's load."""
    return {key: value for key, value in record.items() if key not in CLOCKS}


def episode_content(episode: DatasetEpisode) -> str:
    """SHA-256 of an episode of an archive."""
    whole = hashlib.sha256()
    words = {
        "name": episode.name,
        "record": timeless(episode.record),
        "render": episode.render,
        "factors": dict(episode.factors),
        "paraphrases": list(episode.paraphrases),
        "control_hz": episode.control_hz,
        "action_spec": episode.action_spec.to_dict(),
        "bodies": [vars(body) for body in episode.bodies],
        "cameras": {n: (c.width, c.height, c.distortion) for n, c in sorted(episode.cameras.items())},
    }
    whole.update(json.dumps(words, sort_keys=True, ensure_ascii=False).encode())
    for name in _ARRAYS:
        _add(whole, name, getattr(episode, name))
    for name, camera in sorted(episode.cameras.items()):
        for key in (*CAMERA, *IMAGES):
            if (value := getattr(camera, key)) is not None:
                _add(whole, f"{name}/{key}", value)
        for picture in camera.jpeg:
            whole.update(hashlib.sha256(picture).digest())
    return whole.hexdigest()


def columns_content(columns: Mapping[str, np.ndarray], task: str, facts: Mapping[str, Any]) -> str:
    """SHA-256 of an episode's rows in a LeRobot dataset, but for the columns that say where it lies."""
    whole = hashlib.sha256()
    whole.update(
        json.dumps({"task": task, "facts": facts}, sort_keys=True, ensure_ascii=False, default=str).encode()
    )
    for name in sorted(set(columns) - {"index", "episode_index", "task_index"}):
        _add(whole, name, columns[name])
    return whole.hexdigest()


def _add(whole: Any, name: str, value: np.ndarray) -> None:
    # As they are stored: numbers that only lost their last bits on the way to the file are the same.
    array = np.asarray(value)
    array = np.ascontiguousarray(array.astype(np.float32) if array.dtype == np.float64 else array)
    whole.update(f"{name} {array.dtype} {array.shape}".encode())
    whole.update(array.tobytes())
