"""The rollout: a fixed quota of named episodes, each run exactly once, in many environments at once.

Which environment runs which episode is fixed beforehand (episode ``i`` in environment ``i mod N``, in order), so a
short episode never buys a place for another one: counting the first episodes to finish would favour whatever ends
early, and with 50 environments a true success rate of 0.50 would read 0.74. It also makes a resumed run repeat what
an uninterrupted one does.

A policy decides for all environments at once, every `Policy.execute_steps` steps, and an environment that finished
idles for a step at least and begins its next episode at a decision. That keeps the batch whole, draws cameras only
then, and lets the engine forget the episode before. Where simulated time goes on while the policy thinks, answers may
come at different steps, and it decides for those environments that are due (`policy.execution`).

An action that is not finite never reaches the simulator: its environment idles for that step, its episode is lost as
`INVALID_ACTION`, and the others go on.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Container, Iterable, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Protocol

import numpy as np
import torch

from policy.contract import Committed, Observation, Policy
from policy.execution import REAL_TIME, ChunkExecutor, ExecutionCfg
from policy.grounding import Grounding
from workbench.rollout.hand_moments import hand_moments
from workbench.rollout.tally import Tally
from workbench.rollout.watcher import Nobody, Watcher
from workbench.rollout.work import RowQueues, Work

INVALID_ACTION = "invalid_action"
"""Why an episode failed in which the policy's action was not finite; all other reasons are the task's."""


@dataclass(frozen=True)
class Outcome:
    """How an episode ended."""

    success: bool
    failure_reason: str | None


class Simulation(Protocol):
    """What a rollout needs of the environments; ``N`` of them, rows independent."""

    num_envs: int
    max_steps: int
    """Control steps after which an episode ends by itself."""
    idle_action: torch.Tensor
    """Action ``[A]`` that keeps an environment where it is."""

    @property
    def may_begin(self) -> bool:
        """Whether episodes may begin at this step; asked before each decision."""
        ...

    def begin(self, rows: Sequence[int], indices: Sequence[int]) -> Sequence[int]:
        """Begin the episodes with these indices; returns a seed for the policy for each."""
        ...

    def end(self, rows: Sequence[int]) -> None:
        """The episodes of these rows are over; they idle for a step before the next begin, to forget the last."""
        ...

    def observe(self, policy: Policy, rows: Sequence[int] | None = None) -> Observation:
        """What the policy is to see of these rows; None: of all."""
        ...

    def answer_delay(self, rows: Sequence[int], thinking_s: float) -> np.ndarray:
        """Control steps ``[n]`` after which the policy's answers come, when it thought for so long [s]."""
        ...

    def true_grounding(self, row: int, claim: Grounding) -> Grounding | None:
        """The truth about what a policy claimed just now, in the same image; None where there is none."""
        ...

    def seen(self, row: int, claim: Grounding, positions: np.ndarray) -> np.ndarray | None:
        """Pixels ``[K, 2]`` of tool positions ``[K, 3]`` [m] in the image of a claim; None for a camera that moves."""
        ...

    def closing(self, actions: torch.Tensor) -> np.ndarray:
        """Rows ``[N]`` of actions ``[N, A]`` that close the hand, bool."""
        ...

    def step(self, actions: torch.Tensor) -> None:
        """One control step with actions ``[N, A]``."""
        ...

    def limited(self) -> np.ndarray:
        """Rows ``[N]`` whose command of the last step was beyond what the robot can do, and was changed, bool."""
        ...

    def finished(self) -> np.ndarray:
        """Rows ``[N]`` whose episode is decided, bool."""
        ...

    def outcome(self, row: int) -> Outcome:
        """How the episode of a row ended."""
        ...

    def tool_positions(self) -> np.ndarray:
        """``[N, 3]`` [m]"""
        ...

    def snapshot(self) -> dict[str, np.ndarray]:
        """State of all rows, to draw them later: name -> ``[N, ...]``."""
        ...


@dataclass
class RunningEpisode:
    """What is kept of an episode while it runs, and handed over when it is done."""

    index: int
    row: int
    started: float
    record_states: bool
    steps: int = 0
    positions: list[np.ndarray] = field(default_factory=list)
    """Tool positions [m], one more than steps."""
    decisions: list[tuple[int, Grounding | None]] = field(default_factory=list)
    """What was claimed at which step; recorded episodes also hold when a claim was followed by none."""
    truths: list[tuple[int, Grounding]] = field(default_factory=list)
    limited: int = 0
    """Steps in which the robot's limits changed the command."""
    closing: list[bool] = field(default_factory=list)
    """Whether the action of each step closed the hand."""
    acted: dict[str, tuple[float, float]] = field(default_factory=dict)
    """Where the hand first closed and last opened (`hand_moments`), pixels of the first claim's image."""
    states: list[dict[str, np.ndarray]] = field(default_factory=list)
    """Snapshots, one more than steps when recorded."""
    actions: list[np.ndarray] = field(default_factory=list)
    final_state: dict[str, np.ndarray] | None = None
    outcome: Outcome | None = None
    invalid_action: bool = False
    """Whether the policy's last action was not finite."""
    wall_s: float = 0.0


