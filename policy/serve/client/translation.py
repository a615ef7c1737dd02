"""Between what the bench sees and does and what a server is asked and answers: by a mapping, or by its contract."""

from __future__ import annotations

from collections.abc import Mapping as Map
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np

from policy.action import ActionSpec
from policy.execution import ADAPTIVE, ChunkExecutor, ExecutionCfg
from policy.observation_inputs import Measured, picture, prompt, state_vector
from policy.observation_spec import ObservationOffer, ObservationSpec
from policy.serve.errors import RemoteError, shown
from policy.serve.exchange import MEASURED, Asked, Chunk, Greeting
from policy.serve.mapping.actions import ChunkReader, Now, execute_steps, problems
from policy.serve.mapping.mapping import Mapping, WireActions, WireCamera

PREFIXES = {
    "openpi": "observation/",
    "roboarena": "observation/",
    "dreamzero": "observation/",
    "gr00t": "video.",
}
"""What stands before the name of a camera between a client and a server of the bench."""


@dataclass(frozen=True)
class Seen:
    """What the bench sees at one instant, of ``n`` environments."""

    envs: Sequence[int]
    sessions: Sequence[tuple[str, int]]
    """Names of the episodes, and their seeds."""
    steps: Sequence[int]
    """Control steps since each began."""
    instructions: Sequence[str]
    measured: Measured
    images: Map[str, np.ndarray]
    """Camera of the task -> RGB ``[n, H, W, 3]`` uint8."""


class Translation(Protocol):
    """One way of asking."""

    action_spec: ActionSpec
    """What `actions` mean."""
    cameras: tuple[str, ...]
    """Those of the task that are asked about."""
    execute_steps: int

    def reset(self, env: int) -> None:
        """An environment begins an episode."""
        ...

    def questions(self, seen: Seen) -> list[Asked]:
        """One a row."""
        ...

    def actions(self, seen: Seen, chunks: Sequence[Chunk]) -> np.ndarray:
        """The answers as actions ``[n, T, A]`` float32; RemoteError for what are none."""
        ...


class Native:
    """Of a server of the bench: it says what its policy is, and gets what the task measures and sees, as it is."""

    def __init__(self, dialect: str, greeting: Greeting, task: ActionSpec) -> None:
        contract = greeting.contract
        if contract is None:
            raise RemoteError(
                "the server does not say what it takes and gives, so policy.mapping= must: a YAML file, or the name of "
                "one that ships"
            )
        try:
            self.action_spec = ActionSpec.from_dict(contract["action_spec"])
            self.cameras = tuple(str(name) for name in contract["cameras"])
            self.execute_steps = int(contract["execute_steps"])
        except (KeyError, TypeError, ValueError) as problem:
            raise RemoteError(f"the server's contract is none: {problem!r}") from None
        if differing := task.mismatches(self.action_spec):
            raise RemoteError("its policy's actions do not mean what the task's do: " + "; ".join(differing))
        self._prefix = PREFIXES.get(dialect, "")

    def reset(self, env: int) -> None:
        """See `Translation`; the server is told by the session."""

    def questions(self, seen: Seen) -> list[Asked]:
        """See `Translation`."""
        return [
            Asked(
                images={f"{self._prefix}{name}": seen.images[name][row] for name in self.cameras},
                state={},
                prompt=seen.instructions[row],
                session=session,
                own={"seed": seed, "step": seen.steps[row]}
                | {name: np.asarray(getattr(seen.measured, name)[row]) for name in MEASURED},
            )
            for row, (session, seed) in enumerate(seen.sessions)
        ]

    def actions(self, seen: Seen, chunks: Sequence[Chunk]) -> np.ndarray:
        """See `Translation`."""
        rows = [joined(chunk, tuple(chunk), self.action_spec.dim).astype(np.float32) for chunk in chunks]
        if len({len(row) for row in rows}) != 1:
            raise RemoteError("the server's chunks are not of one length")
        return np.stack(rows)


