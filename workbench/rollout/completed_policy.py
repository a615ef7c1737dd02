"""`CompletedPolicy`: a policy of the user's with defaults for what it leaves out, held to the contract."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import torch

from policy.action import ActionSpec
from policy.contract import Calibration, Decision, Observation, takes_committed
from policy.observation_inputs import Measured, intrinsics, picture, prompt, state_vector
from policy.observation_spec import CameraInput, ObservationOffer, ObservationSpec
from workbench.cli.options import OptionError


class CompletedPolicy:
    """A user's policy with defaults for what it leaves out, its decisions checked against the contract.

    Without an ``action_spec`` of its own, its actions are taken to mean what the task means; without an
    ``observation_spec``, it sees what the task offers, as it is.
    """

    def __init__(self, policy: Any, name: str, action_spec: ActionSpec, offer: ObservationOffer) -> None:
        self._policy, self._offer = policy, offer
        self.observation_spec: ObservationSpec | None = getattr(policy, "observation_spec", None)
        if self.observation_spec is not None:
            self._check_observations(name)
        self.name = str(getattr(policy, "name", name))
        self.action_spec: ActionSpec = getattr(policy, "action_spec", action_spec)
        spec = self.observation_spec
        self.cameras: tuple[str, ...] = spec.sources if spec else tuple(getattr(policy, "cameras", ()))
        self.privileged = bool(getattr(policy, "privileged", False))
        self.execute_steps = getattr(policy, "execute_steps", 1)
        self.takes_committed = takes_committed(policy)
        if not isinstance(self.execute_steps, int) or self.execute_steps < 1:
            raise OptionError(
                f"policy={name}: execute_steps must be a whole number from 1, not {self.execute_steps!r}"
            )

    def reset(self, env_ids: Sequence[int], seeds: Sequence[int]) -> None:
        """See `Policy.reset`; nothing, for one that keeps no past."""
        if hasattr(self._policy, "reset"):
            self._policy.reset(env_ids, seeds)

    def act(self, observation: Observation) -> Decision:
        """See `Policy.act`. Actions alone are a decision, too: one chunk ``[n, T, A]`` or one step ``[n, A]`` a row."""
        decided, n = self._policy.act(self._seen(observation)), len(observation.env_ids)
        actions = decided.actions if isinstance(decided, Decision) else decided
        grounding = decided.grounding if isinstance(decided, Decision) else [None] * n
        try:
            actions = torch.as_tensor(actions, dtype=torch.float32, device=observation.joint_pos.device)
        except (TypeError, ValueError, RuntimeError):
            raise OptionError(
                f"policy={self.name}: act gave {type(actions).__name__}, not an array of actions or a Decision"
            ) from None
        if actions.dim() == 2:
            actions = actions[:, None]
        wanted = (n, self.action_spec.dim)
        if actions.dim() != 3 or (actions.shape[0], actions.shape[2]) != wanted or not actions.shape[1]:
            raise OptionError(
                f"policy={self.name}: act gave actions of shape {list(actions.shape)} for {n} environments and "
                f"{self.action_spec.dim} channels; it must be [{n}, T, {self.action_spec.dim}], T steps a chunk"
            )
        if len(grounding) != n:
            raise OptionError(
                f"policy={self.name}: act gave {len(grounding)} groundings for {n} environments"
            )
        return Decision(actions, grounding)

    def _check_observations(self, name: str) -> None:
        spec, offer = self.observation_spec, self._offer
        if not isinstance(spec, ObservationSpec):
            raise OptionError(
                f"policy={name}: observation_spec must be an ObservationSpec, not {type(spec).__name__}"
            )
        problems = spec.mismatches(offer)
        if problems:
            raise OptionError(
                f"policy={name} takes observations that the task does not have: {'; '.join(problems)}"
            )

    def _seen(self, observation: Observation) -> Observation:
        """The observation as the policy declares it."""
        spec, offer = self.observation_spec, self._offer
        if spec is None:
            return observation
        device = observation.joint_pos.device
        names = ("joint_pos", "joint_vel", "ee_pose", "gripper_width")
        measured = Measured(*(getattr(observation, name).cpu().numpy() for name in names))
        images = {
            camera.name: torch.from_numpy(
                picture(camera, observation.images[camera.camera].cpu().numpy())
            ).to(device)
            for camera in spec.cameras
        }
        calibration = {
            camera.name: self._calibrated(camera, observation.calibration[camera.camera])
            for camera in spec.cameras
            if camera.calibrated
        }
        return replace(
            observation,
            images=images,
            calibration=calibration,
            state=torch.from_numpy(state_vector(spec, measured, offer)).to(device),
            instruction=[prompt(spec, text) for text in observation.instruction],
        )

    def _calibrated(self, camera: CameraInput, believed: Calibration) -> Calibration:
        """What is believed of a camera, for the picture as the policy takes it."""
        matrices = intrinsics(camera, believed.intrinsics.cpu().numpy(), self._offer.cameras[camera.camera])
        return replace(believed, intrinsics=torch.from_numpy(matrices).to(believed.intrinsics))
