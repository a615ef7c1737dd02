"""The archive: what is written is read back, whole or not at all, by us and by Isaac Lab."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import h5py
import numpy as np
import pytest

from tests.workbench.data.made_up import made_up_episode, without
from workbench.data.archive.archive import ArchiveError, Chunk, chunks, episodes, settled
from workbench.data.archive.chunk_writer import ChunkWriter, RollingWriter, clear_partial


def write(path, *made):
    with ChunkWriter(path, "pick_place") as writer:
        for episode in made:
            writer.add(episode)
            writer.lines.append({"name": episode.name, "kept": True})


def assert_equal(a, b, where="episode"):
    for f in dataclasses.fields(a):
        x, y = getattr(a, f.name), getattr(b, f.name)
        if isinstance(x, np.ndarray):
            np.testing.assert_allclose(y, x, atol=1e-6, err_msg=f"{where}.{f.name}")
        elif f.name == "cameras":
            assert list(x) == list(y)
            for name in x:
                assert_equal(x[name], y[name], f"{where}.{name}")
        else:
            assert x == y, f"{where}.{f.name}"


@pytest.mark.parametrize("images", [False, True])
def test_an_episode_reads_back_as_it_was_written(tmp_path, images):
    made = [made_up_episode(k, images=images, stride=1 + k) for k in range(3)]
    write(tmp_path / "chunk-0.hdf5", *made)
    for a, b in zip(made, episodes(tmp_path), strict=True):
        assert_equal(a, b)
    assert [line["name"] for line in settled(tmp_path)] == [e.name for e in made]


def test_only_the_cameras_asked_for_are_read(tmp_path):
    write(tmp_path / "chunk-0.hdf5", made_up_episode())
    assert list(next(episodes(tmp_path, ["wrist"])).cameras) == ["wrist"]
    assert not next(episodes(tmp_path, ())).cameras


def test_isaac_labs_own_handler_reads_it(tmp_path):
    from isaaclab.utils.datasets import HDF5DatasetFileHandler

    made = [made_up_episode(k) for k in range(2)]
    write(tmp_path / "chunk-0.hdf5", *made)
    handler = HDF5DatasetFileHandler()
    handler.open(str(tmp_path / "chunk-0.hdf5"))
    assert not handler.is_legacy_quaternion_format()
    assert handler.get_env_name() == "pick_place"
    assert sorted(handler.get_episode_names()) == ["demo_0", "demo_1"]
    for k, episode in enumerate(made):
        read = handler.load_episode(f"demo_{k}", "cpu")
        assert read.success
        assert read.seed == episode.record["seed"]
        np.testing.assert_array_equal(read.get_next_action().numpy(), episode.actions[0])
        state = read.get_state(2)["articulation"]["robot"]["joint_position"]
        np.testing.assert_array_equal(state.numpy()[..., :7].squeeze(), episode.joint_pos[3])
    handler.close()


def test_a_chunk_that_was_not_finished_is_not_there(tmp_path):
    def interrupted():
        with ChunkWriter(tmp_path / "chunk-0.hdf5", "t") as writer:
            writer.add(made_up_episode())
            raise RuntimeError("power cut")

    with pytest.raises(RuntimeError, match="power cut"):
        interrupted()
    assert not list(tmp_path.iterdir())


def test_a_writer_goes_on_behind_what_is_there_and_looks_for_it_once(tmp_path, monkeypatch):
    looks, glob = [], Path.glob
    monkeypatch.setattr(Path, "glob", lambda self, *a, **k: looks.append(self) or glob(self, *a, **k))
    for begun in (0, 3):
        with RollingWriter(tmp_path, "pick_place", size=1) as writer:
            for k in range(begun, begun + 3):
                writer.settle({"index": k, "kept": False})
    assert [path.name for path in chunks(tmp_path)] == [f"chunk-{k:05d}.hdf5" for k in range(6)]
    assert len(looks) == 2 + 1, "a look for each writer, and the test's own"


def test_what_a_killed_writer_left_is_cleared_away_and_chunks_stay(tmp_path, monkeypatch):
    write(tmp_path / "chunk-0.hdf5", made_up_episode())
    with monkeypatch.context() as killed:
        killed.setattr("workbench.runs.durable.Path.replace", lambda *_: pytest.fail("killed"))
        with pytest.raises(pytest.fail.Exception, match="killed"):
            write(tmp_path / "chunk-1.hdf5", made_up_episode(1))
    assert len(list(tmp_path.iterdir())) == 2
    assert clear_partial(tmp_path) == 1
    assert [path.name for path in tmp_path.iterdir()] == ["chunk-0.hdf5"]


def test_a_chunk_cut_short_is_named(tmp_path):
    path = tmp_path / "chunk-0.hdf5"
    write(path, made_up_episode())
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    with pytest.raises(ArchiveError, match=r"chunk-0\.hdf5"):
        Chunk(path)


def test_a_missing_field_is_named(tmp_path):
    path = tmp_path / "chunk-0.hdf5"
    write(path, made_up_episode())
    with h5py.File(path, "a") as file:
        del file["data/demo_0/trajectory/phase"]
    with (
        Chunk(path) as chunk,
        pytest.raises(ArchiveError, match=r"chunk-0\.hdf5 .*trajectory/phase is missing"),
    ):
        chunk.read(0)


def test_an_episode_that_contradicts_itself_is_refused(tmp_path):
    good = made_up_episode()
    assert not good.problems()
    cases = {
        "actions": without(good, actions=good.actions[:, :-1]),
        "joint_pos": without(good, joint_pos=good.joint_pos * np.nan),
        "frame_steps": without(good, frame_steps=good.frame_steps[::-1].copy()),
        "phase": without(good, phase=good.phase + 7),
        "front/boxes": without(
            good,
            cameras={
                "front": dataclasses.replace(good.cameras["front"], boxes=good.cameras["front"].boxes + 60)
            },
        ),
    }
    for name, episode in cases.items():
        with pytest.raises(ValueError, match=name), ChunkWriter(tmp_path / "chunk-0.hdf5", "t") as writer:
            writer.add(episode)


def read_all(path):
    with Chunk(path) as chunk:
        return chunk.lines(), chunk.names(), chunk.meta(0), chunk.read(0)


@pytest.mark.parametrize("seed", range(8))
def test_noise_within_a_file_is_an_archive_error_and_never_another(tmp_path, seed):
    """HDF5 says so by half a dozen kinds of errors, of which callers know one."""
    path = tmp_path / "chunk-00000.hdf5"
    write(path, made_up_episode(0))
    content = bytearray(path.read_bytes())
    begin = 96 + 1500 * seed
    content[begin : begin + 40_000] = np.random.default_rng(seed).bytes(40_000)
    path.write_bytes(content)
    with pytest.raises(ArchiveError, match="chunk-00000"):
        read_all(path)
