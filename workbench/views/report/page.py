"""Collects what a run folder holds and renders it as ``report.html``, a single file that needs no network."""

from __future__ import annotations

import base64
import json
import os
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import jinja2
from markupsafe import Markup

from workbench.evaluation.summary import META_KEYS, OPTIONAL_META_KEYS, summarise
from workbench.runs.durable import write_atomically
from workbench.runs.folder import RunFolder
from workbench.runs.history import history_lines
from workbench.runs.records import EpisodeRecord, headline
from workbench.views.report import charts
from workbench.views.report.attribution import attribution_context, tuning_context
from workbench.views.report.factors import at_any_time, factor_effects

MOST_FRAMES = {"failure": 24, "success": 12}
"""Last frames embedded in the page, by outcome: failures teach more."""
MOST_ROWS = 5000
"""Episodes in the table; the rest is in episodes.jsonl."""
FRAME_TYPES = {".jpg": "image/jpeg", ".jpeg": "image/jpeg", ".png": "image/png"}
EPISODE_FILES = {"trajectory": "trajectories/episode_{:06d}.npz", "video": "videos/episode_{:06d}.mp4"}
"""What a row of the table links to where it exists, relative to the run folder."""


def write_report(run_dir: str | os.PathLike[str]) -> Path:
    """Writes ``report.html`` into a run folder that has a summary, and returns its path.

    Numbers are computed afresh from the records, so that the page cannot disagree with them. RunFolderError
    when the folder is no run, has no summary yet, or holds a broken line.
    """
    run = RunFolder(run_dir)
    meta = {key: value for key, value in run.summary().items() if key in META_KEYS + OPTIONAL_META_KEYS}
    everything = list(run.completed().values())
    records = headline(everything)
    sessions = run.sessions()
    summary = summarise(records, meta, sessions)
    if summary.get("sequential", {}).get("decision"):
        records = everything = records[: summary["episodes"]]
    context = {
        "summary": summary,
        "recorded": len(everything),
        "conditions": len({record.condition for record in everything}),
        "attribution": attribution_context(run.path, len(everything)),
        "tuning": tuning_context(run.path),
        "name": run.path.resolve().name,
        "percent": _percent,
        "number": charts.measure,
        "span": _span,
        "rate_track": _headline_track(summary),
        "failures": _failures(summary),
        "histograms": _histograms(records, summary),
        "grounding": _grounding_histograms(records),
        "phases": charts.stacked_bar(summary["rates"]["phases_s"], "s"),
        "frames": _frames(run.path, records),
        "rows": _rows(run.path, everything[:MOST_ROWS]),
        "recording": "recording.rrd" if (run.path / "recording.rrd").exists() else None,
        "sessions": sessions,
        "history": history_lines(run.told().get("history", {})),
        "provenance": _flat(run.provenance()),
        "config": _flat(run.config()),
    }
    effects, context["factor_notes"] = factor_effects(_without_seeds(records, run), summary["confidence"])
    if "sequential" in summary:
        effects = at_any_time(effects, summary["confidence"])
    context["factors"] = [
        {
            "name": effect.name,
            "family": effect.name.partition(".")[0],
            "p": None if effect.p_value is None else _p_value(effect.p_value),
            "evident": effect.p_value is not None and effect.p_value < 1 - summary["confidence"],
            "left_out": effect.left_out,
            "chart": Markup("").join(
                charts.interval_row(
                    level.label, level.successes, level.episodes, level.interval, summary["success_rate"]
                )
                for level in effect.levels
            ),
        }
        for effect in effects
    ]
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(Path(__file__).parent),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    page = environment.get_template("template.html.j2").render(context)
    path = run.path / "report.html"
    write_atomically(path, page.encode("utf-8", "replace"))
    return path


def _without_seeds(records: Sequence[EpisodeRecord], run: RunFolder) -> list[EpisodeRecord]:
    """The records without factors that are a number which only seeds others: numbers with a composed draw."""
    drawn = run.provenance().get("factor_set", {}).get("factors", {})
    composed = {name for name, how in drawn.items() if how.get("kind") == "composed"}
    return [
        replace(
            r, factors={k: v for k, v in r.factors.items() if k not in composed or not isinstance(v, int)}
        )
        for r in records
    ]


def _headline_track(summary: Mapping[str, Any]) -> Markup:
    if summary["success_rate"] is None:
        return Markup("")
    low, high = (100 * x for x in summary["success_interval"])
    rate = 100 * summary["success_rate"]
    return Markup(
        '<svg class="headline-track" height="34" role="img" aria-label="success rate with its interval">'
        '<rect class="rail" x="0" y="12" width="100%" height="10" rx="5"/>'
        '<rect class="band" x="{:.2f}%" y="12" width="{:.2f}%" height="10" rx="5"/>'
        '<line class="needle" x1="{:.2f}%" x2="{:.2f}%" y1="4" y2="30"/></svg>'
    ).format(low, high - low, rate, rate)


