"""What is asked of a policy and answered, in no dialect: what every dialect's client and server speak about."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

WORKBENCH = "workbench"
"""Key under which the bench's own servers say and are told what a dialect has no place for: a server that does not
announce it is never sent it."""
PROTOCOL = 1
"""Version of what stands under it."""
MEASURED = ("joint_pos", "joint_vel", "ee_pose", "gripper_width")
"""What a robot measures, by the names of `policy.contract.Observation`."""


@dataclass(frozen=True)
class Asked:
    """One environment's question."""

    images: Mapping[str, np.ndarray]
    """Pictures by their names on the wire, in order: ``[H, W, 3]`` uint8."""
    state: Mapping[str, np.ndarray]
    """Vectors ``[D]`` by their names on the wire."""
    prompt: str
    session: str = ""
    """Names the episode; another one means that the past is over."""
    own: Mapping[str, Any] | None = None
    """Between a client and a server of the bench: ``seed`` and ``step`` of the episode, and `MEASURED`."""
    prompt_key: str = ""
    """What the prompt is called, where the dialect leaves that open."""


Chunk = Mapping[str, np.ndarray]
"""The parts of an action chunk by name, ``[H, D]`` each; most dialects have one, ``actions``."""


@dataclass(frozen=True)
class Answered:
    """What a server answered to one request."""

    chunks: Sequence[Chunk]
    """One a question."""
    server_ms: float | None = None
    """How long the server says that it took [ms]; None where the dialect or the server does not say."""
    grounding: Sequence[Any] = ()
    """Of a server of the bench: where its policy means to act, one a question, as `policy.grounding.Grounding.to_dict`
    has it, or None; empty for others."""


@dataclass(frozen=True)
class Greeting:
    """What a server said of itself."""

    metadata: Mapping[str, Any]
    contract: Mapping[str, Any] | None = None
    """What a server of the bench says under `WORKBENCH`; None for others."""
    limits: Mapping[str, Any] = field(default_factory=dict)
    """What the dialect's own metadata say that a client must keep to."""
    past: str = "none"
    """Where the server keeps a policy's past: see `policy.serve.client.speaker.Past`."""


def contract_in(metadata: Mapping[str, Any]) -> Mapping[str, Any] | None:
    """The contract among metadata, if a server of the bench put one there that this version understands."""
    own = metadata.get(WORKBENCH)
    return own if isinstance(own, dict) and own.get("protocol") == PROTOCOL else None


def answered(chunks: Sequence[Chunk], own: Any, server_ms: float | None = None) -> Answered:
    """Chunks together with what a server of the bench says beside them under its own key, if it is one.

    Raises:
        ValueError: What it says of grounding is not one a question.
    """
    if not isinstance(own, dict):
        return Answered(chunks, server_ms)
    said = own.get("server_ms")
    if isinstance(said, int | float) and not isinstance(said, bool) and said >= 0:
        server_ms = float(said)
    grounding = own.get("grounding") or ()
    if not isinstance(grounding, list | tuple) or len(grounding) not in (0, len(chunks)):
        raise ValueError(f"grounding is not one of each of {len(chunks)} questions")
    return Answered(chunks, server_ms, grounding)
