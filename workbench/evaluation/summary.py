"""From a run's records to its ``summary.json``: rates with intervals, never without.

Everything but times is a function of the set of records: not of their order in the file, of how often the run
was killed, or of how many environments ran at once. Times live under the keys in `TIME_KEYS` only, so that
two summaries can be compared apart from them (`without_times`). Floats are rounded to `DIGITS` decimals. A
number that does not exist is null, with a sentence in ``<name>_reason`` beside it; never zero.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np

from policy.grounding import RIGHT_IOU
from policy.serve.client.latency import added, quantiles_ms
from workbench.evaluation.early_stop import counted
from workbench.runs.records import EpisodeRecord, SessionRecord
from workbench.stats import CONFIDENCE, RATE_INTERVALS, mean_interval, quantile_interval
from workbench.stats.sequential import anytime_interval, anytime_quantile_interval
from workbench.stats.strata import EQUAL, parse_weights, stratified

TIME_KEYS = ("rates", "wall_s", "phases_s", "started", "ended")
"""Keys that hold times and rates of the machine, in summaries and in records."""

META_KEYS = ("task", "policy", "seed", "physics", "renderer", "device", "num_envs")
"""What `summarise` must be told about the run; copied into the summary."""

OPTIONAL_META_KEYS = (
    "robot",
    "split",
    "execution",
    "episodes_planned",
    "confidence",
    "stop_above",
    "stop_against",
    "interval",
    "strata",
    "weights",
)
"""Robot, split, and how chunks were carried out, where they are not the default; quota of episodes; level of the
intervals; rate, or run with its outcomes, that a sequential test was run against, if one was; kind of interval; what
the rate is stratified by, and the weights."""

DIGITS = 6
"""Decimals that floats are rounded to."""

ANYTIME = "anytime"
INTERVALS = RATE_INTERVALS | {ANYTIME: ("anytime-valid", anytime_interval)}
"""Intervals of a rate by name; a run that may stop early has the last, in all its parts."""

CLAIMS = (("right", True), ("wrong", False))
"""What a claim can have been."""


def summarise(
    records: Iterable[EpisodeRecord], meta: Mapping[str, Any], sessions: Sequence[SessionRecord]
) -> dict[str, Any]:
    """The summary of a run, finished or not.

    With ``meta["stop_above"]`` or ``meta["stop_against"]`` set, the episodes counted are those up to the decision of
    the sequential test, in index order, so that the summary does not depend on how many more were in flight; intervals
    of rates and medians are then such that hold at any stopping time. ValueError lists the missing meta keys, or the
    indices that repeat.
    """
    missing = [key for key in META_KEYS if key not in meta]
    if missing:
        raise ValueError(f"the summary needs to be told {', '.join(missing)}")
    ordered = sorted(records, key=lambda r: r.index)
    repeated = sorted(index for index, times in Counter(r.index for r in ordered).items() if times > 1)
    if repeated:
        raise ValueError(f"episodes {repeated[:10]} are recorded more than once")
    confidence = float(meta.get("confidence", CONFIDENCE))
    test, used = counted(ordered, meta, confidence)
    summary = {key: meta[key] for key in META_KEYS} | {
        key: meta[key] for key in OPTIONAL_META_KEYS if meta.get(key) is not None
    }
    summary["confidence"] = confidence
    kind = ANYTIME if test else str(meta.get("interval") or "wilson")
    summary |= _success(used, confidence, kind)
    summary |= {"sequential": test} if test else {}
    if test.get("decision"):
        summary["success_rate_note"] = _leaning(test)
    summary["failure_reasons"] = _counts(r.failure_reason for r in used if r.failure_reason is not None)
    tasks = sorted({r.task for r in used})
    if len(tasks) > 1:
        summary["by_task"] = {t: _success([r for r in used if r.task == t], confidence, kind) for t in tasks}
    if held_out := sorted({name for r in used for name in r.held_out or ()}):
        summary["by_held_out"] = {
            name: _success([r for r in used if name in (r.held_out or ())], confidence, kind)
            for name in held_out
        }
    if meta.get("strata") and not test:
        weights = parse_weights(str(meta.get("weights") or EQUAL))
        summary["stratified"] = stratified(used, str(meta["strata"]), weights, confidence, INTERVALS[kind][1])
    summary["time_to_success_s"] = _median(
        [r.time_to_success_s for r in used if r.success],
        "no success with a time is recorded",
        confidence,
        kind,
    )
    summary["path_length_m"] = _mean([r.path_length_m for r in used], confidence, (0.0, math.inf))
    summary["smoothness"] = _mean([r.smoothness for r in used], confidence)
    summary["limited_share"] = _mean([r.limited_share for r in used], confidence, (0.0, 1.0))
    summary |= _grounding(used, confidence, kind)
    summary["rates"] = _rates(sessions)
    summary["wall_s"] = _median([r.wall_s for r in ordered], "no episode is recorded", confidence)
    rounded: dict[str, Any] = _rounded(summary)
    return rounded


def without_times(data: Any) -> Any:
    """The same data without `TIME_KEYS` at any depth: equal for two executions of the same run."""
    if isinstance(data, Mapping):
        return {key: without_times(value) for key, value in data.items() if key not in TIME_KEYS}
    return [without_times(v) for v in data] if isinstance(data, list) else data


def _success(records: list[EpisodeRecord], confidence: float, kind: str) -> dict[str, Any]:
    n, k = len(records), sum(r.success for r in records)
    if n == 0:
        nothing = {"episodes": 0, "successes": 0, "success_rate": None, "success_interval": None}
        return nothing | {"success_rate_reason": "no episode is recorded"}
    method, interval = INTERVALS[kind]
    return {
        "episodes": n,
        "successes": k,
        "success_rate": k / n,
        "success_interval": list(interval(k, n, confidence)),
        "success_interval_method": method,
    }


def _leaning(test: Mapping[str, Any]) -> str:
    """What stopping when the outcomes suffice does to the rate itself."""
    way = "high" if test["decision"] in ("accept above", "first better") else "low"
    return (
        f"the run stopped because its outcomes sufficed, so on average the rate reads too {way}, and so do the parts; "
        "the intervals of rates and medians allow for that, those of means do not"
    )


def _counts(values: Iterable[str]) -> dict[str, int]:
    """How often each occurs, most frequent first, then by name."""
    return dict(sorted(Counter(values).items(), key=lambda item: (-item[1], item[0])))


def _present(values: Iterable[float | None]) -> list[float]:
    return [v for v in values if v is not None]


def _interval(interval: tuple[float, float] | None, n: int) -> dict[str, Any]:
    if interval is None:
        return {"interval": None, "interval_reason": f"too few values for an interval ({n})"}
    return {"interval": list(interval)}


def _median(values: Sequence[float | None], absent: str, confidence: float, kind: str = "") -> dict[str, Any]:
    present = _present(values)
    if not present:
        return {"median": None, "median_reason": absent, "interval": None, "interval_reason": absent, "n": 0}
    quantile = anytime_quantile_interval if kind == ANYTIME else quantile_interval
    interval = _interval(quantile(present, 0.5, confidence), len(present))
    return {"median": float(np.median(present))} | interval | {"n": len(present)}


def _mean(
    values: Sequence[float | None], confidence: float, bounds: tuple[float, float] = (-math.inf, math.inf)
) -> dict[str, Any]:
    present = _present(values)
    if not present:
        absent = "no episode records it"
        return {"mean": None, "mean_reason": absent, "interval": None, "interval_reason": absent, "n": 0}
    interval = mean_interval(present, confidence, bounds)
    return (
        {"mean": math.fsum(present) / len(present)} | _interval(interval, len(present)) | {"n": len(present)}
    )


def _grounding(records: list[EpisodeRecord], confidence: float, kind: str) -> dict[str, Any]:
    grounded = [r for r in records if r.grounding is not None]
    claims = [r.grounding for r in grounded if r.grounding is not None]
    if not claims:
        return {
            "grounding": None,
            "grounding_reason": "the policy never said where it would act",
        }
    boxes = {}
    for label, values in _by_label(claims, "box_iou").items():
        right = sum(v >= RIGHT_IOU for v in values)
        boxes[label] = _mean(values, confidence, (0.0, 1.0)) | {
            f"rate_at_{RIGHT_IOU}": right / len(values),
            f"rate_at_{RIGHT_IOU}_interval": list(INTERVALS[kind][1](right, len(values), confidence)),
        }
    sizes = sorted({tuple(claim["image_size"]) for claim in claims})
    return {
        "grounding": {
            "n": len(claims),
            "image_sizes": [list(size) for size in sizes],
            "point_error_px": _distances(claims, "point_error_px", confidence, kind),
            "box_iou": boxes,
            "execution_error_px": _distances(claims, "execution_error_px", confidence, kind),
            "by_claim": _by_claim(grounded, confidence, kind),
        }
    }


def _distances(claims: list[dict[str, Any]], part: str, confidence: float, kind: str) -> dict[str, Any]:
    return {
        label: _median(values, "", confidence, kind) | {"p90": float(np.quantile(values, 0.9))}
        for label, values in _by_label(claims, part).items()
    }


def _by_claim(records: list[EpisodeRecord], confidence: float, kind: str) -> dict[str, Any]:
    """Success where the claim was right and where it was wrong: the four counts of who knew and who could."""
    told = {word: [r for r in records if (r.grounding or {}).get("right") is right] for word, right in CLAIMS}
    return {word: _success(some, confidence, kind) for word, some in told.items() if some}


def _by_label(claims: list[dict[str, Any]], part: str) -> dict[str, list[float]]:
    labels = sorted({label for claim in claims for label in claim.get(part, {})})
    return {label: [c[part][label] for c in claims if label in c.get(part, {})] for label in labels}


def _rates(sessions: Sequence[SessionRecord]) -> dict[str, Any]:
    """What was done per second, over the sessions that ended properly, and the phase that took most time."""
    wall_s = math.fsum(s.wall_s for s in sessions)
    done: Counter[str] = Counter()
    phases: dict[str, float] = {}
    for session in sessions:
        done.update(session.counts)
        for phase, seconds in session.phases_s.items():
            phases[phase] = phases.get(phase, 0.0) + seconds
    phases.setdefault("other", max(0.0, wall_s - math.fsum(phases.values())))
    rates: dict[str, Any] = {}
    units = {
        "env_steps_per_s": ("env_steps", 1),
        "frames_per_s": ("frames", 1),
        "decisions_per_s": ("decisions", 1),
        "episodes_per_hour": ("episodes", 3600),
    }
    for name, (count, seconds) in units.items():
        rates[name] = done[count] / wall_s * seconds if wall_s > 0 and done[count] else None
        if rates[name] is None:
            rates[f"{name}_reason"] = (
                f"no {count} were counted" if wall_s > 0 else "no session ended properly"
            )
    rates["bound_by"] = max(sorted(phases), key=phases.__getitem__) if wall_s > 0 else None
    if rates["bound_by"] is None:
        rates["bound_by_reason"] = "no session ended properly"
    latencies: dict[str, int] = {}
    for session in sessions:
        latencies = added(latencies, session.latencies)
    served = {"policy_server_ms": quantiles_ms(latencies)} if latencies else {}
    return rates | {"phases_s": phases, "sessions": len(sessions)} | served


def _rounded(value: Any) -> Any:
    if isinstance(value, float):
        return round(value, DIGITS)
    if isinstance(value, Mapping):
        return {key: _rounded(v) for key, v in value.items()}
    return [_rounded(v) for v in value] if isinstance(value, list | tuple) else value