class Mapped:
    """Of any server, as a mapping says."""

    def __init__(self, mapping: Mapping, task: ActionSpec, offer: ObservationOffer, num_envs: int) -> None:
        if unfit := [*mapping.problems(offer), *problems(mapping.actions, task)]:
            raise RemoteError("the mapping does not fit the task: " + "; ".join(unfit))
        self.action_spec, self._mapping, self._offer = task, mapping, offer
        self.cameras = mapping.seen.sources
        self.execute_steps = execute_steps(mapping.actions, task)
        self._readers = [ChunkReader(mapping.actions, task) for _ in range(num_envs)]
        self._ensembles = _ensembles(mapping.actions, task, num_envs)
        self._parts = {name: ObservationSpec(state=parts) for name, parts in mapping.state.items()}

    def reset(self, env: int) -> None:
        """See `Translation`."""
        self._readers[env].reset()
        if self._ensembles:
            self._ensembles[env].begin([0])

    def questions(self, seen: Seen) -> list[Asked]:
        """See `Translation`."""
        pictures = {c.name: taken(c, seen.images[c.camera]) for c in self._mapping.cameras}
        vectors = {n: state_vector(s, seen.measured, self._offer) for n, s in self._parts.items()}
        return [
            Asked(
                images={name: images[row] for name, images in pictures.items()},
                state=split({name: vector[row] for name, vector in vectors.items()}),
                prompt=prompt(self._mapping.seen, seen.instructions[row]),
                session=session,
                prompt_key=self._mapping.prompt_key,
            )
            for row, (session, _) in enumerate(seen.sessions)
        ]

    def actions(self, seen: Seen, chunks: Sequence[Chunk]) -> np.ndarray:
        """See `Translation`."""
        rows = [self._actions(seen, row, chunk) for row, chunk in enumerate(chunks)]
        whole = [len(row) for row in rows if np.isfinite(row).all()]
        steps = min(whole) if whole else max(map(len, rows))
        made = np.full((len(rows), steps, self.action_spec.dim), np.nan, np.float32)
        for row, actions in zip(made, rows, strict=True):
            row[: len(actions)] = actions[:steps]
        return made

    def _actions(self, seen: Seen, row: int, chunk: Chunk) -> np.ndarray:
        wire, env = self._mapping.actions, seen.envs[row]
        values = joined(chunk, wire.keys, wire.dim or self.action_spec.dim)
        if wire.chunk and len(values) != wire.chunk:
            raise RemoteError(
                f"the server's chunk has {len(values)} steps, and the mapping says {wire.chunk}"
            )
        if self._ensembles:
            self._ensembles[env].receive([0], values[None], np.zeros(1, int))
            values, _ = self._ensembles[env].next()
        if wire.normalisation is not None:
            values = wire.normalisation.physical(values)
        now = Now(seen.measured.ee_pose[row], seen.measured.joint_pos[row])
        return self._readers[env].read(values, now)


def _ensembles(wire: WireActions, task: ActionSpec, num_envs: int) -> list[ChunkExecutor]:
    """What makes one action of an environment's last decisions, on the numbers of the wire; empty for nothing."""
    if wire.ensemble is None:
        return []
    cfg = ExecutionCfg(ADAPTIVE, 1, window=wire.ensemble.horizon, alpha=wire.ensemble.alpha)
    idle = np.zeros(wire.dim or task.dim)
    return [ChunkExecutor(cfg, 1, None, idle) for _ in range(num_envs)]


def beyond(mapping: Mapping, limits: Map[str, Any], offer: ObservationOffer) -> list[str]:
    """What of a mapping a server does not take or give by its own words when it greeted, in plain sentences."""
    found, chunk = [], limits.get("action_chunk_size")
    taken_height, taken_width = limits.get("image_resolution") or (0, 0)
    for camera in mapping.cameras if taken_height else ():
        width, height = offer.cameras.get(camera.camera, (0, 0))
        width, height = camera.width or width, camera.height or height
        if (width, height) != (taken_width, taken_height):
            found.append(
                f"camera {camera.name} is sent with {width} x {height} px, and the server takes "
                f"{taken_width} x {taken_height}"
            )
    if isinstance(chunk, int) and mapping.actions.execute_steps > chunk:
        found.append(
            f"{mapping.actions.execute_steps} steps of a chunk are to be executed, and the server's have {chunk}"
        )
    return found


def taken(camera: WireCamera, images: np.ndarray) -> np.ndarray:
    """A camera's images ``[n, H, W, 3]`` as the server takes them."""
    pictures = picture(camera, images)
    return np.ascontiguousarray(pictures[:, ::-1, ::-1]) if camera.turn else pictures


def split(vectors: Map[str, np.ndarray]) -> dict[str, np.ndarray]:
    """Vectors ``[D]`` by their names, those under several names in as many equal parts."""
    parts: dict[str, np.ndarray] = {}
    for names, vector in vectors.items():
        listed = [name.strip() for name in names.split(",")]
        if len(vector) % len(listed):
            raise RemoteError(
                f"the mapping's state {names!r} has {len(vector)} numbers, which are not parts of one length"
            )
        parts |= zip(listed, np.split(vector, len(listed)), strict=True)
    return parts


def joined(chunk: Chunk, keys: Sequence[str], dim: int) -> np.ndarray:
    """The parts of a chunk side by side ``[H, dim]`` float.

    Raises:
        RemoteError: One is missing, or the numbers are more or fewer.
    """
    missing = [key for key in keys if key not in chunk]
    if missing:
        raise RemoteError(f"the server's answer has no part {missing[0]!r}; it has {shown(list(chunk))}")
    whole = np.concatenate([np.asarray(chunk[key], float) for key in keys], 1)
    if whole.shape[1] != dim:
        raise RemoteError(
            f"the server's actions have {whole.shape[1]} numbers, and {dim} are expected"
            f"{'' if len(keys) < 2 else ' of ' + ', '.join(keys) + ' together'}"
        )
    return whole
