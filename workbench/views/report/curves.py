"""Charts of what breaks a policy: retention along a ladder, importance, and how far a bound goes.

Drawn like those in `charts`: positions along an axis are percentages, words are HTML beside them.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import Any

from markupsafe import Markup, escape

from workbench.attribution import wording

_HEIGHT = 132
_TOP = 1.15
"""Retention at the upper edge."""
_DOTS = {"holds": "held", "breaks": "broken"}
_STATES = {"holds": "shown to hold", "breaks": "shown to break", "not known": "not known"}


def retention_curve(ladder: Mapping[str, Any], breaks_below: float) -> Markup:
    """Retention with intervals over severity, the falling fit, and the interval of the breaking value as a band."""
    drawing = Markup("").join(
        Markup('<line class="{}" x1="0" x2="100%" y1="{y}" y2="{y}"/>').format(kind, y=_y(level))
        for kind, level in (("grid", 0.0), ("grid", 0.5), ("grid", 1.0), ("reference", breaks_below))
    )
    drawing += _band(ladder)
    fit = ladder["fit"] or []
    for a, b in pairwise(fit):
        drawing += Markup('<line class="fit" x1="{}%" x2="{}%" y1="{}" y2="{}"/>').format(
            _x(a["severity"]), _x(b["severity"]), _y(a["retention"]), _y(b["retention"])
        )
    drawing += Markup('<circle class="dot" cx="{}%" cy="{}" r="3.5"/>').format(_x(0), _y(1.0))
    for level in ladder["levels"]:
        drawing += _level(level)
    levels = ladder["levels"]
    ticks = Markup('<span style="left:{}%">{}</span>').format(_x(0), _tick(ladder, ladder["nominal"]))
    for level in levels if len(levels) <= 5 else levels[1::2]:
        ticks += Markup('<span style="left:{}%">{}</span>').format(
            _x(level["severity"]), _tick(ladder, level["value"])
        )
    return Markup(
        '<div class="curve"><div class="scale"><span>1</span><span>0.5</span><span>0</span></div>'
        '<svg height="{}" role="img" aria-label="retention of success over severity">{}</svg></div>'
        '<div class="ticks inset">{}</div>'
    ).format(_HEIGHT, drawing, ticks)


def _band(ladder: Mapping[str, Any]) -> Markup:
    """The interval of the breaking value; nothing where no level is shown to be below half."""
    interval = ladder["breaking_interval"]
    if interval is None or None in interval:
        return Markup("")
    at = {level["value"]: level["severity"] for level in ladder["levels"]} | {ladder["nominal"]: 0.0}
    ends = sorted(at.get(end, 0.0) for end in interval)
    low, high = _x(ends[0]), _x(ends[1])
    return Markup(
        '<rect class="breaking" x="{:.2f}%" width="{:.2f}%" y="0" height="{}"><title>{}</title></rect>'
    ).format(low, high - low, _HEIGHT, "success falls to half of clean in here")


def _level(level: Mapping[str, Any]) -> Markup:
    if level["retention"] is None:
        return Markup("")
    x, (low, high) = _x(level["severity"]), level["retention_interval"]
    tooltip = (
        f"{level['value']}: {level['successes']} of {level['episodes']} succeed; retention {level['retention']:.2f}, "
        f"interval {low:.2f} to {high:.2f}; corrected p = {level['p_adjusted']:.2g}; {_STATES[level['state']]}"
    )
    return Markup(
        '<g><title>{}</title><line class="whisker thin" x1="{x}%" x2="{x}%" y1="{}" y2="{}"/>'
        '<circle class="dot {kind}" cx="{x}%" cy="{}" r="4.5"/></g>'
    ).format(tooltip, _y(low), _y(high), _y(level["retention"]), x=x, kind=_DOTS.get(level["state"], ""))


def importance_row(label: str, share: float, interval: Sequence[float], scale: float, found: bool) -> Markup:
    """A factor's share of success as a bar with its interval; ``scale`` is the share that fills the width."""
    low, high = (100 * min(1.0, end / scale) for end in interval)
    drawing = Markup(
        '<rect class="{}" x="0" y="5" width="{:.2f}%" height="12" rx="3"/>'
        '<line class="needle thin" x1="{:.2f}%" x2="{:.2f}%" y1="11" y2="11"/>'
    ).format("failure" if found else "rail", 100 * min(1.0, share / scale), low, high)
    ends = f"{100 * interval[0]:.1f} to {100 * interval[1]:.1f} %"
    tooltip = f"{100 * share:.1f} % of the variance of success, interval {ends}"
    return _row(
        "bar",
        label,
        tooltip,
        drawing,
        f"{100 * share:.1f} %",
        f"{100 * interval[0]:.0f}–{100 * interval[1]:.0f} %",
    )


def reach_row(label: str, held: float, broke: float | None, value: str, detail: str) -> Markup:
    """How far a bound goes on its way from nominal (left) to the end of the range tried (right)."""
    drawing = Markup('<rect class="rail" x="0" y="6" width="100%" height="10" rx="5"/>')
    drawing += Markup('<rect class="success" x="0" y="6" width="{:.2f}%" height="10" rx="5"/>').format(
        100 * held
    )
    if broke is not None:
        drawing += Markup('<rect class="breaking" x="{:.2f}%" y="2" width="{:.2f}%" height="18"/>').format(
            100 * held, 100 * (broke - held)
        )
    return _row("reach", label, f"{value}; {detail}", drawing, value, detail)


def _row(kind: str, label: str, tooltip: str, drawing: Markup, value: str, detail: str) -> Markup:
    return Markup(
        '<div class="row {kind}" title="{tooltip}"><span class="label">{label}</span>'
        '<svg class="track" height="22" role="img" aria-label="{label}: {tooltip}">{drawing}</svg>'
        '<span class="value">{value}</span><span class="detail">{detail}</span></div>'
    ).format(kind=kind, label=label, tooltip=tooltip, drawing=drawing, value=value, detail=detail)


def _tick(ladder: Mapping[str, Any], value: Any) -> str:
    """A value on the axis without its unit, which stands in the caption."""
    return escape(wording.position(value, ladder["axis"], "").removesuffix(" of the range"))


def _x(severity: float) -> float:
    return round(3 + 94 * severity, 2)  # room for half a dot at either end


def _y(retention: float) -> float:
    return round(4 + (_HEIGHT - 8) * (1 - min(_TOP, max(0.0, retention)) / _TOP), 2)
