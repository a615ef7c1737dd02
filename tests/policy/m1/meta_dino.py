"""DINOv2 in Meta's names, written down from its definition: what mapped weights are compared with."""

import torch
from torch.nn import functional


def meta_weights(grid, width=32, layers=2, seed=0):
    """Random weights in the names and shapes that Meta's checkpoints have."""
    generator = torch.Generator().manual_seed(seed)

    def draw(*shape):
        return torch.randn(*shape, generator=generator) * 0.2

    weights = {
        "cls_token": draw(1, 1, width),
        "mask_token": draw(1, width),
        "pos_embed": draw(1, 1 + grid * grid, width),
        "patch_embed.proj.weight": draw(width, 3, 14, 14),
        "patch_embed.proj.bias": draw(width),
        "norm.weight": 1 + draw(width),
        "norm.bias": draw(width),
    }
    for i in range(layers):
        shapes = {
            "attn.qkv": (3 * width, width),
            "attn.proj": (width, width),
            "mlp.fc1": (4 * width, width),
            "mlp.fc2": (width, 4 * width),
        }
        for name, (rows, columns) in shapes.items():
            weights[f"blocks.{i}.{name}.weight"] = draw(rows, columns)
            weights[f"blocks.{i}.{name}.bias"] = draw(rows)
        for name in ("norm1", "norm2"):
            weights[f"blocks.{i}.{name}.weight"], weights[f"blocks.{i}.{name}.bias"] = (
                1 + draw(width),
                draw(width),
            )
        for name in ("ls1", "ls2"):
            weights[f"blocks.{i}.{name}.gamma"] = draw(width)
    return weights


def vision_transformer(w, images, heads=2):
    """DINOv2 written down from its definition, straight from Meta's tensors: patch tokens [B, P, D]."""

    width = w["cls_token"].shape[-1]

    def norm(x, name):
        return functional.layer_norm(x, (width,), w[f"{name}.weight"], w[f"{name}.bias"], eps=1e-6)

    def linear(x, name):
        return functional.linear(x, w[f"{name}.weight"], w[f"{name}.bias"])

    patches = functional.conv2d(images, w["patch_embed.proj.weight"], w["patch_embed.proj.bias"], stride=14)
    side = patches.shape[-1]
    tokens = patches.flatten(2).transpose(1, 2)
    grid = round((w["pos_embed"].shape[1] - 1) ** 0.5)
    cells = w["pos_embed"][:, 1:].reshape(1, grid, grid, width).permute(0, 3, 1, 2)
    if grid != side:
        factor = (side + 0.1) / grid
        cells = functional.interpolate(cells, scale_factor=(factor, factor), mode="bicubic")
    tokens = tokens + cells.flatten(2).transpose(1, 2)
    first = w["cls_token"].expand(len(images), -1, -1) + w["pos_embed"][:, :1]
    x = torch.cat([first, tokens], dim=1)
    for i in range(sum(name.endswith("ls1.gamma") for name in w)):
        q, k, v = (
            part.unflatten(-1, (heads, -1)).transpose(1, 2)
            for part in linear(norm(x, f"blocks.{i}.norm1"), f"blocks.{i}.attn.qkv").chunk(3, dim=-1)
        )
        weights = (q @ k.transpose(-1, -2) / (width / heads) ** 0.5).softmax(dim=-1)
        attended = (weights @ v).transpose(1, 2).flatten(2)
        x = x + w[f"blocks.{i}.ls1.gamma"] * linear(attended, f"blocks.{i}.attn.proj")
        inner = functional.gelu(linear(norm(x, f"blocks.{i}.norm2"), f"blocks.{i}.mlp.fc1"))
        x = x + w[f"blocks.{i}.ls2.gamma"] * linear(inner, f"blocks.{i}.mlp.fc2")
    return norm(x, "norm")[:, 1:]
