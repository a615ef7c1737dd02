"""What an analysis found, in words: the same in the terminal and in the report."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

_NO_UNIT = ("", "1", "name")


def number(value: float) -> str:
    """Three significant digits, without zeros at the end."""
    if value != 0 and not 1e-3 <= abs(value) < 1e6:
        return f"{value:.3g}"
    text = f"{value:.{max(0, 2 - math.floor(math.log10(abs(value))))}f}" if value else "0"
    return text.rstrip("0").rstrip(".") if "." in text else text


def position(value: Any, axis: str, unit: str) -> str:
    """A place on a ladder's axis: ``3 control steps``, ``±0.013 m``, ``×/÷1.3``, ``60 % of the range``."""
    if not isinstance(value, int | float) or axis == "option":
        return str(value)
    if axis == "severity":
        return f"{100 * value:.0f} % of the range"
    sign = {"deviation": "±", "ratio": "×/÷"}.get(axis, "") if value else ""
    shown = f"{sign}{number(value)}"
    return shown if unit in _NO_UNIT or axis == "ratio" else f"{shown} {unit}"


def span(interval: Sequence[float | None], axis: str, unit: str) -> str:
    """An interval on a ladder's axis; an open end is said to be open."""
    low, high = interval
    if low is None:
        return f"{position(high, axis, unit)} or less"
    if high is None:
        return f"{position(low, axis, unit)} or more"
    return f"{position(low, axis, '')} to {position(high, axis, unit)}"


def range_words(recommended: Mapping[str, Any] | None, unit: str) -> str:
    """A range as a factor set writes it."""
    if recommended is None:
        return "–"
    if "options" in recommended:
        return ", ".join(recommended["options"])
    words = ends(recommended["lo"], recommended["hi"]) + ("" if unit in _NO_UNIT else f" {unit}")
    without = ", ".join(map(str, recommended.get("without", [])))
    return f"{words} without {without}" if without else words


def ends(low: float, high: float) -> str:
    """Both ends of a range: ``-0.1 to 0.3``, or ``±0.1``."""
    return f"±{number(high)}" if low == -high else f"{number(low)} to {number(high)}"


def breaking(entry: Mapping[str, Any]) -> str:
    """Where a factor breaks the policy; empty where it is not shown to."""
    if "ladders" in entry:
        told = [_ladder(x, entry["unit"]) for x in entry["ladders"] if x["breaks_at"] is not None]
        if entry["breaks"] and not told:
            return f"success falls along it (p = {entry['p_adjusted']:.2g}), but no single level is told from clean"
        return "; ".join(told)
    if not entry["found"]:
        return ""
    bad = [option for option in entry.get("options", []) if option["worse"]]
    if bad:
        words = ", ".join(f"{option['option']}: {rate(option)}" for option in bad)
        return f"fails with {words}{_gone_with(entry)}"
    region = entry["region"]
    if region is None:
        return f"success depends on it ({entry['region_reason']})"
    words = f"{condition(region['cuts'][0])}: {rate(region['inside'])} against {rate(region['outside'])} elsewhere"
    return words + _gone_with(entry)


def _gone_with(entry: Mapping[str, Any]) -> str:
    """What else success varies with, but not among episodes that are alike in this."""
    names = entry.get("gone_with", [])
    return f" (what is seen of {', '.join(names)} goes with it)" if names else ""


def standing(analysis: Mapping[str, Any]) -> list[str]:
    """What a ladder shows of the factors that are not shown to break the policy, a sentence each."""
    by_state: dict[str, list[Mapping[str, Any]]] = {}
    for factor in analysis["factors"]:
        by_state.setdefault(factor["state"], []).append(factor)
    lines = []
    if shown := by_state.get("holds"):
        lines.append(f"holds      {_count(shown)} over the whole range tried: {_names(shown)}")
    for factor in by_state.get("not known", []):
        held = range_words(factor["recommended"], factor["unit"]) if factor["recommended"] else "nothing"
        lines.append(f"not known  {factor['factor']}: {held} is shown to hold; {needed(factor)}")
    return lines


def needed(entry: Mapping[str, Any]) -> str:
    """How many episodes would tell what is not known of a factor or level."""
    count = entry["episodes_to_tell"]
    return (
        "no practical number of episodes would tell"
        if count is None
        else f"about {count} episodes a condition would tell"
    )


def _count(factors: Sequence[Any]) -> str:
    return f"{len(factors)} factor{'s' * (len(factors) > 1)}"


def _names(factors: Sequence[Mapping[str, Any]], most: int = 8) -> str:
    names = [factor["factor"] for factor in factors]
    more = f" and {len(names) - most} more" if len(names) > most else ""
    return ", ".join(names[:most]) + more


def _ladder(ladder: Mapping[str, Any], unit: str) -> str:
    if ladder["axis"] == "option":
        return ", ".join(str(level["value"]) for level in ladder["levels"] if level["breaks"])
    axis = ladder["axis"]
    words = position(ladder["breaks_at"], axis, unit)
    if ladder["breaking_value"] is not None:
        words += f" (half of clean at {position(ladder['breaking_value'], axis, unit)}, "
        words += f"interval {span(ladder['breaking_interval'], axis, unit)})"
    return words


def condition(cut: Mapping[str, Any]) -> str:
    """A cut of a region: ``camera.exposure < 0.6 [0.55, 0.61]``."""
    if cut["op"] == "=":
        return f"{cut['column']} = {cut['threshold']}"
    unit = "" if cut["unit"] in _NO_UNIT else f" {cut['unit']}"
    words = f"{cut['column']} {cut['op']} {number(cut['threshold'])}{unit}"
    return (
        words
        if cut["interval"] is None
        else f"{words} [{number(cut['interval'][0])}, {number(cut['interval'][1])}]"
    )


def rate(entry: Mapping[str, Any]) -> str:
    """A rate with its interval: ``0.12 [0.05, 0.24]``."""
    if entry["rate"] is None:
        return f"– ({entry['rate_reason']})"
    low, high = entry["interval"]
    return f"{entry['rate']:.2f} [{low:.2f}, {high:.2f}]"


def pair(entry: Mapping[str, Any]) -> str:
    """What two factors do together."""
    where = " and ".join(condition(cut) for cut in entry["cuts"])
    return f"{where}: {rate(entry['cells']['both'])} against {rate(entry['elsewhere'])} elsewhere"
