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
from workbench.records import EpisodeRecord, SessionRecord
from workbench.sequential import SequentialTest, anytime_interval
from workbench.statistics import CONFIDENCE, bootstrap_mean_interval, quantile_interval, wilson_interval

TIME_KEYS = ("rates", "wall_s", "phases_s", "started", "ended")
"""Keys that hold times and rates of the machine, in summaries and in records."""

META_KEYS = ("task", "policy", "seed", "physics", "renderer", "device", "num_envs")
"""What `summarise` must be told about the run; copied into the summary."""

OPTIONAL_META_KEYS = ("episodes_planned", "confidence", "stop_above")
"""Quota of episodes; level of the intervals; rate that a sequential test was run against, if one was."""

DIGITS = 6
"""Decimals that floats are rounded to."""

CLAIMS = (("right", True), ("wrong", False))
"""What a claim can have been."""


def summarise(
    records: Iterable[EpisodeRecord], meta: Mapping[str, Any], sessions: Sequence[SessionRecord]
) -> dict[str, Any]:
    """The summary of a run, finished or not.

    With ``meta["stop_above"]`` set, the episodes counted are those up to the decision of the sequential test,
    in index order, so that the summary does not depend on how many more were in flight; the interval is then
    one that holds at any stopping time. ValueError lists the missing meta keys, or the indices
    that repeat.
    """
    missing = [key for key in META_KEYS if key not in meta]
    if missing:
        raise ValueError(f"the summary needs to be told {', '.join(missing)}")
    ordered = sorted(records, key=lambda r: r.index)
    repeated = sorted(index for index, times in Counter(r.index for r in ordered).items() if times > 1)
    if repeated:
        raise ValueError(f"episodes {repeated[:10]} are recorded more than once")
    confidence = float(meta.get("confidence", CONFIDENCE))
    sequential, counted = _sequential(ordered, meta, confidence)
    summary = {key: meta[key] for key in META_KEYS} | {
        key: meta[key] for key in OPTIONAL_META_KEYS if meta.get(key) is not None
    }
    summary["confidence"] = confidence
    summary |= _success(counted, confidence, anytime=bool(sequential))
    summary |= sequential
    summary["failure_reasons"] = _counts(r.failure_reason for r in counted if r.failure_reason is not None)
    tasks = sorted({r.task for r in counted})
    if len(tasks) > 1:
        summary["by_task"] = {t: _success([r for r in counted if r.task == t], confidence) for t in tasks}
    seed = int(meta["seed"])
    summary["time_to_success_s"] = _median(
        [r.time_to_success_s for r in counted if r.success], "no success with a time is recorded", confidence
    )
    for name in ("path_length_m", "smoothness"):
        summary[name] = _mean([getattr(r, name) for r in counted], seed, name, confidence)
    summary |= _grounding(counted, seed, confidence)
    summary["rates"] = _rates(sessions)
    summary["wall_s"] = _median([r.wall_s for r in ordered], "no episode is recorded", confidence)
    rounded: dict[str, Any] = _rounded(summary)
    return rounded


def without_times(data: Any) -> Any:
    """The same data without `TIME_KEYS` at any depth: equal for two executions of the same run."""
    if isinstance(data, Mapping):
        return {key: without_times(value) for key, value in data.items() if key not in TIME_KEYS}
    return [without_times(v) for v in data] if isinstance(data, list) else data


def _sequential(
    ordered: list[EpisodeRecord], meta: Mapping[str, Any], confidence: float
) -> tuple[dict[str, Any], list[EpisodeRecord]]:
    """The sequential test's entry (empty without one) and the episodes that count."""
    if meta.get("stop_above") is None:
        return {}, ordered
    n_max = int(meta.get("episodes_planned") or max(len(ordered), 1))
    test = SequentialTest(float(meta["stop_above"]), 1 - confidence, n_max)
    for position, record in enumerate(ordered):
        # Only an unbroken row of indices: a gap is an episode still running, and skipping it would favour
        # short ones.
        if record.index != ordered[0].index + position or test.decision or test.n == n_max:
            break
        test.update([record.success])
    entry: dict[str, Any] = {
        "above": test.p0,
        "episodes_max": n_max,
        "decision": test.decision,
        "episodes_used": test.n,
    }
    if test.decision is None:
        entry["decision_reason"] = f"the evidence after {test.n} episodes does not suffice either way"
    return {"sequential": entry}, ordered[: test.n] if test.decision else ordered


