"""Simulated pictures of the states that a log holds: the simulator is set to them, and nothing is simulated."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import torch

from domain_rand.episode import NOISE_SEED, POLICY_SEED, Episode, apply_episodes
from domain_rand.sets import FactorSet
from tasks.episode import EpisodeSpec
from tasks.poses import matrix
from tasks.tabletop.imaging import FIXED_BODIES
from tasks.tabletop.scene import COLORS
from tasks.tabletop.workspace import ROOM_COLOR, TABLE_COLOR
from workbench.identification.motion_log import LogError
from workbench.visual_gap.pairs import Pairs, compressed
from workbench.visual_gap.real_frames import RealFrames


def matched(env: Any, real: RealFrames) -> Pairs:
    """Pairs of a log's pictures and those that the environments' camera of that name draws of the same states.

    Args:
        env: `tasks.tabletop.env.TabletopEnv` with that camera at the log's image size, after a reset.
        real: what the log holds of the environments' robot.

    LogError for a log with things that the simulation does not have.
    """
    frames, n = len(real.pictures), env.num_envs
    colors = _colors(real, env)
    names = [body.label for body in real.bodies]
    if len(set(names)) < len(names):
        names = [f"{body.label} {k + 1}" for k, body in enumerate(real.bodies)]
    slots = [env.slot_index[body.slot] for body in real.bodies]
    for body, color in zip(real.bodies, colors, strict=True):
        env.write_colors([body.slot], torch.tensor(color)[None, None].expand(1, n, 3), range(n))
    table = _label_table(env, slots, len(names))
    shot: dict[str, list[np.ndarray]] = {
        key: [] for key in ("simulated", "labels", "depth", "position", "rotation")
    }
    ids = torch.arange(n, device=env.device)
    for first in range(0, frames, n):
        rows = np.minimum(np.arange(first, first + n), frames - 1)
        pose = env.parked(n)
        if slots:
            pose[:, slots] = torch.from_numpy(real.body_pose[rows]).to(pose)
        arm = torch.from_numpy(real.joint_pos[rows]).to(pose)
        env.show(ids, arm, torch.from_numpy(real.gripper_width[rows]).to(pose), pose)
        kept = min(n, frames - first)
        shot["simulated"].append(env.image(real.camera).cpu().numpy()[:kept].copy())
        shot["labels"].append(table[env.labels(real.camera).cpu().numpy()[:kept]])
        shot["depth"].append(env.depth(real.camera).cpu().numpy()[:kept].copy())
        position, rotation = _camera(env, real.camera)
        shot["position"].append(position[:kept])
        shot["rotation"].append(rotation[:kept])
        env.imaging.advance()
    intrinsics, _ = env.calibration(real.camera)
    made = {key: np.concatenate(values) for key, values in shot.items()}
    made["simulated"] = np.stack(
        [compressed(p, real.jpeg_quality, real.jpeg_sampling) for p in made["simulated"]]
    )
    painted = dict(zip(names, colors, strict=True)) | {
        "table": TABLE_COLOR,
        "floor": ROOM_COLOR,
        "wall": ROOM_COLOR,
    }
    return Pairs(
        camera=real.camera,
        real=real.pictures,
        names=(*names, *FIXED_BODIES),
        intrinsics=intrinsics[0].double().cpu().numpy(),
        colors=painted,
        jpeg_quality=real.jpeg_quality,
        jpeg_sampling=real.jpeg_sampling,
        coded=real.coded,
        real_depth=real.depth,
        source=real.source,
        **made,
    )


def begin(env: Any, factor_set: FactorSet, values: Sequence[Mapping[str, Any]] | None = None) -> None:
    """Reset the environments and apply factors: those of the set, at fixed values or, row by row, at ``values``."""
    env.reset()
    n = env.num_envs
    given = (
        values
        or [
            {
                f.name: f.distribution.sample(np.random.default_rng(0))
                for f in factor_set.factors
                if f.distribution is not None and f.name.startswith(("camera.", "appearance."))
            }
        ]
        * n
    )
    episodes = [
        Episode(
            EpisodeSpec(env.task.name, row, 0, factor_set.name),
            {NOISE_SEED: row, POLICY_SEED: row, **given[row]},
            env.scenes[row],
        )
        for row in range(n)
    ]
    apply_episodes(env, range(n), episodes, _looks(factor_set))


def _looks(factor_set: FactorSet) -> FactorSet:
    """What of a set changes pictures alone: the states are the log's."""
    kept = tuple(f for f in factor_set.factors if f.name.startswith(("camera.", "appearance.")))
    return FactorSet(factor_set.name, kept)


def _colors(real: RealFrames, env: Any) -> list[tuple[float, float, float]]:
    """Of each body, by the word for it in its label; grey where there is none."""
    for body in real.bodies:
        if body.slot not in env.slots:
            raise LogError(f"{real.source} has a {body.slot}, which the simulation has not")
    return [
        next((COLORS[word] for word in body.label.split() if word in COLORS), (0.5, 0.5, 0.5))
        for body in real.bodies
    ]


def _label_table(env: Any, slots: Sequence[int], bodies: int) -> np.ndarray:
    """Row of `Pairs.names` for each of the environment's labels; the last stands for -1."""
    count = len(env.slots)
    table = np.full(count + len(FIXED_BODIES) + 1, -1, np.int16)
    for k, slot in enumerate(slots):
        table[slot] = k
    table[count : count + len(FIXED_BODIES)] = bodies + np.arange(len(FIXED_BODIES))
    return table


def _camera(env: Any, name: str) -> tuple[np.ndarray, np.ndarray]:
    """Positions ``[N, 3]`` [m] and OpenCV axes ``[N, 3, 3]`` of a camera in the robots' base frames."""
    _, position, rotation = env.shown_poses(name)
    base = env.layout.base
    axes = matrix(base[:, 3:])
    local = torch.einsum("nji,nj->ni", axes, position - env.scene.env_origins - base[:, :3])
    turned = torch.einsum("nji,njk->nik", axes, rotation)
    return local.double().cpu().numpy(), turned.double().cpu().numpy()
