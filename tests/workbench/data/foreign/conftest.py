"""Datasets of others."""

from __future__ import annotations

import json

import h5py
import numpy as np
import pytest

from tests.workbench.data.foreign_datasets import (
    picture,
)


@pytest.fixture(scope="module")
def demonstrations(tmp_path_factory):
    """A file in robomimic's layout, with more than ten demonstrations."""
    path = tmp_path_factory.mktemp("foreign") / "low_dim.hdf5"
    rng = np.random.default_rng(0)
    with h5py.File(path, "w") as file:
        data = file.create_group("data")
        data.attrs["env_args"] = json.dumps({"env_name": "Lift", "env_kwargs": {"control_freq": 20}})
        for k in range(11):
            demo, steps = data.create_group(f"demo_{k}"), 3 + k
            demo.attrs["num_samples"] = steps
            demo["actions"] = rng.normal(size=(steps, 7))
            demo["obs/eef_quat"] = rng.normal(size=(steps, 4))
            demo["obs/agentview_image"] = np.stack([picture(10 * k + i) for i in range(steps)])
            demo["next_obs/eef_quat"] = rng.normal(size=(steps, 4))
            demo["rewards"], demo["dones"] = np.zeros(steps), np.arange(steps) == steps - 1
        file["mask/train"] = np.array([f"demo_{k}" for k in (0, 2, 10)], "S")
        file["mask/valid"] = np.array(["demo_1"], "S")
    return path
