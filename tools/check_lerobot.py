"""Reads every frame of LeRobot v3.0 datasets with the ``lerobot`` package, and says what it finds.

    <python with lerobot> tools/check_lerobot.py DATASET ...

``lerobot`` pins other versions of what the workbench needs, so it lives in an environment of its own:
``uv venv --python 3.12 ENV && uv pip install --python ENV/bin/python "lerobot[dataset]"``. This file imports nothing of
the workbench. A line of JSON for each dataset; the exit status is 0 if every frame was read and fits what the dataset
says of itself.
"""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path


def check(folder: Path) -> dict:
    """What ``lerobot`` finds in a dataset; AssertionError or its own errors for what is wrong."""
    os.environ.setdefault("HF_HUB_OFFLINE", "1")
    import lerobot
    import torch
    from lerobot.datasets.lerobot_dataset import LeRobotDataset

    # PyAV reads everywhere; torchcodec wants FFmpeg's libraries from the system.
    dataset = LeRobotDataset(f"local/{folder.name}", root=folder, video_backend="pyav")
    cameras = dataset.meta.camera_keys
    columns = [k for k, f in dataset.features.items() if f["dtype"] != "video"]
    lengths = [0] * dataset.num_episodes
    worst = 0.0
    for k in range(len(dataset)):
        frame = dataset[k]
        assert int(frame["index"]) == k, f"frame {k} says it is {int(frame['index'])}"
        for name in columns:
            shape = tuple(dataset.features[name]["shape"])
            expected = () if shape == (1,) else shape
            assert tuple(frame[name].shape) == expected, f"{name}: {tuple(frame[name].shape)}, not {expected}"
        for name in cameras:
            height, width, channels = dataset.features[name]["shape"]
            assert tuple(frame[name].shape) == (channels, height, width), f"{name}: {frame[name].shape}"
            mean = torch.as_tensor(dataset.meta.stats[name]["mean"]).ravel()
            worst = max(worst, float((frame[name].mean((1, 2)) - mean).abs().max()))
        assert isinstance(frame["task"], str) and frame["task"], f"frame {k} has no task"  # noqa: PT018
        lengths[int(frame["episode_index"])] += 1
    stored = [int(dataset.meta.episodes[k]["length"]) for k in range(dataset.num_episodes)]
    assert lengths == stored, f"episodes have {lengths} frames, the metadata says {stored}"
    chunks = LeRobotDataset(
        f"local/{folder.name}",
        root=folder,
        video_backend="pyav",
        delta_timestamps={"action": [i / dataset.fps for i in range(4)]},
    )
    return {
        "lerobot": lerobot.__version__,
        "episodes": dataset.num_episodes,
        "frames": len(dataset),
        "fps": dataset.fps,
        "cameras": cameras,
        "columns": columns,
        "tasks": list(dataset.meta.tasks.index),
        "action_chunk": list(chunks[0]["action"].shape),
        "furthest_mean_of_a_frame": worst,
    }


def main() -> int:
    """Check the datasets named on the command line."""
    folders = [Path(word).resolve() for word in sys.argv[1:]]
    if not folders or not all(folder.is_dir() for folder in folders):
        print(f"usage: {Path(sys.argv[0]).name} DATASET ...", file=sys.stderr)
        return 2
    for folder in folders:
        print(json.dumps(check(folder)))
    return 0


if __name__ == "__main__":
    sys.exit(main())
