"""The twin's expert in simulation: the same code, told alike, so that both sides can be compared.

    workbench eval policy=tools/twin_expert.py:TwinExpert policy.error_mm=15 dr=none

Each environment has a `workbench.bridge.policies.expert.PoseExpert` of its own, which is told where things are by a
sensor with the noise of the twin's, and whose actions are added up to a commanded pose as the bridge adds them up. What
it is told has no delay here; the twin's sensor is 10 ms late.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from scipy.spatial.transform import Rotation

from policy.action import ActionSpec
from policy.contract import Decision, Observation
from robots.driver import ArmState, Reading
from robots.registry import robot
from workbench.bridge.observation import Observed, Poses
from workbench.bridge.policies.expert import PoseExpert
from workbench.bridge.policies.expert_errors import ExpertErrors
from workbench.bridge.targets import Targets
from workbench.bridge.twin.parameters import PoseSensorParameters

SENSOR = PoseSensorParameters()
THINGS = ("object", "receptacle")


class TwinExpert:
    """See the module; a policy of ``eval``."""

    privileged = True
    execute_steps = 1

    def __init__(
        self,
        num_envs: int,
        action_spec: ActionSpec,
        device: str,
        error_mm: float = 0.0,
        latency_steps: int = 0,
        scale: float = 1.0,
    ) -> None:
        """
        Args:
            num_envs: environments.
            action_spec: relative tool motion.
            device: of the actions.
            error_mm: see `ExpertErrors` [mm].
            latency_steps: the same [control steps].
            scale: share of its speed, as the bridge's ``scale=``.
        """
        self.action_spec, self._device = action_spec, device
        self.name = "noisy_expert" if error_mm or latency_steps else "expert"
        model = robot()
        limits, home = model.spec.limits, tuple(model.spec.home)
        self._targets = [
            Targets(action_spec, model.chain, limits, home, model.gripper) for _ in range(num_envs)
        ]
        errors = ExpertErrors(error_mm / 1000, latency_steps)
        at_home = self._targets[0].tool(np.array(home))
        self._experts = [PoseExpert(action_spec, at_home, scale, errors) for _ in range(num_envs)]
        self._noise = [np.random.default_rng(0) for _ in range(num_envs)]
        self._began = np.zeros(num_envs, bool)

    def reset(self, env_ids: Sequence[int], seeds: Sequence[int]) -> None:
        """See `Policy`."""
        for env, seed in zip(env_ids, seeds, strict=True):
            self._experts[env].reset(str(seed), seed)
            self._noise[env] = np.random.default_rng([seed, 1])
            self._began[env] = False

    def act(self, observation: Observation) -> Decision:
        """See `Policy`."""
        view = observation.privileged["view"]
        things = torch.stack((view.target_pose, view.receptacle_pose), 1).cpu().double().numpy()
        measured = {
            name: getattr(observation, name).cpu().double().numpy()
            for name in ("joint_pos", "joint_vel", "ee_pose", "gripper_width")
        }
        actions = [
            self._act(env, things[row], {name: value[row] for name, value in measured.items()})
            for row, env in enumerate(observation.env_ids)
        ]
        chosen = torch.tensor(np.stack(actions), dtype=torch.float32, device=self._device)
        return Decision(chosen[:, None], [None] * len(actions))

    def _act(self, env: int, things: np.ndarray, measured: dict[str, np.ndarray]) -> np.ndarray:
        targets = self._targets[env]
        if not self._began[env]:
            targets.begin(measured["joint_pos"])
            self._began[env] = True
        state = ArmState(
            *(Reading(measured[name], 0.0) for name in ("joint_pos", "joint_vel")),
            torque=Reading(np.full_like(measured["joint_pos"], np.nan), 0.0),
            tool_pose=Reading(measured["ee_pose"], 0.0),
            gripper_width=Reading(np.atleast_1d(measured["gripper_width"]), 0.0),
        )
        poses = Poses(dict(zip(THINGS, (self._sensed(env, pose) for pose in things), strict=True)), 0.0)
        commanded = targets.tool(targets.joints)
        observed = Observed(0.0, 0, "", state, measured["ee_pose"], commanded, poses=poses)
        action = self._experts[env].act(observed).actions[0]
        joints, _ = targets.of(action, measured["joint_pos"])
        targets.commanded(joints)
        return action

    def _sensed(self, env: int, pose: np.ndarray) -> np.ndarray:
        """A pose ``[7]`` as the twin's sensor would say it."""
        rng = self._noise[env]
        turn = Rotation.from_rotvec(rng.normal(0.0, SENSOR.rotation_noise, 3))
        position = pose[:3] + rng.normal(0.0, SENSOR.position_noise, 3)
        return np.concatenate((position, (turn * Rotation.from_quat(pose[3:])).as_quat()))
