"""``workbench dr check in=task``: what every factor changes in the task's own episodes, led by the scripted expert.

Episodes are run in pairs, nominal and with one factor at an end of its default range; `effects` beside this says what
counts as a change. Words need no simulation of time, pictures a few steps, motion whole episodes.
"""

from __future__ import annotations

import io
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
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
    image_content,
    log_of,
    short,
    unsupported_reason,
)
from workbench.randomisation.effects import (
    QUANTITIES,
    Effect,
    EpisodeLog,
    differences,
    doing_nothing,
    quantities_of,
    strongest,
)
from workbench.runs.durable import write_atomically

SHOTS = (0, 15, 30, 45)
"""Control steps at which pictures are compared: before the arm moves, on its way, at the object."""
EPISODE_STEPS = 300
"""Control steps after which an episode is over at the latest."""
BESIDE = {NOISE_SEED: {"sensing.joint_noise": {"value": 0.002}}}
"""What else must vary for a factor to have anything to change."""
UNSEEN = {POLICY_SEED: "the expert draws nothing"}
"""Factors of which these episodes cannot show anything -> why."""
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


def _reseeded(episode: Episode) -> Episode:
    """The same episode with another noise seed."""
    seed = varied(NOISE_SEED, ANOTHER, episode.spec).factors[NOISE_SEED]
    return replace(episode, factors={**episode.factors, NOISE_SEED: seed})


class TaskRuns:
    """Runs episodes of the expert, one an environment, all at once, and logs them."""

    def __init__(self, env: Any, factor_set: FactorSet) -> None:
        """``factor_set`` holds all factors that ever vary here."""
        from workbench.rollout.simulation import TabletopSimulation

        self.env = env
        self._episodes: list[Episode] = []
        self._simulation = TabletopSimulation(
            env, factor_set, 0, EPISODE_STEPS, draw=lambda index: self._episodes[index]
        )
        self._policy = env.task.expert(env.num_envs, env.action_spec, device=env.device)

    def run(self, episodes: Sequence[Episode], steps: int, shots: Sequence[int] = ()) -> list[EpisodeLog]:
        """Logs of these episodes, up to ``steps`` control steps each, with pictures of the steps ``shots``.

        There are as many episodes as environments. All end together, when the last has been decided.
        """
        simulation, env, rows = self._simulation, self.env, range(self.env.num_envs)
        first = len(self._episodes)
        self._episodes += episodes
        while not simulation.may_begin:
            simulation.step(simulation.idle_action.expand(len(rows), -1))
        seeds = simulation.begin(rows, range(first, len(self._episodes)))
        self._policy.reset(rows, seeds)
        beliefs = _beliefs(env)
        states: list[dict[str, np.ndarray]] = []
        pictures: list[np.ndarray] = []
        depths: list[np.ndarray] = []
        for step in range(max(steps, 1)):
            observation = simulation.observe(self._policy)
            states.append(simulation.snapshot() | {"told_vel": observation.joint_vel.cpu().numpy()})
            if step in shots:
                pictures.append(np.stack([env.image(name).cpu().numpy() for name in env.imaged], 1))
                depths.append(np.stack([env.depth(name).cpu().numpy() for name in env.imaged], 1))
            simulation.step(self._policy.act(observation).actions[:, 0])
            if simulation.finished().all() and step >= max(shots, default=0):
                break
        logs = [
            self._log(
                row, episodes[row], states, [p[row] for p in pictures], [d[row] for d in depths], beliefs[row]
            )
            for row in rows
        ]
        simulation.end(rows)
        return logs

    def _log(
        self,
        row: int,
        episode: Episode,
        states: Sequence[Mapping[str, np.ndarray]],
        pictures: Sequence[np.ndarray],
        depths: Sequence[np.ndarray],
        belief: np.ndarray,
    ) -> EpisodeLog:
        from tasks.tabletop.workspace import FLOOR_Z

        def of(name: str) -> np.ndarray:
            return np.stack([state[name][row] for state in states])

        empty = np.zeros((0, 1, 1))
        return EpisodeLog(
            instruction=episode.scene.instruction,
            tool=of("ee_pose")[:, :3],
            joints=of("joint_pos"),
            width=of("gripper_width"),
            bodies=of("body_pose")[:, :, :3],
            target=self.env.slot_index[episode.scene.target.slot],
            floor=FLOOR_Z,
            joint_errors=of("measured_joint_pos") - of("joint_pos"),
            tool_errors=(of("measured_ee_pose") - of("ee_pose"))[:, :3],
            width_errors=of("measured_gripper_width") - of("gripper_width"),
            speed_errors=of("told_vel") - of("joint_vel"),
            pictures=np.concatenate(pictures) if pictures else empty[..., None],
            depths=np.concatenate(depths) if depths else empty,
            belief=belief,
        )


