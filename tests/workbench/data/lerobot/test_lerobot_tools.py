"""LeRobot's own tools on an export: split, delete, remove, merge, and a policy made for it; each result is read again.

``lerobot`` pins other versions of what the workbench needs, so it gets an environment of its own, from the index that
pip is set up for. ``WORKBENCH_LEROBOT_PYTHON`` names the interpreter of one that is there already.
"""

from __future__ import annotations

import io
import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from tests.workbench.data.archives import write_archive
from tests.workbench.data.made_up import made_up_episode, without
from workbench.data.lerobot.export_choices import ExportChoices
from workbench.data.lerobot.reading import load_lerobot
from workbench.data.lerobot.v3 import export_lerobot_v3

pytestmark = pytest.mark.long

LEROBOT = "lerobot[dataset]==0.6.1"
ROOT = Path(__file__).parents[4]
EPISODES = 6
VIDEOS = ["observation.images.base_view", "observation.images.ego_view"]


@pytest.fixture(scope="module")
def python(tmp_path_factory):
    """An interpreter that has ``lerobot``."""
    if given := os.environ.get("WORKBENCH_LEROBOT_PYTHON"):
        return Path(given)
    folder = tmp_path_factory.mktemp("lerobot") / "env"
    subprocess.run([sys.executable, "-m", "venv", folder], check=True)
    mine = folder / "bin/python"
    asked = run(
        mine,
        "-m",
        "pip",
        "download",
        "--quiet",
        "--no-deps",
        "--dest",
        folder,
        LEROBOT.replace("[dataset]", ""),
    )
    if asked.returncode:
        pytest.skip(f"pip cannot reach the index: {asked.stderr.strip().splitlines()[-1]}")
    uv = ROOT / ".bootstrap/bin/uv"
    pip = (
        [uv, "pip", "install", "--python", mine] if uv.exists() else [mine, "-m", "pip", "install", "--quiet"]
    )
    made = run(*pip, LEROBOT)
    assert made.returncode == 0, made.stderr[-3000:]
    return mine


def run(*words):
    clean = {k: v for k, v in os.environ.items() if k != "PYTHONPATH"}
    return subprocess.run(
        list(map(str, words)),
        capture_output=True,
        text=True,
        check=False,
        env=clean | {"HF_HUB_OFFLINE": "1"},
    )


def edit(python, *words):
    done = run(python.parent / "lerobot-edit-dataset", *words)
    assert done.returncode == 0, done.stderr[-3000:]


def checked(python, *folders):
    """What ``tools/check_lerobot.py`` says of datasets: every frame is read."""
    done = run(python, ROOT / "tools/check_lerobot.py", *folders)
    assert done.returncode == 0, done.stderr[-3000:]
    return [json.loads(line) for line in done.stdout.splitlines() if line.startswith("{")]


@pytest.fixture(scope="module")
def exported(tmp_path_factory):
    """An export with everything: annotations, depth and masks, two tasks."""
    folder = tmp_path_factory.mktemp("tools")
    made = [made_up_episode(k, images=True, stride=2, steps=12 + 2 * k) for k in range(EPISODES)]
    made[3] = without(made[3], record=made[3].record | {"instruction": "move the green ball"})
    write_archive(folder / "archive", *made)
    choices = ExportChoices(depth=True, masks=True, shares={"train": 0.5, "val": 0.5})
    export_lerobot_v3(folder / "archive", folder / "whole", choices)
    return folder / "whole"


def same(found, truth, left_out=()):
    """Whether two episodes hold the same numbers, apart from where they stand."""
    for name in truth.columns.keys() - {"index", "episode_index", "task_index", *left_out}:
        np.testing.assert_array_equal(found.columns[name], truth.columns[name], err_msg=name)
    for name in truth.pictures.keys() - set(left_out):
        for a, b in zip(found.pictures[name], truth.pictures[name], strict=True):
            assert Image.open(io.BytesIO(a)).tobytes() == Image.open(io.BytesIO(b)).tobytes(), name
    assert found.task == truth.task


def test_every_frame_is_read_and_a_policy_takes_the_action_and_the_state(python, exported):
    (found,) = checked(python, exported)
    assert found["episodes"] == EPISODES
    assert found["outputs"] == ["action"]
    assert found["inputs"] == [*VIDEOS, "observation.state"]
    assert found["action_chunk"] == [4, 7]


def test_split_by_the_declared_parts_then_merge(python, exported, tmp_path):
    splits = json.loads((exported / "meta/info.json").read_text())["splits"]
    parts = {name: list(range(*map(int, where.split(":")))) for name, where in splits.items()}
    edit(
        python, "--repo_id=local/whole", f"--root={exported}", f"--new_root={tmp_path / 'parts'}",
        "--operation.type=split", f"--operation.splits={json.dumps(parts)}",
    )  # fmt: skip
    truth = list(load_lerobot(exported))
    for name, indices in parts.items():
        for found, k in zip(load_lerobot(tmp_path / "parts" / name), indices, strict=True):
            same(found, truth[k])
    roots = [str(tmp_path / "parts" / name) for name in parts]
    edit(
        python, "--new_repo_id=local/merged", f"--new_root={tmp_path / 'merged'}", "--operation.type=merge",
        f"--operation.repo_ids={json.dumps([f'local/{name}' for name in parts])}",
        f"--operation.roots={json.dumps(roots)}",
    )  # fmt: skip
    for found, episode in zip(load_lerobot(tmp_path / "merged"), truth, strict=True):
        same(found, episode)
    for found, count in zip(
        checked(python, *roots, tmp_path / "merged"), [*map(len, parts.values()), EPISODES], strict=True
    ):
        assert found["episodes"] == count
        assert found["outputs"] == ["action"]


def test_delete_episodes(python, exported, tmp_path):
    edit(
        python, "--repo_id=local/whole", f"--root={exported}", "--new_repo_id=local/fewer",
        f"--new_root={tmp_path / 'fewer'}", "--operation.type=delete_episodes", "--operation.episode_indices=[1, 4]",
    )  # fmt: skip
    truth = list(load_lerobot(exported))
    for found, k in zip(load_lerobot(tmp_path / "fewer"), (0, 2, 3, 5), strict=True):
        same(found, truth[k])
    (found,) = checked(python, tmp_path / "fewer")
    assert found["episodes"] == 4


def test_remove_features(python, exported, tmp_path):
    names = ["annotation.base_view.boxes", "annotation.ego_view.mask", "command.delta_eef_quaternion"]
    edit(
        python, "--repo_id=local/whole", f"--root={exported}", "--new_repo_id=local/lean",
        f"--new_root={tmp_path / 'lean'}", "--operation.type=remove_feature",
        f"--operation.feature_names={json.dumps(names)}",
    )  # fmt: skip
    for found, truth in zip(load_lerobot(tmp_path / "lean"), load_lerobot(exported), strict=True):
        assert not set(names) & (found.columns.keys() | found.pictures.keys())
        same(found, truth, left_out=names)
    (found,) = checked(python, tmp_path / "lean")
    assert found["episodes"] == EPISODES
