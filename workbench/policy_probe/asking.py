"""`StagedPolicy`: a policy that is asked on a `Stage`, as a rollout would ask it."""

from __future__ import annotations

import copy
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import torch

from policy.contract import Observation, Policy
from workbench.policy_check.answers import Answers
from workbench.policy_check.changes import Change, Seen
from workbench.policy_check.situations import Situation
from workbench.policy_probe.stage import Shown, Stage, rows_of


class StagedPolicy:
    """See `workbench.policy_check.answers.Asker`."""

    def __init__(
        self, policy: Policy, stage: Stage, told: Callable[[int], None] = lambda decisions: None
    ) -> None:
        """``told`` is called with the number of rows of each decision."""
        self.policy, self.stage, self._told = policy, stage, told
        self.scenes = stage.scenes

    def ask(self, script: Sequence[Situation], change: Change | None = None) -> Answers:
        """See `workbench.policy_check.answers.Asker`."""
        policy = self._as(change)
        rows = range(self.scenes)
        policy.reset(rows, self.stage.seeds)
        steps: list[np.ndarray] = []
        reached = np.ones(self.scenes, bool)
        for k, situation in enumerate(script):
            shown = self.stage.show(situation)
            seen = change.alter(shown.seen) if change else shown.seen
            decision = policy.act(self._observation(policy, shown, seen, k * policy.execute_steps))
            chunk = decision.actions.detach().cpu().double().numpy()
            steps.append(chunk[:, : policy.execute_steps])
            reached &= shown.reached
            self._told(self.scenes)
        return Answers(np.concatenate(steps, 1), chunk, shown.position, shown.rotation, shown.goal, reached)

    def time_alone(self, situation: Situation, decisions: int) -> list[float]:
        """What each of so many decisions about the first scene alone takes [s]."""
        policy, shown = self.policy, self.stage.show(situation)
        policy.reset([0], self.stage.seeds[:1])
        taken = []
        for k in range(decisions):
            observation = self._observation(policy, shown, shown.seen, k * policy.execute_steps, scenes=1)
            began = time.perf_counter()
            policy.act(observation)
            taken.append(time.perf_counter() - began)
            self._told(1)
        return taken

    def _as(self, change: Change | None) -> Any:
        """The policy, given other observations if the change says so."""
        spec = getattr(self.policy, "observation_spec", None)
        if change is None or spec is None or (other := change.respec(spec)) == spec:
            return self.policy
        variant: Any = copy.copy(self.policy)
        variant.observation_spec = other
        return variant

    def _observation(
        self, policy: Policy, shown: Shown, seen: Seen, step: int, scenes: int | None = None
    ) -> Observation:
        """Of the first ``scenes``; None: of all."""
        device, n = self.stage.env.device, scenes or self.scenes

        def tensor(array: np.ndarray) -> torch.Tensor:
            return torch.from_numpy(np.ascontiguousarray(array[:n])).to(device)

        return Observation(
            env_ids=range(n),
            step=torch.full((n,), step, dtype=torch.long, device=device),
            instruction=list(seen.instruction[:n]),
            joint_pos=tensor(seen.joint_pos),
            joint_vel=tensor(seen.joint_vel),
            gripper_width=tensor(seen.gripper_width),
            ee_pose=tensor(seen.ee_pose),
            images={name: tensor(image) for name, image in seen.images.items()},
            calibration={
                name: replace(
                    c, intrinsics=c.intrinsics[:n], distortion=c.distortion[:n], extrinsics=c.extrinsics[:n]
                )
                for name, c in shown.calibration.items()
            },
            privileged={"view": rows_of(shown.view, seen.simulator[:n])} if policy.privileged else {},
        )
