"""``workbench gap replay``: logs' commands on the simulated arm, and how far it is from the real one."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from markupsafe import Markup
from rich.console import Console
from rich.markup import escape
from rich.table import Table
from rich.text import Text

from robots import registry as robots
from robots.protocol import RobotModel
from workbench.cli.options import OptionError, help_table, listed, option, parse_options
from workbench.cli.positional import called_like_an_option, separate
from workbench.cli.progress_bar import progress_bar
from workbench.identification.arm_simulator import ArmSimulator
from workbench.identification.line_chart import line_chart, page, table
from workbench.identification.log_readers import read_logs
from workbench.identification.parameters import ParameterSet
from workbench.identification.posterior_file import point_values
from workbench.identification.replay import Replayed, replay, totals
from workbench.identification.replay_errors import DRIFT_S
from workbench.runs.durable import write_atomically

USAGE = "usage: workbench gap replay LOG ... [key=value ...]\n"


@dataclass
class LogOptions:
    """What all commands say of logs."""

    robot: str = option(robots.DEFAULT, f"whose logs: {', '.join(robots.names())}")
    held_out: str = option("", "logs that nothing is fitted to, separated by semicolons")
    units: str = option("rad", "of joint positions in the logs: rad, deg")
    interpolation: str = option("auto", "what the arm was told between two commands: auto, hold, linear")
    dt: float = option(0.01, "time step of the simulation: the bench's own", "s")
    threads: int = option(0, "of MuJoCo; 0: as many as there are processors")

    def check(self) -> RobotModel:
        """The robot; OptionError for what cannot be."""
        for name, known in (("units", ("rad", "deg")), ("interpolation", ("auto", "hold", "linear"))):
            if getattr(self, name) not in known:
                raise OptionError(f"{name}={getattr(self, name)}: choose one of {', '.join(known)}")
        if not 0.0005 <= self.dt <= 0.02:
            raise OptionError(f"dt must be from 0.0005 to 0.02 s, not {self.dt:g}")
        if self.threads < 0:
            raise OptionError(f"threads must be at least 0, not {self.threads}")
        try:
            return robots.robot(self.robot)
        except robots.RobotError as problem:
            raise OptionError(str(problem)) from problem

    @property
    def held_out_words(self) -> tuple[str, ...]:
        """The logs that are held out."""
        return listed("held_out", self.held_out.replace(",", "\0").replace(";", ","))


@dataclass
class ReplayOptions(LogOptions):
    """Options of ``workbench gap replay``."""

    parameters: str = option(
        "", "posterior.json of `workbench tune sysid`; empty: the robot's nominal values"
    )
    out: str = option("", "folder for replay.json, replay.html and overlay.rrd")
    recording: bool = option(True, "write overlay.rrd too")


def replay_command(words: Sequence[str], console: Console) -> int:
    """Run it; OptionError for words that cannot be used, LogError for logs."""
    names, given = separate(words, ReplayOptions)
    options = parse_options(ReplayOptions, given)
    model = options.check()
    if not names:
        raise OptionError(f"gap replay takes at least one log{called_like_an_option(given)}; see --help")
    training = read_logs(names, model, options.units, options.interpolation)
    held = options.held_out_words
    testing = (
        read_logs([w.replace("\0", ",") for w in held], model, options.units, options.interpolation)
        if held
        else []
    )
    values = point_values(Path(options.parameters), model) if options.parameters else nominal_values(model)
    found = []
    with (
        ArmSimulator(model, options.dt, options.threads or None) as simulator,
        progress_bar(console, transient=True) as bar,
    ):
        task = bar.add_task("replay", total=len(training) + len(testing), note="")
        for log, held_out in [*((log, False) for log in training), *((log, True) for log in testing)]:
            found.append(replay(log, simulator, values, model, held_out))
            bar.update(task, advance=1)
    print_replays(found, console)
    if options.out:
        write_replays(found, Path(options.out), options, model)
        console.print(f"{options.out}/replay.html", markup=False)
    return 0


def nominal_values(model: RobotModel) -> dict[str, np.ndarray]:
    """Values of one candidate as the robot's simulated drives have them, by kind."""
    nominal = ParameterSet(model, "payload").nominal
    return {name: np.asarray(value)[None] for name, value in nominal.items()}


