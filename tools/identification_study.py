"""How often is identification right? Planted arms, foreign or of the same engine, identified from their logs.

    python -m tools.identification_study foreign draws=20 out=study.jsonl     # MuJoCo at 1 kHz with what no model has
    python -m tools.identification_study same draws=20 out=same.jsonl         # the identifier's own engine and step
    python -m tools.identification_study foreign draws=4 method=cma           # CMA-ES beside it
    python -m tools.identification_study table study.jsonl                    # what a file says
    python -m tools.identification_study cost                                 # of a candidate, alone and among others

Each draw is a line, written as it is done; the same command again goes on.
"""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from rich.console import Console

from robots.registry import DEFAULT as DEFAULT_ROBOT
from robots.registry import robot
from tools.identification_plant import draw_truth, plant_log
from workbench.cli.options import OptionError, option, parse_options
from workbench.identification.arm_simulator import ArmSimulator
from workbench.identification.excitation import excitation
from workbench.identification.identify import Identified, Settings, identify
from workbench.identification.motion_log import MotionLog
from workbench.identification.parameters import DEFAULT, ParameterSet
from workbench.identification.windows import windows

NOISE = 2e-4
"""Of the same engine's encoders [rad]."""
TWELVE = ",".join(f"{kind}@1-4,{kind}@5-7" for kind in ("stiffness", "damping", "friction", "armature"))
TWELVE += ",payload,delay,encoder_bias@2,4"


@dataclass
class StudyOptions:
    """Options of the study."""

    draws: int = option(20, "planted arms")
    seconds: float = option(20.0, "of the log to learn from", "s")
    held_out: float = option(10.0, "of the log to test on, another motion", "s")
    parameters: str = option(
        DEFAULT, "what is found; twelve: few parameters, of arms that have one factor for joints 1 to 4"
    )
    method: str = option("lm", "lm or cma")
    samples: int = option(256, "importance samples")
    out: str = option("study.jsonl", "file of results")


def main(words: Sequence[str]) -> int:
    """Run the study or print its table; the exit status."""
    console = Console()
    if not words or words[0] not in ("foreign", "same", "table", "cost"):
        console.print("usage: python -m tools.identification_study foreign|same|table|cost ...", markup=False)
        return 2
    if words[0] == "cost":
        print_cost(console)
        return 0
    if words[0] == "table":
        print_table([json.loads(line) for line in Path(words[1]).read_text("utf-8").splitlines()], console)
        return 0
    try:
        options = parse_options(StudyOptions, words[1:])
    except OptionError as problem:
        console.print(str(problem), markup=False)
        return 2
    path = Path(options.out)
    done = len(path.read_text("utf-8").splitlines()) if path.exists() else 0
    for k in range(done, options.draws):
        line = one_draw(words[0], k, options)
        with path.open("a", encoding="utf-8") as file:
            file.write(json.dumps(line) + "\n")
        console.print(f"draw {k}: {line['wall_s']:.0f} s, {line['evaluations']} evaluations", markup=False)
    print_table([json.loads(line) for line in path.read_text("utf-8").splitlines()], console)
    return 0


def one_draw(kind: str, k: int, options: StudyOptions) -> dict[str, Any]:
    """Plant an arm, identify it from one motion, test on another."""
    model, rng = robot(DEFAULT_ROBOT), np.random.default_rng(1000 + k)
    words, last = (TWELVE, 4) if options.parameters == "twelve" else (options.parameters, None)
    truth = draw_truth(model, rng, last)
    settings = Settings(
        method=options.method, seed=k, samples=options.samples, without_step=kind == "foreign"
    )
    logs = []
    for n, seconds in enumerate((options.seconds, options.held_out)):
        motion = excitation(model, seconds, seed=2 * k + n)
        make = plant_log if kind == "foreign" else _own_log
        logs.append(make(model, truth, motion.times, motion.joints, rng))
    parameters = ParameterSet(model, words)
    began = time.monotonic()
    found = identify(model, logs[:1], logs[1:], parameters, settings)
    return _line(found, parameters.theta(truth), rng) | {"kind": kind, "wall_s": time.monotonic() - began}


def _own_log(
    model: Any,
    truth: dict[str, np.ndarray],
    times: np.ndarray,
    commanded: np.ndarray,
    rng: np.random.Generator,
) -> MotionLog:
    """A log of the identifier's own engine at its own step."""
    dt = Settings().dt
    log = MotionLog("same", "same", times, commanded, commanded.copy(), times)
    with ArmSimulator(model, dt) as simulator:
        whole = windows([log], dt, burn_in_s=0.0, whole=True)
        exact = simulator.measured({k: np.asarray(v)[None] for k, v in truth.items()}, whole)[0]
    measured = np.concatenate((commanded[:1], exact)) + rng.normal(0, NOISE, commanded.shape)
    return replace(log, measured=measured)


