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
    if not isinstance(value, int | float):
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
    return ends(recommended["lo"], recommended["hi"]) + ("" if unit in _NO_UNIT else f" {unit}")


def ends(low: float, high: float) -> str:
    """Both ends of a range: ``-0.1 to 0.3``, or ``±0.1``."""
    return f"±{number(high)}" if low == -high else f"{number(low)} to {number(high)}"


def breaking(entry: Mapping[str, Any]) -> str:
    """Where a factor breaks the policy; empty where it is not shown to."""
    if "ladders" in entry:
        return "; ".join(
            _ladder(ladder, entry["unit"]) for ladder in entry["ladders"] if ladder["breaks_at"] is not None
        )
    if not entry["found"]:
        return ""
    region = entry["region"]
    if region is None:
        return f"success depends on it ({entry['region_reason']})"
    return f"{condition(region['cuts'][0])}: {rate(region['inside'])} against {rate(region['outside'])} elsewhere"


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