def _beliefs(env: Any) -> np.ndarray:
    """`EpisodeLog.belief` of each environment ``[N, 2]``."""
    from tasks.imaging.lens import project_distorted
    from tasks.poses import matrix

    tool, believed = env.tool()[0][:, None], env.believed_calibration("front")
    at, axes = believed.extrinsics[:, :3], matrix(believed.extrinsics[:, 3:])
    there = project_distorted(tool, at, axes, believed.intrinsics, believed.distortion)
    position, rotation = env.camera_position["front"], env.camera_rotation["front"]
    so = project_distorted(tool, position, rotation, *env.calibration("front"))
    off: np.ndarray = (there - so)[:, 0].cpu().numpy()
    return off


def steps_for(factor: str) -> tuple[int, tuple[int, ...]]:
    """Control steps that an episode must last to show what a factor does, and those of which pictures are needed."""
    names = quantities_of(factor)
    if names in (("words",), ("belief",)):
        return 1, ()
    shots = SHOTS if {"picture", "depth"} & set(names) else ()
    return (max(SHOTS) + 1 if shots else EPISODE_STEPS), shots


def effects_of(
    names: Sequence[str], runs: TaskRuns, episodes: int, done: Callable[[str], None] = lambda name: None
) -> Iterator[Effect]:
    """What each level of these factors changes; ``done`` is called after each factor.

    The environments of ``runs`` are twice the ``episodes``: one half for each end of a range.
    """
    task = runs.env.task.name
    specs = [EpisodeSpec(task, index, 0) for index in range(episodes)]
    nominal: dict[Any, tuple[list[EpisodeLog], list[EpisodeLog]]] = {}
    for name in names:
        steps, shots = steps_for(name)
        beside = BESIDE.get(name, {})
        key = (steps, shots, name if beside else "")
        if key not in nominal:
            base = build_set("check", beside, task)
            plain = [draw_episode(spec, base) for spec in specs]
            # Where the noise seed is what varies, the noise is what another row makes of the same episode.
            null = plain if name == NOISE_SEED else [_reseeded(episode) for episode in plain]
            logs = runs.run([*plain, *null], steps, shots)
            nominal[key] = (logs[:episodes], logs[episodes:])
        reference, again = nominal[key]
        noise = [differences(a, b) for a, b in zip(reference, again, strict=True)]
        levels = levels_of(REGISTRY[name], task)
        asked = [varied(name, level, spec) for level in (levels[0], levels[-1]) for spec in specs]
        logs = runs.run(asked, steps, shots)
        for i, level in enumerate(levels):
            changed = logs[i * episodes : (i + 1) * episodes]
            size = [differences(a, b) for a, b in zip(reference, changed, strict=True)]
            yield strongest(
                [
                    Effect(name, level, q, tuple(s[q] for s in size), tuple(n[q] for n in noise))
                    for q in quantities_of(name)
                    if not np.isnan(size[0][q])
                ]
            )
        done(name)


@contextmanager
def task_runs(options: CheckOptions, names: Sequence[str]) -> Iterator[TaskRuns]:
    """Environments for these factors: two halves, with the cameras only if a factor is seen."""
    from workbench.rollout.simulation import launch_tabletop
    from workbench.rollout.simulation_cfg import SimulationCfg

    seen = any(steps_for(name)[1] for name in names)
    content = image_content(options) if seen else {}
    for name in names:
        content.setdefault(name, "default")
    for given in BESIDE.values():
        content.update({name: "default" for name in given if name not in content})
    factor_set = build_set("check", content, options.task)
    simulated = SimulationCfg(
        2 * options.episodes,
        options.physics,
        options.device,
        task=options.task,
        renderer=options.renderer,
        cameras=("front", "wrist") if seen else (),
        image_size=options.image_size,
        factor_set=factor_set,
    )
    with launch_tabletop(simulated) as env:
        yield TaskRuns(env, factor_set)


def check_in_task(words: Sequence[str], options: CheckOptions, console: Console) -> int:
    """Print what each factor changes in the task; returns how many change nothing."""
    effects: list[Effect] = []
    unsupported = {
        n: r for n in chosen_factors(words) if (r := unsupported_reason(n, options) or UNSEEN.get(n))
    }
    names = [n for n in chosen_factors(words) if n not in unsupported]
    with ExitStack() as stack:
        terminal = stack.enter_context(log_of(options))
        console.print(
            f"starting {options.physics} and {options.renderer} on {options.device}: "
            f"{options.episodes} episodes of the expert for each end of each range"
        )
        runs = stack.enter_context(task_runs(options, names))
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
    for heading in ("factor", "value", "what changes", "unit", "median", "noise", "in episodes", "verdict"):
        table.add_column(heading, overflow="fold", no_wrap=heading in ("factor", "verdict"))
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
            f"{round(e.share * len(e.sizes))} of {len(e.sizes)}",
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
