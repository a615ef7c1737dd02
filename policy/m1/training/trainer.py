"""The training loop: phase after phase, step after step, resumable at any of them.

    trainer = Trainer(model, phases, source, settings, folder, log)
    trainer.run()            # goes on from the latest state below ``folder``, if any

On one CPU, a training that was killed and resumed has the losses and the weights of an uninterrupted one, bit for bit.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from contextlib import nullcontext
from pathlib import Path
from typing import Any, Protocol

import torch
from accelerate import Accelerator
from accelerate.utils import DistributedDataParallelKwargs

from policy.m1.model import M1Model
from policy.m1.training.alignment import measure_alignment
from policy.m1.training.batches import Source
from policy.m1.training.ema import WeightAverage
from policy.m1.training.feed import Feed, Portions
from policy.m1.training.learner import Learner
from policy.m1.training.phases import ACTION, ANSWERS, Phase
from policy.m1.training.randomness import key
from policy.m1.training.schedule import rate_factor
from policy.m1.training.settings import Settings
from policy.m1.training.training_state import Place, load_state, read_place, save_state, states

Line = dict[str, Any]
"""What is logged of a stretch of steps: phase, step, total, and means of losses, rates and the gradient's norm."""
SHARED = ("gradient_norm", "alignment/")
"""Numbers that every device knows whole."""


class TrainingDiverged(Exception):
    """Losses, gradients or weights that are no numbers any more; one sentence says which, and when."""


class Log(Protocol):
    """Who is told how training goes; called on the first device only."""

    def begin(self, total: int, steps: int) -> None:
        """Training begins, or goes on, after ``total`` of ``steps``; nothing later counts of what was told before."""
        ...

    def step(self, phase: str, total: int) -> None:
        """A step is done."""
        ...

    def line(self, line: Line) -> None:
        """Every ``log_every`` steps."""
        ...


