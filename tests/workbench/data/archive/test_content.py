"""What makes two datasets the same: what they hold, not when, where and how fast it was made."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pyarrow.parquet as pq
import pytest

from tests.workbench.data.archives import write_archive
from tests.workbench.data.demonstrated import demonstrated_episode
from workbench.data.archive.content import timeless
from workbench.data.lerobot.v21 import export_lerobot_v21
from workbench.data.validation.validate import examine


def hashed(folder, *made, size=2):
    return examine(write_archive(folder, *made, chunk_size=size)).content


def test_equal_datasets_hash_alike_whatever_the_clock_the_order_and_the_files(tmp_path):
    first, second = demonstrated_episode(0), demonstrated_episode(1)
    slower = replace(first, record={**first.record, "wall_s": 12.5})
    one = hashed(tmp_path / "one", first, second)
    assert one == hashed(tmp_path / "slow", slower, second)
    assert one == hashed(tmp_path / "turned", second, first)
    assert one == hashed(tmp_path / "apart", first, second, size=1)


def test_anything_else_that_differs_makes_another_dataset(tmp_path):
    first = demonstrated_episode(0)
    moved = first.actions.copy()
    moved[3, 1] += np.float32(1e-4)
    whole = {hashed(tmp_path / "one", first)}
    for name, other in {
        "action": replace(first, actions=moved),
        "word": replace(first, paraphrases=("please",)),
        "record": replace(first, record={**first.record, "seed": 6}),
        "rendering": demonstrated_episode(0, 1),
    }.items():
        found = hashed(tmp_path / name, other)
        assert found not in whole, name
        whole.add(found)


def test_records_of_demonstrations_hold_no_clock():
    assert timeless({"steps": 3, "wall_s": 1.5}) == {"steps": 3}


@pytest.mark.parametrize("rows", [0])
def test_an_episode_without_rows_is_named(tmp_path, rows):
    write_archive(tmp_path / "archive", *(demonstrated_episode(k) for k in range(2)))
    root = tmp_path / "v21"
    export_lerobot_v21(tmp_path / "archive", root)
    path = root / "data/chunk-000/episode_000001.parquet"
    pq.write_table(pq.read_table(path).slice(0, rows), path)
    lines = [json.loads(line) for line in (root / "meta/episodes.jsonl").read_text().splitlines()]
    lines[1]["length"] = rows
    (root / "meta/episodes.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))
    assert "data/chunk-000/episode_000001.parquet, episode 1: has no rows" in map(str, examine(root).problems)
