"""Chunk execution: which action of which chunk is carried out when, the same in simulation and on a robot.

A policy is asked at a control step and answers with a chunk of ``T`` actions, of which the k-th is meant for the k-th
step from there on. The answer may take some steps, its *delay*. Meanwhile the robot waits, or goes on with what it has:

* ``open_loop``: carry out `horizon` actions of a chunk from its first on, then ask, and stand still until the answer
  comes. What most evaluations in simulation do, where no time passes while the policy thinks.
* ``receding``: ask every `horizon` steps, go on with the last chunk while the policy thinks, then take the new one up
  at the action that is meant for the present step.
* ``temporal``: the mean of all chunks that have an action for the present step, the oldest weighing most,
  ``exp(-decay k)`` for the k-th oldest (ACT: Zhao et al. 2023, arXiv 2304.13705).
* ``adaptive``: their mean with weights ``exp(alpha cos)`` of the cosine between each action and the newest one, so that
  two ways round an obstacle are not averaged (CogACT: Li et al. 2024, arXiv 2411.19650; InternVLA-M1 does the same).
* ``blended``: as ``receding``, but the new chunk takes over gradually where both have actions, with the soft mask of
  real-time chunking (Black et al. 2025, arXiv 2506.07339). That method applies the mask inside the denoising of a flow
  policy; here it is applied to finished chunks, which any policy has.
* ``real_time``: real-time chunking itself, for policies that make their chunks by denoising: `ChunkExecutor.committed`
  says what the robot goes on with and how much of it can no longer change, and the policy makes a chunk that agrees.

Rows are independent: their numbers depend on nothing but their own chunks. Imports neither torch nor a simulator.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from policy.action import ActionSpec

OPEN_LOOP, RECEDING, TEMPORAL, ADAPTIVE, BLENDED = "open_loop", "receding", "temporal", "adaptive", "blended"
REAL_TIME = "real_time"
MODES = (OPEN_LOOP, RECEDING, TEMPORAL, ADAPTIVE, BLENDED, REAL_TIME)
REMEMBERED_DELAYS = 10
"""``real_time``: the next answer is expected to take as long as the slowest of so many last ones (arXiv 2506.07339)."""
NEVER = np.iinfo(np.int64).max // 2
"""Control step that does not come."""


@dataclass(frozen=True)
class ExecutionCfg:
    """How chunks are carried out."""

    mode: str = OPEN_LOOP
    horizon: int = 1
    """Control steps from one request to the next; for ``open_loop`` actions carried out of each chunk. At most T."""
    window: int = 7
    """``temporal``, ``adaptive``: chunks that are averaged at most; InternVLA-M1 has 7, 2, 3 or 16."""
    decay: float = 0.01
    """``temporal``: of the weights; ACT's value."""
    alpha: float = 0.1
    """``adaptive``: how much likeness counts; CogACT's and InternVLA-M1's value."""
    gripper_hold: int = 0
    """Control steps for which the hand keeps to a command at least before it turns round (sticky gripper)."""

    def __post_init__(self) -> None:
        if self.mode not in MODES:
            raise ValueError(
                f"there is no way {self.mode!r} to execute chunks: choose one of {', '.join(MODES)}"
            )
        if min(self.horizon, self.window) < 1 or self.gripper_hold < 0:
            raise ValueError("horizon and window must be at least 1, gripper_hold at least 0")

    @property
    def kept(self) -> int:
        """Chunks that are remembered of each row."""
        return self.window if self.mode in (TEMPORAL, ADAPTIVE) else 2


