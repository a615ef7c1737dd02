"""Textures: what they look like in numbers, and that they stick to the body they are on."""

import numpy as np
import pytest
import torch
from scipy.spatial.transform import Rotation

from tasks.cameras import look_at, project
from tasks.imaging.patterns import multiplier
from tasks.imaging.surfaces import Surfaces, albedo_scale, body_points
from tasks.imaging.texture_kinds import KINDS
from tasks.imaging.textures import LEAST, MOST, Textures, kind_number

PATTERNS = KINDS[1:]
GOLDEN = (0.7, 1.166126, 0.913225, 1.22139, 1.266925)
K = torch.tensor(((60.0, 0.0, 20.0), (0.0, 60.0, 15.0), (0.0, 0.0, 1.0)))
H, W = 30, 40


def on_kind(kind, points, seed=0, scale=0.02):
    one = torch.ones(points.shape[:-1], dtype=torch.long)
    return multiplier(points, one * kind_number(kind), one * seed, torch.full(points.shape[:-1], scale))


def cloud(count=40_000):
    """Points all over a space of 2 m."""
    return torch.rand(count, 3, generator=torch.Generator().manual_seed(0)) * 2 - 1


@pytest.mark.parametrize("kind", PATTERNS)
@pytest.mark.parametrize("seed", [0, 7])
def test_a_texture_keeps_the_albedo_on_average_and_within_limits(kind, seed):
    values = on_kind(kind, cloud(), seed)
    assert values.mean() == pytest.approx(1.0, abs=0.05)
    assert values.std() > 0.08, "a texture that nobody sees"
    assert values.min() >= LEAST
    assert values.max() <= MOST


def test_plain_is_plain():
    assert (on_kind("plain", cloud(100)) == 1).all()


@pytest.mark.parametrize("kind", PATTERNS)
def test_another_seed_is_another_piece_of_the_same_material(kind):
    points = cloud(5000)
    first, again, other = (on_kind(kind, points, seed).numpy() for seed in (3, 3, 4))
    np.testing.assert_array_equal(first, again)
    assert abs(np.corrcoef(first, other)[0, 1]) < 0.5


def test_the_pattern_at_a_place_is_this_for_ever():
    """Written down on the day they were first computed; a change makes recorded episodes look different."""
    point = torch.tensor((0.0123, -0.0456, 0.0789))
    values = [float(on_kind(kind, point[None], seed=17)) for kind in PATTERNS]
    np.testing.assert_allclose(values, GOLDEN, atol=2e-4)


@pytest.mark.parametrize("kind", PATTERNS)
def test_scale_is_the_size_of_the_pattern(kind):
    points = torch.randint(-1000, 1000, (2000, 3), generator=torch.Generator().manual_seed(1)) / 1024 + 2**-12
    small, large = on_kind(kind, points, 1, scale=2**-6), on_kind(kind, 2 * points, 1, scale=2**-5)
    assert torch.equal(small, large)


def test_noise_has_no_steps():
    points = cloud(5000)
    step = on_kind("noise", points + 1e-5) - on_kind("noise", points)
    assert step.abs().max() < 0.005


def test_a_checker_has_squares_of_its_scale():
    line = torch.zeros(4000, 3)
    line[:, 0] = torch.linspace(0, 0.4, 4000)
    values = on_kind("checker", line, scale=0.02)
    changes = (values[1:] != values[:-1]).nonzero()[:, 0]
    np.testing.assert_allclose(np.diff(changes) * 0.4 / 3999, 0.02, atol=3e-4)
    assert len(changes) == 20


def test_a_texture_that_does_not_exist_is_refused_by_name():
    with pytest.raises(ValueError, match=r"'tweed'.*cloth"):
        kind_number("tweed")
    with pytest.raises(ValueError, match="there are"):
        kind_number(len(KINDS))


