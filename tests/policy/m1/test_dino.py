"""DINOv2: the patch tokens of `transformers`, and of Meta's weights."""

import torch

from policy.m1.config import DinoConfig
from policy.m1.dino import DinoEncoder, resampled_positions
from policy.m1.published_names import own_tensors
from tests.policy.m1.meta_dino import meta_weights, vision_transformer


def encoder_with(weights, grid):
    encoder = DinoEncoder(DinoConfig(32, 2, 2, position_grid=grid)).eval()
    own = {}
    for name, tensor in weights.items():
        own |= own_tensors(f"dino_encoder.body.{name}", tensor)
    encoder.load_state_dict({name.removeprefix("dino."): tensor for name, tensor in own.items()})
    return encoder


def test_metas_weights_give_metas_patch_tokens():
    images = torch.randn(2, 3, 56, 56)
    for grid in (4, 9):  # 9: position embeddings are resampled, as for every published weight
        weights = meta_weights(grid)
        with torch.no_grad():
            found = encoder_with(weights, grid)(images)
        torch.testing.assert_close(found, vision_transformer(weights, images), rtol=1e-4, atol=1e-5)


def test_the_encoder_is_transformers_own_where_nothing_is_resampled():
    encoder = DinoEncoder(DinoConfig(32, 2, 2, position_grid=4)).eval()
    images = torch.randn(2, 3, 56, 56)
    with torch.no_grad():
        expected = encoder.model(pixel_values=images).last_hidden_state[:, 1:]
        torch.testing.assert_close(encoder(images), expected)


def test_resampling_points_lie_where_meta_puts_them():
    """A ramp shows the sample points: output cell i reads the grid at (i + 1/2) * G / (S + 0.1) - 1/2."""
    grid, side = 37, 16
    ramp = torch.arange(grid, dtype=torch.float32).repeat(grid, 1)  # the column number
    positions = torch.cat([torch.zeros(1), ramp.flatten()])[None, :, None]
    row = resampled_positions(positions, side)[0, 1 : 1 + side, 0]
    points = (torch.arange(side) + 0.5) * grid / (side + 0.1) - 0.5
    # Cubic interpolation bends a ramp by 0.05 of a cell; without the tenth, the points would be off by up to 0.2.
    torch.testing.assert_close(row[1:-1], points[1:-1], rtol=0, atol=0.06)
