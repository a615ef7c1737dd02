"""``workbench dr check in=task``: what every factor changes in the task's own episodes.

Episodes are run in pairs, nominal and with one factor at an end of its default range; `effects` beside this says what
counts as a change. Words need no simulation of time, pictures a few steps, motion whole episodes. The task's scripted
expert leads them; a policy that draws its actions does for factors that the expert is bound to leave without effect.
"""

from __future__ import annotations

import io
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table

from domain_rand.checks.check import default_levels
from domain_rand.distributions import Choice, Fixed, Numbered
from domain_rand.episode import NOISE_SEED, POLICY_SEED, Episode, draw_episode
from domain_rand.factor import REGISTRY, Factor
from domain_rand.sets import FactorSet, build_set, default_of
from tasks.episode import EpisodeSpec
from tasks.registry import DEFAULT, find
from workbench.randomisation.commands import (
    CheckOptions,
    chosen_factors,
    log_of,
    short,
    unsupported_reason,
)
from workbench.randomisation.effects import (
    FAMILY_QUANTITIES,
    QUANTITIES,
    Effect,
    EpisodeLog,
    differences,
    doing_nothing,
    quantities_of,
    strongest,
)
from workbench.randomisation.task_runs import EPISODE_STEPS, EXPERT, RANDOM, TaskRuns, task_runs
from workbench.runs.durable import write_atomically

SHOTS = (0, 15, 30, 45)
"""Control steps at which pictures are compared: before the arm moves, on its way, at the object."""
SHOTS_OF: Mapping[str, tuple[int, ...]] = {
    # One frame in ten is lost at most, and a burst begins in one step of twenty: enough of them on the arm's way.
    "camera.frame_loss": tuple(range(4, 46, 2)),
    "camera.latency_burst": tuple(range(4, 46, 2)),
    # It passes within a second that begins 0.5 to 3 s after the episode.
    "disturbance.hand_in_view": tuple(range(12, 84, 8)),
}
"""The same where a factor needs others."""
BESIDE: Mapping[str, Mapping[str, Any]] = {
    NOISE_SEED: {"sensing.joint_noise": {"value": 0.002}},
    # Where few bodies stand, all are further apart than asked for anyway.
    "scene.clearance": {"scene.distractor_count": {"value": 4}},
}
"""What else must vary for a factor to have anything to change."""
LED_BY: Mapping[str, str] = {
    POLICY_SEED: RANDOM,  # the expert draws nothing
    "control.gripper_blocking": RANDOM,  # the expert's arm stands still whenever it turns its hand round
}
"""Who leads the episodes of a factor, where it is not the expert."""
NOMINAL_RUNS = 4
"""Nominal runs of each episode: one to compare with, the others say what chance makes of it."""
ANOTHER = "another"
"""Level of a factor that always draws: another draw than the nominal run's."""


def levels_of(cls: type[Factor], task: str = DEFAULT) -> tuple[Any, ...]:
    """The ends of a factor's default range, without its nominal value; of a list, its first and its last entry."""
    if cls.nominal is None:
        return (ANOTHER,)
    distribution, nominal = default_of(cls, task), find(task).nominal(cls.name, cls.nominal)
    options = distribution.options if isinstance(distribution, Choice | Numbered) else default_levels(cls)
    others = [level for level in options if level != nominal]
    return (others[0],) if len(others) == 1 else (others[0], others[-1])


def varied(factor: str, level: Any, spec: EpisodeSpec) -> Episode:
    """An episode that is nominal but for one factor."""
    content = BESIDE.get(factor, {})
    if level != ANOTHER:
        return draw_episode(spec, build_set("check", {**content, factor: {"value": level}}, spec.task))
    base = build_set("check", content, spec.task)
    return draw_episode(spec, FactorSet("check", tuple(_drawn_anew(f, factor, spec) for f in base.factors)))


def _drawn_anew(factor: Factor, name: str, spec: EpisodeSpec) -> Factor:
    """The factor, or one of its kind with another draw if it has this name."""
    if factor.name != name:
        return factor
    cls = type(factor)
    if isinstance(factor.distribution, Choice):
        options = factor.distribution.options
        drawn = factor.value(spec.generator(name), {})
        return cls(Fixed(options[(options.index(str(drawn)) + 1) % len(options)]))
    other = spec.generator(f"{name}/another")
    again = cls()
    again.draw = lambda rng, drawn: cls.draw(again, other, drawn)  # type: ignore[method-assign]
    return again


def _reseeded(episode: Episode, times: int) -> Episode:
    """The same episode with another noise seed, one of several."""
    seed = int(episode.spec.generator(f"{NOISE_SEED}/{times}").integers(2**31))
    return replace(episode, factors={**episode.factors, NOISE_SEED: seed})


def steps_for(factor: str) -> tuple[int, tuple[int, ...]]:
    """Control steps that an episode must last to show what a factor does, and those of which pictures are needed."""
    names = quantities_of(factor)
    if names in (("words",), ("belief",)):
        return 1, ()
    shots = SHOTS_OF.get(factor, SHOTS) if {"picture", "frame", "depth"} & set(names) else ()
    # What a factor of somebody else's family is about is not known: it may show only when the object is held.
    seen_early = shots and factor.partition(".")[0] in FAMILY_QUANTITIES
    return (max(shots) + 1 if seen_early else EPISODE_STEPS), shots


