"""Policies behind planted mistakes."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import torch

from policy.contract import Decision, Observation, Policy
from tests.workbench.policy_check.planted import Mistake
from workbench.policy_check.changes import Seen


class Planted:
    """A policy behind a mistake."""

    def __init__(self, policy: Policy, mistake: Mistake) -> None:
        self._policy, self._mistake = policy, mistake
        self.name, self.action_spec, self.cameras = policy.name, policy.action_spec, policy.cameras
        self.privileged, self.execute_steps = policy.privileged, policy.execute_steps

    def reset(self, env_ids, seeds) -> None:
        self._policy.reset(env_ids, seeds)

    def act(self, observation: Observation) -> Decision:
        names = ("joint_pos", "joint_vel", "gripper_width", "ee_pose")
        told = {name: getattr(observation, name).numpy() for name in names}
        images = {name: image.numpy() for name, image in observation.images.items()}
        rows = np.arange(len(observation.env_ids))
        seen = Seen(**told, images=images, instruction=observation.instruction, simulator=rows)
        shown = self._mistake.sees(seen)
        decision = self._policy.act(
            replace(
                observation,
                **{name: torch.from_numpy(getattr(shown, name)) for name in names},
                images={name: torch.from_numpy(image) for name, image in shown.images.items()},
            )
        )
        chunk = self._mistake.steps(decision.actions.double().numpy(), seen)
        return Decision(torch.from_numpy(np.ascontiguousarray(chunk)), decision.grounding)


class FromTheMeasured(Planted):
    """Steps that are counted from where the arm is, by a policy that counts what it commanded."""

    def reset(self, env_ids, seeds) -> None:
        super().reset(env_ids, seeds)
        self._commanded = None

    def act(self, observation: Observation) -> Decision:
        decision = self._policy.act(observation)
        at = observation.ee_pose[:, :3]
        before = at if self._commanded is None else self._commanded
        self._commanded = before + decision.actions[:, 0, :3]
        actions = decision.actions.clone()
        actions[:, 0, :3] = self._commanded - at
        return Decision(actions, decision.grounding)
