"""Proof of the factors of inference time: when the arm does what the answer to an observation says."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
import torch

from domain_rand.checks.check import Outcome, check
from domain_rand.checks.trial import WRIST, Trial
from policy.execution import OPEN_LOOP, RECEDING, ChunkExecutor, ExecutionCfg
from tasks.tabletop.action_spaces import CONTROL_DT
from tasks.tabletop.inference_time import BURST_S

TURN = 0.005
"""Turn of the wrist that each action asks for [rad]."""
STEPS = 240
"""Control steps in which a probability is measured."""


def _steps_that_move(trial: Trial, cfg: ExecutionCfg, chunk: int, steps: int) -> torch.Tensor:
    """Whether the wrist is told to turn ``[steps, N]`` when every action of every answer says so."""
    env, rows = trial.env, range(trial.num_envs)
    idle = np.asarray(env.action_spec.idle_action, dtype=np.float32)
    executor = ChunkExecutor(cfg, trial.num_envs, env.action_spec, idle)
    answer = np.tile(idle, (trial.num_envs, chunk, 1))
    answer[..., WRIST] = TURN
    told = env.command.processed_actions[:, WRIST].clone()
    moves = []
    for _ in range(steps):
        due = np.flatnonzero(executor.due()).tolist()
        if due:
            executor.receive(due, answer[due], env.inference.delay([rows[row] for row in due]))
        actions, _ = executor.next()
        env.episode_length_buf[:] = 0
        env.step(torch.from_numpy(actions).to(env.device))
        before, told = told, env.command.processed_actions[:, WRIST].clone()
        moves.append((told - before).abs() > TURN / 2)
    return torch.stack(moves)


@check("control.inference_latency", "step in which the arm first does what the answer says", "control steps",
       absolute=0.0, levels=(0.0, 0.1, 0.3, 0.42))  # fmt: skip
def first_answer(trial: Trial, values: Sequence[float]) -> Outcome:
    """Counted from the observation; an answer comes at the next control step after its time."""
    moves = _steps_that_move(trial, ExecutionCfg(RECEDING, horizon=20), chunk=20, steps=12)
    return moves.float().argmax(0), [math.ceil(v / CONTROL_DT - 1e-6) for v in values]


@check(
    "control.inference_burst",
    "share of steps in which the arm moves",
    "1",
    absolute=0.1,
    levels=(0.0, 0.1, 0.3),
)
def held_up(trial: Trial, values: Sequence[float]) -> Outcome:
    """A policy that gives one action an answer stands still while one is held up."""
    moves = _steps_that_move(trial, ExecutionCfg(OPEN_LOOP, horizon=1), chunk=1, steps=STEPS)
    burst = round(BURST_S / CONTROL_DT)
    return moves.float().mean(0), [1 / (1 + burst * v) for v in values]
