"""``workbench dr``: the catalogue of factors, its proof, its looks, and recorded episodes as factor sets."""

from __future__ import annotations

import io
from collections.abc import Sequence
from contextlib import AbstractContextManager, ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

import yaml
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table

from domain_rand.description import what_it_is
from domain_rand.distributions import Choice
from domain_rand.factor import REGISTRY, Factor
from domain_rand.sets import available_sets, build_set, load_set
from tasks.registry import DEFAULT, names
from workbench.cli.options import OptionError, option
from workbench.rollout.launch import check_launch, default_device, default_physics, output_to
from workbench.rollout.options import check_task
from workbench.runs.durable import write_atomically
from workbench.runs.folder import RunFolder

if TYPE_CHECKING:
    from domain_rand.checks.check import Reading

AUTO = "auto"
LABORATORY, TASK = "laboratory", "task"
"""Places where factors are checked."""


@dataclass
class CheckOptions:
    """Options of ``workbench dr check`` and ``dr show``."""

    physics: str = option(AUTO, "ovphysx, newton_mjwarp or isaacsim_physx; auto: the fastest for the device")
    renderer: str = option("newton_warp", "newton_warp or isaac_rtx")
    device: str = option(AUTO, "cpu or cuda:N; auto: a GPU if there is one")
    image_size: int = option(224, "width and height of the camera images", "px")
    out: str = option("runs/dr", "folder for the table, the log and the contact sheet")
    place: str = option(
        LABORATORY,
        "dr check: laboratory, where each factor meets theory, or task, where it must matter",
        key="in",
    )
    task: str = option(DEFAULT, f"in=task: what is asked: {', '.join(names())}")
    episodes: int = option(8, "in=task: episodes of the expert for each end of each range", "episodes")

    def resolve(self) -> None:
        """Replace ``auto`` by what it means here; LaunchError or OptionError for what cannot be."""
        if self.image_size < 64:
            raise OptionError(f"image_size must be at least 64, not {self.image_size}")
        if self.place not in (LABORATORY, TASK):
            raise OptionError(f"in must be {LABORATORY} or {TASK}, not {self.place!r}")
        check_task(self.task)
        if self.episodes < 5:
            raise OptionError(
                f"episodes must be at least 5, not {self.episodes}: fewer tell nothing from chance"
            )
        if self.device == AUTO:
            self.device = default_device()
        if self.physics == AUTO:
            self.physics = default_physics(self.device)
        check_launch(self.physics, self.renderer, self.device)


def chosen_factors(words: Sequence[str]) -> list[str]:
    """Factors by name, by family, or all; OptionError for a word that is neither."""
    families = {name.partition(".")[0] for name in REGISTRY}
    for word in words:
        if word not in REGISTRY and word not in families:
            raise OptionError(f"there is no factor or family {word!r}; `workbench dr list` shows them")
    return [n for n in REGISTRY if not words or n in words or n.partition(".")[0] in words]


def print_catalogue(words: Sequence[str], console: Console) -> None:
    """Every factor: what it is, its unit, nominal value and default range, and where it cannot be applied."""
    for name in chosen_factors(words):
        cls = REGISTRY[name]
        says = what_it_is(cls)
        console.print(f"[bold]{name}[/]  {short(cls.nominal)} -> {_range(cls)}  \\[{cls.unit}]")
        console.print(f"    {says}")
        if cls.because:
            console.print(f"    [dim]range: {cls.because}[/]")
        for tool, why in cls.unsupported.items():
            console.print(f"    [red]not with {tool}[/]: {why}")
    console.print(f"{len(chosen_factors(words))} factors; sets: {', '.join(available_sets())}")


def short(value: Any) -> str:
    """A factor's value in few characters."""
    if value is None:
        return "always drawn"
    if isinstance(value, list):
        same = all(v == value[0] for v in value)
        return (
            f"{value[0]:g} (x{len(value)})" if same and len(value) > 3 else ", ".join(f"{v:g}" for v in value)
        )
    return f"{value:g}" if isinstance(value, int | float) else str(value)


def _range(cls: type[Factor]) -> str:
    if cls.default is None:
        return "composed"
    if isinstance(cls.default, Choice):
        return ", ".join(cls.default.options)
    without = ", ".join(map(str, getattr(cls.default, "without", ())))
    return f"{cls.default.lo:g} to {cls.default.hi:g}" + (f" without {without}" if without else "")  # type: ignore[union-attr]


def check_factors(words: Sequence[str], options: CheckOptions, console: Console) -> int:
    """Measure what each factor does; prints the table and returns how many readings failed."""
    from domain_rand.checks import checks_of
    from domain_rand.checks.trial import Trial

    names = chosen_factors(words)
    readings, unsupported = [], []
    with ExitStack() as stack:
        terminal = stack.enter_context(log_of(options))
        console.print(f"starting {options.physics} and {options.renderer} on {options.device}")
        env = stack.enter_context(laboratory(options))
        trial = Trial(env)
        env.reset()
        columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
        with Progress(*columns, console=Console(file=terminal, force_terminal=terminal.isatty())) as bar:
            task = bar.add_task("checking", total=len(names))
            for name in names:
                bar.update(task, description=f"checking {name}")
                reason = unsupported_reason(name, options)
                if reason:
                    unsupported.append((name, reason))
                else:
                    for check in checks_of(name):
                        readings += check.readings(trial)
                bar.advance(task)
    _print_readings(readings, unsupported, options, console)
    return sum(not reading.passed for reading in readings)


