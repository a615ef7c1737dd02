"""Demonstrations in HDF5 as others write them: data like any other."""

from __future__ import annotations

import io
import os
from pathlib import Path

import h5py
import numpy as np
import pytest
from PIL import Image

from tests.workbench.data.foreign.imports import workbench
from workbench.data.lerobot.reading import load_lerobot


def test_demonstrations_in_hdf5_are_data_like_any_other(demonstrations, tmp_path, capsys):
    status, text = workbench(
        capsys, "import", demonstrations, f"out={tmp_path / 'in'}", "instruction=lift it"
    )
    assert (status, "next_obs.eef_quat is left out" in text, "11 episodes" in text) == (0, True, True)
    found = list(load_lerobot(tmp_path / "in"))
    with h5py.File(demonstrations) as file:
        for k, episode in enumerate(found):
            demo = file[f"data/demo_{k}"]
            np.testing.assert_array_equal(episode.columns["action"], demo["actions"][()])
            np.testing.assert_array_equal(episode.columns["observation.eef_quat"], demo["obs/eef_quat"][()])
            np.testing.assert_array_equal(episode.columns["next.done"], demo["dones"][()])
            stored = episode.pictures["observation.images.agentview_image"]
            pixels = [np.asarray(Image.open(io.BytesIO(data))) for data in stored]
            np.testing.assert_array_equal(np.stack(pixels), demo["obs/agentview_image"][()])
            assert (episode.fps, episode.task) == (20.0, "lift it")
    assert workbench(capsys, "validate", tmp_path / "in")[0] == 0
    assert workbench(capsys, "validate", demonstrations)[0] == 0
    status, text = workbench(capsys, "inspect", demonstrations)
    assert (status, "subset         train: 3 episodes" in text) == (0, True)
    assert load_lerobot(tmp_path / "in").filters["train"] == (0, 2, 10)


def test_subsets_that_a_file_names_are_parts(demonstrations, tmp_path, capsys):
    words = ("split", demonstrations, f"out={tmp_path / 'parts'}", "shares=declared")
    assert workbench(capsys, *words)[0] == 0
    names = {
        part: [episode.metadata["original_demo"] for episode in load_lerobot(tmp_path / "parts" / part)]
        for part in ("train", "valid")
    }
    assert names == {"train": ["demo_0", "demo_2", "demo_10"], "valid": ["demo_1"]}
    assert workbench(capsys, "import", demonstrations, f"out={tmp_path / 'v'}", "filter=valid")[0] == 0
    assert len(load_lerobot(tmp_path / "v")) == 1
    status, text = workbench(capsys, "import", demonstrations, f"out={tmp_path / 'x'}", "filter=test")
    assert (status, "names no subset 'test'; it names train, valid" in text) == (2, True)


def test_a_file_that_does_not_say_its_rate_is_asked_for_it(demonstrations, tmp_path, capsys):
    path = tmp_path / "silent.hdf5"
    path.write_bytes(demonstrations.read_bytes())
    with h5py.File(path, "r+") as file:
        file["data"].attrs["env_args"] = "{}"
    status, text = workbench(capsys, "import", path, f"out={tmp_path / 'in'}")
    assert (status, "does not say how many steps a second" in text, "give fps=" in text) == (2, True, True)
    assert workbench(capsys, "import", path, f"out={tmp_path / 'in'}", "fps=15")[0] == 0
    path.write_bytes(demonstrations.read_bytes()[:5000])
    status, text = workbench(capsys, "inspect", path)
    assert (status, len(text.splitlines())) == (2, 1)


@pytest.mark.skipif("WORKBENCH_TEST_DATA" not in os.environ, reason="WORKBENCH_TEST_DATA is not set")
def test_the_file_of_demonstrations_that_others_made_comes_through(tmp_path, capsys):
    source = Path(os.environ["WORKBENCH_TEST_DATA"]) / "foreign/robomimic_layout.hdf5"
    assert workbench(capsys, "import", source, f"out={tmp_path / 'in'}")[0] == 0
    assert load_lerobot(tmp_path / "in").filters == {"train": (0, 1), "valid": (2,)}
    with h5py.File(source) as file:
        for k, episode in enumerate(load_lerobot(tmp_path / "in")):
            np.testing.assert_array_equal(episode.columns["action"], file[f"data/demo_{k}/actions"][()])
