"""What a policy makes of real against simulated pictures of the same states: features, points, actions.

Everything else that it is told is equal, its randomness too. Distances are said against those between simulated
pictures of different states: 1 is as far as another state is. A policy that has a vision tower of its own
(`policy.m1`) is asked for features, too; any other for what it answers alone.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import torch
from scipy.spatial.transform import Rotation

from policy.contract import Decision, Observation, Policy
from policy.grounding import GRASP, PLACE, claimed_place
from policy.m1.images import gather_views
from policy.m1.model import M1Model
from robots.protocol import RobotModel
from workbench.visual_gap.pairs import Pairs
from workbench.visual_gap.real_frames import RealFrames

LEAST_FRAMES = 3


@dataclass(frozen=True)
class Distance:
    """Of one kind of answer."""

    what: str
    unit: str
    real: float
    """Median over frames, of real against simulated."""
    interval: tuple[float, float]
    """95 %, resampling frames."""
    states: float
    """Median between simulated pictures of different states."""

    @property
    def share(self) -> float:
        """Real against simulated, over another state against this one."""
        return self.real / self.states if self.states > 0 else float("nan")


def policy_distances(
    policy: Policy, pairs: Mapping[str, Pairs], states: RealFrames, instructions: list[str], model: RobotModel
) -> list[Distance]:  # fmt: skip
    """How far a policy's answers to real pictures are from those to simulated ones.

    Args:
        policy: who is asked.
        pairs: by camera, of the same ``F`` frames.
        states: joints and gripper of those frames.
        instructions: ``[F]``.
        model: the robot.

    ValueError, in a sentence, for a policy that cannot be asked so.
    """
    missing = [name for name in policy.cameras if name not in pairs]
    if missing:
        raise ValueError(f"the policy looks through camera {missing[0]}, of which there are no pairs")
    if policy.privileged:
        raise ValueError("the policy sees the simulator's state and no pictures")
    if len(instructions) < LEAST_FRAMES:
        raise ValueError(
            f"{len(instructions)} frames are too few to compare answers: {LEAST_FRAMES} are needed"
        )
    images = {
        side: {name: torch.from_numpy(getattr(pairs[name], side).copy()) for name in pairs}
        for side in ("real", "simulated")
    }
    made = []
    encoder = getattr(getattr(policy, "policy", policy), "model", None)  # inside of what keeps it in bounds
    if isinstance(encoder, M1Model):
        views = encoder.config.images.views
        features = {
            side: _features(encoder, gather_views(shown, views, encoder.config.images))
            for side, shown in images.items()
        }
        made.append(_distance("features of its vision tower", "1", features["real"], features["simulated"]))
    answers = {side: _answers(policy, shown, states, instructions, model) for side, shown in images.items()}
    actions = {
        side: answer.actions.detach().cpu().numpy().astype(np.float64) for side, answer in answers.items()
    }
    for k, channel in enumerate(policy.action_spec.channels):
        one = {side: a[:, :, k] for side, a in actions.items()}
        made.append(
            _distance(f"action {channel.name}, over its chunk", channel.unit, one["real"], one["simulated"])
        )
    for label in (GRASP, PLACE):
        points = {side: _points(answer, label) for side, answer in answers.items()}
        known = np.isfinite(points["real"]).all(1) & np.isfinite(points["simulated"]).all(1)
        if known.sum() >= LEAST_FRAMES:
            made.append(
                _distance(
                    f"where it means to {label}", "px", points["real"][known], points["simulated"][known], 1.0
                )
            )
    return made


def _features(encoder: M1Model, pixels: torch.Tensor) -> np.ndarray:
    """What the vision tower makes of all views ``[F, V, 3, S, S]`` uint8: ``[F, D]``."""
    with torch.no_grad():
        tokens = encoder.vlm.image_tokens(pixels.to(encoder.device))
    made: np.ndarray = tokens.float().flatten(1).cpu().numpy()
    return made


def _answers(
    policy: Policy, images: Mapping[str, torch.Tensor], states: RealFrames, instructions: list[str], model: RobotModel
) -> Decision:  # fmt: skip
    count = len(instructions)
    joints = torch.from_numpy(states.joint_pos).float()
    position, rotation, _ = model.kinematics().forward(joints)
    policy.reset(range(count), list(range(count)))
    pose = np.concatenate((position.numpy(), Rotation.from_matrix(rotation.numpy()).as_quat()), 1)
    observation = Observation(
        env_ids=range(count),
        step=torch.zeros(count, dtype=torch.long),
        instruction=instructions,
        joint_pos=joints,
        joint_vel=torch.zeros_like(joints),
        gripper_width=torch.from_numpy(states.gripper_width).float(),
        ee_pose=torch.from_numpy(pose).float(),
        images={name: images[name] for name in policy.cameras},
    )
    with torch.no_grad():
        return policy.act(observation)


def _points(answer: Decision, label: str) -> np.ndarray:
    """Where each frame's claim has the hand act ``[F, 2]`` [px]; NaN where it makes none."""
    said = [None if claim is None else claimed_place(claim, label) for claim in answer.grounding]
    return np.array([(np.nan, np.nan) if place is None else place for place in said])


def _distance(
    what: str, unit: str, real: np.ndarray, simulated: np.ndarray, scale: float | None = None
) -> Distance:
    """Root mean square over a row's numbers, unless ``scale`` is given: then it is the length, times that."""
    rows = real.reshape(len(real), -1), simulated.reshape(len(simulated), -1)
    factor = 1 / np.sqrt(rows[0].shape[1]) if scale is None else scale
    apart = factor * np.linalg.norm(rows[0] - rows[1], axis=1)
    a, b = np.triu_indices(len(real), 1)
    others = factor * np.linalg.norm(rows[1][a] - rows[1][b], axis=1)
    random = np.random.default_rng(0)
    drawn = [np.median(apart[random.integers(len(apart), size=len(apart))]) for _ in range(500)]
    low, high = np.quantile(drawn, (0.025, 0.975))
    return Distance(what, unit, float(np.median(apart)), (float(low), float(high)), float(np.median(others)))
