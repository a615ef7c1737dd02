"""Charts as HTML with inline SVG: crisp at any width, coloured by the page's style sheet in light and dark.

Positions along an axis are percentages, so that a chart stretches without its text or strokes scaling; words
are HTML beside the drawing. Every function returns markup in which all text has been escaped.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

import numpy as np
from markupsafe import Markup, escape

from workbench.stats import Interval

_TRACK_HEIGHT = 22
_HISTOGRAM_HEIGHT = 150


def interval_row(label: str, k: int, n: int, interval: Interval, reference: float | None) -> Markup:
    """A success rate ``k / n`` with its interval, on an axis from 0 to 1; ``reference`` is a thin line."""
    middle = _TRACK_HEIGHT / 2
    low, high, rate = _percent(interval[0]), _percent(interval[1]), _percent(k / n)
    marks = Markup("").join(
        Markup('<line class="grid" x1="{0}%" x2="{0}%" y1="0" y2="{1}"/>').format(x, _TRACK_HEIGHT)
        for x in (0, 25, 50, 75, 100)
    )
    if reference is not None:
        marks += Markup('<line class="reference" x1="{0}%" x2="{0}%" y1="0" y2="{1}"/>').format(
            _percent(reference), _TRACK_HEIGHT
        )
    marks += Markup('<line class="whisker" x1="{}%" x2="{}%" y1="{y}" y2="{y}"/>').format(low, high, y=middle)
    marks += Markup('<circle class="dot" cx="{}%" cy="{}" r="4.5"/>').format(rate, middle)
    tooltip = f"{k} of {n} succeed; interval {100 * interval[0]:.1f} to {100 * interval[1]:.1f} %"
    return _row(label, tooltip, marks, f"{100 * k / n:.0f} %", f"{k}/{n}")


def bar_row(label: str, count: int, total: int, greatest: int, kind: str = "failure") -> Markup:
    """A count as a bar; ``greatest`` is the count that fills the width, ``kind`` its colour's class."""
    bar = Markup('<rect class="{}" x="0" y="4" width="{}%" height="14" rx="3"/>').format(
        kind, _percent(count / greatest)
    )
    share = f"{100 * count / total:.1f} %"
    return _row(label, f"{count} of {total} episodes", bar, f"{count:,}", share)


def _row(label: str, tooltip: str, drawing: Markup, value: str, detail: str) -> Markup:
    return Markup(
        '<div class="row" title="{tooltip}"><span class="label">{label}</span>'
        '<svg class="track" height="{height}" role="img" aria-label="{label}: {tooltip}">{drawing}</svg>'
        '<span class="value">{value}</span><span class="detail">{detail}</span></div>'
    ).format(label=label, tooltip=tooltip, height=_TRACK_HEIGHT, drawing=drawing, value=value, detail=detail)