def unsupported_reason(name: str, options: CheckOptions) -> str | None:
    """Why the engine or the renderer cannot apply a factor; None if both can."""
    cls = REGISTRY[name]
    found = [
        f"{t}: {cls.unsupported[t]}" for t in (options.physics, options.renderer) if t in cls.unsupported
    ]
    return "; ".join(found) or None


def log_of(options: CheckOptions) -> AbstractContextManager[IO[str]]:
    """Context in which what the simulator prints goes into the folder's log; gives the terminal."""
    log = Path(options.out) / "simulator.log"
    try:
        log.parent.mkdir(parents=True, exist_ok=True)
        log.touch()
    except OSError as problem:
        raise OptionError(
            f"out={options.out} cannot be written: {problem.strerror}; choose another out="
        ) from None
    return output_to(log)


def image_content(options: CheckOptions) -> dict[str, Any]:
    """What a factor set must hold for cameras to draw all that checks of images need."""
    from domain_rand.checks import CHECKS

    content: dict[str, Any] = {"appearance.light_intensity": "default"}
    for name in ("camera.focal_length", "camera.principal_point", "camera.distortion"):
        flat = [v for level in CHECKS[name].levels for v in (level if isinstance(level, list) else [level])]
        content[name] = {"lo": min(flat), "hi": max(flat)}
    if options.renderer != "newton_warp":
        content.pop("appearance.light_intensity")
    return content


def laboratory(options: CheckOptions) -> AbstractContextManager[Any]:
    """Four environments with joint actions, both cameras, and everything drawn that a factor may need."""
    from workbench.rollout.simulation import launch_tabletop
    from workbench.rollout.simulation_cfg import SimulationCfg

    return launch_tabletop(
        SimulationCfg(
            4,
            options.physics,
            options.device,
            renderer=options.renderer,
            action_space="delta_joints",
            cameras=("front", "wrist"),
            image_size=options.image_size,
            factor_set=build_set("check", image_content(options)),
        )
    )


def _print_readings(
    readings: Sequence[Reading],
    unsupported: Sequence[tuple[str, str]],
    options: CheckOptions,
    console: Console,
) -> None:
    table = Table(box=None, padding=(0, 1), show_edge=False)
    for heading in ("factor", "asked", "what is measured", "expected", "measured", "tolerance", "verdict"):
        table.add_column(heading, overflow="fold", no_wrap=heading in ("factor", "verdict"))
    last = quantity = ""
    for r in readings:
        verdict = "[green]ok[/]" if r.passed else "[bold red]FAILED[/]"
        new = r.factor != last or r.quantity != quantity
        what = f"{r.quantity} \\[{r.unit}]" if new else ""
        numbers = (
            (r.expected, r.measured)
            if isinstance(r.expected, str)
            else (f"{r.expected:.4g}", f"{r.measured:.4g}")
        )
        tolerance = "" if isinstance(r.expected, str) else f"{r.tolerance:.2g}"
        asked = short(r.asked)
        table.add_row(
            r.factor if r.factor != last else "", asked, what, *map(str, numbers), tolerance, verdict
        )
        last, quantity = r.factor, r.quantity
    text = Console(record=True, width=200, file=io.StringIO())
    for target in (console, text):
        target.print(table)
        for name, reason in unsupported:
            target.print(f"{name} is not supported: {reason}")
        failed = sorted({r.factor for r in readings if not r.passed})
        proved = len({r.factor for r in readings}) - len(failed)
        target.print(
            f"{proved} factors proved on {options.physics}, {options.renderer}, {options.device}; "
            f"{len(unsupported)} not supported there; {len(failed)} failed{': ' + ', '.join(failed) if failed else ''}"
        )
    write_atomically(Path(options.out) / f"check_{options.physics}.txt", text.export_text())


def export_episode(folder: Path, index: int, target: Path) -> None:
    """Write the draws of a recorded episode as a factor set that reproduces it.

    RunFolderError for a folder that is no run; OptionError for an episode that it does not have.
    """
    records = RunFolder(folder).completed()
    if index not in records:
        raise OptionError(f"{folder} has no episode {index}; it has {len(records)} episodes")
    record = records[index]
    content = {name: {"value": value} for name, value in record.factors.items()}
    header = f"# Episode {index} of {folder.resolve().name}: {record.instruction}\n"
    text = header + yaml.safe_dump(content, sort_keys=False, default_flow_style=None, width=110)
    try:
        target.write_text(text, "utf-8")
    except OSError as problem:
        raise OptionError(f"to={target} cannot be written: {problem.strerror}; choose another to=") from None
    # A run is looked at where the package that brings its task need not be installed.
    load_set(str(target), task=record.task if record.task in names() else DEFAULT)
