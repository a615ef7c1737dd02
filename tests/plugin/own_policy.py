"""A policy in a package of its own."""

import torch


class Still:
    """Does nothing."""

    def __init__(self, action_spec, gripper: float = 1.0):
        self.action_spec, self.gripper = action_spec, gripper

    def act(self, observation):
        actions = torch.zeros(len(observation.env_ids), self.action_spec.dim)
        actions[:, self.action_spec.index("gripper")] = self.gripper
        return actions
