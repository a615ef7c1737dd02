"""Curves over time as inline SVG, for pages that need no network."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from markupsafe import Markup

from workbench.views.report.charts import measure

WIDTH, HEIGHT = 1000, 150
MOST_POINTS = 800
"""Of one curve: a page of many logs stays small."""
COLORS = ("var(--ink)", "var(--bad)", "var(--accent)")


def line_chart(
    title: str,
    times: np.ndarray,
    curves: Mapping[str, np.ndarray],
    band: tuple[np.ndarray, np.ndarray] | None = None,
) -> Markup:
    """Curves ``[T]`` by name over ``times`` ``[T]`` [s], with a band ``[T]`` between two of them behind."""
    rows = np.unique(np.linspace(0, len(times) - 1, min(len(times), MOST_POINTS)).astype(int))
    shown = {name: np.asarray(values)[rows] for name, values in curves.items()}
    everything = [*shown.values(), *((band[0][rows], band[1][rows]) if band else ())]
    low, high = min(float(v.min()) for v in everything), max(float(v.max()) for v in everything)
    span = high - low or 1.0
    x = WIDTH * (times[rows] - times[rows[0]]) / max(float(times[rows[-1]] - times[rows[0]]), 1e-9)

    def points(values: np.ndarray, along: np.ndarray) -> str:
        return " ".join(
            f"{a:.1f},{b:.1f}" for a, b in zip(along, HEIGHT * (1 - (values - low) / span), strict=True)
        )

    drawing = Markup("")
    if band is not None:
        ring = points(np.concatenate((band[0][rows], band[1][rows][::-1])), np.concatenate((x, x[::-1])))
        drawing += Markup('<polygon points="{}" fill="var(--accent)" opacity=".22"/>').format(ring)
    legend = Markup("")
    for (name, values), color in zip(shown.items(), COLORS, strict=False):
        drawing += Markup(
            '<polyline points="{}" fill="none" stroke="{}" stroke-width="1.4" vector-effect="non-scaling-stroke"/>'
        ).format(points(values, x), color)
        legend += Markup('<span style="color:{}">{}</span> ').format(color, name)
    return Markup(
        '<div class="card"><h3>{title}</h3><svg viewBox="0 0 {w} {h}" height="{h}" preserveAspectRatio="none" '
        'role="img" aria-label="{title}">{drawing}</svg>'
        '<small>{legend}&middot; {low} to {high}, over {span:.1f} s</small></div>'
    ).format(
        title=title, w=WIDTH, h=HEIGHT, drawing=drawing, legend=legend, low=measure(low), high=measure(high),
        span=float(times[rows[-1]] - times[rows[0]]),
    )  # fmt: skip


def page(title: str, parts: list[Markup], pictures: bool = False) -> str:
    """A whole page around its parts; ``pictures`` says whether it holds some, as data."""
    import jinja2

    environment = jinja2.Environment(
        loader=jinja2.PackageLoader("workbench.views.report", ""), autoescape=True
    )
    return environment.from_string(
        '<!doctype html><html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width">'
        "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'unsafe-inline'"
        '{% if pictures %}; img-src data:{% endif %}">'
        "<title>{{ title }}</title><style>{% include 'style.css' %}</style></head><body><main><h1>{{ title }}</h1>"
        "{% for part in parts %}{{ part }}{% endfor %}</main></body></html>"
    ).render(title=title, parts=parts, pictures=pictures)


def table(headings: list[str], rows: list[list[str]]) -> Markup:
    """A table of texts."""
    head = Markup("").join(Markup("<th>{}</th>").format(h) for h in headings)
    body = Markup("").join(
        Markup("<tr>{}</tr>").format(Markup("").join(Markup("<td>{}</td>").format(c) for c in row))
        for row in rows
    )
    return Markup(
        '<div class="card scroll"><table><thead><tr>{}</tr></thead><tbody>{}</tbody></table></div>'
    ).format(head, body)