def effects_of(
    names: Sequence[str], runs: TaskRuns, episodes: int, done: Callable[[str], None] = lambda name: None
) -> Iterator[Effect]:
    """What each level of these factors changes; ``done`` is called after each factor.

    The environments of ``runs`` are twice the ``episodes``: one half for each end of a range.
    """
    task = runs.env.task.name
    specs = [EpisodeSpec(task, index, 0) for index in range(episodes)]
    nominal: dict[Any, tuple[list[EpisodeLog], list[dict[str, float]]]] = {}
    for name in names:
        steps, shots = steps_for(name)
        leader, beside = LED_BY.get(name, EXPERT), BESIDE.get(name, {})
        key = (steps, shots, leader, name if beside else "")
        if key not in nominal:
            nominal[key] = _nominal(name, specs, runs)
        reference, noise = nominal[key]
        levels = levels_of(REGISTRY[name], task)
        asked = [varied(name, level, spec) for level in (levels[0], levels[-1]) for spec in specs]
        logs = runs.run(asked, steps, shots, leader)
        for i, level in enumerate(levels):
            changed = logs[i * episodes : (i + 1) * episodes]
            size = [differences(a, b) for a, b in zip(reference, changed, strict=True)]
            about = [q for q in quantities_of(name) if not np.isnan(size[0][q])]
            tests = len(levels) * len(about)
            yield strongest(
                [
                    Effect(name, level, q, tuple(s[q] for s in size), tuple(n[q] for n in noise), tests)
                    for q in about
                ]
            )
        done(name)


def _nominal(
    name: str, specs: Sequence[EpisodeSpec], runs: TaskRuns
) -> tuple[list[EpisodeLog], list[dict[str, float]]]:
    """Nominal logs to compare with what this factor does, and what others of the same episodes differ from them by."""
    steps, shots = steps_for(name)
    base = build_set("check", BESIDE.get(name, {}), specs[0].task)
    plain = [draw_episode(spec, base) for spec in specs]
    leader, count = LED_BY.get(name, EXPERT), len(specs)
    logs: list[list[EpisodeLog]] = []
    for run in range(NOMINAL_RUNS // 2):
        # Other rows and other noise seeds; where the noise seed is what varies, other rows alone.
        halves = [
            plain
            if name == NOISE_SEED or (run, half) == (0, 0)
            else [_reseeded(e, 2 * run + half) for e in plain]
            for half in (0, 1)
        ]
        asked = [*halves[0], *halves[1]]
        asked = asked[run:] + asked[:run]
        done = runs.run(asked, steps, shots, leader)
        done = done[2 * count - run :] + done[: 2 * count - run]
        logs += [done[:count], done[count:]]
    reference, *others = logs
    return reference, [differences(a, b) for other in others for a, b in zip(reference, other, strict=True)]


def content_for(names: Sequence[str]) -> dict[str, Any]:
    """Factors that vary while these are checked, and how: themselves, and what they need `BESIDE` them."""
    beside = {other for name in names for other in BESIDE.get(name, {})}
    return dict.fromkeys((*names, *sorted(beside - set(names))), "default")


def check_in_task(words: Sequence[str], options: CheckOptions, console: Console) -> int:
    """Print what each factor changes in the task; returns how many change nothing."""
    effects: list[Effect] = []
    unsupported = {n: r for n in chosen_factors(words) if (r := unsupported_reason(n, options))}
    names = [n for n in chosen_factors(words) if n not in unsupported]
    with ExitStack() as stack:
        terminal = stack.enter_context(log_of(options))
        console.print(
            f"starting {options.physics} and {options.renderer} on {options.device}: "
            f"{options.episodes} episodes for each end of each range"
        )
        seen = any(steps_for(name)[1] for name in names)
        runs = stack.enter_context(task_runs(options, content_for(names), seen))
        columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
        with Progress(*columns, console=Console(file=terminal, force_terminal=terminal.isatty())) as bar:
            task = bar.add_task("running", total=len(names))
            for effect in effects_of(names, runs, options.episodes, lambda name: bar.advance(task)):
                bar.update(task, description=f"running {effect.factor}")
                effects.append(effect)
                # What has been measured is kept, should it end before its time.
                _write_effects(effects, unsupported, options)
    _write_effects(effects, unsupported, options, console)
    return len(doing_nothing(effects))


def _write_effects(
    effects: Sequence[Effect],
    unsupported: Mapping[str, str],
    options: CheckOptions,
    console: Console | None = None,
) -> None:
    """Write the table into the folder of the options, and print it."""
    idle = doing_nothing(effects)
    table = Table(box=None, padding=(0, 1), show_edge=False)
    for heading in ("factor", "value", "what changes", "unit", "median", "noise", "p", "verdict"):
        table.add_column(heading, overflow="fold", no_wrap=heading in ("factor", "verdict", "p"))
    last = ""
    for e in effects:
        quantity = QUANTITIES[e.quantity]
        verdict = "[green]yes[/]" if e.is_one else "[yellow]too little[/]"
        table.add_row(
            e.factor if e.factor != last else "",
            e.level if e.level == ANOTHER else short(e.level),
            quantity.says,
            quantity.unit,
            f"{e.size:.3g}",
            f"{e.noise:.3g}",
            f"{e.p:.1g}",
            verdict,
        )
        last = e.factor
    text = Console(record=True, width=200, file=io.StringIO())
    for target in (text, console) if console else (text,):
        target.print(table)
        for name, reason in unsupported.items():
            target.print(f"{name} is left out: {reason}")
        count = len({e.factor for e in effects})
        target.print(
            f"{count - len(idle)} of {count} factors change the task's episodes by more than chance on "
            f"{options.physics}, {options.renderer}, {options.device}"
            + (f"; these do nothing: {', '.join(idle)}" if idle else "")
        )
    write_atomically(Path(options.out) / f"check_in_task_{options.physics}.txt", text.export_text())
