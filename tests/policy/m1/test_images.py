"""What the towers see is what the published model's processors would have shown them."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from PIL import Image
from transformers import Qwen2VLImageProcessor

from policy.m1.config import ImageConfig, VisionTowerConfig
from policy.m1.images import COORDINATE_SPAN, gather_views, qwen_grid, qwen_patches, resize
from tests.policy.m1.tiny import random_images, tiny_config

TOWER = VisionTowerConfig(2, 32, 64, 2, (1,))


def smooth_image(height, width):
    """A picture with edges and slopes, [H, W, 3] uint8."""
    v, u = np.mgrid[0:height, 0:width]
    red = 255 * (((u // 40) + (v // 30)) % 2)
    return np.stack([red, 255 * u / width, 255 * v / height], axis=-1).astype(np.uint8)


def test_patches_are_those_of_qwens_own_processor():
    images = torch.randint(0, 256, (2, 3, 3, 56, 84), dtype=torch.uint8)[..., :56]
    processor = Qwen2VLImageProcessor(min_pixels=784, max_pixels=50176)
    flat = [image.permute(1, 2, 0).numpy() for image in images.flatten(0, 1)]
    expected = processor(images=flat, return_tensors="pt")
    torch.testing.assert_close(qwen_patches(images, TOWER), expected["pixel_values"], rtol=0, atol=1e-5)
    assert torch.equal(qwen_grid(images, TOWER), expected["image_grid_thw"])


def test_coordinate_planes_say_where_each_patch_is():
    tower = replace(TOWER, coordinate_planes=True)
    patches = qwen_patches(torch.zeros(1, 1, 3, 56, 56, dtype=torch.uint8), tower)
    planes = patches.reshape(16, 5, 2, 14, 14)[:, 3:, 0]  # [patch, x and y, row, column]
    x, y = planes[..., 0, 0].T
    assert (x[0], y[0]) == (-COORDINATE_SPAN, -COORDINATE_SPAN)
    assert x[1] > x[0]
    assert y[1] == y[0]
    assert y[2] > y[0]
    assert planes.max() == COORDINATE_SPAN


@pytest.mark.parametrize("name", ["bicubic", "bilinear"])
@pytest.mark.parametrize("shape", [(480, 640), (100, 56)])
def test_filters_are_pillows(name, shape):
    image = smooth_image(*shape)
    filters = {"bicubic": Image.Resampling.BICUBIC, "bilinear": Image.Resampling.BILINEAR}
    expected = np.asarray(Image.fromarray(image).resize((56, 56), filters[name])).astype(int)
    found = resize(torch.from_numpy(image)[None], ImageConfig(("a",), 56, name))[0].permute(1, 2, 0).numpy()
    assert np.abs(found - expected).max() <= 1


def test_area_averages_what_a_pixel_covers():
    image = torch.from_numpy(smooth_image(112, 168))[None]
    blocks = image[0].float().reshape(56, 2, 56, 3, 3).mean(dim=(1, 3))
    found = resize(image, ImageConfig(("a",), 56, "area"))[0].permute(1, 2, 0)
    assert (found - blocks).abs().max() <= 0.5


def test_area_keeps_the_mean_at_ratios_that_are_no_whole_numbers():
    image = torch.from_numpy(smooth_image(100, 130))[None]
    found = resize(image, ImageConfig(("a",), 56, "area"))
    assert abs(found.float().mean() - image.float().mean()) < 0.1


def test_views_come_in_the_configured_order():
    config = tiny_config().images
    images = {"wrist": torch.full((1, 56, 56, 3), 9, dtype=torch.uint8)}
    images["front"] = torch.zeros(1, 56, 56, 3, dtype=torch.uint8)
    assert gather_views(images, config.views, config)[0, :, 0, 0, 0].tolist() == [0, 9]


def test_a_missing_camera_and_a_wrong_image_are_named():
    config = tiny_config().images
    images = random_images(tiny_config(), 1)
    with pytest.raises(ValueError, match="no image of camera wrist; there are front"):
        gather_views({"front": images["front"]}, config.views, config)
    with pytest.raises(ValueError, match=r"camera wrist must be .* uint8, not .*float32"):
        gather_views({**images, "wrist": images["wrist"].float()}, config.views, config)
