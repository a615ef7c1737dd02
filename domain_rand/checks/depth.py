"""Proof of the factors of depth cameras: what is delivered against what was drawn."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from scipy import ndimage

from domain_rand.checks.check import Outcome, check
from domain_rand.checks.trial import Trial
from tasks.imaging.depth import JUMP


def _table_depth(trial: Trial) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """Depth delivered, depth drawn ``[N, H, W]`` [m] and where the table is."""
    trial.idle(3)
    delivered = trial.env.depth("front")
    true = trial.env.scene["front"].data.output["distance_to_image_plane"].torch[..., 0].clone()
    true = trial.env.imaging.pipelines["front"].apply_labels(true)
    return delivered, true, trial.mask("table")


@check("sensing.depth_noise", "spread of depth over its square", "1/m", relative=0.05, absolute=1e-5,
       levels=(0.0, 0.002, 0.004), cameras=True)  # fmt: skip
def depth_spread(trial: Trial, values: Sequence[float]) -> Outcome:
    """Stereo's error grows with the square of the distance."""
    delivered, true, mask = _table_depth(trial)
    return [float(((d - t) / t**2)[m].std()) for d, t, m in zip(delivered, true, mask, strict=True)], values


@check("sensing.depth_holes", "share of the picture without depth", "1", absolute=0.02, levels=(0.0, 0.05, 0.3),
       cameras=True)  # fmt: skip
def missing_depth(trial: Trial, values: Sequence[float]) -> Outcome:
    """Of pixels that would have one."""
    delivered, true, _ = _table_depth(trial)
    return [float((d[t > 0] == 0).float().mean()) for d, t in zip(delivered, true, strict=True)], values


@check("sensing.depth_step", "smallest step between two depths", "m", absolute=1e-5, levels=(0.002, 0.004, 0.008),
       cameras=True)  # fmt: skip
def depth_rungs(trial: Trial, values: Sequence[float]) -> Outcome:
    """All depths are multiples of it."""
    delivered, _, mask = _table_depth(trial)
    rungs = [torch.unique(d[m]).diff() for d, m in zip(delivered, mask, strict=True)]
    return [float(r[r > 1e-5].min()) for r in rungs], values


@check("sensing.depth_scale", "mean of depth over true depth, less 1", "1", absolute=1e-4, cameras=True)
def depth_ratio(trial: Trial, values: Sequence[float]) -> Outcome:
    """The error itself."""
    delivered, true, mask = _table_depth(trial)
    return [float((d / t)[m].mean()) - 1 for d, t, m in zip(delivered, true, mask, strict=True)], values


@check("sensing.depth_edges", "greatest distance from an edge of a depth that is not what is there", "px", absolute=0.0,
       levels=(0, 1, 2), cameras=True)  # fmt: skip
def reach_of_edges(trial: Trial, values: Sequence[int]) -> Outcome:
    """Along rows and columns, to the nearest jump of the true depth between neighbours by 3 cm."""
    delivered, true, _ = _table_depth(trial)
    found = []
    for d, t in zip(delivered, true, strict=True):
        wrong = (((d - t).abs() > 1e-4) & (t > 0)).numpy()
        reach = 0
        while (wrong & ~_beside_jumps(t.numpy(), reach)).any():
            reach += 1
        found.append(float(reach))
    return found, values


def _beside_jumps(depth: np.ndarray, reach: int) -> np.ndarray:
    """Pixels ``[H, W]`` within this reach of a jump."""
    if reach == 0:
        return np.zeros(depth.shape, bool)
    edges = np.zeros(depth.shape, bool)
    down, right = np.abs(np.diff(depth, axis=0)) > JUMP, np.abs(np.diff(depth, axis=1)) > JUMP
    edges[1:] |= down
    edges[:-1] |= down
    edges[:, 1:] |= right
    edges[:, :-1] |= right
    return ndimage.maximum_filter(edges, 2 * reach - 1)
