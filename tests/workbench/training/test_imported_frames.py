"""Training on datasets that others made: what acting needs is there, or one sentence says what is missing."""

from __future__ import annotations

import io
import json

import numpy as np
import pytest
import torch
from PIL import Image
from rich.console import Console

from policy.m1.checkpoint import load_checkpoint
from tests.workbench.data.archives import write_archive
from tests.workbench.data.foreign_datasets import SIZE, TASKS, TOP, WRIST, png, rows, write_v2, write_v3
from tests.workbench.data.made_up import made_up_episode
from tests.workbench.training.test_train import options, small  # noqa: F401
from workbench.cli.options import OptionError
from workbench.data.foreign.datasets import open_dataset
from workbench.data.lerobot.reading import LeRobotImportError
from workbench.data.lerobot.v3 import export_lerobot_v3
from workbench.training import train
from workbench.training.action_stream import ActionStream
from workbench.training.imported_frames import ImportedFrames


@pytest.fixture(scope="module")
def dataset(tmp_path_factory):
    return write_v3(tmp_path_factory.mktemp("foreign") / "v3", (6, 4, 7))


def test_a_frame_is_told_what_was_asked_at_its_time_and_the_chunk_ends_there(dataset):
    frames = ImportedFrames(open_dataset(dataset), ("top",))
    assert [(e.instruction, e.steps) for e in frames.episodes[:2]] == [(TASKS[1], 3), (TASKS[0], 3)]
    stream = ActionStream(frames, frames.views, 4, seed=0, augment=False)
    assert stream.size == 17
    batch = stream.batch([(1, 0), (4, 0)])
    assert batch.instructions == [TASKS[1], TASKS[0]]
    assert batch.valid.tolist() == [[True, True, False, False], [True, True, False, False]]
    np.testing.assert_array_equal(batch.actions[1, :2], rows(0, 6)["action"][4:6].astype(np.float32))


@pytest.mark.parametrize("key", [TOP, WRIST])
def test_a_frame_shows_its_own_picture(dataset, key):
    frames = ImportedFrames(open_dataset(dataset), (key,))
    for row in (16, 0, 9, 5):  # as chance visits them
        number, frame = frames.rows(True)[row]
        shown = frames.picture(number, key, frame).astype(int)
        true = np.asarray(Image.open(io.BytesIO(png(row)))).astype(int)
        assert shown.shape == (SIZE[1], SIZE[0], 3)
        # A video's coding moves colours; another frame's picture is 31 levels away.
        assert np.median(np.abs(shown - true)) < (1 if key == WRIST else 12)


def test_actions_of_others_are_named_as_they_name_them(dataset):
    spec = ImportedFrames(open_dataset(dataset)).action_spec
    assert [c.name for c in spec.channels] == list("abcdef")
    assert (spec.robot, spec.control_hz) == ("so100", 10.0)


@pytest.mark.slow
def test_a_policy_is_trained_on_a_foreign_folder(dataset, tmp_path, small):  # noqa: F811
    said = io.StringIO()
    made = options(
        dataset, tmp_path / "run", stage="action", guidance="off", head_steps=2, steps=1, views="top,wrist"
    )
    checkpoint = train.train(made, Console(file=said, width=200))
    config = load_checkpoint(checkpoint).config
    assert (config.images.views, config.action_spec.dim) == (("top", "wrist"), 6)
    assert config.prompt.action == "{instruction}"
    assert "does not say where the tool is" in said.getvalue()
    losses = [json.loads(line) for line in (tmp_path / "run/losses.jsonl").read_text().splitlines()]
    numbers = [value for line in losses for value in line.values() if isinstance(value, float)]
    assert numbers
    assert np.isfinite(numbers).all()
    low = config.action_spec.normalisation.low
    assert torch.isfinite(torch.tensor(low)).all()


@pytest.mark.slow
def test_an_export_of_ours_tells_the_hand(tmp_path, small):  # noqa: F811
    write_archive(tmp_path / "archive", made_up_episode(0), made_up_episode(1))
    export_lerobot_v3(tmp_path / "archive", tmp_path / "v3")
    made = options(tmp_path / "v3", tmp_path / "run", stage="action", guidance="off", head_steps=1, steps=0)
    config = load_checkpoint(train.train(made, Console(quiet=True))).config
    assert config.prompt.action == "{instruction}. hand {hand}"
    assert config.action_spec.gripper_sign == "+1 opens"


@pytest.mark.parametrize("change", [{"stage": "grounding"}, {"stage": "action"}])
def test_guidance_needs_an_archive(dataset, tmp_path, change):
    with pytest.raises(OptionError, match=r"lacks boxes, places and traces, .*guidance=off"):
        train.train(options(dataset, tmp_path / "run", **change), Console(quiet=True))
    assert not (tmp_path / "run").exists()


def test_what_is_missing_is_one_sentence(dataset, tmp_path):
    bare = write_v2(tmp_path / "bare", video=False)
    with pytest.raises(LeRobotImportError, match="cannot be trained on: it lacks pictures"):
        ImportedFrames(open_dataset(bare))
    silent = write_v2(tmp_path / "silent", pictures=True, video=False, tasks=("", "", ""))
    with pytest.raises(LeRobotImportError, match="cannot be trained on: it lacks an instruction"):
        ImportedFrames(open_dataset(silent))
    with pytest.raises(LeRobotImportError, match="has no camera side; views= may name top, wrist"):
        ImportedFrames(open_dataset(dataset), ("side",))
    assert ImportedFrames(open_dataset(dataset)).views == ("top",)
