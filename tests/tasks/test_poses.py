"""Poses against an independent implementation, and row by row."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.spatial.transform import RigidTransform, Rotation

from tasks import poses

pytestmark = pytest.mark.usefixtures("one_thread")

generators = st.integers(0, 2**32 - 1).map(np.random.default_rng)


def random_poses(rng, *shape):
    """Poses ``[..., 7]``, float64."""
    position = rng.uniform(-2, 2, (*shape, 3))
    quaternion = rng.normal(size=(*shape, 4))
    quaternion /= np.linalg.norm(quaternion, axis=-1, keepdims=True)
    return torch.from_numpy(np.concatenate((position, quaternion), -1))


def rigid(pose):
    """The same poses ``[n, 7]`` in scipy."""
    return RigidTransform.from_components(pose[:, :3].numpy(), Rotation.from_quat(pose[:, 3:].numpy()))


def assert_same_pose(pose, expected):
    np.testing.assert_allclose(pose[:, :3], expected.translation, atol=1e-12)
    turn = Rotation.from_quat(pose[:, 3:].numpy()).inv() * expected.rotation
    np.testing.assert_allclose(turn.magnitude(), 0, atol=1e-7)


@given(generators)
def test_rotating_is_what_it_is_elsewhere(rng):
    pose, vector = random_poses(rng, 6), torch.from_numpy(rng.normal(size=(6, 3)))
    expected = Rotation.from_quat(pose[:, 3:].numpy()).apply(vector.numpy())
    np.testing.assert_allclose(poses.rotate(pose[:, 3:], vector), expected, atol=1e-12)
    np.testing.assert_allclose(
        poses.matrix(pose[:, 3:]), Rotation.from_quat(pose[:, 3:].numpy()).as_matrix(), atol=1e-12
    )


@given(generators)
def test_multiplying_turns_by_the_second_first(rng):
    a, b = random_poses(rng, 6)[:, 3:], random_poses(rng, 6)[:, 3:]
    product = Rotation.from_quat(poses.multiply(a, b).numpy())
    expected = Rotation.from_quat(a.numpy()) * Rotation.from_quat(b.numpy())
    np.testing.assert_allclose((product.inv() * expected).magnitude(), 0, atol=1e-7)
    vector = torch.from_numpy(rng.normal(size=(6, 3)))
    np.testing.assert_allclose(
        poses.rotate(poses.multiply(a, b), vector), poses.rotate(a, poses.rotate(b, vector)), atol=1e-12
    )


@given(generators)
def test_conjugating_turns_back(rng):
    q, vector = random_poses(rng, 6)[:, 3:], torch.from_numpy(rng.normal(size=(6, 3)))
    np.testing.assert_allclose(poses.rotate(poses.conjugate(q), poses.rotate(q, vector)), vector, atol=1e-12)


@given(generators)
def test_composing_is_what_it_is_elsewhere(rng):
    outer, inner = random_poses(rng, 6), random_poses(rng, 6)
    assert_same_pose(poses.compose(outer, inner), rigid(outer) * rigid(inner))
    assert_same_pose(poses.relative(outer, inner), rigid(outer).inv() * rigid(inner))


@given(generators)
def test_what_is_seen_from_a_frame_composes_to_where_it_is(rng):
    frame, pose = random_poses(rng, 6), random_poses(rng, 6)
    assert_same_pose(poses.compose(frame, poses.relative(frame, pose)), rigid(pose))
    assert_same_pose(poses.relative(frame, poses.compose(frame, pose)), rigid(pose))


@given(generators, st.sampled_from([1e-12, 1e-9, 1e-8, 1e-6, 1e-3, 0.1, 1.0, 3.1]))
def test_rotation_vectors_are_what_they_are_elsewhere_however_small(rng, size):
    vector = rng.normal(size=(6, 3))
    vector *= size / np.linalg.norm(vector, axis=1, keepdims=True)
    found = poses.from_rotation_vector(torch.from_numpy(vector))
    expected = Rotation.from_rotvec(vector).as_quat(canonical=True)
    np.testing.assert_allclose(found, expected, atol=1e-15, rtol=1e-6)
    single = poses.from_rotation_vector(torch.from_numpy(vector).float())
    np.testing.assert_allclose(single, expected, atol=1e-7)
    np.testing.assert_allclose(single.norm(dim=1), 1, atol=1e-6)


def test_no_rotation_is_exactly_none():
    """What is nominal must not be moved by a rounding error."""
    none = poses.from_rotation_vector(-torch.zeros(1, 3))
    assert none.tolist() == [[0.0, 0.0, 0.0, 1.0]]
    assert torch.equal(poses.matrix(none)[0], torch.eye(3))
    frame = torch.tensor([[0.0, 0.0, 0.0, *none[0].tolist()]])
    pose = random_poses(np.random.default_rng(0), 50).float()
    assert torch.equal(poses.compose(frame, pose), pose)
    assert torch.equal(poses.relative(frame, pose), pose)
    matrix = poses.matrix(pose[:, 3:])
    assert torch.equal(poses.product(poses.matrix(none), matrix), matrix)
    assert torch.equal(poses.product(matrix, poses.matrix(none)), matrix)


@given(generators)
def test_products_are_those_of_matrices(rng):
    a, b = (torch.from_numpy(rng.normal(size=(4, 3, 3))) for _ in range(2))
    np.testing.assert_allclose(poses.product(a, b), a.numpy() @ b.numpy(), atol=1e-12)
    np.testing.assert_allclose(poses.product(a[0], b), a[0].numpy() @ b.numpy(), atol=1e-12)


@given(generators)
def test_leading_dimensions_broadcast(rng):
    frames, bodies = random_poses(rng, 3), random_poses(rng, 3, 5)
    together = poses.relative(frames[:, None], bodies)
    for i in range(3):
        for k in range(5):
            alone = poses.relative(frames[i], bodies[i, k])
            np.testing.assert_allclose(together[i, k], alone, atol=1e-14)


def per_row(rng, n):
    """Every function, as of one pose a row, float32."""
    a, b = random_poses(rng, n).float(), random_poses(rng, n).float()
    m, k = poses.matrix(a[:, 3:]).contiguous(), poses.matrix(b[:, 3:]).contiguous()
    return {
        "rotate": (poses.rotate, a[:, 3:], b[:, :3]),
        "multiply": (poses.multiply, a[:, 3:], b[:, 3:]),
        "conjugate": (poses.conjugate, a[:, 3:]),
        "compose": (poses.compose, a, b),
        "relative": (poses.relative, a, b),
        "from_rotation_vector": (poses.from_rotation_vector, a[:, :3].contiguous()),
        "matrix": (poses.matrix, a[:, 3:]),
        "product": (poses.product, m, k),
    }


@pytest.mark.parametrize("name", per_row(np.random.default_rng(0), 1))
@given(st.integers(0, 2**32 - 1), st.integers(1, 70), st.data())
@settings(max_examples=25, deadline=None)
def test_a_row_is_the_same_to_the_last_digit_in_whatever_company(name, seed, n, data):
    """An episode must not depend on how many others run beside it."""
    function, *arguments = per_row(np.random.default_rng(seed), n)[name]
    together = function(*arguments)
    row = data.draw(st.integers(0, n - 1))
    alone = function(*(value[row : row + 1].clone() for value in arguments))
    assert torch.equal(together[row], alone[0])


def test_an_angle_is_that_of_atan2_in_all_directions():
    turn = torch.linspace(-np.pi, np.pi, 10_001, dtype=torch.float64)
    x, y = torch.cos(turn), torch.sin(turn)
    np.testing.assert_allclose(poses.angle(y, x), torch.atan2(y, x), atol=1e-15)
    axes = torch.tensor([[0.0, 1.0], [1.0, 0.0], [0.0, -1.0], [-1.0, 0.0], [0.0, 0.0]], dtype=torch.float64)
    np.testing.assert_allclose(poses.angle(*axes.T), torch.atan2(*axes.T), atol=1e-15)


@pytest.mark.parametrize("rows", [1, 3, 11, 64])
def test_no_digit_of_an_angle_depends_on_how_many_there_are(rows):
    torch.manual_seed(0)
    x, y = torch.randn(2, 127)
    for first in range(0, 127, rows):
        part = slice(first, first + rows)
        assert torch.equal(poses.angle(y[part], x[part]), poses.angle(y, x)[part])
