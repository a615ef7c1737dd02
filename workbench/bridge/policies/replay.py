"""Replays a log of the bridge: the actions that were carried out, one a control step. Through the gate, as anything."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from policy.action import ActionSpec
from workbench.bridge.observation import Observed
from workbench.bridge.policies.protocol import Thought
from workbench.bridge.ticks import read_ticks
from workbench.cli.options import OptionError


class ReplayLog:
    """A `BridgePolicy` that does what a log says."""

    cameras: tuple[str, ...] = ()
    uses_pose_sensor = False
    execute_steps = 10

    def __init__(self, path: Path, action_spec: ActionSpec) -> None:
        """OptionError for a file that is no log, or of actions that mean something else."""
        self.name, self.action_spec = f"replay:{path}", action_spec
        actions, recorded = [], None
        try:
            for topic, message in read_ticks(path, "/episode", "/tick"):
                if topic == "/episode" and "action_spec" in message:
                    recorded = ActionSpec.from_dict(message["action_spec"])
                elif topic == "/tick" and "control" in message:
                    actions.append(message["control"]["action"])
        except (OSError, ValueError, KeyError, TypeError) as problem:
            raise OptionError(f"policy=replay:{path}: {problem}") from None
        if recorded is None or not actions:
            raise OptionError(f"policy=replay:{path}: it holds no command of a policy")
        if differing := action_spec.mismatches(recorded, bounds=False):
            raise OptionError(f"policy=replay:{path}: {'; '.join(differing)}")
        self._actions = np.array(actions, np.float64)

    def reset(self, episode: str, seed: int) -> None:
        """See `BridgePolicy`."""

    def act(self, observed: Observed) -> Thought:
        """See `BridgePolicy`."""
        left = self._actions[observed.step : observed.step + self.execute_steps]
        if not len(left):
            return Thought(self.action_spec.idle_action[None], done=True)
        return Thought(left)

    def close(self) -> None:
        """See `BridgePolicy`."""
