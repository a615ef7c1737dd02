"""Which of a log's pictures are compared, and the simulated ones of the same states."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from domain_rand.distributions import Fixed
from domain_rand.sets import FactorSet, load_set
from robots.protocol import RobotModel
from tasks.tabletop.workspace import cameras_of
from workbench.cli.options import OptionError, listed
from workbench.identification.motion_log import LogError
from workbench.visual_gap.pairs import Pairs, joined
from workbench.visual_gap.real_frames import RealFrames, read_real

if TYPE_CHECKING:
    from workbench.visual_gap.command import VisualOptions


@dataclass(frozen=True)
class Compared:
    """Pairs of one camera, and the states that they show."""

    pairs: Pairs
    states: RealFrames
    """Of all episodes together ``[F]``; things are left out."""
    instructions: list[str]
    """``[F]``"""
    left_out: int = 0
    """Pictures of episodes with other things on the table."""


def chosen(options: VisualOptions, names: Sequence[str], model: RobotModel) -> list[RealFrames]:
    """The log's pictures that are compared; OptionError for cameras that there are not, LogError for another arm."""
    known = [spec.name for spec in cameras_of(model)]
    every = read_real(names, model)
    there = list(dict.fromkeys(f.camera for f in every))
    wanted = listed("cameras", options.cameras) or tuple(name for name in there if name in known)
    for name in wanted:
        if name not in there:
            raise OptionError(f"cameras={name}: the log has {', '.join(there)}")
        if name not in known:
            raise OptionError(f"cameras={name}: the simulation has {', '.join(known)}")
    if not wanted:
        raise OptionError(
            f"the log's cameras are {', '.join(there)}, the simulation's {', '.join(known)}: none is both"
        )
    own = [f for f in every if f.camera in wanted]
    for frames in own:
        if frames.joint_pos.shape[1] != len(model.spec.arm_joints):
            raise LogError(
                f"{frames.source} is of an arm with {frames.joint_pos.shape[1]} joints, and {model.spec.name} has "
                f"{len(model.spec.arm_joints)}"
            )
    sizes = sorted({f.pictures.shape[1:3] for f in own})
    if len(sizes) > 1 or sizes[0][0] != sizes[0][1]:
        raise OptionError(
            f"pictures must be square and of one size, not {', '.join(f'{w} x {h}' for h, w in sizes)}: choose with "
            "cameras="
        )
    share = max(2, options.frames // sum(f.camera == wanted[0] for f in own))
    taken = {f.source: f.evenly(share) for f in own if f.camera == wanted[0]}
    # Of the other cameras the same instants, where the log kept pictures of all together.
    return [
        f.rows(
            rows
            if (rows := taken.get(f.source)) is not None and rows.max() < len(f.pictures)
            else f.evenly(share)
        )
        for f in own
    ]


def compared(options: VisualOptions, real: Sequence[RealFrames]) -> list[Compared]:
    """Pairs, camera by camera."""
    from workbench.rollout.simulation import launch_tabletop
    from workbench.rollout.simulation_cfg import SimulationCfg
    from workbench.visual_gap.matched import begin, matched

    factor_set = fixed_looks(options.simulated)
    cameras = tuple(dict.fromkeys(f.camera for f in real))
    with launch_tabletop(
        SimulationCfg(
            num_envs=options.num_envs, physics=options.physics, device=options.device, robot=options.robot,
            renderer=options.renderer, cameras=cameras, image_size=real[0].pictures.shape[1], factor_set=factor_set,
        )
    ) as env:  # fmt: skip
        begin(env, factor_set)
        made = [(matched(env, frames), frames) for frames in real]
    result = []
    for camera in cameras:
        own = [(p, f) for p, f in made if p.camera == camera]
        # Episodes with other things stand for themselves; what most have is compared.
        names = max((p.names for p, _ in own), key=[p.names for p, _ in own].count)
        kept = [(p, f) for p, f in own if p.names == names]
        result.append(
            Compared(
                joined([p for p, _ in kept]),
                _states([f for _, f in kept]),
                [f.instruction for _, f in kept for _ in range(len(f.pictures))],
                sum(len(f.pictures) for p, f in own if p.names != names),
            )
        )
    return result


def _states(parts: list[RealFrames]) -> RealFrames:
    return replace(
        parts[0],
        pictures=np.concatenate([f.pictures for f in parts]),
        joint_pos=np.concatenate([f.joint_pos for f in parts]),
        gripper_width=np.concatenate([f.gripper_width for f in parts]),
        speed=np.concatenate([f.speed for f in parts]),
        bodies=(),
        body_pose=np.zeros((sum(len(f.pictures) for f in parts), 0, 7)),
        depth=None,
    )


def fixed_looks(name: str) -> FactorSet:
    """A factor set whose factors of cameras and appearance are fixed values; OptionError for one that draws them."""
    found = load_set(name)
    for factor in found.factors:
        looks = factor.name.startswith(("camera.", "appearance."))
        if looks and not isinstance(factor.distribution, Fixed):
            raise OptionError(
                f"simulated={name} draws {factor.name}: simulated pictures are of fixed values, as "
                "`workbench calibrate` writes them"
            )
    return found
