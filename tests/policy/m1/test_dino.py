"""DINOv2: the patch tokens of `transformers`, and of Meta's weights."""

import torch
from torch.nn import functional

from policy.m1.config import DinoConfig
from policy.m1.dino import DinoEncoder, resampled_positions
from policy.m1.published_names import own_tensors

DIM, LAYERS, HEADS = 32, 2, 2


def meta_weights(grid, seed=0):
    """Random weights in the names and shapes that Meta's checkpoints have."""
    generator = torch.Generator().manual_seed(seed)

    def draw(*shape):
        return torch.randn(*shape, generator=generator) * 0.2

    weights = {
        "cls_token": draw(1, 1, DIM),
        "mask_token": draw(1, DIM),
        "pos_embed": draw(1, 1 + grid * grid, DIM),
        "patch_embed.proj.weight": draw(DIM, 3, 14, 14),
        "patch_embed.proj.bias": draw(DIM),
        "norm.weight": 1 + draw(DIM),
        "norm.bias": draw(DIM),
    }
    for i in range(LAYERS):
        shapes = {
            "attn.qkv": (3 * DIM, DIM),
            "attn.proj": (DIM, DIM),
            "mlp.fc1": (4 * DIM, DIM),
            "mlp.fc2": (DIM, 4 * DIM),
        }
        for name, (rows, columns) in shapes.items():
            weights[f"blocks.{i}.{name}.weight"] = draw(rows, columns)
            weights[f"blocks.{i}.{name}.bias"] = draw(rows)
        for name in ("norm1", "norm2"):
            weights[f"blocks.{i}.{name}.weight"], weights[f"blocks.{i}.{name}.bias"] = (
                1 + draw(DIM),
                draw(DIM),
            )
        for name in ("ls1", "ls2"):
            weights[f"blocks.{i}.{name}.gamma"] = draw(DIM)
    return weights


def vision_transformer(w, images):
    """DINOv2 written down from its definition, straight from Meta's tensors: patch tokens [B, P, D]."""

    def norm(x, name):
        return functional.layer_norm(x, (DIM,), w[f"{name}.weight"], w[f"{name}.bias"], eps=1e-6)

    def linear(x, name):
        return functional.linear(x, w[f"{name}.weight"], w[f"{name}.bias"])

    patches = functional.conv2d(images, w["patch_embed.proj.weight"], w["patch_embed.proj.bias"], stride=14)
    side = patches.shape[-1]
    tokens = patches.flatten(2).transpose(1, 2)
    grid = round((w["pos_embed"].shape[1] - 1) ** 0.5)
    cells = w["pos_embed"][:, 1:].reshape(1, grid, grid, DIM).permute(0, 3, 1, 2)
    if grid != side:
        factor = (side + 0.1) / grid
        cells = functional.interpolate(cells, scale_factor=(factor, factor), mode="bicubic")
    tokens = tokens + cells.flatten(2).transpose(1, 2)
    first = w["cls_token"].expand(len(images), -1, -1) + w["pos_embed"][:, :1]
    x = torch.cat([first, tokens], dim=1)
    for i in range(LAYERS):
        q, k, v = (
            part.unflatten(-1, (HEADS, -1)).transpose(1, 2)
            for part in linear(norm(x, f"blocks.{i}.norm1"), f"blocks.{i}.attn.qkv").chunk(3, dim=-1)
        )
        weights = (q @ k.transpose(-1, -2) / (DIM / HEADS) ** 0.5).softmax(dim=-1)
        attended = (weights @ v).transpose(1, 2).flatten(2)
        x = x + w[f"blocks.{i}.ls1.gamma"] * linear(attended, f"blocks.{i}.attn.proj")
        inner = functional.gelu(linear(norm(x, f"blocks.{i}.norm2"), f"blocks.{i}.mlp.fc1"))
        x = x + w[f"blocks.{i}.ls2.gamma"] * linear(inner, f"blocks.{i}.mlp.fc2")
    return norm(x, "norm")[:, 1:]


def encoder_with(weights, grid):
    encoder = DinoEncoder(DinoConfig(DIM, LAYERS, HEADS, position_grid=grid)).eval()
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
    encoder = DinoEncoder(DinoConfig(DIM, LAYERS, HEADS, position_grid=4)).eval()
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
