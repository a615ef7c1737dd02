"""Stands still: the policy that shows whether everything else works."""

from __future__ import annotations

from policy.action import ActionSpec
from workbench.bridge.observation import Observed
from workbench.bridge.policies.protocol import Thought


class HoldStill:
    """A `BridgePolicy` that keeps the arm where it is, hand open."""

    name = "hold"
    cameras: tuple[str, ...] = ()
    uses_pose_sensor = False
    execute_steps = 1

    def __init__(self, action_spec: ActionSpec) -> None:
        self.action_spec = action_spec

    def reset(self, episode: str, seed: int) -> None:
        """See `BridgePolicy`."""

    def act(self, observed: Observed) -> Thought:
        """See `BridgePolicy`."""
        return Thought(self.action_spec.idle_action[None])

    def close(self) -> None:
        """See `BridgePolicy`."""
