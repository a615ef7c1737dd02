"""A server of the bench in this process, and policies to be served."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from types import SimpleNamespace
from typing import Any

import numpy as np
import torch

from policy.contract import Decision, Observation
from policy.grounding import Grounding, Point
from policy.serve.server.batcher import Batcher
from policy.serve.server.service import Service
from workbench.rollout.completed_policy import CompletedPolicy
from workbench.rollout.policies import observation_offer
from workbench.serving.options import ServeOptions
from workbench.serving.serve import built, transports


class Remembering:
    """Actions that depend on all that it was shown, on the seed, the step and how often an episode was asked."""

    execute_steps = 2
    cameras = ("front", "wrist")
    name = "remembering"

    def __init__(self, spec, dim=None):
        self.action_spec = spec
        self.asked: dict[int, int] = {}
        self.generators: dict[int, np.random.Generator] = {}
        self.rows: list[int] = []
        """How many were asked at once."""

    def reset(self, env_ids, seeds):
        for env, seed in zip(env_ids, seeds, strict=True):
            self.asked[env], self.generators[env] = 0, np.random.default_rng(seed)

    def act(self, observation: Observation) -> Decision:
        n, dim = len(observation.env_ids), self.action_spec.dim
        self.rows.append(n)
        actions = np.zeros((n, 4, dim), np.float32)
        grounding = []
        for row, env in enumerate(observation.env_ids):
            self.asked[env] += 1
            noise = self.generators[env].normal(size=(4, dim)) * 1e-3
            shown = float(
                observation.images["front"][row].float().mean() - observation.images["wrist"][row, 0, 0, 2]
            )
            felt = float(
                observation.joint_pos[row].sum() + observation.ee_pose[row, 0] + observation.joint_vel[row, 1]
            )
            felt += float(observation.gripper_width[row]) + len(observation.instruction[row]) / 7
            actions[row] = (
                noise + shown * 1e-5 + felt * 1e-3 + self.asked[env] / 1000 + int(observation.step[row]) / 3e4
            )
            grounding.append(Grounding("front", (224, 224), points=(Point("grasp", (felt / 3, shown / 7)),)))
        return Decision(torch.from_numpy(actions), grounding)


@dataclass
class Running:
    """A server that listens."""

    port: int
    service: Service
    stop: Any


@contextmanager
def serving(policy: Any, protocol: str, port: int = 0, **options: Any) -> Iterator[Running]:
    """Serve a policy, whole or as a user writes one, at a port of its own."""
    asked = _options(protocol, port, **options)
    service, batcher = built(asked, _whole(policy, asked))
    servers = transports(asked, service)
    found, *_ = [server.start() for server in servers]
    stopped = threading.Event()

    def stop() -> None:
        if not stopped.is_set():
            stopped.set()
            service.draining = True
            for server in servers:
                server.stop()

    try:
        yield Running(found, service, stop)
    finally:
        stop()
        batcher.close()


def service_of(policy: Any, dialect: str) -> tuple[Service, Batcher]:
    """A service without a transport, of a dialect or a version of GR00T's."""
    named = {"version": dialect} if dialect.startswith("n1") else {}
    asked = _options("gr00t" if named else dialect, 0, **named)
    return built(asked, _whole(policy, asked))


def _options(protocol: str, port: int, **options: Any) -> ServeOptions:
    asked = _Unfingerprinted(policy="hold", protocol=protocol, device="cpu", **options)
    asked.resolve()
    asked.policy, asked.port = "test", port
    return asked


def _whole(policy: Any, asked: ServeOptions) -> Any:
    if hasattr(policy, "privileged"):
        return policy
    offer = observation_offer(asked.image_size, asked.robot)
    return CompletedPolicy(policy, "test", policy.action_spec, offer)


class _Unfingerprinted(ServeOptions):
    """Options of a policy that no name leads to."""

    @property
    def policy_cfg(self):
        return super().policy_cfg if self.policy == "hold" else SimpleNamespace(provenance=dict)
