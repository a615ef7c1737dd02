"""A trajectory comes back from its file as it went in, and a file that is none says so."""

from dataclasses import fields, replace
from pathlib import Path

import numpy as np
import pytest

from tests.workbench.synthetic import synthetic_trajectory
from workbench.rollout.trajectory import CameraTrack, Trajectory


@pytest.fixture(scope="module")
def trajectory() -> Trajectory:
    return synthetic_trajectory(steps=30, size=48)


@pytest.fixture(scope="module")
def saved(trajectory: Trajectory, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("run") / "trajectories" / "episode_000017.npz"
    trajectory.save(path)
    return path


def assert_same(a: object, b: object, where: str) -> None:
    """Equal to the bit, arrays and nested dataclasses included."""
    if isinstance(a, np.ndarray):
        assert isinstance(b, np.ndarray), where
        assert a.dtype == b.dtype, f"{where} changed its type from {a.dtype} to {b.dtype}"
        np.testing.assert_array_equal(a, b, err_msg=where)
    elif hasattr(a, "__dataclass_fields__") and not hasattr(a, "to_dict"):
        for f in fields(a):
            assert_same(getattr(a, f.name), getattr(b, f.name), f"{where}.{f.name}")
    elif isinstance(a, dict):
        assert list(a) == list(b), where
        for key in a:
            assert_same(a[key], b[key], f"{where}[{key!r}]")
    elif isinstance(a, tuple | list):
        assert len(a) == len(b), where
        for i, (x, y) in enumerate(zip(a, b, strict=True)):
            assert_same(x, y, f"{where}[{i}]")
    elif hasattr(a, "to_dict"):  # pixels are stored rounded
        assert a.to_dict() == b.to_dict(), where
    else:
        assert a == b, where


def test_a_saved_trajectory_loads_exactly(trajectory: Trajectory, saved: Path) -> None:
    assert_same(trajectory, Trajectory.load(saved), "trajectory")


def test_loading_and_saving_again_changes_nothing(saved: Path, tmp_path: Path) -> None:
    once = Trajectory.load(saved)
    once.save(tmp_path / "again.npz")
    assert_same(once, Trajectory.load(tmp_path / "again.npz"), "trajectory")


def test_an_episode_without_images_and_claims_is_a_trajectory(trajectory: Trajectory, tmp_path: Path) -> None:
    bare = replace(trajectory, decisions=(), true_grounding=(), frame_steps=np.zeros(0, np.int64), frames={})
    bare.save(tmp_path / "bare.npz")
    assert_same(bare, Trajectory.load(tmp_path / "bare.npz"), "trajectory")


def test_saving_leaves_only_the_file(saved: Path) -> None:
    assert [path.name for path in saved.parent.iterdir()] == [saved.name]


def test_nothing_in_the_file_is_pickled(saved: Path) -> None:
    with np.load(saved, allow_pickle=False) as file:
        assert all(file[name].dtype != object for name in file.files)


def cut_short(content: bytes) -> bytes:
    return content[: len(content) // 2]


def last_bytes_missing(content: bytes) -> bytes:
    return content[:-10]


def one_bit_flipped(content: bytes) -> bytes:
    middle = len(content) // 2
    return content[:middle] + bytes([content[middle] ^ 1]) + content[middle + 1 :]


def empty(_: bytes) -> bytes:
    return b""


def text(_: bytes) -> bytes:
    return b"not a zip archive at all"


@pytest.mark.parametrize("damage", [cut_short, last_bytes_missing, one_bit_flipped, empty, text])
def test_a_damaged_file_is_one_clear_error(saved: Path, tmp_path: Path, damage) -> None:
    path = tmp_path / "damaged.npz"
    path.write_bytes(damage(saved.read_bytes()))
    with pytest.raises(ValueError, match=r"damaged\.npz is not a recorded trajectory: "):
        Trajectory.load(path)


def test_an_archive_of_something_else_is_one_clear_error(tmp_path: Path) -> None:
    np.savez(tmp_path / "other.npz", weights=np.zeros(3))
    with pytest.raises(ValueError, match=r"other\.npz is not a recorded trajectory: "):
        Trajectory.load(tmp_path / "other.npz")


def test_a_missing_role_names_the_roles_there_are(trajectory: Trajectory) -> None:
    with pytest.raises(KeyError, match=r"target.*receptacle"):
        trajectory.body("obstacle")


def test_projection_puts_the_optical_axis_on_the_principal_point() -> None:
    k = np.array([[100.0, 0.0, 32.0], [0.0, 100.0, 24.0], [0.0, 0.0, 1.0]])
    camera = CameraTrack(64, 48, k, np.array([[1.0, 2.0, 3.0]]), np.eye(3)[None])
    ahead, right, behind = camera.project(np.array([[1.0, 2, 4], [1.1, 2, 4], [1, 2, 2]]), 0)
    np.testing.assert_allclose(ahead, [32.0, 24.0])
    np.testing.assert_allclose(right, [42.0, 24.0], atol=1e-9)
    assert np.isnan(behind).all(), "a point behind the camera has no pixel"
