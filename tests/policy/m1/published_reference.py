"""What a published checkpoint would do, written down from its definition and computed on its own tensors.

The action head (a diffusion transformer under classifier-free guidance, sampled by DDIM) on tensors in their published
names, and the way back to physical units by the statistics that training scaled by.
"""

import math

import numpy as np
import torch
from scipy.spatial.transform import Rotation
from torch.nn import functional


def sampled(tensors, condition, noise, heads, steps=10, guidance=1.5):
    """Normalised actions ``[B, T, A]`` under a condition ``[B, Q, D]`` from ``noise``, in 100 levels of noise."""
    kept = cosine_schedule()
    null = tensors["action_model.net.z_embedder.uncondition"].expand_as(condition)
    levels = list(range(0, 100, 100 // steps))[::-1]
    x = noise.double()
    weights = {name: tensor.double() for name, tensor in tensors.items() if name.startswith("action_model")}
    for level, after in zip(levels, [*levels[1:], -1], strict=True):
        eps, eps_null = (head(weights, x, level, z.double(), heads) for z in (condition, null))
        eps = eps_null + guidance * (eps - eps_null)
        a, b = kept[level], kept[after] if after >= 0 else 1.0
        x = math.sqrt(b) * (x - math.sqrt(1 - a) * eps) / math.sqrt(a) + math.sqrt(1 - b) * eps
    return x


def cosine_schedule():
    """Share of the variance that is the actions', by level: improved DDPM's schedule, steps capped at 0.999."""

    def whole(t):
        return math.cos((t + 0.008) / 1.008 * math.pi / 2) ** 2

    left, kept = 1.0, []
    for i in range(100):
        left *= 1 - min(1 - whole((i + 1) / 100) / whole(i / 100), 0.999)
        kept.append(left)
    return kept


def head(weights, x, level, z, heads):
    """Predicted noise ``[B, T, A]``."""

    def linear(name, value):
        return functional.linear(value, weights[f"{net}.{name}.weight"], weights[f"{net}.{name}.bias"])

    net = "action_model.net"
    frequencies = torch.exp(-math.log(10_000.0) * torch.arange(128, dtype=torch.float64) / 128)
    wave = torch.cat([torch.cos(level * frequencies), torch.sin(level * frequencies)])
    time = linear("t_embedder.mlp.2", functional.silu(linear("t_embedder.mlp.0", wave)))
    tokens = torch.cat([linear("z_embedder.linear", z) + time, linear("x_embedder.linear", x)], 1)
    tokens = tokens + weights[f"{net}.positional_embedding"]
    depth = sum(name.endswith("mlp.fc1.bias") for name in weights)
    for i in range(depth):
        q, k, v = linear(f"blocks.{i}.attn.qkv", norm(tokens)).chunk(3, -1)
        q, k, v = (part.unflatten(-1, (heads, -1)).transpose(1, 2) for part in (q, k, v))
        share = torch.softmax(q @ k.transpose(-1, -2) / math.sqrt(q.shape[-1]), -1)
        tokens = tokens + linear(f"blocks.{i}.attn.proj", (share @ v).transpose(1, 2).flatten(2))
        inner = functional.gelu(linear(f"blocks.{i}.mlp.fc1", norm(tokens)), approximate="tanh")
        tokens = tokens + linear(f"blocks.{i}.mlp.fc2", inner)
    return linear("final_layer.linear", norm(tokens[:, z.shape[1] :]))


def norm(x):
    """Layer norm without parameters."""
    centred = x - x.mean(-1, keepdim=True)
    return centred / torch.sqrt(centred.square().mean(-1, keepdim=True) + 1e-6)


def physical(normalised, statistics, low, high, metres=1.0, radians=1.0, euler=True, joints=False):
    """Physical actions of normalised ones: scaled by two of the statistics, the gripper -1 or +1."""
    x = np.clip(np.asarray(normalised, float), -1, 1)
    least, most = np.array(statistics[low], float), np.array(statistics[high], float)
    actions = (x + 1) / 2 * (most - least) + least
    actions[..., -1] = np.where(np.asarray(normalised)[..., -1] > 0.5, 1.0, -1.0)
    if joints:
        return actions
    actions[..., :3] *= metres
    actions[..., 3:6] *= radians
    if euler:
        turns = Rotation.from_euler("xyz", actions[..., 3:6].reshape(-1, 3)).as_rotvec()
        actions[..., 3:6] = turns.reshape(actions[..., 3:6].shape)
    return actions
