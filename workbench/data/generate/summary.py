"""From a dataset's lines to its ``summary.json``: what was planned, kept and dropped, and how fast it went. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from workbench.stats import wilson_interval

META = ("task", "policy", "dr", "seed", "physics", "renderer", "device", "num_envs", "renders", "cameras")
"""Options that say what the dataset is."""
OPTIONAL_META = ("robot", "split")
"""Those that a dataset of the default robot, without a split, does not have."""


def summarise_dataset(
    config: Mapping[str, Any],
    planned: Sequence[Mapping[str, Any]],
    rendered: Sequence[Mapping[str, Any]],
    sessions: Iterable[Mapping[str, Any]],
) -> dict[str, Any]:
    """The summary of a dataset, finished or not.

    Args:
        config: options of ``workbench generate``.
        planned: lines of the first pass's chunks.
        rendered: lines of the second's.
        sessions: one a pass and start; a start that was killed has none, so rates are those of the others.
    """
    kept = sum(bool(line["kept"]) for line in planned)
    frames = sum(line["frames"] for line in rendered if line["kept"])
    summary: dict[str, Any] = {name: config[name] for name in META}
    summary |= {name: config[name] for name in OPTIONAL_META if name in config}
    summary["planned"] = {
        "wanted": config["episodes"],
        "episodes": len(planned),
        "kept": kept,
        "kept_share": kept / len(planned) if planned else None,
        "kept_interval": list(wilson_interval(kept, len(planned))) if planned else None,
        "rejected": _reasons(planned),
        "steps": sum(line["record"]["steps"] for line in planned if line["kept"]),
    }
    summary["rendered"] = {
        "wanted": kept * config["renders"],
        "renderings": len(rendered),
        "kept": sum(bool(line["kept"]) for line in rendered),
        "rejected": _reasons(rendered),
        "frames": frames,
        "bytes_per_frame": sum(line["bytes"] for line in rendered if line["kept"]) / frames
        if frames
        else None,
    }
    summary["rates"] = _rates(list(sessions))
    return summary


def _reasons(lines: Iterable[Mapping[str, Any]]) -> dict[str, int]:
    return dict(sorted(Counter(line["rejected"] for line in lines if not line["kept"]).items()))


def _rates(sessions: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """Times live here only, so that two datasets can be compared without."""
    wall = {stage: sum(s["wall_s"] for s in sessions if s["stage"] == stage) for stage in ("plan", "render")}
    done = {stage: Counter() for stage in wall}  # type: dict[str, Counter]
    seconds: Counter = Counter()
    for session in sessions:
        done[session["stage"]].update({name: session[name] for name in ("jobs", "kept", "frames")})
        seconds.update({f"{session['stage']}: {name}": value for name, value in session["seconds"].items()})

    total = sum(wall.values())

    def hourly(stage: str, what: str, time: float) -> float | None:
        return round(done[stage][what] / time * 3600, 1) if time else None

    return {
        # Of the whole: planning, rendering, starting and waiting. Those of a pass alone say so.
        "trajectories_per_hour": hourly("plan", "kept", total),
        "frames_per_hour": hourly("render", "frames", total),
        "planned_per_hour_of_planning": hourly("plan", "kept", wall["plan"]),
        "frames_per_hour_of_rendering": hourly("render", "frames", wall["render"]),
        "wall_s": {stage: round(value, 1) for stage, value in wall.items()},
        "share_of_time": {
            name: round(value / total, 4) for name, value in sorted(seconds.items(), key=lambda kv: -kv[1])
        }
        if total
        else {},
    }
