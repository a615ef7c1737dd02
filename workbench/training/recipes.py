"""Which phases a stage has at which size, and at which rates.

m1-3b begins from Qwen2.5-VL's weights (``qwen=``) or an imported run's, and both stages are InternVLA-M1's own (arXiv
2510.13778: cosine, rates 1e-5 for the vision-language model, 1e-4 for the action head, 5e-5 for the rest, answers at a
tenth). m1-mini begins from nothing.

On rendered pictures, the first phase of grounding learns colours within 1,000 steps but shapes late: after
4,500 steps on pictures as they are, 48 % of the shapes in held-out ones were right; 4,200 more with things pasted in
made it 80 %. Asked everything at once from the start, the language model learned shapes and then stayed: of 820
held-out questions for one thing it took 188 for another of its shape. 1,400 steps of nothing but such questions about
crowds made that 6, and what it learned then carries over to all other questions. 1,300 steps of slots, the tower
learning too, brought the tool's place from 4.9 to 3.6 px. Then the action head learns on numbers alone. Two phases on
pictures can follow, where they are asked for: first without gradients in the backbones, then everything together.
400 steps of the first brought m1-mini from 63 to 33 % of 300 episodes.
"""

from __future__ import annotations

from dataclasses import replace

from policy.m1.config import M1Config
from policy.m1.training.phases import (
    ACTION,
    ACTION_HEAD,
    AIDS,
    ANSWERS,
    DINO,
    LANGUAGE,
    NUMBERS,
    QFORMER,
    READING,
    SCENE,
    VISION,
    AnswerHelp,
    Phase,
)
from workbench.cli.options import OptionError
from workbench.training.options import GROUNDING, TrainOptions

SMALL_BETAS = (0.9, 0.98)
SHARP = 0.6
"""Standard deviation of a soft label in the end [px]: most of it on the true number."""


def phases_of(options: TrainOptions, config: M1Config) -> list[Phase]:
    """The phases of a training, with what the options change; OptionError for steps of a phase that it has not."""
    small = config.tokenizer.kind == "words"
    if options.stage == GROUNDING:
        phases = _small_grounding(config) if small else _large_grounding()
    else:
        phases = _small_action(config, options.is_guided) if small else [_large_action()]
    steps = {
        "vision": options.vision_steps,
        "naming": options.naming_steps,
        "language": options.language_steps,
        "slots": options.slots_steps,
        "numbers": options.numbers_steps,
        "head": options.head_steps,
        phases[-1].name: options.steps,
    }
    names = [phase.name for phase in phases]
    if other := [name for name, count in steps.items() if count is not None and name not in names]:
        raise OptionError(
            f"{other[0]}_steps: stage={options.stage} of {config.name} has no phase {other[0]}, only {', '.join(names)}"
        )
    chosen = [_changed(phase, options, steps[phase.name]) for phase in phases]
    if not options.is_guided and not any(phase.steps for phase in chosen if ACTION in phase.objectives):
        raise OptionError(
            "guidance=off would train a policy that never saw a picture: give head_steps= or steps=, and the same to "
            "the run that it is to be compared with"
        )
    return chosen


def average_decay(options: TrainOptions, config: M1Config) -> float:
    """Decay of the average of the weights: on for a small model; a second copy of a large one is asked for."""
    default = 0.999 if config.tokenizer.kind == "words" else 0.0
    return default if options.ema is None else options.ema


def _small_grounding(config: M1Config) -> list[Phase]:
    last = config.language.num_hidden_layers
    layers = tuple(range(max(last - 2, 0), last))
    learning = AnswerHelp(1.0, 4.0, layers, (4.5, SHARP), 0.1)
    vision = Phase(
        "vision", 5000, {VISION: 1.2e-3, AIDS: 1.2e-3}, {SCENE: 1.0}, {SCENE: 8},
        warmup=100, hold=0.2, floor=0.02, weight_decay=0.03, betas=SMALL_BETAS,
    )  # fmt: skip
    naming = Phase(
        "naming", 2500, {LANGUAGE: 1e-3, AIDS: 1e-3}, {ANSWERS: 1.0}, {ANSWERS: 8},
        warmup=60, hold=0.5, floor=0.05, weight_decay=0.01, betas=SMALL_BETAS, help=learning,
    )  # fmt: skip
    language = Phase(
        "language", 1500, {LANGUAGE: 6e-4, AIDS: 6e-4}, {ANSWERS: 1.0}, {ANSWERS: 8},
        warmup=60, hold=0.3, floor=0.02, weight_decay=0.01, betas=SMALL_BETAS,
        help=replace(learning, blur=(2.0, SHARP)),
    )  # fmt: skip
    slots = Phase(
        "slots", 1300, {LANGUAGE: 5e-4, VISION: 2e-4, AIDS: 5e-4}, {ANSWERS: 1.0}, {ANSWERS: 8},
        warmup=60, hold=0.3, floor=0.02, weight_decay=0.01, betas=SMALL_BETAS,
        help=replace(learning, blur=(SHARP, SHARP)),
    )  # fmt: skip
    # What the tower learned of the scene goes on being asked: answers alone would wash it out.
    joint = Phase(
        "joint", 1000, {LANGUAGE: 3e-4, VISION: 1e-4, AIDS: 3e-4}, {ANSWERS: 1.0, SCENE: 0.5},
        {ANSWERS: 8, SCENE: 8}, warmup=30, floor=0.02, weight_decay=0.01, betas=SMALL_BETAS,
        help=replace(learning, blur=(SHARP, SHARP)),
    )  # fmt: skip
    return [vision, naming, language, slots, joint]


