"""What an export holds besides columns of numbers: its parts, its card, depth and masks, and what is left out."""

from __future__ import annotations

import io
import json
from collections import defaultdict

import numpy as np
import pyarrow.parquet as pq
import pytest
import yaml
from PIL import Image

from tests.workbench.data.archives import write_archive
from tests.workbench.data.demonstrated import demonstrated_episode
from tests.workbench.data.made_up import made_up_episode, without
from workbench.data.export_folder import ExportError
from workbench.data.lerobot.export_choices import ExportChoices
from workbench.data.lerobot.picture_columns import in_millimetres
from workbench.data.lerobot.reading import load_lerobot
from workbench.data.lerobot.v3 import export_lerobot_v3
from workbench.data.lerobot.v21 import export_lerobot_v21
from workbench.data.split import part_of, split
from workbench.data.validation.validate import validate

EXPORTS = {"v21": export_lerobot_v21, "v3": export_lerobot_v3}
BOTH = pytest.mark.parametrize("export", EXPORTS.values(), ids=EXPORTS)
FRAMES = 3


@pytest.fixture(scope="module")
def archive(tmp_path_factory):
    made = (made_up_episode(k, r, steps=FRAMES, images=True) for k in range(7) for r in range(2))
    return write_archive(tmp_path_factory.mktemp("choices") / "archive", *made)


@pytest.fixture(scope="module")
def demonstrations(tmp_path_factory):
    """What could have been: a dataset that is checked for physics as well."""
    made = (demonstrated_episode(k) for k in range(2))
    return write_archive(tmp_path_factory.mktemp("choices") / "demonstrations", *made)


def info(root):
    return json.loads((root / "meta/info.json").read_text())


def front_matter(root):
    _, front, text = (root / "README.md").read_text().split("---\n", 2)
    return yaml.safe_load(front), text


@BOTH
def test_the_declared_parts_follow_each_other_and_no_demonstration_is_in_two(archive, tmp_path, export):
    shares = {"train": 0.5, "val": 0.5}
    export(archive, tmp_path / "out", choices=ExportChoices(annotations=False, shares=shares, seed=4))
    splits = info(tmp_path / "out")["splits"]
    assert list(splits) == ["train", "val"]
    bounds = [tuple(map(int, where.split(":"))) for where in splits.values()]
    assert bounds[0][0] == 0
    assert bounds[0][1] == bounds[1][0]
    assert bounds[1][1] == 14
    parts = defaultdict(set)
    for episode in load_lerobot(tmp_path / "out"):
        name = episode.metadata["original_episode_name"]
        (part,) = [p for p, (a, b) in zip(splits, bounds, strict=True) if a <= episode.index < b]
        parts[name.split("-")[0]].add(part)
        assert part == part_of(int(name.split("-")[0]), shares, 4)
    assert len(parts) == 7
    assert all(len(those) == 1 for those in parts.values()), "a demonstration's renderings are on two sides"


def test_renderings_of_every_seed_stay_together(tmp_path):
    """An archive of merged seeds: names differ, and still index and part go together."""
    made = [made_up_episode(k, r, steps=FRAMES) for k in range(4) for r in range(2)]
    named = [without(e, name=f"{e.name}-seed5") for e in made]
    write_archive(tmp_path / "archive", *named)
    export_lerobot_v3(tmp_path / "archive", tmp_path / "out", ExportChoices(shares={"a": 0.5, "b": 0.5}))
    where = {n: range(*map(int, s.split(":"))) for n, s in info(tmp_path / "out")["splits"].items()}
    sides = defaultdict(set)
    for episode in load_lerobot(tmp_path / "out"):
        side = next(n for n, those in where.items() if episode.index in those)
        sides[episode.metadata["original_episode_name"][:6]].add(side)
    assert {len(those) for those in sides.values()} == {1}


def test_a_part_of_a_split_stays_one_part(archive, tmp_path):
    split(archive, tmp_path / "parts", {"mine": 0.5, "yours": 0.5})
    export_lerobot_v3(tmp_path / "parts/mine", tmp_path / "out")
    assert list(info(tmp_path / "out")["splits"]) == ["mine"]


def test_a_part_without_episodes_is_not_declared(tmp_path):
    write_archive(tmp_path / "archive", made_up_episode(0, steps=FRAMES))
    export_lerobot_v21(tmp_path / "archive", tmp_path / "out")
    (where,) = info(tmp_path / "out")["splits"].values()
    assert where == "0:1"


