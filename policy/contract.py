"""The contract between whatever acts and whatever it acts in: `Observation` in, `Decision` out.

Everything is batched over environments. Environments finish at different times, so a policy is asked for a
decision for the rows that need one (`Observation.env_ids`) and told which rows begin a new episode (`reset`).
The module imports no simulator and no torch, so that a robot computer can use it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal, Protocol, runtime_checkable

from policy.action import ActionSpec
from policy.grounding import Grounding

if TYPE_CHECKING:
    import torch


@dataclass(frozen=True)
class Calibration:
    """A camera as its robot believes it to be, for ``n`` environments: what is so may differ.

    Pixels are continuous, (0, 0) the picture's top-left corner; the camera's axes are OpenCV's: x right, y down, z
    forward.
    """

    intrinsics: torch.Tensor
    """Calibration matrices ``[n, 3, 3]`` [px] of the picture that goes with it."""
    distortion: torch.Tensor
    """Radial distortion k ``[n]``: a point at normalised radius r appears at r (1 + k r^2)."""
    extrinsics: torch.Tensor
    """Pose of the camera in `frame` ``[n, 7]``: x y z [m], quaternion x y z w."""
    frame: Literal["base", "end_effector"]
    """The robot's base, or for a camera that the hand carries the end effector, whose pose is `Observation.ee_pose`."""


@dataclass(frozen=True)
class Committed:
    """What a robot will go on doing while a policy thinks, and beyond, unless the answer says otherwise."""

    actions: torch.Tensor
    """Actions ``[n, T, A]`` of the last chunk, the k-th for the k-th control step from now, in physical units. Those
    that the last chunk does not have, and those of a row that has none, are of weight 0."""
    weight: torch.Tensor
    """How much each counts ``[n, T]``: 1 where it will be carried out before the answer comes, less and less beyond."""


@dataclass(frozen=True)
class Observation:
    """What a policy sees at one instant, for ``n`` environments."""

    env_ids: Sequence[int]
    """Which environments the rows belong to ``[n]``."""
    step: torch.Tensor
    """Control steps since each episode began ``[n]``, int64."""
    instruction: Sequence[str]
    """What each environment is asked to do ``[n]``."""
    joint_pos: torch.Tensor
    """Arm joint positions ``[n, J]`` [rad]."""
    joint_vel: torch.Tensor
    """Arm joint velocities ``[n, J]`` [rad/s]."""
    gripper_width: torch.Tensor
    """Distance between the fingertips ``[n]`` [m]."""
    ee_pose: torch.Tensor
    """End-effector pose in the robot base frame ``[n, 7]``: x y z [m], quaternion x y z w."""
    images: Mapping[str, torch.Tensor] = field(default_factory=dict)
    """Camera name -> RGB ``[n, H, W, 3]`` uint8; only the cameras that the policy asked for."""
    calibration: Mapping[str, Calibration] = field(default_factory=dict)
    """Camera name -> what the robot believes of it; only where the policy's `ObservationSpec` asks for it."""
    state: torch.Tensor | None = None
    """State vector ``[n, D]`` of a policy that declares an `ObservationSpec`, as declared there; None for others."""
    committed: Committed | None = None
    """What the next chunk is to go on from; only for policies with `takes_committed`, where they are asked to."""
    privileged: Mapping[str, Any] = field(default_factory=dict)
    """Simulator state that no robot has; only for policies with `Policy.privileged` set."""


@dataclass(frozen=True)
class Decision:
    """What a policy decided for the rows of one `Observation`."""

    actions: torch.Tensor
    """Action chunk ``[n, T, A]`` in the physical units of the policy's `ActionSpec`."""
    grounding: Sequence[Grounding | None]
    """Where the policy means to act ``[n]``; None for a row about which it says nothing."""


@runtime_checkable
class Policy(Protocol):
    """Who acts."""

    name: str
    action_spec: ActionSpec
    """What the numbers in `Decision.actions` mean."""
    cameras: tuple[str, ...]
    """Cameras whose images `act` reads; empty for policies that see none, which then cost no rendering."""
    privileged: bool
    """Whether `act` reads simulator state that a robot could not measure."""
    execute_steps: int
    """How many steps of each chunk are executed before the next decision (1 to T)."""

    def reset(self, env_ids: Sequence[int], seeds: Sequence[int]) -> None:
        """Forget the past of these environments; ``seeds[i]`` fixes all randomness of the episode that begins."""
        ...

    def act(self, observation: Observation) -> Decision:
        """Decide for every row of the observation."""
        ...


def takes_committed(policy: Policy) -> bool:
    """Whether a policy makes chunks that go on from `Observation.committed`: its attribute ``takes_committed``."""
    return bool(getattr(policy, "takes_committed", False))
