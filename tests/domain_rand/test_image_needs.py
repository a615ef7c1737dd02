"""What cameras must draw is enough for every image that a factor set can ask for."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from domain_rand.distributions import Range
from domain_rand.factor import REGISTRY
from domain_rand.image_needs import image_needs
from domain_rand.sets import FactorSetError, available_sets, build_set, load_set
from tasks.camera_spec import CameraSpec
from tasks.imaging.lens import Lens, source_pixels
from tasks.imaging.pipeline import ImagePipeline
from tasks.tabletop.workspace import front_camera, wrist_camera

SIZE = 48
FRONT, WRIST = front_camera(SIZE), wrist_camera(SIZE)
TALL, WIDE = CameraSpec("tall", 24, 48, 60.0), CameraSpec("wide", 48, 24, 60.0)
CAMERAS = (FRONT, WRIST, TALL, WIDE)
LENS = {
    "focal_length": "camera.focal_length",
    "principal_point": "camera.principal_point",
    "distortion": "camera.distortion",
}


def looked_up(spec, overscan, focal, shift, k1):
    """Pixels of the rendered image that lenses show ``[L, H, W, 2]``."""
    lens = Lens(torch.tensor(focal), torch.tensor(shift), torch.tensor(k1))
    rendered = ImagePipeline(1, spec, overscan=overscan).rendered_k
    return source_pixels(lens, spec.intrinsics(), rendered, (spec.width, spec.height))


def ends(low, high):
    # Adding 0 makes -0 a 0: to numpy, 0 to -0 is an inverted range.
    return st.tuples(st.floats(low, high), st.floats(low, high)).map(
        lambda pair: sorted(v + 0.0 for v in pair)
    )


@given(ends(0.9, 1.5), ends(-4.0, 4.0), ends(-0.08, 0.3), st.integers(0, 2**32))
@settings(max_examples=15, deadline=None)
def test_every_lens_of_a_set_finds_all_its_pixels_in_the_rendered_image(focal, shift, k1, seed):
    bounds = {"focal_length": focal, "principal_point": shift, "distortion": k1}
    content = {LENS[k]: {"lo": lo, "hi": hi} for k, (lo, hi) in bounds.items()}
    needs = image_needs(build_set("lenses", content), *CAMERAS)
    rng = np.random.default_rng(seed)
    extreme = [(f, s, t, k) for f in focal for s in shift for t in shift for k in k1]
    drawn = np.stack([rng.uniform(*bound, 8) for bound in (focal, shift, shift, k1)], 1)
    f, s, t, k = np.concatenate((extreme, drawn)).T
    for spec in CAMERAS:
        assert needs.overscan[spec.name] >= 1
        pixels = looked_up(spec, needs.overscan[spec.name], f, np.stack((s, t), 1), k)
        assert pixels.min() >= -0.01, spec.name
        beyond = pixels - torch.tensor((spec.width, spec.height))
        assert beyond.max() <= 0.01, spec.name


@pytest.mark.parametrize("name", ["focal_length", "principal_point", "distortion"])
def test_no_more_is_drawn_than_the_farthest_lens_needs(name):
    """Overscan costs resolution."""
    low = REGISTRY[LENS[name]].default.lo
    overscan = image_needs(build_set("one", {LENS[name]: "default"}), FRONT).overscan["front"]
    at = {"focal_length": 1.0, "principal_point": 0.0, "distortion": 0.0} | {name: low}
    shift = [[at["principal_point"]] * 2]
    pixels = looked_up(FRONT, overscan, [at["focal_length"]], shift, [at["distortion"]])
    margin = min(float(pixels.min()), SIZE - float(pixels.max()))
    assert margin < 1.0, f"{margin:.1f} px of the rendered image are never looked at"


def test_a_fixed_lens_needs_what_it_shows():
    fixed = image_needs(build_set("one", {"camera.principal_point": {"value": [3.0, -5.0]}}), FRONT).overscan
    drawn = image_needs(build_set("one", {"camera.principal_point": {"lo": -5.0, "hi": 0.0}}), FRONT).overscan
    assert fixed == drawn


@pytest.mark.parametrize(
    "content", [{}, {"camera.focal_length": {"lo": 1.0, "hi": 1.5}}, {"dynamics.object_mass": "default"}]
)
def test_where_no_lens_sees_more_the_camera_draws_what_it_always_did(content):
    needs = image_needs(build_set("some", content), FRONT, WRIST)
    assert needs.overscan == {"front": 1.0, "wrist": 1.0}
    assert not needs.shading


def test_without_a_set_nothing_is_needed():
    needs = image_needs(None, FRONT, WRIST)
    assert needs.overscan == {}
    assert not needs.shading


def test_a_lens_that_no_rendering_can_serve_is_refused_in_one_sentence():
    impossible = build_set("bent", {"camera.focal_length": {"lo": 0.8}, "camera.distortion": {"lo": -0.12}})
    with pytest.raises(FactorSetError) as error:
        image_needs(impossible, FRONT, WRIST)
    said = str(error.value)
    assert said.startswith("factor set 'bent', wrist camera: k1 = -0.12 bends the image back on itself")
    assert "must be above -0.0" in said, "it does not say what would do"
    assert "\n" not in said
    image_needs(impossible, FRONT)  # the front camera sees less of the lens


@pytest.mark.parametrize("name", available_sets())
def test_the_cameras_of_this_task_can_serve_every_set_that_comes_along(name):
    for size in (64, 224, 448):
        needs = image_needs(load_set(name), front_camera(size), wrist_camera(size))
        assert all(1 <= overscan < 2 for overscan in needs.overscan.values())


def pipeline_reads(name, value):
    """What images are made of when one factor has this value, of all that it may touch in a pipeline."""
    from tasks.tabletop.imaging import Imaging

    imaging = Imaging(1, "cpu", {"front": FRONT}, 3, {})
    REGISTRY[name]().apply(imaging, [0], [value])
    imaging.commit([0], imaging.names)
    return imaging.pipelines["front"].needs_aov()


IMAGED = [
    name
    for name, cls in REGISTRY.items()
    if name.startswith(("camera.", "appearance."))
    and cls.setting
    not in (None, "front_position", "front_rotation")  # where it stands makes nothing of an image,
    and not name.startswith("camera.believed")  # nor does what is believed of it
    and "newton_warp" not in cls.unsupported
]


@pytest.mark.parametrize("name", IMAGED)
def test_whatever_a_factor_makes_of_an_image_is_drawn(name):
    """Radiance, albedo and normals are drawn if, and only if, a value that the set can draw needs them."""
    cls = REGISTRY[name]
    options = getattr(cls.default, "options", None) or (
        [[end] * cls.length if cls.length > 1 else end for end in (cls.default.lo, cls.default.hi)]
    )
    read = set().union(*(pipeline_reads(name, value) for value in options))
    assert image_needs(build_set("one", {name: "default"}), FRONT).shading == bool(read)


def test_an_exposure_that_never_darkens_needs_no_radiance():
    above = build_set("bright", {"camera.exposure": {"lo": 1.0, "hi": 2.0}})
    assert not image_needs(above, FRONT).shading
    assert image_needs(build_set("dark", {"camera.exposure": {"value": 0.9}}), FRONT).shading
    assert isinstance(REGISTRY["camera.exposure"].default, Range)
