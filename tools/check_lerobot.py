"""Reads every frame of LeRobot v3.0 datasets with the ``lerobot`` package, and says what it finds.

    <python with lerobot> tools/check_lerobot.py DATASET ...

``lerobot`` pins other versions of what the workbench needs, so it lives in an environment of its own:
``uv venv --python 3.12 ENV && uv pip install --python ENV/bin/python "lerobot[dataset]"``. This file imports nothing of
the workbench. A line of JSON for each dataset; the exit status is 0 if every frame was read and fits what the dataset
says of itself, and a small ACT policy that is made for the dataset takes a batch of it.
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
    columns = [k for k, f in dataset.features.items() if f["dtype"] not in ("video", "image")]
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
            if name in dataset.meta.stats:  # masks and depth have none
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
    inputs, outputs, loss = train_on(chunks)
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
        "inputs": inputs,
        "outputs": outputs,
        "loss": loss,
    }


def train_on(dataset) -> tuple[list[str], list[str], float]:
    """Inputs and outputs that ``lerobot`` gives a small ACT policy for a dataset, and the policy's loss on a batch.

    Masks and depth are no pictures for its network: they are taken from the inputs as a user would.
    """
    import torch
    from lerobot.configs.types import FeatureType
    from lerobot.policies.act.configuration_act import ACTConfig
    from lerobot.policies.factory import make_policy, make_pre_post_processors
    from lerobot.utils.feature_utils import dataset_to_policy_features

    features = dataset_to_policy_features(dataset.meta.features)
    config = ACTConfig(
        chunk_size=4, n_action_steps=4, dim_model=32, n_heads=2, dim_feedforward=32, n_encoder_layers=1,
        n_decoder_layers=1, n_vae_encoder_layers=1, latent_dim=4, pretrained_backbone_weights=None, device="cpu",
    )  # fmt: skip
    config.input_features = {
        name: f for name, f in features.items() if f.type is not FeatureType.ACTION and f.shape[0] != 1
    }
    policy = make_policy(config, ds_meta=dataset.meta)
    prepare, _ = make_pre_post_processors(config, dataset_stats=dataset.meta.stats)
    batch = next(iter(torch.utils.data.DataLoader(dataset, batch_size=2)))
    loss, _ = policy.forward(prepare(batch))
    assert torch.isfinite(loss), f"the loss of a batch is {float(loss)}"
    return list(config.input_features), list(config.output_features), float(loss)


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
