"""The whole way from rendered images to delivered ones."""

import math

import pytest
import torch

from tasks.camera_spec import CameraSpec
from tasks.cameras import look_at
from tasks.imaging.color import decode, encode
from tasks.imaging.lens import project_distorted
from tasks.imaging.pipeline import ImagePipeline
from tasks.imaging.shading import AMBIENT, GROUND, LAMP, SKY
from tasks.imaging.surfaces import Surfaces, body_points

CAMERA = CameraSpec("any", 72, 56, 90.0)
BODIES = 3
EYE, TARGET = torch.tensor([[0.9, 0.1, 0.7]]), torch.tensor([[0.0, 0.0, 0.0]])

CHANGES = {
    "focal_scale": 0.95,
    "shift": (2.0, -1.0),
    "k1": 0.2,
    "key_intensity": 0.6,
    "key_color": (1.1, 1.0, 0.8),
    "ambient_intensity": 1.5,
    "shadow_strength": 0.2,
    "fill_intensity": 0.4,
    "texture": ("wood", "checker", "plain"),
    "exposure": 0.8,
    "white_balance": (1.1, 0.9),
    "shot_noise": 0.05,
    "read_noise": 0.02,
    "motion_length": 4.0,
    "defocus": 1.0,
    "gamma": 1.3,
    "jpeg": 40,
}


class Rendering:
    """Something round on a table before a wall, in ``n`` environments of different colours; a stripe is in shadow."""

    def __init__(self, n, overscan=1.0):
        height, width = CAMERA.height, CAMERA.width
        k = CAMERA.intrinsics()
        k[(0, 1), (0, 1)] /= overscan
        position, rotation = EYE.expand(n, 3), look_at(EYE, TARGET).expand(n, 3, 3)
        ray = body_points(torch.ones(n, height, width), k, torch.zeros(n, 3), rotation)
        to_table = -EYE[0, 2] / ray[..., 2].clamp(max=-1e-6)
        depth = to_table.clamp(max=1.25)
        points = body_points(depth, k, position, rotation)
        self.is_wall = to_table > 1.25
        body = self.is_wall.long()
        body[(points[..., :2].norm(dim=-1) < 0.12) & ~self.is_wall] = 2
        normals = torch.zeros(n, height, width, 3)
        normals[..., 2] = 1.0
        normals[self.is_wall] = torch.tensor((1.0, 0.0, 0.0))
        normals[body == 2] = torch.tensor(LAMP)  # it faces the lamp and is white: too bright for the display
        color = torch.rand(n, BODIES, 3, generator=torch.Generator().manual_seed(0)) * 0.8 + 0.1
        color[:, 2] = 1.0
        albedo = color[torch.arange(n)[:, None, None], body]
        shadow = (points[..., 1] > 0.2) & (points[..., 1] < 0.35)
        up = (normals[..., 2:] + 1) / 2
        lamp = (normals @ torch.tensor(LAMP)).clamp_min(0) * torch.where(shadow, 0.3, 1.0)
        sky = AMBIENT * (torch.tensor(SKY) * up + torch.tensor(GROUND) * (1 - up))
        pose = torch.zeros(n, BODIES, 7)
        pose[..., 6] = 1.0
        self.body = body
        self.radiance = albedo * (sky + lamp[..., None])
        self.images = {
            "rgb": encode(self.radiance),
            "radiance": self.radiance,
            "albedo": encode(albedo),
            "normals": normals,
            "surfaces": Surfaces(depth, body, position, rotation, pose),
        }

    def row(self, i):
        """The images of one environment alone."""
        one = {name: image[i : i + 1] for name, image in self.images.items() if name != "surfaces"}
        return one | {"surfaces": self.images["surfaces"].rows([i])}


def seeds(n, first=0):
    return list(range(first, first + n))


def pipeline(n=3, **kwargs):
    return ImagePipeline(n, CAMERA, bodies=BODIES, **kwargs)


def test_when_everything_is_nominal_the_image_is_returned_as_it_is():
    images, line = Rendering(3).images, pipeline()
    assert line.apply(**images, seeds=seeds(3)) is images["rgb"]
    assert line.apply(images["rgb"]) is images["rgb"]
    assert line.needs_aov() == frozenset()


@pytest.mark.parametrize("name", CHANGES)
def test_a_setting_changes_the_image_of_its_environment_and_no_other(name):
    images, line = Rendering(3).images, pipeline()
    before = {key: image.clone() for key, image in images.items() if key != "surfaces"}
    line.set(name, [1], [CHANGES[name]])
    out = line.apply(**images, seeds=seeds(3))
    assert out.dtype == torch.uint8
    assert out.shape == images["rgb"].shape
    changed = [(out[i] != images["rgb"][i]).float().mean().item() for i in range(3)]
    assert (changed[0], changed[2]) == (0.0, 0.0)
    assert changed[1] > 0.02
    assert all(torch.equal(images[key], image) for key, image in before.items()), (
        "inputs must stay as they are"
    )
    line.reset([1])
    assert line.apply(**images, seeds=seeds(3)) is images["rgb"]


