"""The lines of a run's files: `EpisodeRecord` (``episodes.jsonl``), `SessionRecord` (``sessions.jsonl``) and
`StartRecord` (``starts.jsonl``).

Reading is strict: a missing key or a wrong type is one sentence that names the file, the line and the key.
Keys that this version does not know are kept and written back, so that an older workbench never strips a
newer run.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import MISSING, dataclass, field, fields
from typing import Any, ClassVar, Self

from policy.grounding import Grounding, box_iou, claimed_place, is_right, point_error_px

CLEAN = "clean"
"""Condition that the others of a run are compared with."""

FactorValue = bool | int | float | str | list[Any]
"""A drawn factor: a number, a string, or a flat list of numbers and strings."""


class RecordError(ValueError):
    """A record that is not what the format says, in one sentence."""


@dataclass(frozen=True)
class _JsonLine:
    """A frozen dataclass that is one line of JSON; keys it does not know live in ``extra``."""

    silent: ClassVar[frozenset[str]] = frozenset()
    """Keys that a line does not have where they are None."""

    def __post_init__(self) -> None:
        problems = []
        for f in fields(self):
            value = _plain(getattr(self, f.name))
            try:
                object.__setattr__(self, f.name, _CHECKS[str(f.type)](value))
            except RecordError as problem:
                problems.append(f"key {f.name!r} {problem}")
        problems = problems or self._contradictions()
        if problems:
            raise RecordError("; ".join(problems))

    def _contradictions(self) -> list[str]:
        """What does not go together, where every key is of the right type."""
        known = {f.name for f in fields(self)} & set(self.extra)  # type: ignore[attr-defined]
        return [f"extra repeats the keys {', '.join(sorted(known))}"] if known else []

    def to_dict(self) -> dict[str, Any]:
        """Plain JSON types, the fields in order, then the extra keys by name; `from_dict` is the inverse."""
        own = {f.name: getattr(self, f.name) for f in fields(self) if f.name != "extra"}
        own = {name: value for name, value in own.items() if value is not None or name not in self.silent}
        extra: Mapping[str, Any] = self.extra  # type: ignore[attr-defined]
        return own | {key: extra[key] for key in sorted(extra)}

    def to_json_line(self) -> str:
        """One line of JSON without the newline; NaN and infinities cannot occur."""
        return json.dumps(self.to_dict(), ensure_ascii=False, allow_nan=False)

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> Self:
        """Inverse of `to_dict`; RecordError names the keys that are missing or of the wrong type."""
        names = [f.name for f in fields(cls) if f.name != "extra"]
        required = [f.name for f in fields(cls) if f.default is MISSING and f.default_factory is MISSING]
        missing = [name for name in required if name not in data]
        if missing:
            raise RecordError("; ".join(f"key {name!r} is missing" for name in missing))
        extra = {key: value for key, value in data.items() if key not in names}
        return cls(**{name: data[name] for name in names if name in data} | {"extra": extra})

    @classmethod
    def from_json(cls, line: str, *, file: str = "episodes.jsonl", line_number: int = 1) -> Self:
        """The record in one line of JSON; RecordError names ``file``, ``line_number`` and the key."""
        where = f"{file} line {line_number}"
        try:
            data = json.loads(line, parse_constant=_refuse_constant)
        except (json.JSONDecodeError, RecordError) as problem:
            raise RecordError(f"{where} is not valid JSON: {problem}") from None
        if not isinstance(data, dict):
            raise RecordError(f"{where} must be a JSON object, not {_kind(data)}")
        try:
            return cls.from_dict(data)
        except RecordError as problem:
            raise RecordError(f"{where}: {problem}") from None


@dataclass(frozen=True)
class EpisodeRecord(_JsonLine):
    """What happened in one episode. Numpy scalars and arrays become plain numbers and lists."""

    index: int
    """Position of the episode in its run, from 0."""
    task: str
    seed: int
    """Suite seed that the episode's draws are keyed by."""
    instruction: str
    factors: dict[str, FactorValue]
    """Every randomised factor as drawn, by name."""
    success: bool
    failure_reason: str | None
    """Why it failed; None on success."""
    steps: int
    """Control steps taken."""
    duration_s: float
    """Simulated time [s]."""
    time_to_success_s: float | None
    """Simulated time until the goal was met [s]; None on failure."""
    path_length_m: float | None
    """Length of the end effector's path [m]."""
    smoothness: float | None
    """Spectral arc length of the end effector's speed (`metrics.sparc`); None where it is undefined."""
    grounding: dict[str, Any] | None
    """Where the policy said it would act, and the truth: see `grounding_record`."""
    wall_s: float
    """Time the episode took on the machine [s]; differs from run to run."""
    condition: str | None = None
    """What was done to the episode on purpose, where a run tries the same episodes under several conditions."""
    episode: int | None = None
    """Position of the episode in its suite, from 0; with `seed` it names the episode for ever. `index` if not given:
    they differ only where a run has conditions."""
    limited_share: float | None = None
    """Share of the control steps in which the robot's limits of velocity, acceleration or position changed the command;
    None where no limits are kept."""
    split: str | None = None
    """The split of the task that it is an episode of; None, and not written, where there is none."""
    held_out: list[str] | None = None
    """What of it is seen in no episode of the split ``seen``: "red cube"; None, and not written, without a split."""
    extra: dict[str, Any] = field(default_factory=dict)
    """Keys that this version does not know; kept."""

    file_name: ClassVar[str] = "episodes.jsonl"
    silent: ClassVar[frozenset[str]] = frozenset(("split", "held_out"))

    def __post_init__(self) -> None:
        if self.episode is None:
            object.__setattr__(self, "episode", self.index)
        super().__post_init__()

    def _contradictions(self) -> list[str]:
        found = super()._contradictions()
        if self.success and self.failure_reason is not None:
            found.append(f"key 'failure_reason' must be null on success, not {self.failure_reason!r}")
        if not self.success and not self.failure_reason:
            found.append("key 'failure_reason' must say why the episode failed")
        if not self.success and self.time_to_success_s is not None:
            found.append(f"key 'time_to_success_s' must be null on failure, not {self.time_to_success_s}")
        if self.index < 0:
            found.append(f"key 'index' must not be negative, not {self.index}")
        for name, value in self.factors.items():
            if not _is_factor(value):
                found.append(
                    f"factor {name!r} must be a number, a string or a flat list of these, not {value!r}"
                )
        return found + (_grounding_problems(self.grounding) if self.grounding is not None else [])