def _small_action(config: M1Config, is_guided: bool) -> list[Phase]:
    numbers = Phase(
        "numbers", 3000, {QFORMER: 1e-3, ACTION_HEAD: 1e-3}, {READING: 1.0, NUMBERS: 1.0},
        {READING: 192, NUMBERS: 48}, warmup=100, hold=0.5, floor=0.02, weight_decay=0.01, betas=SMALL_BETAS,
    )  # fmt: skip
    # Numbers go on being told alone: behind pictures, only what is told is perturbed, not what is seen.
    objectives, batch = {ACTION: 1.0, READING: 0.5, NUMBERS: 0.5}, {ACTION: 16, READING: 64, NUMBERS: 16}
    reading = 1.0 if config.action_head.reads_condition else 0.0
    is_told = config.qformer.told_numbers and reading > 0
    if not is_told:
        objectives = {ACTION: 1.0}
    # With numbers, what pictures add so far does harm (docs/training.md).
    head_steps, last_steps = (0, 0) if is_told else (2000, 1500)
    new = {DINO: 1e-3, QFORMER: 5e-4, ACTION_HEAD: 5e-4}
    # What was never grounded has nothing worth freezing: it learns from the first step on.
    backbone = {} if is_guided else {VISION: 3e-4, LANGUAGE: 3e-4}
    head = Phase(
        "head", head_steps, {**backbone, **new}, objectives, batch,
        warmup=100, hold=0.5, floor=0.1, weight_decay=0.01, betas=SMALL_BETAS, remember=is_guided,
        read_actions=reading,
    )  # fmt: skip
    rates = {VISION: 1e-4, LANGUAGE: 1e-4, DINO: 3e-4, QFORMER: 3e-4, ACTION_HEAD: 3e-4}
    action = Phase(
        "action", last_steps, rates, {**objectives, ANSWERS: 0.1}, {**batch, ANSWERS: 2},
        warmup=100, floor=0.02, weight_decay=0.01, betas=SMALL_BETAS,
        help=AnswerHelp(blur=(SHARP, SHARP), text_weight=0.1), read_actions=reading,
    )  # fmt: skip
    return [numbers, head, action] if is_told else [head, action]


def _large_grounding() -> list[Phase]:
    rates = {VISION: 1e-5, LANGUAGE: 1e-5}
    return [Phase("joint", 20_000, rates, {ANSWERS: 1.0}, {ANSWERS: 4}, warmup=1000, floor=0.01)]


def _large_action() -> Phase:
    rates = {VISION: 1e-5, LANGUAGE: 1e-5, DINO: 5e-5, QFORMER: 5e-5, ACTION_HEAD: 1e-4}
    return Phase(
        "action",
        50_000,
        rates,
        {ACTION: 1.0, ANSWERS: 0.1},
        {ACTION: 16, ANSWERS: 4},
        warmup=5000,
        floor=0.01,
    )


def _changed(phase: Phase, options: TrainOptions, steps: int | None) -> Phase:
    asked = {
        VISION: options.lr_vision,
        LANGUAGE: options.lr_language,
        DINO: options.lr_dino,
        QFORMER: options.lr_qformer,
        ACTION_HEAD: options.lr_action_head,
    }
    rates = {
        part: rate if (other := asked.get(part)) is None else other for part, rate in phase.rates.items()
    }
    rates = {part: rate for part, rate in rates.items() if rate}
    objectives, batch = dict(phase.objectives), dict(phase.batch)
    if ACTION in objectives:
        if ANSWERS in objectives:
            objectives[ANSWERS] = options.answer_weight
            batch[ANSWERS] = options.answer_batch or batch[ANSWERS]
            if not options.is_guided or not options.answer_weight or not rates.keys() & {VISION, LANGUAGE}:
                objectives.pop(ANSWERS)
        batch[ACTION] = options.batch or batch[ACTION]
    elif options.batch and NUMBERS not in objectives:
        batch = dict.fromkeys(batch, options.batch)
    steps = phase.steps if steps is None else steps
    # A rise as long as the phase would be no phase.
    warmup = min(phase.warmup, steps // 10) if options.warmup is None else options.warmup
    return replace(
        phase,
        steps=steps,
        rates=rates,
        objectives=objectives,
        batch={name: batch[name] for name in objectives},
        warmup=warmup,
        floor=phase.floor if options.min_lr is None else options.min_lr,
        weight_decay=phase.weight_decay if options.weight_decay is None else options.weight_decay,
    )
