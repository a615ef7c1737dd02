"""Does the gap close? Policies on the twin, and in simulation before and after it was told what the twin's logs say.

    python -m tools.gap_study out=runs/gap-study
    python -m tools.gap_study only=expert,off_by_15_mm,off_by_25_mm real=8 simulated=32

The twin plays a reality that differs from the nominal simulator (`tools/gap_twin.yaml`). Two motions that it makes
and an episode with pictures are what the simulator may know of it: ``tune sysid`` and ``gap visual`` make a factor
set of these. Then each policy's success on the twin is compared with its success in the nominal simulation and under
that set. Every step is a command of the workbench with a folder of its own in ``out=``; the same command again goes
on.
"""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import yaml
from rich.console import Console
from rich.table import Table
from scipy.stats import betabinom

from tools.gap_contestants import CONTESTANTS, Contestant, checkpoint
from workbench.cli.command import wants_help
from workbench.cli.options import OptionError, help_table, listed, option, parse_options
from workbench.gap.command import render
from workbench.gap.scorecard import Cell, GapError, Scorecard, score
from workbench.rollout.options import at_least
from workbench.runs.folder import RunFolder
from workbench.views.recording.rerun_viewer import free_port

WORKBENCH = ("-m", "workbench.cli.main")
SCENE = (
    "dr.scene.target_shape.value=cube", "dr.scene.target_size.value=small", "dr.scene.target_color.value=red",
    "dr.scene.receptacle.value=tray", "dr.scene.receptacle_color.value=blue", "dr.scene.distractor_count.value=0",
    "dr.scene.other_receptacle.value=none",
)  # fmt: skip
"""The twin's things."""
LIVE = ("robot=twin", "mode=live", "arm=true")
LEVEL = 0.95
WHEN = ("before", "after")


@dataclass
class GapStudyOptions:
    """Options of the study."""

    only: str = option("", f"of {', '.join(CONTESTANTS)}; empty: all")
    real: int = option(20, "of each policy, on the twin", "episodes")
    simulated: int = option(100, "of each policy, before and after", "episodes")
    num_envs: int = option(16, "environments in parallel")
    scale: float = option(1.0, "share of the arm's limits on the twin")
    time_limit_s: float = option(30.0, "of an episode, on both sides", "s")
    twin: str = option("tools/gap_twin.yaml", "how the twin's reality differs")
    seed: int = option(1, "of the suites")
    bridge_python: str = option("", "interpreter that has the arm's driver ([robot-franka]); empty: this one")
    out: str = option("runs/gap-study", "folder for all of it")

    @property
    def contestants(self) -> dict[str, Contestant]:
        """Those that are compared; OptionError for names that there are not."""
        names = listed("only", self.only) or list(CONTESTANTS)
        if odd := [name for name in names if name not in CONTESTANTS]:
            raise OptionError(f"only={odd[0]}: choose of {', '.join(CONTESTANTS)}")
        return {name: CONTESTANTS[name] for name in names}


def main(words: Sequence[str] | None = None) -> int:
    """Run what is missing and print the comparison; returns the exit status."""
    console = Console(soft_wrap=True, highlight=False)
    words = sys.argv[1:] if words is None else words
    if wants_help(words):
        console.print("usage: python -m tools.gap_study [key=value ...]\n", markup=False)
        console.print(help_table(GapStudyOptions))
        return 0
    try:
        options = parse_options(GapStudyOptions, words)
        for name, least in (("real", 5), ("simulated", 1), ("num_envs", 1)):
            at_least(name, getattr(options, name), least)
        chosen = options.contestants
        if not Path(options.twin).is_file():
            raise OptionError(f"twin={options.twin}: there is no such file")
        sets = {"before": "none", "after": str(calibrated(options))}
        for name, contestant in chosen.items():
            on_the_twin(name, contestant, options)
            for when, factors in sets.items():
                in_simulation(name, contestant, options, when, factors)
        cards = {when: score(cells(chosen, options, when)) for when in WHEN}
    except (OptionError, GapError, Failed) as problem:
        Console(stderr=True).print(f"gap_study: {problem}", markup=False)
        return 2
    for when, card in cards.items():
        Path(options.out, f"{when}.json").write_text(json.dumps(card.to_dict(), indent=1) + "\n", "utf-8")
        console.print(f"\n{when}", style="bold")
        console.print(render(card, [], 0.8))
    console.print(covered(cards))
    return 0


class Failed(Exception):
    """A step that ended with another status than 0."""


def calibrated(options: GapStudyOptions) -> Path:
    """The factor set that the twin's logs give, made on the first call."""
    out = Path(options.out)
    logs = {name: out / "logs" / name for name in ("train", "held_out")}
    for seed, (name, log) in enumerate(logs.items()):
        move = out / f"{name}.mcap"
        if not move.exists():
            run("tune", "excitation", f"seed={seed}", f"out={move}")
        if not (log / "summary.json").exists():
            motion = (f"policy=replay:{move}", "action_space=delta_joints", "scale=1", "episode_s=22")
            bridge(options, *motion, f"seed={options.seed}", f"out={log}")
    if not (out / "sysid/calibrated.yaml").exists():
        run("tune", "sysid", str(logs["train"]), f"held_out={logs['held_out']}", f"out={out / 'sysid'}")
    pictures = out / "logs/pictures"
    if not (pictures / "summary.json").exists():
        words = ("policy=expert", f"scale={options.scale}", "pictures=true", "seed=1000")
        bridge(options, *words, f"out={pictures}")
    if not (out / "visual/visual.yaml").exists():
        run("gap", "visual", str(pictures), "policy=m1", f"out={out / 'visual'}")
    content = {}
    for part in (out / "sysid/calibrated.yaml", out / "visual/visual.yaml"):
        content |= yaml.safe_load(part.read_text("utf-8")) or {}
    made = out / "calibrated.yaml"
    made.write_text(yaml.safe_dump(content, sort_keys=False), "utf-8")
    return made