def everything(line, rows, seed=0):
    """Some value for every setting of the environments, the same for the same seeds."""
    for row in rows:
        drawn = torch.Generator().manual_seed(1000 * seed + row)
        for name in line.names:
            nominal = line.get(name)[row]
            jitter = torch.rand(nominal.shape, generator=drawn)
            value = {
                "texture": (jitter * 6).long(),
                "texture_seed": (jitter * 1000).long(),
                "texture_scale": 0.02 + jitter * 0.03,
                "jpeg": 50 + (jitter * 40).long(),
                "motion_length": jitter * 6,
                "motion_angle": jitter * 3,
                "defocus": jitter * 1.5,
            }.get(name, nominal + (jitter - 0.3) * 0.1)
            line.set(name, [row], value[None])
    for name in ("shot_noise", "read_noise", "fill_intensity"):
        line.set(name, rows, line.get(name)[rows].clamp_min(0.001))


def test_an_environment_does_not_depend_on_its_neighbours():
    rendering, together = Rendering(5, overscan=1.2), pipeline(5, overscan=1.2)
    everything(together, [0, 1, 3, 4])  # 2 stays nominal
    out = together.apply(**rendering.images, seeds=seeds(5))
    for i in range(5):
        alone = pipeline(1, overscan=1.2)
        for name in together.names:
            alone.set(name, [0], together.get(name)[i : i + 1])
        assert torch.equal(alone.apply(**rendering.row(i), seeds=seeds(1, i))[0], out[i]), f"row {i}"


def test_environments_that_nobody_looks_at_change_no_other():
    rendering, line = Rendering(4, overscan=1.2), pipeline(4, overscan=1.2)
    everything(line, range(4))
    seen = line.apply(**rendering.images, seeds=seeds(4))
    some = line.apply(**rendering.images, seeds=seeds(4), idle={0, 2})
    assert torch.equal(some[[1, 3]], seen[[1, 3]])
    assert not torch.equal(some[[0, 2]], seen[[0, 2]]), "the test sees nothing of what is left out"


def test_a_large_image_is_the_same_in_any_portions(monkeypatch):
    images, line = Rendering(4).images, pipeline(4)
    everything(line, range(4))
    whole = line.apply(**images, seeds=seeds(4))
    monkeypatch.setattr("tasks.imaging.pipeline._CPU_PIXELS", 1)
    assert torch.equal(line.apply(**images, seeds=seeds(4)), whole)


def test_what_the_image_shows_is_where_its_calibration_says():
    """The round thing's middle on the table, found by colour, against its projection."""
    overscan = 1.3
    rendering, line = Rendering(4, overscan), pipeline(4, overscan=overscan)
    line.set("focal_scale", range(4), [1.0, 1.1, 1.0, 0.95])
    line.set("shift", range(4), [(0.0, 0.0), (4.0, 0.0), (0.0, -5.0), (-6.0, 3.0)])
    line.set("k1", range(4), [0.0, 0.3, -0.3, -0.3])
    eye, rotation = EYE.expand(4, 3), look_at(EYE, TARGET).expand(4, 3, 3)
    angle = torch.linspace(0, 2 * math.pi, 400)
    rim = 0.12 * torch.stack((angle.cos(), angle.sin(), 0 * angle), -1)
    r = torch.linspace(0, 1, 60)[:, None, None].sqrt()
    disc = (rim[None] * r).reshape(1, -1, 3).expand(4, -1, 3)
    expected = project_distorted(disc, eye, rotation, line.calibration, line.k1)
    labels = line.apply_labels(rendering.body)
    v, u = torch.meshgrid(torch.arange(CAMERA.height) + 0.5, torch.arange(CAMERA.width) + 0.5, indexing="ij")
    for i in range(4):
        found = labels[i] == 2
        middle = torch.stack((u[found].mean(), v[found].mean()))
        low, high = expected[i].amin(0), expected[i].amax(0)
        seen = torch.tensor(((u[found].min(), v[found].min()), (u[found].max(), v[found].max())))
        torch.testing.assert_close(seen, torch.stack((low, high)), atol=1.0, rtol=0)
        assert (middle - (low + high) / 2).norm() < 1.5


def test_labels_stay_aligned_with_the_image():
    rendering, line = Rendering(2, 1.3), pipeline(2, overscan=1.3)
    line.set("k1", [1], [-0.3])
    line.set("shift", [1], [(5.0, -4.0)])
    painted = torch.where(rendering.body[..., None] == 2, 255, 0).to(torch.uint8).expand(-1, -1, -1, 3)
    image, labels = line.apply(painted)[..., 0], line.apply_labels(rendering.body)
    assert ((image > 187) == (labels == 2)).float().mean() > 0.99, "187 is where half of the light is"
    assert torch.equal(line.apply_labels(rendering.body[..., None])[..., 0], labels)


