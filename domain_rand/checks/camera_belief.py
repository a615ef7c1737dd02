"""Proof of what robots believe of their cameras: where that puts a thing, and where the picture has it."""

from __future__ import annotations

from collections.abc import Sequence

import torch

from domain_rand.checks.check import Outcome, check
from domain_rand.checks.trial import CUBE, Trial
from robots.rotations import rotation_matrix
from tasks.cameras import look_at, project
from tasks.poses import matrix

NO_POSE_ERROR = [0.0] * 6


def _middle(pixels: torch.Tensor) -> torch.Tensor:
    """Middle ``[N, 2]`` of the box around pixels ``[N, P, 2]``."""
    return (pixels.amin(1) + pixels.amax(1)) / 2


def _believed_middle(trial: Trial, camera: str) -> torch.Tensor:
    """Where the middle of the cube's box is by the believed calibration of a camera ``[N, 2]`` [px]."""
    believed = trial.env.believed_calibration(camera)
    at, axes = believed.extrinsics[:, :3], matrix(believed.extrinsics[:, 3:])
    if believed.frame == "end_effector":
        position, rotation = trial.env.tool()
        at, axes = position + (rotation @ at[..., None])[..., 0], rotation @ axes
    return _middle(project(trial.vertices(CUBE), at, axes, believed.intrinsics))


@check("camera.believed_intrinsics_error", "way from the cube in the picture to where it is believed to be", "px",
       absolute=0.8, levels=([0.05, 0.0, 0.0], [0.0, 0.0, 0.0], [0.0, 0.02, 0.0], [0.0, 0.0, -0.02]),
       cameras=True)  # fmt: skip
def believed_lens(trial: Trial, values: Sequence[list[float]]) -> Outcome:
    """Ways from the image's middle grow by the focal length's error, and all of it moves along with the middle."""
    trial.idle(4)
    spec, seen = trial.env.cameras["front"], trial.box_center(CUBE)
    size = torch.tensor((spec.width, spec.height))
    error = torch.tensor(values)
    expected = error[:, :1] * (seen - size / 2) + error[:, 1:] * size
    return (_believed_middle(trial, "front") - seen).norm(dim=1), expected.norm(dim=1)


@check("camera.believed_pose_error", "way from the cube in the picture to where it is believed to be", "px",
       absolute=0.8, levels=([0.0, -0.02, 0.0, 0.0, 0.0, 0.0], NO_POSE_ERROR, [0.0, 0.0, 0.0, 0.0, 0.02, 0.0],
       [0.0, 0.0, 0.02, 0.02, 0.0, 0.05]), cameras=True)  # fmt: skip
def believed_place(trial: Trial, values: Sequence[list[float]]) -> Outcome:
    """Its corners, projected from the camera's own place and from the believed one."""
    trial.idle(4)
    spec, error = trial.env.cameras["front"], torch.tensor(values)
    eye, target = (torch.tensor([at]).expand(trial.num_envs, 3) for at in (spec.eye, spec.target))
    axes, k = look_at(eye, target), spec.intrinsics()
    so = _middle(project(trial.vertices(CUBE), eye, axes, k))
    turned = axes @ rotation_matrix(error[:, 3:])
    believed = _middle(project(trial.vertices(CUBE), eye + error[:, :3], turned, k))
    return (_believed_middle(trial, "front") - trial.box_center(CUBE)).norm(dim=1), (believed - so).norm(
        dim=1
    )


@check("camera.believed_pose_error", "way from the cube in the wrist camera's picture to where it is believed to be",
       "px", absolute=1.0, levels=(NO_POSE_ERROR, [0.0, 0.0, 0.0, 0.0, 0.0, 0.1]), cameras=True,
       further=True)  # fmt: skip
def believed_mount(trial: Trial, values: Sequence[list[float]]) -> Outcome:
    """A camera believed to be rolled about its axis by an angle a: what is at a radius r, 2 r sin(a / 2)."""
    position, _ = trial.env.tool()
    # Off the image's middle, so that a roll is seen.
    spot = (position[0] + torch.tensor((0.05, 0.03, -0.12))).tolist()
    trial.place(CUBE, (spot[0], spot[1], spot[2]))
    trial.env.scene.write_data_to_sim()
    trial.env.sim.forward()
    trial.env.scene.update(dt=trial.env.physics_dt)
    spec, seen = trial.env.cameras["wrist"], trial.box_center(CUBE, "wrist")
    radius = (seen - torch.tensor((spec.width / 2, spec.height / 2))).norm(dim=1)
    expected = 2 * radius * torch.sin(torch.tensor([v[5] for v in values]) / 2).abs()
    return (_believed_middle(trial, "wrist") - seen).norm(dim=1), expected