def on_the_twin(name: str, contestant: Contestant, options: GapStudyOptions) -> None:
    """Its episodes there."""
    out = Path(options.out, "real", name)
    words = [f"episodes={options.real}", f"scale={options.scale}", f"episode_s={options.time_limit_s}"]
    words += [f"seed={options.seed}", f"out={out}"]
    if done(out, options.real):
        return
    if not contestant.sees:
        bridge(options, *contestant.real, *words)
        return
    folder = checkpoint(contestant, Path(options.out, "checkpoints", name))
    with served(folder) as address:
        bridge(options, f"policy=remote:{address}", *words)


def in_simulation(name: str, contestant: Contestant, options: GapStudyOptions, when: str, dr: str) -> None:
    """Its episodes there."""
    out = Path(options.out, when, name)
    if done(out, options.simulated):
        return
    words = [
        *contestant.simulated,
        f"dr={dr}",
        *SCENE,
        f"episodes={options.simulated}",
        f"seed={options.seed}",
    ]
    words += [f"num_envs={options.num_envs}", f"time_limit_s={options.time_limit_s}", "record=0"]
    if contestant.sees:
        words.append(f"checkpoint={checkpoint(contestant, Path(options.out, 'checkpoints', name))}")
    else:
        words.append(f"policy.scale={options.scale}")
    run("eval", *words, "last_frames=0", f"out={out}")


def done(folder: Path, episodes: int) -> bool:
    """Whether a run has as many episodes as it should."""
    return (folder / "summary.json").exists() and len(RunFolder(folder).completed()) >= episodes


def bridge(options: GapStudyOptions, *words: str) -> None:
    """A run on the twin, to its end; Failed as `run`."""
    python = options.bridge_python or sys.executable
    run("bridge", *LIVE, *words, f"twin={options.twin}", "require=off", python=python)


def run(*words: str, python: str = sys.executable) -> None:
    """A command of the workbench, to its end; Failed unless that is good."""
    print("workbench", *words, flush=True)
    if status := subprocess.run([python, *WORKBENCH, *words]).returncode:
        raise Failed(f"workbench {words[0]} ended with status {status}: see above")


@contextmanager
def served(folder: Path) -> Iterator[str]:
    """Address of a server of a checkpoint, meanwhile."""
    command = [
        sys.executable,
        *WORKBENCH,
        "serve",
        "policy=m1",
        f"checkpoint={folder}",
        "protocol=openpi",
        f"port={free_port()}",
    ]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, encoding="utf-8")
    assert process.stdout is not None
    try:
        line = process.stdout.readline()
        if "openpi://" not in line:
            raise Failed("the server of a checkpoint did not start: see above")
        yield "openpi://" + line.partition("openpi://")[2].split(")")[0].strip()
    finally:
        process.terminate()
        try:
            process.communicate(timeout=60)
        except subprocess.TimeoutExpired:
            process.kill()
            process.communicate()


def cells(chosen: dict[str, Contestant], options: GapStudyOptions, when: str) -> list[Cell]:
    """Successes of every policy on both sides."""

    def counts(side: str, name: str) -> tuple[int, int]:
        records = RunFolder(Path(options.out, side, name)).completed().values()
        return sum(record.success for record in records), len(records)

    return [Cell(name, "pick_place", counts("real", name), counts(when, name)) for name in chosen]


def predicted(cell: Cell) -> tuple[float, float]:
    """Where simulation expects the twin's rate to be, with as many trials as there were."""
    (k, n), trials = cell.sim, cell.real[1]
    law = betabinom(trials, k + 0.5, n - k + 0.5)
    return law.ppf((1 - LEVEL) / 2) / trials, law.ppf((1 + LEVEL) / 2) / trials


def covered(cards: dict[str, Scorecard]) -> Table:
    """What simulation expected of each policy, and whether that is what came."""
    table = Table("policy", "twin", *(f"expected {when}, {100 * LEVEL:g} %" for when in cards), box=None)
    hits = dict.fromkeys(cards, 0)
    rows = zip(*(card.cells for card in cards.values()), strict=True)
    for row in rows:
        expected = []
        for when, cell in zip(cards, row, strict=True):
            low, high = predicted(cell)
            holds = low <= cell.rates[0] <= high
            hits[when] += holds
            expected.append(f"{100 * low:.0f} to {100 * high:.0f}{'' if holds else ', not held'}")
        table.add_row(row[0].policy, f"{100 * row[0].rates[0]:.0f} %", *expected)
    table.add_row("held", "", *(f"{hits[when]} of {len(card.cells)}" for when, card in cards.items()))
    return table


if __name__ == "__main__":
    sys.exit(main())
