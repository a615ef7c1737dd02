"""How a run came about, where that is more than one start with one code: what its summary and its report say of it.

Every start keeps its provenance (``starts.jsonl``). Only starts that added something to the run count here, so a run
that was killed and went on has the summary of one that was not.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import Any

from workbench.runs.differences import differences, shown
from workbench.runs.records import StartRecord

BOUND_PREFIX = ("factor_set", "checkpoint", "from_checkpoint", "qwen", "data")
"""What `workbench.runs.identity` has held to be equal already."""


def history(starts: Sequence[StartRecord], recorded: int) -> dict[str, Any]:
    """What there is to say, as plain JSON types; empty for an ordinary run.

    Args:
        starts: in order.
        recorded: how much the run has now, in the unit of `StartRecord.recorded`.
    """
    found: dict[str, Any] = {}
    extended = [
        {"option": key, "from": one.asked[key], "to": other.asked[key], "recorded": other.recorded}
        for one, other in pairwise(starts)
        for key in other.asked
        if key in one.asked and other.asked[key] > one.asked[key]
    ]
    if extended:
        found["extended"] = extended
    ends = [start.recorded for start in starts[1:]] + [recorded]
    added = [(s, end - s.recorded) for s, end in zip(starts, ends, strict=True) if end > s.recorded]
    changed = {
        difference.key
        for start, _ in added[1:]
        for difference in differences(_circumstances(added[0][0]), _circumstances(start))
    }
    if changed:
        found["provenance"] = {key: _by_value(key, added) for key in sorted(changed)}
    return found


def history_lines(found: Mapping[str, Any]) -> list[str]:
    """`history` in sentences."""
    lines = [
        f"extended from {e['option']}={e['from']} to {e['to']} when {e['recorded']} were on record: intervals hold "
        "if that was decided without looking at how they ended"
        for e in found.get("extended", [])
    ]
    for key, values in found.get("provenance", {}).items():
        said = ", ".join(f"{shown(v['value'])} ({v['recorded']} on record)" for v in values)
        lines.append(f"not of one make: {key} was {said}")
    return lines


def _circumstances(start: StartRecord) -> dict[str, Any]:
    return {key: value for key, value in start.provenance.items() if key not in BOUND_PREFIX}


def _by_value(key: str, added: Sequence[tuple[StartRecord, int]]) -> list[dict[str, Any]]:
    """Each value that a dotted key had, in order of appearance, and how much was recorded under it."""
    counts: Counter[str] = Counter()
    values: dict[str, Any] = {}
    for start, count in added:
        value: Any = start.provenance
        for part in key.split("."):
            # A list is told by its whole where its lengths differ, and by its items where they do not.
            if isinstance(value, Mapping):
                value = value.get(part)
            elif isinstance(value, Sequence) and not isinstance(value, str) and part.isdigit():
                value = value[int(part)] if int(part) < len(value) else None
            else:
                value = None
        values.setdefault(repr(value), value)
        counts[repr(value)] += count
    return [{"value": values[text], "recorded": count} for text, count in counts.items()]
