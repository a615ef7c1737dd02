"""Archives joined and parted: every episode exactly once, every scene on one side."""

from __future__ import annotations

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from tests.workbench.data.archive.test_archive import assert_equal
from tests.workbench.data.archives import write_archive
from tests.workbench.data.demonstrated import demonstrated_episode
from tests.workbench.data.made_up import made_up_episode, without
from workbench.data.archive.archive import ArchiveError, episodes, settled
from workbench.data.archive.chunk_writer import ChunkWriter
from workbench.data.merge import merge
from workbench.data.split import part_of, split
from workbench.data.validation.validate import validate


def by_name(folder):
    return {e.name: e for e in episodes(folder / "episodes")}


def with_plan(folder, *made):
    """An archive that was planned, too, and dropped one episode."""
    write_archive(folder, *made)
    (folder / "plan").mkdir()
    with ChunkWriter(folder / "plan/chunk-00000.hdf5", "pick_place") as writer:
        writer.lines.append({"index": 7, "kept": False, "rejected": "dropped"})
    return folder


@pytest.fixture
def archives(tmp_path):
    first = with_plan(
        tmp_path / "first", *(demonstrated_episode(k, r, images=False) for k in range(3) for r in range(2))
    )
    return first, write_archive(
        tmp_path / "second", *(demonstrated_episode(k, images=False) for k in range(3, 6))
    )


def test_merged_archives_hold_every_episode_once(archives, tmp_path):
    first, second = archives
    assert merge([second, first], tmp_path / "out") == 9
    found = by_name(tmp_path / "out")
    for name, episode in (by_name(first) | by_name(second)).items():
        assert_equal(episode, found.pop(name))
    assert not found
    assert len(settled(tmp_path / "out/plan")) == 1
    assert validate(tmp_path / "out") == []
    said = yaml.safe_load((tmp_path / "out/config.yaml").read_text())
    assert [(of["archive"], of["config"]["seed"]) for of in said["of"]] == [("second", 5), ("first", 5)]


def of_seed(seed, folder, *indices):
    """An archive as one command makes it: planned episodes, one of them dropped, and a rendering of each."""
    made = [demonstrated_episode(k, images=False, seed=seed) for k in indices]
    write_archive(folder, *made)
    with ChunkWriter(folder / "plan/chunk-00000.hdf5", "pick_place") as writer:
        for k, episode in zip(indices, made, strict=True):
            writer.add(without(episode, name=f"{k:06d}", render=None))
            writer.lines.append({"index": k, "kept": True})
        writer.lines.append({"index": 99, "kept": False, "rejected": "dropped"})
    return folder


def test_two_seeds_are_merged_and_their_names_say_which_is_which(tmp_path):
    """Each is counted from 0, so that one name stands for two episodes."""
    first, second = of_seed(1, tmp_path / "first", 0, 1, 3), of_seed(2, tmp_path / "second", 0, 1, 2)
    assert merge([first, second], tmp_path / "out") == 6
    merge([second, first], tmp_path / "turned")
    found = by_name(tmp_path / "out")
    assert found.keys() == by_name(tmp_path / "turned").keys()
    for seed, folder in ((1, first), (2, second)):
        for name, episode in by_name(folder).items():
            assert_equal(without(episode, name=f"{name}-seed{seed}"), found.pop(f"{name}-seed{seed}"))
    assert not found
    assert {e.name for e in episodes(tmp_path / "out/plan")} >= {"000001-seed1", "000001-seed2"}
    assert sum(not line["kept"] for line in settled(tmp_path / "out/plan")) == 2
    assert validate(tmp_path / "out") == []


def test_a_merge_of_seeds_is_split_by_scene_and_merged_further(tmp_path):
    both = tmp_path / "both"
    first = of_seed(1, tmp_path / "first", *range(6))
    merge([first, of_seed(2, tmp_path / "second", *range(6))], both)
    counts = split(both, tmp_path / "parts", {"train": 0.5, "val": 0.5})
    parts = [by_name(tmp_path / "parts" / name) for name in counts]
    assert not {e.record["index"] for e in parts[0].values()} & {e.record["index"] for e in parts[1].values()}
    assert sum(counts.values()) == 12
    assert merge([both, of_seed(3, tmp_path / "third", 0)], tmp_path / "three") == 13
    with pytest.raises(ArchiveError, match=r"episode 00000\d of seed 1 is in .*both.* and in .*first"):
        merge([both, first], tmp_path / "twice")


def test_the_same_episode_is_not_merged_twice(archives, tmp_path):
    other = write_archive(tmp_path / "other", demonstrated_episode(1, images=False))
    with pytest.raises(ArchiveError, match=r"episode 000001-00 of seed 5 is in .*first.* and in .*other"):
        merge([archives[0], other], tmp_path / "out")
    with pytest.raises(ArchiveError, match="nowhere is no archive"):
        merge([archives[0], tmp_path / "nowhere"], tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_a_split_deals_out_every_episode_with_all_its_renderings(archives, tmp_path):
    counts = split(archives[0], tmp_path / "out", {"train": 0.6, "val": 0.4})
    parts = {name: by_name(tmp_path / "out" / name) for name in counts}
    assert {name: len(part) for name, part in parts.items()} == counts
    scenes = {name: {e.record["index"] for e in part.values()} for name, part in parts.items()}
    assert not scenes["train"] & scenes["val"]
    found = parts["train"] | parts["val"]
    for name, episode in by_name(archives[0]).items():
        assert_equal(episode, found.pop(name))
    assert not found
    for name in counts:
        assert validate(tmp_path / "out" / name) == []
    dropped = [line for name in counts for line in settled(tmp_path / "out" / name / "plan")]
    assert dropped == [{"index": 7, "kept": False, "rejected": "dropped"}]


@given(st.integers(0, 1000), st.floats(0.05, 0.95), st.integers(20, 300))
def test_shares_are_met_to_about_an_episode(seed, share, episodes):
    shares = {"train": share, "val": 1 - share}
    count = sum(part_of(k, shares, seed) == "train" for k in range(episodes))
    assert abs(count - share * episodes) < 4


def test_an_archive_that_grows_leaves_episodes_where_they_were(tmp_path):
    sides = []
    for count in (4, 8):
        folder = write_archive(tmp_path / f"of-{count}", *(made_up_episode(k) for k in range(count)))
        split(folder, tmp_path / f"split-{count}", {"train": 0.5, "val": 0.5}, seed=3)
        sides.append(set(by_name(tmp_path / f"split-{count}/train")))
    first_four = {f"{k:06d}-00" for k in range(4)}
    assert sides[0] == sides[1] & first_four
    assert sides[0] != first_four


def test_seeds_deal_differently():
    shares = {"train": 0.5, "val": 0.5}
    assert len({tuple(part_of(k, shares, seed) for k in range(12)) for seed in range(20)}) > 5


def test_a_part_without_episodes_is_refused(tmp_path):
    write_archive(tmp_path / "archive", made_up_episode(0))
    with pytest.raises(ArchiveError, match="would get no episode of 1"):
        split(tmp_path / "archive", tmp_path / "out", {"train": 0.5, "val": 0.5})
    assert not (tmp_path / "out").exists()