class Rollout:
    """Runs episodes; results are handed over one by one as they end."""

    def __init__(
        self,
        simulation: Simulation,
        policy: Policy,
        work: Iterable[int] | Work,
        done: Callable[[RunningEpisode], Any],
        recorded: Container[int] = (),
        keep_final: Container[int] = (),
        execution: ExecutionCfg | None = None,
        realtime: bool = False,
        watcher: Watcher | None = None,
    ) -> None:
        """
        Args:
            simulation: the environments.
            policy: who acts.
            work: episodes to run, each once; or who hands them out.
            done: called with each episode as it ends; returning True ends the rollout early.
            recorded: episodes of which every state is kept.
            keep_final: episodes of which the final state is kept.
            execution: how chunks are carried out; None: `Policy.execute_steps` of each, from its first action on.
            realtime: whether simulated time goes on while the policy thinks, for as long as it does.
            watcher: told of it while it goes on.
        """
        self.simulation, self.policy, self.done = simulation, policy, done
        self.recorded, self.keep_final = recorded, keep_final
        self.tally = Tally()
        n = simulation.num_envs
        self._realtime, self._watcher = realtime, watcher or Nobody()
        self._executor = ChunkExecutor(
            execution or ExecutionCfg(horizon=policy.execute_steps),
            n,
            policy.action_spec,
            simulation.idle_action.cpu().numpy(),
        )
        self._work = work if isinstance(work, Work) else RowQueues(work, n)
        self._next: list[int | None] = [None] * n
        self._exhausted = [False] * n
        self._running: list[RunningEpisode | None] = [None] * n
        self._known = np.zeros(n, bool)  # rows of which the policy was told
        self._cleared = [True] * n  # whether an idle step has gone by since the last episode

    def run(self) -> Tally:
        """Run every episode of the quota to its end."""
        sim = self.simulation
        while True:
            if self._executor.due().any():
                self._begin_waiting()
                if not any(self._running) and all(self._exhausted):
                    return self.tally
                self._decide()
            chosen, _ = self._executor.next()
            is_finite = np.isfinite(chosen).all(1)
            actions = torch.from_numpy(chosen).to(sim.idle_action.device)
            for row, episode in enumerate(self._running):
                if episode is not None:
                    episode.invalid_action = not is_finite[row]
                if episode is None or episode.invalid_action:
                    actions[row] = sim.idle_action
            began = time.perf_counter()
            sim.step(actions)
            finished = sim.finished()
            self.tally.physics_s += time.perf_counter() - began
            self._watcher.stepped()
            if self._collect(actions, finished):
                return self.tally

    def _begin_waiting(self) -> None:
        rows = [row for row in range(self.simulation.num_envs) if self._may_begin(row)]
        if not rows:
            return
        began = time.perf_counter()
        indices = [index for index in map(self._next.__getitem__, rows) if index is not None]
        for row in rows:
            self._next[row] = None
        seeds = self.simulation.begin(rows, indices)
        self.tally.physics_s += time.perf_counter() - began
        self.policy.reset(rows, seeds)
        self._executor.begin(rows)
        self._known[rows] = True
        positions = self.simulation.tool_positions()
        states = self.simulation.snapshot() if any(index in self.recorded for index in indices) else {}
        for row, index in zip(rows, indices, strict=True):
            episode = RunningEpisode(index, row, began, record_states=index in self.recorded)
            episode.positions.append(positions[row].copy())
            if episode.record_states:
                episode.states.append({k: v[row].copy() for k, v in states.items()})
            self._running[row] = episode
        self._watcher.began(rows, indices)

    def _may_begin(self, row: int) -> bool:
        """Whether a row begins an episode now; a free row asks for its next one."""
        if self._running[row] is not None or self._exhausted[row] or not self._executor.due()[row]:
            return False
        if self._next[row] is None:
            self._next[row] = self._work.take(row)
            self._exhausted[row] = self._next[row] is None
        return self._next[row] is not None and self._cleared[row] and self.simulation.may_begin

    def _decide(self) -> None:
        """Ask the policy about the rows that are due."""
        due = self._executor.due()
        everyone = bool(due.all())
        if everyone and (new := np.flatnonzero(~self._known).tolist()):
            self.policy.reset(new, [0] * len(new))  # a resumed run has no work for them
            self._known[new] = True
        if not everyone:
            due &= [episode is not None for episode in self._running]
        rows = np.flatnonzero(due).tolist()
        if not rows:
            return
        began = time.perf_counter()
        observation = self.simulation.observe(self.policy, None if everyone else rows)
        if self._executor.cfg.mode == REAL_TIME:
            observation = replace(observation, committed=self._committed(rows))
        seen = time.perf_counter()
        decision = self.policy.act(observation)
        thought = time.perf_counter() - seen
        self.tally.policy_s += thought
        self._watcher.decided(rows, observation, decision, thought)
        live = [episode for row in rows if (episode := self._running[row]) is not None]
        if observation.images:
            self.tally.rendering_s += seen - began
            self.tally.frames += len(observation.images) * len(live)
        self.tally.decisions += len(live)
        for place, row in enumerate(rows):
            if (episode := self._running[row]) is not None:
                self._keep_claim(episode, decision.grounding[place])
        delay = self.simulation.answer_delay(rows, thought if self._realtime else 0.0)
        self._executor.receive(rows, decision.actions.cpu().numpy(), delay)

    def _committed(self, rows: Sequence[int]) -> Committed:
        device = self.simulation.idle_action.device
        actions, weight = map(torch.from_numpy, self._executor.committed(rows))
        return Committed(actions.to(device), weight.to(device))

    def _keep_claim(self, episode: RunningEpisode, claim: Grounding | None) -> None:
        """Book what the policy says at a decision; pixels that are not finite say nothing."""
        if claim is None or not claim.is_finite:
            if episode.record_states and episode.decisions and episode.decisions[-1][1] is not None:
                episode.decisions.append((episode.steps, None))
            return
        if episode.decisions and not episode.record_states:
            return
        episode.decisions.append((episode.steps, claim))
        truth = self.simulation.true_grounding(episode.row, claim)
        if truth is not None and truth.is_finite:
            episode.truths.append((episode.steps, truth))

    def _collect(self, actions: torch.Tensor, finished: np.ndarray) -> bool:
        """Book one step; True when the caller has seen enough."""
        sim = self.simulation
        positions, closing, limited = sim.tool_positions(), sim.closing(actions), sim.limited()
        live = [episode for episode in self._running if episode is not None]
        ended = []
        for episode in live:
            episode.steps += 1
            episode.limited += int(limited[episode.row])
            episode.closing.append(bool(closing[episode.row]))
            episode.positions.append(positions[episode.row].copy())
            if finished[episode.row] or episode.steps >= sim.max_steps or episode.invalid_action:
                ended.append(episode)
        self._cleared = [True] * sim.num_envs
        self.tally.env_steps += len(live)
        if any(e.record_states for e in live) or any(e.index in self.keep_final for e in ended):
            states = sim.snapshot()
            for episode in live:
                state = {k: v[episode.row].copy() for k, v in states.items()}
                if episode.record_states:
                    episode.states.append(state)
                    episode.actions.append(actions[episode.row].cpu().numpy().copy())
                if episode in ended and episode.index in self.keep_final:
                    episode.final_state = state
        enough = False
        for episode in ended:
            lost = Outcome(False, INVALID_ACTION) if episode.invalid_action else None
            episode.outcome = lost or sim.outcome(episode.row)
            episode.acted = self._acted(episode)
            episode.wall_s = time.perf_counter() - episode.started
            self._running[episode.row] = None
            self.tally.episodes += 1
            enough |= bool(self.done(episode))
        if ended:
            self._watcher.ended(ended)
            rows = [episode.row for episode in ended]
            sim.end(rows)
            self._cleared = [row not in rows for row in range(sim.num_envs)]
        return enough

    def _acted(self, episode: RunningEpisode) -> dict[str, tuple[float, float]]:
        claim = next((claim for _, claim in episode.decisions if claim is not None), None)
        moments = hand_moments(episode.closing)
        if claim is None or not moments:
            return {}
        positions = np.stack([episode.positions[step] for step in moments.values()])
        pixels = self.simulation.seen(episode.row, claim, positions)
        if pixels is None:
            return {}
        return {
            label: (float(u), float(v))
            for label, (u, v) in zip(moments, pixels, strict=True)
            if np.isfinite([u, v]).all()
        }
