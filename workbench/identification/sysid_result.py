"""What identification writes: ``posterior.json`` and ``report.html``."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from markupsafe import Markup

from robots.protocol import RobotModel
from workbench.identification.bands import LEVEL
from workbench.identification.identify import AtStep, Identified
from workbench.identification.line_chart import line_chart, page, table
from workbench.identification.motion_log import MotionLog
from workbench.identification.parameters import ParameterSet
from workbench.identification.posterior_file import FORMAT
from workbench.runs.durable import write_atomically

MEANING = (
    "Effective parameters of this engine at this step: they make this simulator move as the logs do, and are not the "
    "robot's own. On another engine or step they are to be found anew. `without_step` is what the robot's own may be: "
    "found at a fifth of the step, with what drives have and engines do not, and wider."
)


def to_dict(
    found: Identified, model: RobotModel, training: Sequence[str], held_out: Sequence[str], method: str
) -> dict[str, Any]:
    """Plain JSON types."""
    names, p = found.parameters.names, found.parameters
    coarse = _interval(found, found.coarse.posterior.interval(LEVEL))
    best = p.physical(found.coarse.fit.theta)[0]
    result: dict[str, Any] = {
        "format": FORMAT, "meaning": MEANING, "robot": model.spec.name, "engine": "mujoco", "dt_s": found.coarse.dt,
        "method": method, "training": list(training), "held_out": list(held_out), "evaluations": found.evaluations,
        "wall_s": found.wall_s, "level": LEVEL, "encoder_noise_rad": found.noise.tolist(),
    }  # fmt: skip
    result["parameters"] = [
        {
            "name": name,
            "unit": p.parameters[k].kind.unit,
            "best": float(best[k]),
            "interval": coarse[k],
            "told": bool(found.told.told[k]),
            "width_of_prior": float(found.told.width[k]),
        }
        for k, name in enumerate(names)
    ]
    if found.discrepancy is not None:
        d = found.discrepancy
        without = _interval(found, d.interval(LEVEL))
        for k, entry in enumerate(result["parameters"]):
            entry["without_step"] = {
                "value": float(p.physical(d.center)[0, k]),
                "interval": without[k],
                "told": bool(d.told[k]),
                "discrepancy_of_step": float(d.step[k]),
                "discrepancy_of_speed": float(d.speed[k]),
            }
    result["steps"] = [_step(found.coarse, p)]
    if found.fine is not None and found.nuisances is not None:
        result["steps"].append(_step(found.fine, found.nuisances))
    result["values"] = {name: value[0].tolist() for name, value in p.values(found.coarse.fit.theta).items()}
    result["cannot_be_told"] = [c.sentence for c in found.told.confusions]
    result["own_cannot_be_told"] = (
        [] if found.told_own is None else [c.sentence for c in found.told_own.confusions]
    )
    result["warnings"] = found.warnings
    result["rmse_rad"] = {k: {n: v.tolist() for n, v in pair.items()} for k, pair in found.rmse.items()}
    result["held_out_coverage"] = None if found.coverage is None else found.coverage.tolist()
    return result


def _step(step: AtStep, parameters: ParameterSet) -> dict[str, Any]:
    return {
        "names": parameters.names,
        "best": parameters.physical(step.fit.theta)[0].tolist(),
        "dt_s": step.dt,
        "objective": step.fit.objective,
        "converged": step.fit.converged,
        "effective_samples": step.posterior.effective,
        "samples": len(step.posterior.samples),
        "weighted": step.posterior.weighted,
        "theta": step.fit.theta.tolist(),
        "covariance": step.posterior.covariance.tolist(),
    }


def _interval(found: Identified, ends: tuple[np.ndarray, np.ndarray]) -> list[list[float]]:
    low, high = found.parameters.physical(np.stack(ends))
    return [[float(a), float(b)] for a, b in zip(low, high, strict=True)]


HEADINGS = ("parameter", "at this step", "90 %", "told", "the robot's own", "90 % with discrepancy", "told")


def rows_of(found: Identified) -> list[list[str]]:
    """A row a parameter, as texts."""
    p = found.parameters
    best = p.physical(found.coarse.fit.theta)[0]
    coarse = _interval(found, found.coarse.posterior.interval(LEVEL))
    rows = []
    for k, parameter in enumerate(p.parameters):
        row = [
            parameter.name,
            f"{best[k]:.4g} {parameter.kind.unit}",
            f"{coarse[k][0]:.4g} to {coarse[k][1]:.4g}",
        ]
        if found.discrepancy is not None:
            low, high = _interval(found, found.discrepancy.interval(LEVEL))[k]
            row += [f"{p.physical(found.discrepancy.center)[0, k]:.4g}", f"{low:.4g} to {high:.4g}"]
            own = "yes" if found.discrepancy.told[k] else "no"
        else:
            row += ["", ""]
            own = ""
        rows.append([*row[:3], "yes" if found.told.told[k] else "no", *row[3:], own])
    return rows


def _listed(title: str, sentences: Sequence[str]) -> list[Markup]:
    """A heading and a list; nothing for no sentence."""
    if not sentences:
        return []
    items = Markup("").join(Markup("<li>{}</li>").format(sentence) for sentence in sentences)
    return [Markup("<h2>{}</h2>").format(title), Markup('<div class="card"><ul>{}</ul></div>').format(items)]


def write_result(found: Identified, said: dict[str, Any], held_out: Sequence[MotionLog], out: Path) -> None:
    """Write both files."""
    write_atomically(out / "posterior.json", json.dumps(said, indent=1) + "\n")
    headings = list(HEADINGS)
    parts = [
        Markup("<p>{}</p>").format(MEANING),
        table(headings, rows_of(found)),
        *_listed("What these logs cannot tell", said["cannot_be_told"]),
        *_listed("What they cannot tell of the robot's own", said["own_cannot_be_told"]),
        *_listed("What speaks against the fit", found.warnings),
    ]
    for name, pair in found.rmse.items():
        parts.append(
            Markup("<h2>RMSE from re-synchronised starts, {} [mrad]</h2>").format(name.replace("_", " "))
        )
        joints = [f"joint {j + 1}" for j in range(len(found.noise))]
        rows = [[k, *(f"{1000 * v:.2f}" for v in values)] for k, values in pair.items()]
        parts.append(table(["", *joints], rows))
    if found.held_out_band is not None and found.coverage is not None:
        parts.append(Markup("<h2>Held out, less what is predicted, and the 90 % band [mrad]</h2>"))
        band = found.held_out_band
        error = 1000 * (band.measured - band.center)
        along = np.arange(len(error)) * (held_out[0].period if held_out else 1.0)
        charts = [
            line_chart(
                f"joint {j + 1}: {100 * found.coverage[j]:.0f} % inside",
                along,
                {"measured": error[:, j]},
                (-1000 * band.half[:, j], 1000 * band.half[:, j]),
            )
            for j in range(error.shape[1])
        ]
        parts.append(Markup('<div class="grid wide">{}</div>').format(Markup("").join(charts)))
    write_atomically(out / "report.html", page("Identification of an arm", parts))