class Trainer:
    """Trains a model in place."""

    def __init__(
        self,
        model: M1Model,
        phases: Sequence[Phase],
        source: Source,
        settings: Settings,
        folder: Path,
        log: Log,
        accelerator: Accelerator | None = None,
    ) -> None:
        """``folder`` holds the states. Raises ValueError for phases that cannot be."""
        self.phases = [phase for phase in phases if phase.steps]
        if problems := [problem for phase in self.phases for problem in phase.problems()]:
            raise ValueError("; ".join(problems))
        self.settings, self.source, self.folder, self.log = settings, source, folder, log
        self.accelerator = accelerator or make_accelerator("cpu")
        helped = max((len(phase.help.layers) for phase in self.phases), default=0)
        # The heads' first weights are drawn here: the same whether or not training was resumed.
        torch.manual_seed(key(settings.seed, "aids"))
        self.learner = Learner(model, source.colors, source.shapes, helped, settings.seed)
        self.learner.to(self.accelerator.device)
        self._never = frozenset(n for n, p in self.learner.named_parameters() if not p.requires_grad)
        if settings.recompute:
            model.vlm.model.gradient_checkpointing_enable({"use_reentrant": False})
        self.average = WeightAverage(settings.average_decay)
        self.place = Place()

    def run(self) -> None:
        """Train to the end of the last phase. At the end the model holds the last phase's averages, if any."""
        found = states(self.folder)
        latest = found[-1] if found else None
        if latest is not None:
            self.place = read_place(latest)
        if self.accelerator.is_main_process:
            self.log.begin(self.place.total, sum(phase.steps for phase in self.phases))
        for number in range(self.place.phase, len(self.phases)):
            if number > self.place.phase:
                self.place.phase, self.place.step = number, 0
            self._run_phase(self.phases[number], latest)
            latest = None
        self.average.copy_into(dict(self.learner.named_parameters()))
        self.learner.eval()

    def _run_phase(self, phase: Phase, resume_from: Path | None) -> None:
        chosen = self.learner.select(phase, self._never)
        groups = [
            {"params": [p for _, p in named], "lr": phase.rates[part], "part": part}
            for part, named in chosen.items()
        ]
        # Fused: one pass over the weights instead of ten.
        optimizer = torch.optim.AdamW(
            groups, betas=phase.betas, eps=1e-8, weight_decay=phase.weight_decay, fused=True
        )
        if resume_from is None:
            self.average.restart()
        else:
            load_state(resume_from, self.learner, optimizer, self.average)
        module = self.accelerator.prepare_model(self.learner)
        accelerator, settings = self.accelerator, self.settings
        named = [pair for pairs in chosen.values() for pair in pairs]
        feed = Feed(
            self.learner,
            self.source,
            phase,
            settings.seed,
            settings.accumulation,
            accelerator.process_index,
            accelerator.num_processes,
        )
        with feed:
            while self.place.step < phase.steps:
                step = self.place.step
                for group in optimizer.param_groups:
                    group["lr"] = phase.rates[group["part"]] * rate_factor(phase, step)
                self._learn(module, feed.portions(step), phase)
                norm = float(accelerator.clip_grad_norm_([p for _, p in named], settings.clip))
                self._require(phase, math.isfinite(norm), f"the gradient's norm is {norm}")
                self._add("gradient_norm", norm)
                optimizer.step()
                optimizer.zero_grad(set_to_none=True)
                self.average.update(named)
                self.place.average_updates = self.average.updates
                self.place.step += 1
                self.place.total += 1
                self._after(phase, optimizer, feed)

    def _learn(self, module: Any, portions: Portions, phase: Phase) -> None:
        """Add up the gradients of one step."""
        accelerator, settings, step = self.accelerator, self.settings, self.place.step
        self.learner.train()
        for objective, factor in phase.objectives.items():
            passes = portions[objective]
            # A mean over all that the step learns from, however it is dealt out over passes and devices.
            own = torch.tensor(sum(p.weight for p in passes), dtype=torch.float64, device=accelerator.device)
            whole = float(accelerator.reduce(own, "sum"))
            for number, portion in enumerate(passes):
                torch.manual_seed(
                    key(settings.seed, "dropout", phase.name, step, number, accelerator.process_index)
                )
                is_last = number == len(passes) - 1
                with nullcontext() if is_last else accelerator.no_sync(module):
                    with torch.autocast(accelerator.device.type, torch.bfloat16, settings.bfloat16):
                        losses = module(objective, portion, phase, step)
                    share = portion.weight / whole
                    # Devices' gradients are averaged, so each counts as often as there are devices.
                    accelerator.backward(losses["loss"] * (factor * share * accelerator.num_processes))
                for name, value in losses.items():
                    label, loss = (
                        objective if name == "loss" else f"{objective}/{name}",
                        float(value.detach()),
                    )
                    self._require(phase, math.isfinite(loss), f"the loss {label} is {loss}")
                    self._add(label, loss * share, counted=is_last)

    def _require(self, phase: Phase, sound: bool, said: str, step: int | None = None) -> None:
        if not sound:
            at = self.place.step if step is None else step
            raise TrainingDiverged(
                f"training stopped at step {at + 1} of phase {phase.name}: {said}; nothing was written since the last "
                "state: lower the rates, or look at the data"
            )

    def _add(self, name: str, value: float, counted: bool = True) -> None:
        sums = self.place.sums.setdefault(name, [0.0, 0])
        sums[0] += value
        sums[1] += counted

    def _after(self, phase: Phase, optimizer: torch.optim.Optimizer, feed: Feed) -> None:
        settings, place = self.settings, self.place
        is_end = place.step == phase.steps
        if settings.alignment_every and place.step % settings.alignment_every == 0:
            self._measure_alignment(phase, feed)
        main = self.accelerator.is_main_process
        if main:
            self.log.step(phase.name, place.total)
        if place.total % settings.log_every == 0 or is_end:
            line = self._line(phase, optimizer)
            place.sums = {}
            if main:
                self.log.line(line)
        if place.step % settings.save_every == 0 or is_end:
            # Before it is written: what a run goes on from, and what it ends with, are weights that work.
            bad = [
                name for name, weight in self.learner.named_parameters() if not bool(weight.isfinite().all())
            ]
            self._require(phase, not bad, f"weights are no numbers, as {', '.join(bad[:3])}", place.step - 1)
            if main:
                save_state(self.folder, place, self.learner, optimizer, self.average, settings.keep)
            self.accelerator.wait_for_everyone()

    def _line(self, phase: Phase, optimizer: torch.optim.Optimizer) -> Line:
        names = sorted(self.place.sums)
        table = torch.tensor([self.place.sums[name] for name in names], dtype=torch.float64)
        total = self.accelerator.reduce(table.to(self.accelerator.device), "sum")
        # A device's losses are its shares of the whole, so they add up; what all share does not.
        means = {
            name: float(total[i, 0] / total[i, 1])
            * (1 if name.startswith(SHARED) else self.accelerator.num_processes)
            for i, name in enumerate(names)
            if total[i, 1] > 0
        }
        rates = {f"rate/{group['part']}": group["lr"] for group in optimizer.param_groups}
        return {"phase": phase.name, "step": self.place.step, "total": self.place.total, **means, **rates}

    def _measure_alignment(self, phase: Phase, feed: Feed) -> None:
        if not {ACTION, ANSWERS} <= set(phase.objectives):
            return
        probes = []
        for objective in (ANSWERS, ACTION):
            size, batch = self.settings.alignment_batch, phase.batch[objective]
            starts = range(0, size, batch)
            probes.append([(objective, feed.portion(objective, s, min(batch, size - s))) for s in starts])
        found = measure_alignment(self.learner, probes[0], probes[1], phase, self.place.step)
        for name, value in vars(found).items():
            self._add(f"alignment/{name}", value)


def make_accelerator(device: str) -> Accelerator:
    """For ``cpu`` or ``cuda``; as many devices as the process was launched on.

    Precision is the trainer's own affair: only the backbones compute in bfloat16.
    """
    # Each objective leaves some of the trained parts out.
    unused = DistributedDataParallelKwargs(find_unused_parameters=True)
    return Accelerator(cpu=device == "cpu", mixed_precision="no", kwargs_handlers=[unused])
