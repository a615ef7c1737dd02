"""The model as a `Policy`: it acts on what it sees and, now and then, says where."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

import torch

from policy.contract import Committed, Decision, Observation
from policy.grounding import GRASP, PLACE, Grounding, Point
from policy.m1.actions import decode_actions, encode_actions
from policy.m1.checkpoint import load_checkpoint
from policy.m1.config import CONTACT, PATH
from policy.m1.diffusion import Held, row_noise
from policy.m1.model import M1Model
from policy.m1.precision import STORED, backbone_dtype, quantised
from policy.m1.prompt import measured_hand
from policy.m1.strict import ConfigError

Size = tuple[int, int]
ReadAnswer = Callable[[str, str, Size, Size], Grounding | None]
"""Text, camera, (width, height) of the image that the model saw, that of the camera's image -> the claim in the pixels
of the camera's image, or None where the text makes none."""


class M1Policy:
    """Acts for any number of environments with one forward pass a decision.

    An environment's actions depend on its episode's seed, its step and what it sees, never on which other environments
    are asked at the same time or on how often it was asked before.

    Where the model's prompt has slots, every decision says what the model took their places to be, in the first
    camera's image. Every ``ground_every``-th one of an environment also asks it aloud for boxes, which costs as many
    passes as the answer has tokens; 0 never asks. Actions are the same either way, since they come from hidden states
    and not from the answer.
    """

    name = "m1"
    privileged = False
    takes_committed = True

    def __init__(
        self,
        model: M1Model,
        ground_every: int = 0,
        read_answer: ReadAnswer | None = None,
        max_answer_tokens: int = 256,
    ) -> None:
        """``read_answer`` turns the model's text into a claim; by default the project's own parser."""
        if ground_every < 0:
            raise ConfigError(f"ground_every must be 0 or more, not {ground_every}")
        self.model = model.eval()
        self.config = model.config
        self.action_spec = model.config.action_spec
        self.cameras: tuple[str, ...] = model.config.images.views
        self.execute_steps = model.config.execute_steps
        self.ground_every = ground_every
        self.grounding_camera = self.cameras[0]
        self._read_answer = read_answer or read_grounding
        self._max_answer_tokens = max_answer_tokens
        self._seeds: dict[int, int] = {}
        self._decisions: dict[int, int] = {}

    @classmethod
    def from_checkpoint(
        cls,
        folder: Path,
        device: str = "cpu",
        precision: str = STORED,
        ground_every: int = 0,
    ) -> M1Policy:
        """The policy of a checkpoint, its weights as `policy.m1.precision` has them.

        Raises CheckpointError for what is no checkpoint, ValueError for a precision that cannot be had here.
        """
        model = load_checkpoint(folder, device, backbone_dtype(precision))
        return cls(quantised(model, precision), ground_every)

    def reset(self, env_ids: Sequence[int], seeds: Sequence[int]) -> None:
        """Begin episodes: ``seeds[i]`` fixes every sample that environment ``env_ids[i]`` will get."""
        for env, seed in zip(env_ids, seeds, strict=True):
            self._seeds[int(env)], self._decisions[int(env)] = int(seed), 0

    def act(self, observation: Observation) -> Decision:
        """A chunk of physical actions for every row, and a grounding for those whose turn it is.

        Raises ValueError for an environment that was never reset.
        """
        envs = [int(env) for env in observation.env_ids]
        fresh = [env for env in envs if env not in self._seeds]
        if fresh:
            raise ValueError(f"environments {fresh} act before they were reset")
        shape = (self.config.chunk_length, self.action_spec.dim)
        noise = row_noise([self._seeds[env] for env in envs], observation.step.tolist(), shape)
        hand = measured_hand(observation.ee_pose, observation.gripper_width)
        held = None if observation.committed is None else self._held(observation.committed)
        sampled, places = self.model.decide(
            observation.images, observation.instruction, noise, hand=hand, held=held
        )
        actions = decode_actions(sampled, self.config).to(observation.joint_pos.device)
        thought = self._thought(observation, places)
        said = self._ground(observation, envs)
        grounding = [_together(*claims) for claims in zip(thought, said, strict=True)]
        for env in envs:
            self._decisions[env] += 1
        return Decision(actions, grounding)

    def _held(self, committed: Committed) -> Held | None:
        """What the chunk is to go on from, in the model's own units; None before there was a chunk at all."""
        length = self.config.chunk_length
        actions, weight = committed.actions[:, :length], committed.weight[:, :length]
        return Held(encode_actions(actions, self.config), weight) if actions.shape[1] == length else None

    def _thought(self, observation: Observation, places: torch.Tensor) -> list[Grounding | None]:
        """The places among what the slots of the prompt stood for ``[n, S, 2]``, in the image that the model saw."""
        slots, side = self.config.prompt.slots, self.config.images.size
        if not slots:
            return [None] * len(places)
        height, width = observation.images[self.grounding_camera].shape[1:3]
        claims: list[Grounding | None] = []
        for row in places.tolist():
            named = [(name, (float(u), float(v))) for name, (u, v) in zip(slots, row, strict=True)]
            points = tuple(Point(name, uv) for name, uv in named if name in (GRASP, CONTACT, PLACE))
            trace = tuple(uv for name, uv in named if name == PATH)
            seen = Grounding(self.grounding_camera, (side, side), points=points, trace=trace)
            claims.append(seen.resized(width, height))
        return claims

    def _ground(self, observation: Observation, envs: Sequence[int]) -> list[Grounding | None]:
        claims: list[Grounding | None] = [None] * len(envs)
        every = self.ground_every
        due = [i for i, env in enumerate(envs) if every and self._decisions[env] % every == 0]
        if not due:
            return claims
        camera, side = self.grounding_camera, self.config.images.size
        shown = {camera: observation.images[camera][due]}
        height, width = shown[camera].shape[1:3]
        asked = [observation.instruction[i] for i in due]
        for i, text in zip(due, self.model.answer(shown, asked, self._max_answer_tokens), strict=True):
            claims[i] = self._read_answer(text, camera, (side, side), (width, height))
        return claims


def _together(thought: Grounding | None, said: Grounding | None) -> Grounding | None:
    """What was said, with what was only thought where nothing was said of it."""
    if thought is None or said is None:
        return thought or said
    return replace(said, points=said.points or thought.points, trace=said.trace or thought.trace)


def read_grounding(text: str, camera: str, seen_size: Size, image_size: Size) -> Grounding | None:
    """What the project's parser of answers makes of a text."""
    from policy.answer_grounding import answer_grounding
    from policy.answer_parser import parse_answer

    answer = parse_answer(text, seen_size).answer
    return None if answer is None else answer_grounding(answer, camera, seen_size, image_size)