@dataclass(frozen=True)
class SessionRecord(_JsonLine):
    """One session of a run, from a start to its end (a resumed run has several). Only rates are computed from these."""

    started: str
    """When it began (ISO 8601, UTC)."""
    ended: str
    """When it ended (ISO 8601, UTC)."""
    wall_s: float
    """Time spent running episodes [s], without start-up."""
    phases_s: dict[str, float]
    """`wall_s` by phase [s]: ``physics``, ``rendering``, ``policy``; what is left over is ``other``."""
    counts: dict[str, int]
    """What was done: ``episodes``, ``env_steps``, ``frames``, ``decisions``."""
    latencies: dict[str, int] = field(default_factory=dict)
    """Of a policy behind a server, how long requests took: see `policy.serve.client.latency`."""
    extra: dict[str, Any] = field(default_factory=dict)
    """Keys that this version does not know; kept."""

    file_name: ClassVar[str] = "sessions.jsonl"


@dataclass(frozen=True)
class StartRecord(_JsonLine):
    """One start of the command on a run folder, also one that was killed or found nothing to do."""

    started: str | None
    """When (ISO 8601, UTC); None for the first start of a run that an older release began."""
    recorded: int
    """What the run had on record: episodes, or lines of chunks of a dataset."""
    asked: dict[str, Any]
    """Options that may grow in a run, with the values of this start."""
    provenance: dict[str, Any]
    """Versions, commit, hashes, hardware."""
    extra: dict[str, Any] = field(default_factory=dict)
    """Keys that this version does not know; kept."""

    file_name: ClassVar[str] = "starts.jsonl"


def headline(records: Iterable[EpisodeRecord]) -> list[EpisodeRecord]:
    """The records that a run's success rate is about: all, or those of the clean condition where there are others."""
    return [record for record in records if record.condition in (None, CLEAN)]


def grounding_record(
    predicted: Grounding, true: Grounding, acted: Mapping[str, Sequence[float]] | None = None
) -> dict[str, Any]:
    """The ``grounding`` of an episode: claim, truth, and errors for every label that both have.

    Point errors in pixels of the image named (rounded to 1/100), box overlaps as intersection over union
    (rounded to 1/10000). ``acted``: the pixels where the hand closed (`policy.grounding.GRASP`) and last
    opened (`PLACE`), as far as it did; their distance from what was claimed is the execution error. ValueError when
    claim and truth speak of different images.
    """
    points = {p.label: point_error_px(predicted, true, p.label) for p in predicted.points}
    boxes = {b.label: box_iou(predicted, true, b.label) for b in predicted.boxes}
    acted = acted or {}
    claims = {label: claimed_place(predicted, label) for label in acted}
    missed = {label: math.dist(acted[label], claim) for label, claim in claims.items() if claim is not None}
    return {
        "camera": predicted.camera,
        "image_size": list(predicted.image_size),
        "predicted": predicted.to_dict(),
        "true": true.to_dict(),
        "point_error_px": {label: round(e, 2) for label, e in sorted(points.items()) if e is not None},
        "box_iou": {label: round(iou, 4) for label, iou in sorted(boxes.items()) if iou is not None},
        "right": is_right(predicted, true),
        "acted": {label: [round(float(x), 2) for x in uv] for label, uv in sorted(acted.items())},
        "execution_error_px": {label: round(error, 2) for label, error in sorted(missed.items())},
    }


