"""A policy behind a server, asked by the bridge: the same dialects as in evaluation, without torch.

It is asked once and not again: an answer that comes too late for one question is of no use for the arm, whose gate has
brought it to rest by then.
"""

from __future__ import annotations

import uuid
from collections.abc import Mapping

import numpy as np

from policy.action import ActionSpec
from policy.observation_inputs import Measured
from policy.observation_spec import ObservationOffer
from policy.serve.client.actor import Actor
from policy.serve.client.translation import Mapped, Native, Seen, Translation
from workbench.bridge.observation import Observed
from workbench.bridge.policies.protocol import Thought
from workbench.rollout.remote_policies import RemoteServer

QUICK = {"attempts": "1", "patience_s": "0", "timeout_s": "5", "connections": "1"}
"""What its options are unless they are given."""


def server_of(name: str, given: Mapping[str, str]) -> RemoteServer:
    """The server of a policy's name, with its options as typed."""
    return RemoteServer.of(name, QUICK | dict(given))


class RemoteBridgePolicy:
    """A `BridgePolicy` that asks a server."""

    uses_pose_sensor = False

    def __init__(
        self, name: str, given: Mapping[str, str], action_spec: ActionSpec, offer: ObservationOffer
    ) -> None:
        """
        Args:
            name: ``remote:DIALECT://HOST:PORT``.
            given: its options as typed, by name: those of evaluation.
            action_spec: what the arm's actions mean.
            offer: what the arm and its cameras can give.

        OptionError or RemoteError, in a sentence, where the two do not fit.
        """
        server = server_of(name, given)
        server.check(offer)
        server.check_actions(action_spec)
        self.name = name
        self._actor: Actor
        self._actor, greeting = server.connected()
        mapping = server.mapping
        self._translation: Translation = (
            Native(self._actor.dialect, greeting, action_spec)
            if mapping is None
            else Mapped(mapping, action_spec, offer, 1)
        )
        self.action_spec = self._translation.action_spec
        self.cameras = self._translation.cameras
        self.execute_steps = self._translation.execute_steps
        self.provenance = server.provenance()
        """What a run keeps of it."""
        self._client = uuid.uuid4().hex[:12]
        self._session = ("", 0)

    def reset(self, episode: str, seed: int) -> None:
        """See `BridgePolicy`."""
        self._session = (f"{self._client}-{episode}", seed)
        self._translation.reset(0)

    def act(self, observed: Observed) -> Thought:
        """See `BridgePolicy`; RemoteError where the server gives nothing of use."""
        state = observed.state
        seen = Seen(
            envs=[0],
            sessions=[self._session],
            steps=[observed.step],
            instructions=[observed.instruction],
            measured=Measured(
                joint_pos=state.joint_pos.value[None].astype(np.float32),
                joint_vel=state.joint_vel.value[None].astype(np.float32),
                ee_pose=observed.ee_pose[None].astype(np.float32),
                gripper_width=state.gripper_width.value[:1].astype(np.float32),
            ),
            images={name: picture.rgb[None] for name, picture in observed.pictures.items()},
        )
        answers = self._actor.act([0], self._translation.questions(seen))
        actions = self._translation.actions(seen, [chunk for chunk, _ in answers])
        return Thought(actions[0], answers[0][1])

    def close(self) -> None:
        """See `BridgePolicy`."""
        self._actor.close()
