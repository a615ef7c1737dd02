"""`RemotePolicy`: a policy behind a server as the bench knows policies. Here torch ends; all below is numpy."""

from __future__ import annotations

import uuid
from collections.abc import Mapping as Map
from collections.abc import Sequence
from typing import Any

import torch

from policy.action import ActionSpec
from policy.contract import Decision, Observation
from policy.grounding import Grounding
from policy.observation_inputs import Measured
from policy.observation_spec import ObservationOffer
from policy.serve.client.actor import Actor
from policy.serve.client.translation import Mapped, Native, Seen, Translation
from policy.serve.errors import RemoteError
from policy.serve.exchange import MEASURED, Greeting
from policy.serve.mapping.mapping import Mapping


class RemotePolicy:
    """Asks a server for every row that is to act, and makes its answers the task's actions."""

    privileged = False

    def __init__(
        self,
        name: str,
        actor: Actor,
        greeting: Greeting,
        mapping: Mapping | None,
        num_envs: int,
        action_spec: ActionSpec,
        offer: ObservationOffer,
    ) -> None:
        """
        Args:
            name: of the policy.
            actor: asks the server; it has greeted.
            greeting: what the server said of itself.
            mapping: what the dialect leaves open; None for a server of the bench, which says all of it.
            num_envs: environments.
            action_spec: what the task's actions mean.
            offer: what the task can give.

        Raises:
            RemoteError: The server cannot be used so.
        """
        self.name = name
        self._actor = actor
        actor.check_environments(num_envs)
        self._translation: Translation = (
            Native(actor.dialect, greeting, action_spec)
            if mapping is None
            else Mapped(mapping, action_spec, offer, num_envs)
        )
        self.action_spec = self._translation.action_spec
        self.cameras = self._translation.cameras
        self.execute_steps = self._translation.execute_steps
        self._client = uuid.uuid4().hex[:12]
        self._sessions: dict[int, tuple[str, int]] = {}
        self._begun = 0

    def reset(self, env_ids: Sequence[int], seeds: Sequence[int]) -> None:
        """See `policy.contract.Policy`."""
        for env, seed in zip(env_ids, seeds, strict=True):
            self._begun += 1
            self._sessions[int(env)] = (f"{self._client}-{self._begun}", int(seed))
            self._translation.reset(int(env))

    def act(self, observation: Observation) -> Decision:
        """See `policy.contract.Policy`; RemoteError where the server gives nothing of use."""
        envs = [int(env) for env in observation.env_ids]
        fresh = [env for env in envs if env not in self._sessions]
        if fresh:
            raise ValueError(f"environments {fresh} act before they were reset")
        seen = Seen(
            envs=envs,
            sessions=[self._sessions[env] for env in envs],
            steps=[int(step) for step in observation.step],
            instructions=list(observation.instruction),
            measured=Measured(**{name: getattr(observation, name).cpu().numpy() for name in MEASURED}),
            images={name: image.cpu().numpy() for name, image in observation.images.items()},
        )
        answers = self._actor.act(envs, self._translation.questions(seen))
        actions = self._translation.actions(seen, [chunk for chunk, _ in answers])
        grounding = [_grounding(said, self.name) for _, said in answers]
        return Decision(torch.from_numpy(actions).to(observation.joint_pos.device), grounding)

    def take_latencies(self) -> dict[str, int]:
        """How long requests took since the last call: see `policy.serve.client.latency`."""
        return self._actor.latencies.take()

    def close(self) -> None:
        """Let go of the server."""
        self._actor.close()


def _grounding(said: Any, name: str) -> Grounding | None:
    if said is None:
        return None
    try:
        made = Grounding.from_dict(said if isinstance(said, Map) else {})
    except (KeyError, TypeError, ValueError, IndexError) as problem:
        raise RemoteError(
            f"{name}: what it says of where it means to act is no grounding: {problem!r}"
        ) from None
    return made