def _failures(summary: Mapping[str, Any]) -> Markup:
    reasons: Mapping[str, int] = summary["failure_reasons"]
    greatest = max(reasons.values(), default=1)
    return Markup("").join(
        charts.bar_row(reason, count, summary["episodes"], greatest) for reason, count in reasons.items()
    )


def _histograms(records: Sequence[EpisodeRecord], summary: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Title, caption and chart of each continuous metric that any episode has."""
    wanted = (
        ("Time to success", "time_to_success_s", "s", "median", "of the successful episodes"),
        ("Path length", "path_length_m", "m", "mean", "of the end effector's path"),
        ("Smoothness", "smoothness", "SPARC", "mean", "spectral arc length; nearer zero is smoother"),
    )
    found = []
    for title, field, unit, statistic, caption in wanted:
        series = {
            outcome: [v for r in records if r.success is success and (v := getattr(r, field)) is not None]
            for outcome, success in (("success", True), ("failure", False))
        }
        series = {outcome: values for outcome, values in series.items() if values}
        entry = {"title": title, "unit": unit, "statistic": statistic, "caption": caption} | summary[field]
        entry["value"] = summary[field][statistic]
        entry["chart"] = charts.histogram(series, unit, entry["value"]) if series else None
        found.append(entry)
    return found


def _grounding_histograms(records: Sequence[EpisodeRecord]) -> dict[str, Markup]:
    """Error histogram of each label of points."""
    errors: dict[str, dict[str, list[float]]] = {}
    for record in records:
        for label, error in (record.grounding or {}).get("point_error_px", {}).items():
            by_outcome = errors.setdefault(label, {})
            by_outcome.setdefault("success" if record.success else "failure", []).append(error)
    return {label: charts.histogram(series, "px") for label, series in sorted(errors.items())}


def _frames(folder: Path, records: Sequence[EpisodeRecord]) -> dict[str, Any]:
    """Last frames as data URIs, failures first, and how many there are in all."""
    directory = folder / "frames" / "last"
    files = {p.stem: p for p in sorted(directory.iterdir())} if directory.is_dir() else {}
    shown, available = [], 0
    for outcome in ("failure", "success"):
        having = [
            r
            for r in records
            if r.success is (outcome == "success")
            and f"{r.index:06d}" in files
            and files[f"{r.index:06d}"].suffix in FRAME_TYPES
        ]
        available += len(having)
        for record in having[: MOST_FRAMES[outcome]]:
            file = files[f"{record.index:06d}"]
            data = base64.b64encode(file.read_bytes()).decode("ascii")
            shown.append({"record": record, "uri": f"data:{FRAME_TYPES[file.suffix]};base64,{data}"})
    return {"shown": shown, "available": available}


def _rows(folder: Path, records: Sequence[EpisodeRecord]) -> list[dict[str, Any]]:
    """Table rows: the record, its links and its factors as text."""
    rows = []
    for record in records:
        links = {
            kind: name
            for kind, pattern in EPISODE_FILES.items()
            if (folder / (name := pattern.format(record.index))).exists()
        }
        errors = list((record.grounding or {}).get("point_error_px", {}).values())
        drawn = [f"{k} = {json.dumps(v, ensure_ascii=False)}" for k, v in sorted(record.factors.items())]
        rows.append(
            {
                "record": record,
                "links": links,
                "worst_point_px": max(errors) if errors else None,
                "factors": "\n".join(drawn),
            }
        )
    return rows


def _flat(nested: Mapping[str, Any], prefix: str = "") -> dict[str, str]:
    """Nested settings as dotted keys with readable values."""
    flat: dict[str, str] = {}
    for key, value in nested.items():
        if isinstance(value, Mapping) and value:
            flat |= _flat(value, f"{prefix}{key}.")
        else:
            flat[f"{prefix}{key}"] = (
                value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
            )
    return flat


def _percent(share: float) -> str:
    return f"{100 * share:.1f}"


def _span(interval: Sequence[float], scale: float = 1.0) -> str:
    """An interval in words, both ends with the same sense of precision."""
    return f"{charts.measure(scale * interval[0])} to {charts.measure(scale * interval[1])}"


def _p_value(p: float) -> str:
    return "< 0.001" if p < 0.001 else f"= {p:.{2 if p >= 0.095 else 3}f}"