def test_a_lens_that_changes_between_two_images_takes_effect_at_once():
    rgb, line, fresh = Rendering(2).images["rgb"], pipeline(2), pipeline(2)
    line.set("k1", [0, 1], [0.2, 0.2])
    line.apply(rgb)
    line.set("k1", [1], [-0.2])
    fresh.set("k1", [0, 1], [0.2, -0.2])
    assert torch.equal(line.apply(rgb), fresh.apply(rgb))
    line.reset([0])
    assert torch.equal(line.apply(rgb)[0], rgb[0])


def test_the_calibration_without_lens_settings_is_the_cameras():
    line = pipeline(2, overscan=1.25)
    torch.testing.assert_close(line.calibration, CAMERA.intrinsics().expand(2, 3, 3))
    assert line.rendered_k[0, 0] == pytest.approx(90.0 / 1.25)
    assert line.k1.tolist() == [0.0, 0.0]


def test_a_longer_exposure_is_that_much_more_light():
    """Measured in light, where neither image is clipped."""
    images, line = Rendering(2).images, pipeline(2)
    line.set("exposure", [0, 1], [1.5, 0.5])
    before, after = decode(images["rgb"]), decode(line.apply(**images))
    for i, gain in ((0, 1.5), (1, 0.5)):
        usable = (after[i] > 0.1) & (after[i] < 0.9) & (before[i] > 0.1) & (before[i] < 0.9)
        assert usable.float().mean() > 0.1
        assert (after[i] / before[i])[usable].mean() == pytest.approx(gain, rel=0.01)


def test_a_shorter_exposure_shows_what_was_too_bright():
    images, line = Rendering(1).images, pipeline(1)
    line.set("exposure", [0], [0.5])
    clipped = images["rgb"] == 255
    assert clipped.any()
    from_radiance, from_rgb = line.apply(**images)[clipped], line.apply(images["rgb"])[clipped]
    assert from_rgb.unique().numel() == 1
    assert (from_radiance > from_rgb).all()


def test_white_balance_leaves_green_alone():
    images, line = Rendering(1).images, pipeline(1)
    line.set("white_balance", [0], [(0.8, 1.1)])
    before, after = images["rgb"].int(), line.apply(images["rgb"]).int()
    assert torch.equal(before[..., 1], after[..., 1])
    assert (after[..., 0] <= before[..., 0]).all()
    assert (after[..., 2] >= before[..., 2]).all()


def test_it_says_what_it_needs_to_see():
    line = pipeline(3)
    line.set("texture", [0], [("cloth", "plain", 0)])
    line.set("exposure", [1], [0.5])
    line.set("shadow_strength", [2], [0.0])
    assert line.needs_aov([0]) == {"radiance", "surfaces"}
    assert line.needs_aov([1]) == {"radiance"}
    assert line.needs_aov([2]) == {"radiance", "albedo", "normals"}
    assert line.needs_aov() == {"radiance", "albedo", "normals", "surfaces"}
    rgb = Rendering(3).images["rgb"]
    with pytest.raises(ValueError, match=r"albedo, normals, radiance, surfaces"):
        line.apply(rgb)
    line.reset([0, 2])
    assert line.apply(rgb).shape == rgb.shape, "a shorter exposure alone can do with less"


def test_noise_without_seeds_is_refused():
    line = pipeline(1)
    line.set("read_noise", [0], [0.1])
    with pytest.raises(ValueError, match="seeds"):
        line.apply(Rendering(1).images["rgb"])


def test_a_setting_that_does_not_exist_is_refused_with_those_that_do():
    with pytest.raises(ValueError, match=r"'contrast'.*exposure.*gamma"):
        pipeline().set("contrast", [0], [1.0])


@pytest.mark.parametrize(
    ("name", "rows", "values"),
    [
        ("k1", [0, 1], [0.1]),
        ("shift", [0], [0.1]),
        ("texture", [0], [("wood",)]),
        ("gamma", [0], [(1.0, 1.0)]),
    ],
)
def test_values_of_another_shape_are_refused(name, rows, values):
    with pytest.raises(ValueError, match=f"{name} in .* has shape"):
        pipeline().set(name, rows, values)


def test_an_unknown_texture_is_refused():
    with pytest.raises(ValueError, match="'tweed'"):
        pipeline().set("texture", [0], [("tweed", "wood", "wood")])


def test_a_depth_camera_sees_through_the_same_lens_and_errs_in_its_own_row_only():
    rendering, line = Rendering(3, 1.3), pipeline(3, overscan=1.3)
    depth = rendering.images["surfaces"].depth
    ideal = line.apply_depth(depth)
    assert torch.equal(ideal, line.apply_labels(depth))
    line.set("depth_noise", [1], [0.01])
    line.set("depth_holes", [1], [0.1])
    line.set("depth_step", [2], [0.05])
    out = line.apply_depth(depth, seeds(3))
    assert torch.equal(out[0], ideal[0])
    assert (out[1] == 0).float().mean() == pytest.approx(0.1, abs=0.01)
    assert (out[2] - ideal[2]).abs().max() <= 0.0251
    with pytest.raises(ValueError, match="seeds"):
        line.apply_depth(depth)