def _grounding_problems(grounding: Mapping[str, Any]) -> list[str]:
    missing = {"camera", "image_size", "predicted", "true", "point_error_px", "box_iou"} - set(grounding)
    if missing:
        return [f"key 'grounding' lacks {', '.join(sorted(missing))}"]
    found = []
    for part in ("predicted", "true"):
        try:
            Grounding.from_dict(grounding[part])
        except (KeyError, TypeError, ValueError, IndexError):
            found.append(
                f"key 'grounding.{part}' is not a grounding (camera, image_size, boxes, points, trace)"
            )
    if grounding.get("right") not in (True, False, None):
        found.append(f"key 'grounding.right' must be true, false or null, not {grounding['right']!r}")
    for part in ("point_error_px", "box_iou", "execution_error_px"):
        errors = grounding.get(part, {})
        if not isinstance(errors, dict) or not all(_is_number(e) for e in errors.values()):
            found.append(f"key 'grounding.{part}' must map labels to numbers, not {errors!r}")
    return found


def _plain(value: Any) -> Any:
    """Numpy scalars and arrays, tuples and mappings as plain JSON types."""
    if hasattr(value, "tolist"):
        value = value.tolist()
    if isinstance(value, Mapping):
        return {key: _plain(v) for key, v in value.items()}
    if isinstance(value, Sequence) and not isinstance(value, str):
        return [_plain(v) for v in value]
    return value


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)


def _is_factor(value: Any) -> bool:
    if isinstance(value, list):
        return all(isinstance(v, str | bool) or _is_number(v) for v in value)
    return isinstance(value, str | bool) or _is_number(value)


def _expect(good: bool, value: Any, wanted: str) -> Any:
    if not good:
        raise RecordError(f"must be {wanted}, not {_kind(value)}")
    return value


def _mapping(value: Any, good: Any, wanted: str) -> Any:
    ok = isinstance(value, dict) and all(isinstance(k, str) and good(v) for k, v in value.items())
    return _expect(ok, value, wanted)


def _finite(value: Any) -> bool:
    """Whether a JSON value holds no NaN or infinity and nothing that JSON lacks."""
    if isinstance(value, dict):
        return all(isinstance(k, str) and _finite(v) for k, v in value.items())
    if isinstance(value, list):
        return all(_finite(v) for v in value)
    return value is None or isinstance(value, str | bool) or _is_number(value)


def _is_int(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


def _number(value: Any) -> float:
    return float(_expect(_is_number(value), value, "a finite number"))


# Keyed by the annotation's text, so that a field's declared type is also what is checked.
_CHECKS: dict[str, Any] = {
    "int": lambda v: _expect(_is_int(v), v, "an integer"),
    "int | None": lambda v: _expect(v is None or _is_int(v), v, "an integer or null"),
    "bool": lambda v: _expect(isinstance(v, bool), v, "true or false"),
    "str": lambda v: _expect(isinstance(v, str), v, "a string"),
    "str | None": lambda v: _expect(v is None or isinstance(v, str), v, "a string or null"),
    "float": _number,
    "float | None": lambda v: None if v is None else _number(v),
    "list[str] | None": lambda v: _expect(
        v is None or (isinstance(v, list) and all(isinstance(s, str) for s in v)),
        v,
        "a list of strings or null",
    ),
    "dict[str, float]": lambda v: _mapping(v, _is_number, "an object of finite numbers"),
    "dict[str, int]": lambda v: _mapping(v, _is_int, "an object of integers"),
    "dict[str, FactorValue]": lambda v: _mapping(v, lambda _: True, "an object"),
    "dict[str, Any]": lambda v: _mapping(v, _finite, "an object without NaN or infinities"),
    "dict[str, Any] | None": lambda v: None if v is None else _CHECKS["dict[str, Any]"](v),
}


def _kind(value: Any) -> str:
    if value is None:
        return "null"
    text = repr(value)
    return text if len(text) <= 60 else text[:57] + "..."


def _refuse_constant(name: str) -> None:
    raise RecordError(f"{name} is not allowed")