def _success(records: list[EpisodeRecord], confidence: float, anytime: bool = False) -> dict[str, Any]:
    n, k = len(records), sum(r.success for r in records)
    if n == 0:
        nothing = {"episodes": 0, "successes": 0, "success_rate": None, "success_interval": None}
        return nothing | {"success_rate_reason": "no episode is recorded"}
    interval = anytime_interval(k, n, confidence) if anytime else wilson_interval(k, n, confidence)
    return {
        "episodes": n,
        "successes": k,
        "success_rate": k / n,
        "success_interval": list(interval),
        "success_interval_method": "anytime-valid" if anytime else "Wilson",
    }


def _counts(values: Iterable[str]) -> dict[str, int]:
    """How often each occurs, most frequent first, then by name."""
    return dict(sorted(Counter(values).items(), key=lambda item: (-item[1], item[0])))


def _present(values: Iterable[float | None]) -> list[float]:
    return [v for v in values if v is not None]


def _interval(interval: tuple[float, float] | None, n: int) -> dict[str, Any]:
    if interval is None:
        return {"interval": None, "interval_reason": f"too few values for an interval ({n})"}
    return {"interval": list(interval)}


def _median(values: Sequence[float | None], absent: str, confidence: float) -> dict[str, Any]:
    present = _present(values)
    if not present:
        return {"median": None, "median_reason": absent, "interval": None, "interval_reason": absent, "n": 0}
    interval = _interval(quantile_interval(present, 0.5, confidence), len(present))
    return {"median": float(np.median(present))} | interval | {"n": len(present)}


def _mean(values: Sequence[float | None], seed: int, name: str, confidence: float) -> dict[str, Any]:
    present = _present(values)
    if not present:
        absent = "no episode records it"
        return {"mean": None, "mean_reason": absent, "interval": None, "interval_reason": absent, "n": 0}
    interval = bootstrap_mean_interval(present, seed=seed, name=name, confidence=confidence)
    return (
        {"mean": math.fsum(present) / len(present)} | _interval(interval, len(present)) | {"n": len(present)}
    )


def _grounding(records: list[EpisodeRecord], seed: int, confidence: float) -> dict[str, Any]:
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
        boxes[label] = _mean(values, seed, f"box_iou.{label}", confidence) | {
            f"rate_at_{RIGHT_IOU}": right / len(values),
            f"rate_at_{RIGHT_IOU}_interval": list(wilson_interval(right, len(values), confidence)),
        }
    sizes = sorted({tuple(claim["image_size"]) for claim in claims})
    return {
        "grounding": {
            "n": len(claims),
            "image_sizes": [list(size) for size in sizes],
            "point_error_px": _distances(claims, "point_error_px", confidence),
            "box_iou": boxes,
            "execution_error_px": _distances(claims, "execution_error_px", confidence),
            "by_claim": _by_claim(grounded, confidence),
        }
    }


def _distances(claims: list[dict[str, Any]], part: str, confidence: float) -> dict[str, Any]:
    return {
        label: _median(values, "", confidence) | {"p90": float(np.quantile(values, 0.9))}
        for label, values in _by_label(claims, part).items()
    }


def _by_claim(records: list[EpisodeRecord], confidence: float) -> dict[str, Any]:
    """Success where the claim was right and where it was wrong: the four counts of who knew and who could."""
    told = {word: [r for r in records if (r.grounding or {}).get("right") is right] for word, right in CLAIMS}
    return {word: _success(some, confidence) for word, some in told.items() if some}


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
    return rates | {"phases_s": phases, "sessions": len(sessions)}


def _rounded(value: Any) -> Any:
    if isinstance(value, float):
        return round(value, DIGITS)
    if isinstance(value, Mapping):
        return {key: _rounded(v) for key, v in value.items()}
    return [_rounded(v) for v in value] if isinstance(value, list | tuple) else value
