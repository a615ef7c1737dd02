"""A source of a few samples in which what is seen and said decides what is right, and a training of a tiny model."""

from dataclasses import replace

import numpy as np
import torch

from policy.m1.training.batches import ActionBatch, AnswerBatch, Asked, SceneBatch
from policy.m1.training.phases import ACTION, ANSWERS, SCENE, Phase
from policy.m1.training.settings import Settings
from policy.m1.training.trainer import Trainer
from tests.policy.m1.tiny import tiny_config, tiny_model

SIDE = 56
COLORS = ((200, 30, 30), (30, 200, 30), (30, 30, 200))
NAMES = ("red cube", "green bowl", "blue tray")
ACTION_RATES = {"vision": 2e-3, "language": 2e-3, "dino": 2e-3, "qformer": 2e-3, "action_head": 2e-3}


class PlantedSource:
    """``count`` pictures with one coloured rectangle each; the chunk to act depends on the picture's number."""

    colors, shapes = 3, 3

    def __init__(self, count=10, horizon=6, short=0, padding=0.0):
        rng = np.random.default_rng(3)
        self.pictures, self.boxes, self.kinds = [], [], []
        for i in range(count):
            picture = np.full((SIDE, SIDE, 3), 120, np.uint8)
            u, v = rng.integers(2, 30, 2)
            w, h = rng.integers(10, 20, 2)
            picture[v : v + h, u : u + w] = COLORS[i % 3]
            self.pictures.append(torch.from_numpy(picture))
            self.boxes.append(np.array([[u, v, u + w, v + h]], np.float32))
            self.kinds.append(i % 3)
        motion = rng.uniform(-0.008, 0.008, (count, 1, 6))
        sign = np.where(rng.random((count, 1, 1)) < 0.5, -1.0, 1.0)
        chunk = np.concatenate([np.tile(motion, (1, horizon, 1)), np.tile(sign, (1, horizon, 1))], -1)
        self.actions = torch.from_numpy(chunk).float()
        self.valid = torch.ones(count, horizon, dtype=torch.bool)
        if short:
            self.valid[:, -short:] = False
            self.actions[:, -short:] = padding

    def stream(self, objective, phase):
        return _Stream(self, objective)

    def asked(self, i):
        u0, v0, u1, v1 = map(int, self.boxes[i][0])
        middle = ((u0 + u1) / 2, (v0 + v1) / 2)
        name = NAMES[self.kinds[i]]
        box = Asked(f"locate the {name}", f"[[{u0}, {v0}, {u1}, {v1}]]", (middle,) * 4)
        return [box, Asked(f"put the {name} now", f"[({u0}, {v1})]", ((u0, v1),) * 2)]


class _Stream:
    def __init__(self, source, objective):
        self.source, self.objective, self.size = source, objective, len(source.pictures)

    def batch(self, rows):
        source, numbers = self.source, [row for row, _ in rows]
        pictures = torch.stack([source.pictures[i] for i in numbers])
        if self.objective == ACTION:
            return ActionBatch(
                {"front": pictures, "wrist": pictures.flip(1)},
                [f"put the {NAMES[source.kinds[i]]} on the plate" for i in numbers],
                source.actions[numbers],
                source.valid[numbers],
            )
        if self.objective == ANSWERS:
            return AnswerBatch(pictures, [source.asked(i) for i in numbers])
        kinds = [np.array([source.kinds[i]]) for i in numbers]
        return SceneBatch(pictures, [source.boxes[i] for i in numbers], kinds, kinds)


class Memory:
    """A log that remembers."""

    def __init__(self, die_after=None):
        self.lines, self.die_after = [], die_after

    def begin(self, total, steps):
        self.lines = [line for line in self.lines if line["total"] <= total]

    def step(self, phase, total):
        if total == self.die_after:
            raise KeyboardInterrupt

    def line(self, line):
        self.lines.append(line)


def small_model(dropout=0.1, draws=4, seed=0):
    """A tiny model; ``dropout`` of the Q-Former and of conditions."""
    base = tiny_config()
    return tiny_model(
        replace(
            base,
            qformer=replace(base.qformer, dropout=dropout),
            diffusion=replace(base.diffusion, draws_per_sample=draws, condition_dropout=dropout),
        ),
        seed,
    )


def action_phase(steps, batch=4, **changes):
    """Co-training, as in the second stage."""
    phase = Phase(
        "action", steps, ACTION_RATES, {ACTION: 1.0, ANSWERS: 0.1}, {ACTION: batch, ANSWERS: batch}, warmup=3
    )
    return replace(phase, **changes)


def scene_phase(steps, batch=4):
    """The vision tower alone."""
    return Phase("vision", steps, {"vision": 2e-3, "aids": 2e-3}, {SCENE: 1.0}, {SCENE: batch})


def trained(folder, phases, source=None, model=None, log=None, **settings):
    """A trainer that has run, with what it logged."""
    log = log or Memory()
    values = {"log_every": 2, "save_every": 1000} | settings
    trainer = Trainer(
        model or small_model(), phases, source or PlantedSource(), Settings(**values), folder, log
    )
    trainer.run()
    return trainer, log
