"""`Targets`: an action of a policy as joint positions for the gate, as the simulated tasks take it.

Relative actions are added to what was *commanded* before, not to what was measured: a loaded arm sags below that.
What the gate did not accept was not commanded: `commanded` says what was.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from scipy.spatial.transform import Rotation

from policy.action import ActionSpec
from robots.action_spaces import DELTA_EEF, DELTA_JOINTS
from robots.chain import Chain
from robots.protocol import Gripper
from robots.spec import JointLimits

MAX_LEAD = 0.10
"""Greatest distance of the commanded tool from the measured one [m], as in the simulated tasks."""


class TargetError(ValueError):
    """The actions of a spec cannot be made joint positions of this arm; one sentence says why."""


class Targets:
    """Joint positions from actions, one control step after the other."""

    def __init__(
        self,
        spec: ActionSpec,
        chain: Chain | None,
        limits: JointLimits,
        home: tuple[float, ...],
        gripper: Gripper | None,
    ) -> None:
        """
        Args:
            spec: what actions mean.
            chain: the arm's kinematics; None where they are not known, and only joints can be told.
            limits: of the arm.
            home: posture that a redundant arm keeps near to ``[n]`` [rad].
            gripper: what closes; None where nothing does.

        TargetError where actions cannot be carried out so.
        """
        if spec.name not in (DELTA_EEF, DELTA_JOINTS):
            raise TargetError(
                f"actions of {spec.name!r} cannot be carried out: choose {DELTA_EEF} or {DELTA_JOINTS}"
            )
        if spec.name == DELTA_EEF and (chain is None or spec.rotation != "rotation_vector"):
            raise TargetError(
                f"this arm cannot be told relative tool motion ({spec.name} with {spec.rotation}) over the bridge: "
                f"action_space={DELTA_JOINTS}"
            )
        low, high = np.array(limits.position_low), np.array(limits.position_high)
        self._chain = replace(chain, low=low, high=high) if chain is not None else None
        self._spec, self._low, self._high = spec, low, high
        self._home, self._gripper = np.array(home), gripper
        self._step = np.array(limits.velocity) / spec.control_hz
        self._arm = len(home)
        self.period = 1 / spec.control_hz
        """Of a control step [s]."""
        self.open_width = gripper.open_width if gripper is not None else None
        """Of the gripper [m]."""
        self.joints = self._home.copy()
        """Commanded joint positions ``[n]`` [rad]."""

    def begin(self, joints: np.ndarray) -> None:
        """The arm rests at measured joint positions ``[n]`` [rad]."""
        self.joints = np.array(joints, np.float64)

    def commanded(self, joints: np.ndarray) -> None:
        """What the gate took up ``[n]`` [rad]."""
        self.joints = np.array(joints, np.float64)

    def of(self, action: np.ndarray, measured: np.ndarray) -> tuple[np.ndarray, float | None]:
        """Joint positions ``[n]`` [rad] and gripper width [m] that an action ``[A]`` asks for.

        ``measured`` are joint positions ``[n]`` [rad]. An action that is not finite gives NaN, which the gate refuses.
        """
        action = np.asarray(action, np.float64)
        width = self._width(action)
        if not np.isfinite(action).all():
            return np.full(self._arm, np.nan), width
        action = np.clip(action, self._spec.low, self._spec.high)
        told_joints = self._spec.name == DELTA_JOINTS
        wanted = self.joints + action[: self._arm] if told_joints else self._moved(action, measured)
        wanted = self.joints + np.clip(wanted - self.joints, -self._step, self._step)
        return np.clip(wanted, self._low, self._high), width

    def tool(self, joints: np.ndarray) -> np.ndarray:
        """Pose of the tool ``[7]`` (x y z [m], quaternion x y z w) at joint positions ``[n]`` [rad]; NaN if unknown."""
        if self._chain is None:
            return np.full(7, np.nan)
        position, rotation = self._chain.pose(np.asarray(joints)[None])
        return np.concatenate((position[0], Rotation.from_matrix(rotation[0]).as_quat()))

    def _moved(self, action: np.ndarray, measured: np.ndarray) -> np.ndarray:
        assert self._chain is not None
        (here, there), rotations = self._chain.pose(np.stack((self.joints, measured)))
        position = here + action[:3]
        lead = position - there
        distance = float(np.linalg.norm(lead))
        if distance > MAX_LEAD:
            position = there + lead * (MAX_LEAD / distance)
        rotation = Rotation.from_rotvec(action[3:6]).as_matrix() @ rotations[0]
        found: np.ndarray = self._chain.inverse(
            position[None], rotation[None], self.joints[None], posture=self._home
        )[0]
        return found

    def _width(self, action: np.ndarray) -> float | None:
        index = self._spec.gripper_index
        if index is None or self._gripper is None or not np.isfinite(action[index]):
            return None
        closes = bool(self._spec.gripper_closes(action[index : index + 1])[0])
        return self._gripper.min_width if closes else self._gripper.open_width