class View:
    """Two cameras before three bodies that fill their images with slanted, bumpy surfaces."""

    def __init__(self, n=2):
        generator = torch.Generator().manual_seed(5)
        self.body = torch.randint(-1, 3, (n, 6, 8), generator=generator)
        self.body = self.body.repeat_interleave(H // 6, 1).repeat_interleave(W // 8, 2)
        depth = torch.rand(n, H, W, generator=generator) * 0.05 + torch.linspace(0.8, 1.2, W)
        eye = torch.rand(n, 3, generator=generator)
        turn = Rotation.random(3 * n, rng=3).as_quat().reshape(n, 3, 4)
        pose = torch.cat((torch.rand(n, 3, 3, generator=generator), torch.from_numpy(turn).float()), -1)
        self.surfaces = Surfaces(
            depth, self.body, eye, look_at(eye, torch.rand(n, 3, generator=generator) - 2), pose
        )
        self.textures = Textures.nominal(n, 3)
        self.textures.texture[:] = torch.tensor([[1, 5, 4], [2, 0, 3]]).repeat(-(-n // 2), 1)[:n]
        self.textures.texture_seed[:] = torch.arange(3 * n).view(n, 3)
        self.textures.texture_scale[:] = torch.tensor((0.02, 0.03, 0.05))

    def scale(self):
        return albedo_scale(self.textures, self.surfaces, K)


def test_the_point_that_a_pixel_shows_is_seen_in_that_pixel():
    s = View().surfaces
    points = body_points(s.depth, K, s.position, s.rotation)
    assert points.shape == (2, H, W, 3)
    seen = project(points.reshape(2, -1, 3), s.position, s.rotation, K).view(2, H, W, 2)
    v, u = torch.meshgrid(torch.arange(H) + 0.5, torch.arange(W) + 0.5, indexing="ij")
    torch.testing.assert_close(seen, torch.stack((u, v), -1).expand(2, -1, -1, -1), atol=1e-3, rtol=0)


def to_body_frames(points, body, body_pose):
    """World points in the frames of the bodies that they lie on; unchanged on no body."""
    pose = body_pose[torch.arange(len(body))[:, None, None], body.clamp_min(0)].double()
    turn = Rotation.from_quat(pose[..., 3:].reshape(-1, 4)).inv()
    local = torch.from_numpy(turn.apply((points - pose[..., :3]).reshape(-1, 3))).view(points.shape)
    return torch.where(body[..., None] >= 0, local.float(), points)


def test_an_image_of_textures_is_made_of_the_multipliers_at_its_points():
    view, s = View(), View().surfaces
    local = to_body_frames(body_points(s.depth, K, s.position, s.rotation), s.body, s.body_pose)
    env = torch.arange(2)[:, None, None]
    per_pixel = (held[env, s.body.clamp_min(0)] for held in vars(view.textures).values())
    expected = multiplier(local, *per_pixel)
    expected[s.body < 0] = 1.0
    scale = view.scale()
    assert scale.shape == (2, H, W, 1)
    differs = (scale[..., 0] - expected).abs() > 0.01  # rounding moves the edge of a square here and there
    assert differs.float().mean() < 0.003


def test_what_belongs_to_no_body_or_is_plain_keeps_its_albedo():
    view = View()
    scale = view.scale()[..., 0]
    assert (scale[view.body < 0] == 1).all()
    strange = view.body.clone()
    strange[view.body < 0] = 3  # there are three bodies
    view.surfaces.body = strange
    assert torch.equal(view.scale()[..., 0], scale)
    assert (scale[1][view.body[1] == 1] == 1).all()
    assert (scale[0][view.body[0] == 1] != 1).float().mean() > 0.9


def test_a_texture_moves_with_its_body():
    """Camera and bodies turned and moved together: the image stays."""
    view = View()
    before = view.scale()
    turn, move = Rotation.from_rotvec((0.3, -1.0, 0.5)), np.array((0.4, -0.2, 0.1))
    s, pose = view.surfaces, view.surfaces.body_pose.clone()
    pose[..., :3] = torch.from_numpy(turn.apply(pose[..., :3].reshape(-1, 3)) + move).view(2, 3, 3)
    pose[..., 3:] = torch.from_numpy(
        (turn * Rotation.from_quat(pose[..., 3:].reshape(-1, 4))).as_quat()
    ).view(2, 3, 4)
    position = torch.from_numpy(turn.apply(s.position) + move).float()
    rotation = torch.from_numpy(turn.as_matrix()).float() @ s.rotation
    view.surfaces = Surfaces(s.depth, s.body, position, rotation, pose)
    differs = (view.scale() - before).abs() > 0.01
    assert differs.float().mean() < 0.003


def test_an_environment_does_not_depend_on_its_neighbours():
    view = View(5)
    together = view.scale()
    for i in range(5):
        alone = albedo_scale(view.textures.rows([i]), view.surfaces.rows([i]), K)
        assert torch.equal(alone[0], together[i]), f"row {i}"