class ChunkExecutor:
    """Chunks in, one action a control step out, for ``N`` rows."""

    def __init__(self, cfg: ExecutionCfg, rows: int, spec: ActionSpec | None, idle: np.ndarray) -> None:
        """
        Args:
            cfg: how chunks are carried out.
            rows: ``N``.
            spec: what actions mean: a robot that stands still keeps its hand as it was told last; None: no hand.
            idle: action that keeps the robot where it is ``[A]``.
        """
        if cfg.gripper_hold and (spec is None or spec.gripper_index is None):
            raise ValueError("gripper_hold needs actions with a channel that moves the hand")
        self.cfg, self.rows, self._spec = cfg, rows, spec
        self._channel = spec.gripper_index if spec else None
        self._idle = np.asarray(idle, dtype=np.float32)
        k = cfg.kept
        self._now = np.zeros(rows, dtype=np.int64)
        # The last chunks of each row, newest first: their actions, how many, when they were asked for and come.
        self._chunks = np.zeros((rows, k, 1, len(self._idle)), dtype=np.float32)
        self._length = np.zeros((rows, k), dtype=np.int64)
        self._asked = np.full((rows, k), -NEVER)
        self._comes = np.full((rows, k), NEVER)
        self._delays = np.zeros((rows, REMEMBERED_DELAYS), dtype=np.int64)
        self._hand = np.full(rows, np.nan, dtype=np.float32)
        self._held = np.zeros(rows, dtype=np.int64)

    def begin(self, rows: Sequence[int]) -> None:
        """Forget everything about these rows, as at the beginning of an episode."""
        ids = list(rows)
        self._now[ids], self._held[ids], self._hand[ids] = 0, 0, np.nan
        self._length[ids], self._asked[ids], self._comes[ids] = 0, -NEVER, NEVER
        self._delays[ids] = 0

    def due(self) -> np.ndarray:
        """Rows for which the policy is to be asked now ``[N]``, bool."""
        nothing = self._length[:, 0] == 0
        horizon = np.minimum(self.cfg.horizon, self._length[:, 0])
        if self.cfg.mode == OPEN_LOOP:
            return nothing | (self._now >= self._comes[:, 0] + horizon)
        return nothing | ((self._now >= self._comes[:, 0]) & (self._now - self._asked[:, 0] >= horizon))

    def receive(
        self, rows: Sequence[int], chunks: np.ndarray, delay: np.ndarray, asked_ago: np.ndarray | int = 0
    ) -> None:
        """The answers ``[n, T, A]`` to what rows were asked, which come ``delay`` steps ``[n]`` from now.

        In simulation an answer is there at once and its delay is known. On a robot it comes when it comes: then
        ``delay`` is 0, and ``asked_ago`` says how many steps ago it was asked for.
        """
        ids, chunks = np.asarray(rows), np.asarray(chunks, dtype=np.float32)
        length = chunks.shape[1]
        if length > self._chunks.shape[2]:
            longer = ((0, 0), (0, 0), (0, length - self._chunks.shape[2]), (0, 0))
            self._chunks = np.pad(self._chunks, longer)
        for held in (self._chunks, self._length, self._asked, self._comes):
            held[ids, 1:] = held[ids, :-1]
        self._chunks[ids, 0, :length] = chunks
        self._length[ids, 0] = length
        self._asked[ids, 0] = self._now[ids] - asked_ago
        self._comes[ids, 0] = self._now[ids] + delay
        self._delays[ids, 1:] = self._delays[ids, :-1]
        self._delays[ids, 0] = self._comes[ids, 0] - self._asked[ids, 0]
        if self.cfg.mode == BLENDED:
            self._blend(ids)

    def committed(self, rows: Sequence[int]) -> tuple[np.ndarray, np.ndarray]:
        """What rows that are to be asked now go on with ``[n, T, A]``, and the soft mask over it ``[n, T]``.

        Weights are 1 for as many steps as the longest of the last `REMEMBERED_DELAYS` answers took, and 0 where the
        last chunk has no action. ``T`` is the length of the longest chunk that came so far.
        """
        ids = np.asarray(rows)
        shift = (self._now[ids] - self._asked[ids, 0])[:, None]
        steps = np.arange(self._chunks.shape[2])[None]
        overlap = np.where(self._length[ids, :1] > 0, self._length[ids, :1] - shift, 0)
        weight = soft_mask(steps, self._delays[ids].max(1)[:, None], overlap)
        index = np.clip(steps + np.minimum(shift, NEVER), 0, self._chunks.shape[2] - 1)
        return np.take_along_axis(self._chunks[ids, 0], index[:, :, None], 1), weight.astype(np.float32)

    def next(self) -> tuple[np.ndarray, np.ndarray]:
        """Actions of this control step ``[N, A]``, and rows ``[N]`` that have none and stand still, bool."""
        if self.cfg.mode == OPEN_LOOP:
            actions, ready = self._open_loop()
        elif self.cfg.mode in (RECEDING, BLENDED, REAL_TIME):
            actions, ready = self._newest()
        else:
            actions, ready = self._mean()
        actions = np.where(ready[:, None], actions, self._standing())
        if self._channel is not None:
            if self.cfg.gripper_hold:
                actions[:, self._channel] = self._held_hand(actions[:, self._channel])
            self._hand = actions[:, self._channel].copy()
        self._now += 1
        return actions, ~ready

    # -- the ways

    def _open_loop(self) -> tuple[np.ndarray, np.ndarray]:
        index = self._now - self._comes[:, 0]
        ready = (index >= 0) & (index < np.minimum(self.cfg.horizon, self._length[:, 0]))
        return self._chunks[np.arange(self.rows), 0, np.where(ready, index, 0)], ready

    def _newest(self) -> tuple[np.ndarray, np.ndarray]:
        usable, index = self._usable()
        pick = usable.argmax(1)  # the first of them, the newest
        rows = np.arange(self.rows)
        return self._chunks[rows, pick, index[rows, pick]], usable.any(1)

    def _mean(self) -> tuple[np.ndarray, np.ndarray]:
        usable, index = self._usable()
        actions = np.take_along_axis(self._chunks, index[:, :, None, None], 2)[:, :, 0].astype(np.float64)
        if self.cfg.mode == TEMPORAL:
            older = usable[:, ::-1].cumsum(1)[:, ::-1] - usable  # usable ones that are older still
            weight = np.exp(-self.cfg.decay * older)
        else:
            newest = actions[np.arange(self.rows), usable.argmax(1)][:, None]
            norms = np.sqrt((actions**2).sum(2) * (newest**2).sum(2))
            weight = np.exp(self.cfg.alpha * (actions * newest).sum(2) / np.maximum(norms, 1e-12))
        weight = np.where(usable, weight, 0.0)
        mean = (weight[:, :, None] * actions).sum(1) / np.maximum(weight.sum(1), 1e-12)[:, None]
        return mean.astype(np.float32), usable.any(1)

    def _usable(self) -> tuple[np.ndarray, np.ndarray]:
        """Chunks that have come and have an action for now ``[N, K]``, bool, and which action ``[N, K]`` it is.

        One that is over when it comes still gives its last action, once.
        """
        age = self._now[:, None] - self._asked
        usable = (self._now[:, None] >= self._comes) & (
            (age < self._length) | (self._now[:, None] == self._comes)
        )
        return usable, np.where(usable, np.minimum(age, self._length - 1), 0)

    def _blend(self, ids: np.ndarray) -> None:
        """Let the newest chunks of these rows take over gradually from the ones before."""
        delay = (self._comes[ids, 0] - self._asked[ids, 0])[:, None]
        shift = (self._asked[ids, 0] - self._asked[ids, 1])[:, None]
        steps = np.arange(self._chunks.shape[2])[None]
        overlap = np.where(self._length[ids, 1:2] > 0, self._length[ids, 1:2] - shift, 0)
        old_share = soft_mask(steps, delay, overlap)[:, :, None]
        # Indices beyond the old chunk have no share; any action of it stands in for them.
        index = np.clip(steps + np.minimum(shift, NEVER), 0, self._chunks.shape[2] - 1)
        old = np.take_along_axis(self._chunks[ids, 1], index[:, :, None], 1)
        self._chunks[ids, 0] = old_share * old + (1 - old_share) * self._chunks[ids, 0]

    # -- the hand

    def _standing(self) -> np.ndarray:
        """What keeps each row where it is ``[N, A]``, its hand as it was told last."""
        actions = np.tile(self._idle, (self.rows, 1))
        if self._channel is not None:
            told = actions[:, self._channel]
            actions[:, self._channel] = np.where(np.isnan(self._hand), told, self._hand)
        return actions

    def _held_hand(self, wanted: np.ndarray) -> np.ndarray:
        """Commands of the hand ``[N]``: those that turn it round too early become what it was told before."""
        assert self._spec is not None
        closes, begun = self._spec.gripper_closes, ~np.isnan(self._hand)
        turns = begun & (closes(wanted) != closes(self._hand))
        early = turns & (self._held < self.cfg.gripper_hold)
        self._held = np.where(turns & ~early, 1, self._held + 1)
        return np.where(early, self._hand, wanted)


def soft_mask(steps: np.ndarray, delay: np.ndarray, overlap: np.ndarray) -> np.ndarray:
    """How much the last chunk's action for each step of a new one counts (equation 5 of arXiv 2506.07339).

    Args:
        steps: of the new chunk ``[1, T]``.
        delay: steps until the new chunk comes ``[n, 1]``: until then the last one counts fully.
        overlap: steps for which the last chunk has an action ``[n, 1]``: from there on it does not count.
    """
    share = np.clip((overlap - steps) / np.maximum(overlap - delay + 1, 1), 0.0, 1.0)
    soft = np.where(steps < delay, 1.0, share * np.expm1(share) / np.expm1(1.0))
    return np.where(steps < overlap, soft, 0.0)
