"""What an episode was, in words: its name in the viewer's list, its properties, and a page beside the views."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import rerun as rr

from workbench.rollout.trajectory import Trajectory
from workbench.views.recording.episode_log import EpisodeLog

PAGE = "/episode"
LEGEND = """
**In the images:** pink = the policy *predicted*; cyan = *true*; white = *executed* so far, fainter: still to come.
**In space:** a predicted pixel is a ray, drawn pink from its camera to the table.
"""


def episode_name(record: Mapping[str, Any]) -> str:
    """Index, outcome and instruction, as ``17 failed (dropped): put the red cube on the blue plate``."""
    return f"{record['index']} {outcome(record)}: {record.get('instruction', 'no instruction')}"


def outcome(record: Mapping[str, Any]) -> str:
    """``success``, or ``failed`` with the reason."""
    if record.get("success"):
        return "success"
    return f"failed ({record.get('failure_reason') or 'no reason recorded'})"


def log_description(log: EpisodeLog, trajectory: Trajectory) -> None:
    """Recording name, properties ``episode`` and ``factors``, and the page."""
    record = trajectory.record
    log.stream.send_recording_name(episode_name(record))
    known = {
        name: record[name]
        for name in ("index", "task", "seed", "instruction", "success", "failure_reason")
        if record.get(name) is not None  # Rerun has no null property: what is absent does not apply
    }
    log.stream.send_property("episode", rr.AnyValues(**known))
    if factors := dict(record.get("factors") or {}):
        log.stream.send_property("factors", rr.AnyValues(**{n: _plain(v) for n, v in factors.items()}))
    log.static(PAGE, rr.TextDocument(page(record), media_type=rr.MediaType.MARKDOWN))


def page(record: Mapping[str, Any]) -> str:
    """The page in Markdown."""
    lines = [
        f"# {record.get('instruction', 'no instruction')}",
        f"**{outcome(record)}** - {_facts(record)}",
        LEGEND,
    ]
    if factors := record.get("factors"):
        rows = [f"| {name} | {_text(value)} |" for name, value in factors.items()]
        lines += ["| factor | drawn value |", "|---|---|", *rows]
    return "\n".join(lines)


def _facts(record: Mapping[str, Any]) -> str:
    facts = {
        "episode {}": "index",
        "task {}": "task",
        "seed {}": "seed",
        "{} steps": "steps",
        "{} s simulated": "duration_s",
        "done after {} s": "time_to_success_s",
        "path {} m": "path_length_m",
        "limited in {} of the steps": "limited_share",
    }
    return ", ".join(
        text.format(_text(record[key])) for text, key in facts.items() if record.get(key) is not None
    )


def _text(value: Any) -> str:
    if isinstance(value, float):
        return f"{value:.4g}"
    if isinstance(value, list | tuple):
        return ", ".join(_text(part) for part in value)
    return str(value).replace("|", "\\|")


def _plain(value: Any) -> Any:
    """A factor as Rerun can hold it: numbers and lists of them, texts and lists of them; the rest as JSON.

    Rerun keeps the type that a name had first: a whole number there would refuse, or cut, a fraction later.
    """
    parts = list(value) if isinstance(value, list | tuple) else [value]
    kinds = {type(part) for part in parts}
    if kinds and kinds <= {int, float}:
        numbers = [float(part) for part in parts]
        return numbers if isinstance(value, list | tuple) else numbers[0]
    return value if len(kinds) == 1 and kinds <= {bool, str} else json.dumps(value)