@BOTH
def test_annotations_can_be_left_out(archive, tmp_path, export):
    export(archive, tmp_path / "out", choices=ExportChoices(annotations=False))
    assert not [n for n in info(tmp_path / "out")["features"] if n.startswith("annotation.")]
    assert "No annotations" in (tmp_path / "out/README.md").read_text()


@BOTH
def test_depth_and_masks_come_back_as_they_were(archive, tmp_path, export):
    export(archive, tmp_path / "out", choices=ExportChoices(depth=True, masks=True))
    described = info(tmp_path / "out")["features"]
    assert described["annotation.base_view.depth"]["info"] == {"is_depth_map": True, "depth_unit": "mm"}
    assert described["annotation.ego_view.mask"]["shape"] == [64, 64, 1]
    files = sorted((tmp_path / "out/data").rglob("*.parquet"))
    rows = [row for f in files for row in pq.read_table(f).to_pylist()]
    first = next(e for e in load_lerobot(tmp_path / "out") if e.index == 0)
    index, render = map(int, first.metadata["original_episode_name"].split("-"))
    truth = made_up_episode(index, render, steps=FRAMES, images=True)
    for f in range(FRAMES):
        for view, camera in (("base_view", "front"), ("ego_view", "wrist")):
            depth, mask = (opened(rows[f][f"annotation.{view}.{what}"]) for what in ("depth", "mask"))
            assert depth.dtype == np.uint16
            np.testing.assert_array_equal(depth, truth.cameras[camera].depth[f] // 10)
            np.testing.assert_array_equal(mask, truth.cameras[camera].mask[f])


@BOTH
@pytest.mark.parametrize(
    "choices",
    [ExportChoices(annotations=False), ExportChoices(depth=True, masks=True)],
    ids=["least", "most"],
)
def test_whatever_is_chosen_is_valid(demonstrations, tmp_path, export, choices):
    export(demonstrations, tmp_path / "out", choices=choices)
    assert [str(problem) for problem in validate(tmp_path / "out")] == []


def opened(stored):
    return np.asarray(Image.open(io.BytesIO(stored["bytes"])))


def test_depth_in_millimetres_is_within_half_of_one_and_known_where_it_was():
    depth = np.array([[0, 1, 4, 5, 14, 15, 8000, 65535]], np.uint16)
    np.testing.assert_array_equal(in_millimetres(depth), [[0, 1, 1, 1, 1, 2, 800, 6554]])


@BOTH
def test_what_was_not_generated_cannot_be_exported(tmp_path, export):
    write_archive(tmp_path / "archive", made_up_episode(0, steps=FRAMES))
    for choices, sentence in (
        (
            ExportChoices(depth=True),
            "camera front, has no depth: leave depth=true away, or generate with depth=true",
        ),
        (ExportChoices(masks=True), "has no masks"),
    ):
        with pytest.raises(ExportError, match=sentence):
            export(tmp_path / "archive", tmp_path / "out", choices=choices)
        assert not (tmp_path / "out").exists()


@BOTH
def test_the_card_says_what_hubs_want_and_what_is_missing(archive, tmp_path, export):
    export(archive, tmp_path / "mine", choices=ExportChoices(masks=True))
    front, text = front_matter(tmp_path / "mine")
    assert front["task_categories"] == ["robotics"]
    assert "LeRobot" in front["tags"]
    assert front["configs"] == [{"config_name": "default", "data_files": "data/*/*.parquet"}]
    assert "# mine" in text
    assert f"14 episodes, {14 * FRAMES} frames at 20 Hz" in text
    for name, feature in info(tmp_path / "mine")["features"].items():
        assert f"| `{name}` | {'x'.join(map(str, feature['shape']))} |" in text
    for part, where in info(tmp_path / "mine")["splits"].items():
        assert f"| `{part}` | {where} |" in text
    assert "No depth. The archive has it: export with `depth=true`." in text
    assert "No masks" not in text


def test_the_card_of_an_archive_without_depth_says_so(tmp_path):
    write_archive(tmp_path / "archive", made_up_episode(0, steps=FRAMES))
    export_lerobot_v3(tmp_path / "archive", tmp_path / "out")
    text = (tmp_path / "out/README.md").read_text()
    assert "No depth: the archive was generated without." in text
    assert "No masks: the archive was generated without." in text