def _line(found: Identified, truth: np.ndarray, rng: np.random.Generator) -> dict[str, Any]:
    held = found.rmse["held_out"]
    coarse = found.coarse.posterior
    low, high = coarse.interval()
    line: dict[str, Any] = {
        "names": found.parameters.names,
        "truth": truth.tolist(),
        "told": found.told.told.tolist(),
        "laplace_inside": ((low <= truth) & (truth <= high)).tolist(),
        "mean": coarse.mean.tolist(),
        "deviation": coarse.deviation.tolist(),
        "rank": (coarse.draws(63, int(rng.integers(1 << 30))) < truth).sum(0).tolist(),
        "effective": coarse.effective,
        "coverage": found.coverage.tolist() if found.coverage is not None else None,
        "before_rad": float(np.sqrt((held["before"] ** 2).mean())),
        "after_rad": float(np.sqrt((held["after"] ** 2).mean())),
        "evaluations": found.evaluations,
        "objective": found.coarse.fit.objective,
        "warnings": len(found.warnings),
    }
    if found.discrepancy is not None:
        d = found.discrepancy
        low, high = d.interval()
        line |= {
            "inside": ((low <= truth) & (truth <= high)).tolist(),
            "center": d.center.tolist(),
            "discrepancy": d.deviation.tolist(),
            "told_own": d.told.tolist(),
            "nuisances": found.fine.fit.theta[len(truth) :].tolist() if found.fine else [],
            "step": d.step.tolist(),
            "speed": d.speed.tolist(),
        }
    return line


def print_cost(console: Console, seconds: float = 20.0, repeats: int = 5) -> None:
    """What a candidate costs on a log of so many seconds: with MuJoCo and compiled, at 10 ms, fastest of a few."""
    model = robot(DEFAULT_ROBOT)
    motion = excitation(model, seconds)
    log = MotionLog("cost", "cost", motion.times, motion.joints, motion.joints, motion.times)
    parameters, dt = ParameterSet(model), Settings().dt
    for compiled in (False, True):
        for whole in (True, False):
            parts = windows([log], dt, whole=whole)
            with ArmSimulator(model, dt, compiled=compiled) as simulator:
                for count in (1, 8, 75, 300):
                    theta = np.random.default_rng(0).normal(0, 0.3, (count, len(parameters)))
                    values, fastest = parameters.values(theta), np.inf
                    for _ in range(repeats if compiled or count < 75 else 1):
                        began = time.perf_counter()
                        simulator.measured(values, parts)
                        fastest = min(fastest, time.perf_counter() - began)
                    console.print(
                        f"{'compiled' if compiled else 'MuJoCo'}, {len(parts.begin)} windows, {count} together: "
                        f"{1000 * fastest / count:.2f} ms a candidate",
                        markup=False,
                    )


def print_table(lines: list[dict[str, Any]], console: Console) -> None:
    """Coverage by kind, delay's error, held-out coverage and error, cost."""
    names = lines[0]["names"]
    kinds = list(dict.fromkeys(n.partition("[")[0] for n in names))
    spread = 0.02  # of delay's prior [s]
    key = "inside" if "inside" in lines[0] else "laplace_inside"
    told = "told_own" if "told_own" in lines[0] else "told"
    console.print(
        f"{len(lines)} draws; parameters that the logs tell, inside the 90 % interval:", markup=False
    )
    total = [0, 0, 0]
    for kind in kinds:
        cells = [
            (line[key][k], line["laplace_inside"][k])
            for line in lines
            for k, n in enumerate(names)
            if n.partition("[")[0] == kind and line[told][k]
        ]
        if not cells:
            console.print(f"  {kind}: never told", markup=False)
            continue
        inside, plain = (sum(c[i] for c in cells) for i in (0, 1))
        total = [total[0] + inside, total[1] + plain, total[2] + len(cells)]
        console.print(f"  {kind}: {inside}/{len(cells)} (without discrepancy {plain})", markup=False)
    console.print(
        f"  all: {total[0]}/{total[2]} = {total[0] / max(1, total[2]):.2f} (without {total[1]})", markup=False
    )
    if "delay" in names:
        k = names.index("delay")
        center = "center" if "center" in lines[0] else "mean"
        off = [1000 * spread * abs(line[center][k] - line["truth"][k]) for line in lines]
        console.print(f"delay: off by {np.median(off):.2f} ms (median), at most {max(off):.2f}", markup=False)
    cover = np.array([line["coverage"] for line in lines])
    fall = [1 - line["after_rad"] / line["before_rad"] for line in lines]
    before, after = (1000 * np.median([line[n] for line in lines]) for n in ("before_rad", "after_rad"))
    console.print(
        f"held-out samples inside the 90 % band: {cover.mean():.3f} (draws: {cover.mean(1).min():.3f} to "
        f"{cover.mean(1).max():.3f})",
        markup=False,
    )
    console.print(
        f"held-out error: {before:.2f} -> {after:.2f} mrad (medians); it falls by {100 * min(fall):.0f} to "
        f"{100 * max(fall):.0f} %",
        markup=False,
    )
    ranks = np.concatenate([np.array(line["rank"])[np.array(line["told"])] for line in lines])
    console.print(
        f"ranks of the truth in 8 bins: {np.bincount(ranks // 8, minlength=8).tolist()}", markup=False
    )
    console.print(
        f"evaluations {np.median([line['evaluations'] for line in lines]):.0f}, wall "
        f"{np.median([line['wall_s'] for line in lines]):.0f} s, effective size "
        f"{np.median([line['effective'] for line in lines]):.0f} (medians)",
        markup=False,
    )


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