def print_help(console: Console) -> None:
    """What ``--help`` prints."""
    console.print(USAGE, markup=False)
    console.print(help_table(ReplayOptions))


def print_replays(replays: Sequence[Replayed], console: Console) -> None:
    """A table a log, and the sums."""
    for r in replays:
        kind = "held out, " if r.held_out else ""
        grid = Table(*map(escape, headings(r)), box=None)
        for row in rows_of(r):
            grid.add_row(*row)
        console.print(Text(f"{r.log.name} ({kind}{r.log.duration:.1f} s)", style="bold"))
        console.print(grid)
        console.print(tool_sentence(r), markup=False)
    for name, value in totals(replays).items():
        console.print(f"{name.replace('_', ' ')}: {1000 * value:.2f} mrad RMSE over all joints", markup=False)


def headings(r: Replayed) -> list[str]:
    """Of `rows_of`."""
    ages = [f"drift to {age:g} s" for age in DRIFT_S[: len(r.joints[0].drift)]]
    return ["joint", "RMSE [mrad]", "bias [mrad]", "lag [ms]", "hysteresis [mrad]", *ages]


def rows_of(r: Replayed) -> list[list[str]]:
    """A row a joint, as texts."""
    found = []
    for k, j in enumerate(r.joints):
        lag = "-" if j.lag is None else f"{1000 * j.lag:+.1f}"
        hysteresis = "-" if j.hysteresis is None else f"{1000 * j.hysteresis:+.2f}"
        drift = [f"{1000 * d:.2f}" for d in j.drift]
        found.append([str(k + 1), f"{1000 * j.rmse:.2f}", f"{1000 * j.bias:+.2f}", lag, hysteresis, *drift])
    return found


def tool_sentence(r: Replayed) -> str:
    """What the tool's errors are."""
    t = r.tool
    bias = ", ".join(f"{1000 * b:+.1f}" for b in t.position_bias)
    return (
        f"tool: {1000 * t.position_rmse:.1f} mm RMSE (bias {bias} mm), {np.degrees(t.rotation_rmse):.2f} degrees RMSE, "
        f"at worst {np.degrees(t.rotation_worst):.2f}"
    )


def write_replays(replays: Sequence[Replayed], out: Path, options: ReplayOptions, model: RobotModel) -> None:
    """``replay.json``, ``replay.html`` and, where asked for, ``overlay.rrd``."""
    out.mkdir(parents=True, exist_ok=True)
    content = {
        "robot": options.robot, "engine": "mujoco", "dt_s": options.dt, "parameters": options.parameters or "nominal",
        "rmse_rad": totals(replays), "drift_ages_s": list(DRIFT_S), "logs": [r.to_dict() for r in replays],
    }  # fmt: skip
    write_atomically(out / "replay.json", json.dumps(content, indent=1) + "\n")
    parts: list[Markup] = [
        Markup("<p>MuJoCo at {} ms, parameters: {}. Positive lag: the simulated joint is later.</p>").format(
            f"{1000 * options.dt:g}", options.parameters or "nominal"
        )
    ]
    for r in replays:
        parts.append(Markup("<h2>{}{}</h2>").format("held out: " if r.held_out else "", r.log.name))
        parts += [table(headings(r), rows_of(r)), Markup("<p>{}</p>").format(tool_sentence(r))]
        charts = [
            line_chart(
                f"joint {j + 1} [rad]", r.times, {"real": r.real[:, j], "simulated": r.simulated[:, j]}
            )
            for j in range(len(r.joints))
        ]
        parts.append(Markup('<div class="grid wide">{}</div>').format(Markup("").join(charts)))
    write_atomically(out / "replay.html", page("Replay of logged commands", parts))
    if options.recording:
        from workbench.identification.overlay import write_overlay

        write_overlay(replays, model, out / "overlay.rrd")