def histogram(series: Mapping[str, Sequence[float]], unit: str, median: float | None = None) -> Markup:
    """Stacked histogram of one or more series over shared bins; each series' name is its colour's class."""
    everything = np.concatenate([np.asarray(values, float) for values in series.values()])
    edges = nice_edges(float(everything.min()), float(everything.max()), _bins(len(everything)))
    counts = {name: np.histogram(values, edges)[0] for name, values in series.items()}
    tallest = int(sum(counts.values()).max())  # type: ignore[union-attr]
    low, high = edges[0], edges[-1]
    top = 8  # room for the median's cap
    bars = Markup("")
    for b in range(len(edges) - 1):
        x, width = (
            _percent((edges[b] - low) / (high - low)),
            _percent((edges[b + 1] - edges[b]) / (high - low)),
        )
        base = float(_HISTOGRAM_HEIGHT)
        total = sum(int(c[b]) for c in counts.values())
        span = f"{number(edges[b])} to {number(edges[b + 1])} {unit}"
        for name, heights in counts.items():
            if heights[b] == 0:
                continue
            height = (_HISTOGRAM_HEIGHT - top) * heights[b] / tallest
            base -= height
            bars += Markup(
                '<rect class="{}" x="{}%" y="{:.2f}" width="{}%" height="{:.2f}"><title>{}</title></rect>'
            ).format(name, x, base, width, height, f"{span}: {heights[b]} {name} of {total}")
    if median is not None:
        bars += Markup('<line class="median" x1="{0}%" x2="{0}%" y1="0" y2="{1}"/>').format(
            _percent((median - low) / (high - low)), _HISTOGRAM_HEIGHT
        )
    ticks = Markup("").join(
        Markup('<span style="left:{}%">{}</span>').format(_percent((t - low) / (high - low)), number(t))
        for t in _ticks(edges)
    )
    return Markup(
        '<div class="histogram"><svg height="{}" role="img" aria-label="{}">{}</svg>'
        '<div class="ticks">{}</div><div class="unit"><span>{}</span><span>{}</span></div></div>'
    ).format(_HISTOGRAM_HEIGHT, f"histogram over {unit}", bars, ticks, f"tallest bar: {tallest:,}", unit)


def stacked_bar(parts: Mapping[str, float], unit: str) -> Markup:
    """Shares of a whole as one bar with a legend; colours by position."""
    whole = math.fsum(parts.values())
    if whole <= 0:
        return Markup("")
    drawing, legend, x = Markup(""), Markup(""), 0.0
    for position, (name, part) in enumerate(sorted(parts.items(), key=lambda item: (-item[1], item[0]))):
        width = 100 * part / whole
        drawing += Markup('<rect class="part{}" x="{:.3f}%" width="{:.3f}%" height="26"/>').format(
            position % 5, x, width
        )
        legend += Markup('<span><i class="part{}"></i>{} <b>{:.0f} %</b> <small>{}</small></span>').format(
            position % 5, name, width, f"{number(part)} {unit}"
        )
        x += width
    return Markup('<svg class="stack" height="26" role="img">{}</svg><div class="legend">{}</div>').format(
        drawing, legend
    )


def nice_edges(low: float, high: float, bins: int) -> np.ndarray:
    """About ``bins`` bins of equal width 1, 2 or 5 times a power of ten that cover ``low`` to ``high``."""
    span = high - low
    if span <= 1e-9 * max(abs(low), abs(high), 1.0) or not math.isfinite(span):
        span = max(abs(low), 1.0) * 0.1
    rough = span / bins
    power = 10.0 ** math.floor(math.log10(rough))
    step = next(m for m in (1, 2, 5, 10) if m * power >= rough * 0.999) * power
    first = math.floor(low / step + 1e-9)
    last = max(math.ceil(high / step - 1e-9), first + 1)
    edges: np.ndarray = np.round(np.arange(first, last + 1) * step, 12)
    # Rounding must leave no value outside.
    edges[0], edges[-1] = min(edges[0], low), max(edges[-1], high)
    return edges


def measure(value: float) -> str:
    """A measured number to three significant digits, without an exponent where people would not write one."""
    if value == 0 or not 1e-3 <= abs(value) < 1e6:
        return f"{value:.3g}"
    return f"{value:,.{max(0, 2 - math.floor(math.log10(abs(value))))}f}"


def number(value: float) -> str:
    """A number that was set, as on an axis: like `measure`, without zeros at the end."""
    text = measure(value)
    return text.rstrip("0").rstrip(".") if "." in text and "e" not in text else text


def _bins(n: int) -> int:
    return max(4, min(30, round(2 * math.cbrt(n))))  # Rice's rule


def _ticks(edges: np.ndarray) -> np.ndarray:
    """Every so many edges, so that at most about seven are labelled."""
    ticks: np.ndarray = edges[:: math.ceil(len(edges) / 7)]
    return ticks


def _percent(share: float) -> str:
    return escape(f"{100 * min(1.0, max(0.0, share)):.2f}")
