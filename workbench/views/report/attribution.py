"""The part of the page about what breaks the policy: from ``attribution.json`` and ``tuning.json`` to its charts."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from markupsafe import Markup

from workbench.attribution import wording
from workbench.runs.folder import RunFolderError
from workbench.views.report import charts, curves

ATTRIBUTION, TUNING = "attribution.json", "tuning.json"
MOST_OPEN = 8
"""Ladders that are shown at once beside those that break; the others are folded away."""
MOST_BARS = 15
"""Factors whose importance is drawn."""


def read(folder: Path, name: str) -> dict[str, Any] | None:
    """An analysis of the run, if there is one; RunFolderError if it cannot be read."""
    path = folder / name
    if not path.exists():
        return None
    try:
        data = json.loads(path.read_text("utf-8"))
    except (OSError, ValueError) as problem:
        raise RunFolderError(f"{path} is not valid JSON: {problem}") from None
    if not isinstance(data, dict):
        raise RunFolderError(f"{path} must hold a JSON object, not {type(data).__name__}")
    return data


def attribution_context(folder: Path, records: int) -> dict[str, Any] | None:
    """What the template needs to show an attribution; None where there is none.

    ``records`` is the number of episodes on record: an analysis of other ones says so.
    """
    analysis = read(folder, ATTRIBUTION)
    if analysis is None:
        return None
    notes = list(analysis["notes"])
    if analysis["recorded"] != records:
        notes.append(
            f"This analysis is of {analysis['recorded']} episodes, but {records} are recorded; run the same command "
            "again to renew it."
        )
    context: dict[str, Any] = {
        "data": analysis,
        "notes": notes,
        "breaking": [
            (entry["factor"], words) for entry in analysis["factors"] if (words := wording.breaking(entry))
        ],
        "pairs": [pair_context(pair) for pair in analysis.get("pairs", [])],
    }
    return context | (
        ladder_context(analysis) if analysis["mode"] == "ladder" else factorial_context(analysis)
    )


def ladder_context(analysis: Mapping[str, Any]) -> dict[str, Any]:
    """Cards and table rows of a ladder: those that break first."""
    cards, rows = [], []
    for factor in analysis["factors"]:
        for ladder in factor["ladders"]:
            rows.append(_ladder_row(factor, ladder))
            cards.append(_ladder_card(factor, ladder, analysis))
    broken = [card for card in cards if card["breaks"]]
    others = [card for card in cards if not card["breaks"]]
    return {"cards": broken + others[:MOST_OPEN], "more": others[MOST_OPEN:], "rows": rows}


def _ladder_card(
    factor: Mapping[str, Any], ladder: Mapping[str, Any], analysis: Mapping[str, Any]
) -> dict[str, Any]:
    unit, axis = factor["unit"], ladder["axis"]
    side = "" if ladder["side"] in ("option", "both") else ladder["side"]
    card: dict[str, Any] = {
        "title": f"{factor['factor']} {side}".strip(),
        "breaks": factor["breaks"] and ladder["state"] != "holds",
        "tag": f"breaks at {wording.position(ladder['breaks_at'], axis, unit)}"
        if ladder["breaks_at"] is not None
        else "",
        "unit": "" if unit in ("1", "name") else unit,
    }
    if axis == "option":
        card["chart"] = Markup("").join(
            charts.interval_row(
                str(level["value"]),
                level["successes"],
                level["episodes"],
                level["interval"],
                analysis["clean"]["rate"],
            )
            for level in ladder["levels"]
            if level["episodes"]
        )
        card["caption"] = "Success with each; the dotted line is the clean condition."
        return card
    card["chart"] = curves.retention_curve(ladder, analysis["breaks_below"])
    if ladder["breaking_value"] is not None:
        caption = f"Half of clean at {wording.position(ladder['breaking_value'], axis, unit)}"
        caption += f" (interval {wording.span(ladder['breaking_interval'], axis, unit)})."
    else:
        caption = f"{ladder['breaking_value_reason'].capitalize()}"
        if ladder["breaking_interval"] is not None:
            caption += f"; shown to keep half of clean up to {_shown_up_to(ladder, unit)}"
        caption += "."
    card["caption"] = caption
    return card


def _shown_up_to(ladder: Mapping[str, Any], unit: str) -> str:
    low, high = ladder["breaking_interval"]
    return wording.position(high if low is None else low, ladder["axis"], unit)


def _ladder_row(factor: Mapping[str, Any], ladder: Mapping[str, Any]) -> dict[str, Any]:
    unit, axis = factor["unit"], ladder["axis"]
    row = {
        "factor": factor["factor"],
        "side": "" if ladder["side"] in ("option", "both") else ladder["side"],
        "breaks": ladder["breaks_at"] is not None,
        "at": wording.breaking({"unit": unit, "ladders": [ladder]}) if axis == "option" else "",
        "half": "–",
        "interval": "–",
        "range": wording.range_words(factor["recommended"], unit),
        "area": None if ladder["area"] is None else f"{ladder['area']:.2f}",
        "area_interval": ladder["area_interval"],
        "state": ladder["state"],
        "needed": _needed(ladder),
        "p": factor["p_adjusted"],
    }
    if axis != "option" and ladder["breaks_at"] is not None:
        row["at"] = wording.position(ladder["breaks_at"], axis, unit)
    if ladder["breaking_value"] is not None:
        row["half"] = wording.position(ladder["breaking_value"], axis, unit)
    if axis != "option" and ladder["breaking_interval"] is not None:
        row["interval"] = wording.span(ladder["breaking_interval"], axis, unit)
    return row


def _needed(ladder: Mapping[str, Any]) -> str:
    """Episodes that would tell of the levels of which nothing is known; empty where all is."""
    counts = [level["episodes_to_tell"] for level in ladder["levels"] if level["state"] == "not known"]
    if not counts:
        return ""
    return "–" if None in counts else str(max(counts))


def factorial_context(analysis: Mapping[str, Any]) -> dict[str, Any]:
    """Importance bars, strongest evidence first."""
    shown = analysis["factors"][:MOST_BARS]
    scale = max([0.05, *(entry["importance_interval"][1] for entry in shown)])
    return {
        "bars": Markup("").join(
            curves.importance_row(
                entry["factor"], entry["importance"], entry["importance_interval"], scale, entry["found"]
            )
            for entry in shown
        ),
        "left_out": len(analysis["factors"]) - len(shown),
    }


def pair_context(pair: Mapping[str, Any]) -> dict[str, Any]:
    """The four cells of a pair, as a table: rows by the first condition, columns by the second."""
    cells = pair["cells"]
    return {
        "first": wording.condition(pair["cuts"][0]),
        "second": wording.condition(pair["cuts"][1]),
        "words": wording.pair(pair),
        "p": pair["p_adjusted"],
        "rows": [
            ("holds", cells["both"], cells["only_first"]),
            ("does not", cells["only_second"], cells["neither"]),
        ],
        "rate": wording.rate,
    }


def tuning_context(folder: Path) -> dict[str, Any] | None:
    """How far each factor can go; None where the run did not ask."""
    found = read(folder, TUNING)
    if found is None:
        return None
    cards = [
        {
            "title": factor["factor"],
            "unit": "" if factor["unit"] in ("1", "name") else factor["unit"],
            "whole": factor["whole"],
            "tuned": wording.range_words(factor["tuned"], factor["unit"])
            if factor["tuned"]
            else "nominal only",
            "chart": Markup("").join(_reach(bound) for bound in factor["bounds"]),
        }
        for factor in found["factors"]
    ]
    limited = [card for card in cards if not card["whole"]]
    return {
        "data": found,
        "cards": limited,
        "whole": [card for card in cards if card["whole"]],
        "tries": [_try(tried) for tried in found.get("confirmation", {}).get("tries", [])],
    }


def _try(tried: Mapping[str, Any]) -> dict[str, Any]:
    """One run of all factors together: the part of the way that they were given, and what came of it."""
    return {
        "part": "as found" if tried["value"] == 1 else f"{100 * tried['value']:.3g} % of the way",
        "rate": wording.rate(tried),
        "counts": f"{tried['successes']}/{tried['episodes']}",
        "verdict": {True: "holds", False: "fails", None: "not decided"}[tried["holds"]],
    }


def _reach(bound: Mapping[str, Any]) -> Markup:
    held, broke = _end(bound["held"]), _end(bound["broke"])
    option = bound["option"]
    if bound["undecided"]:
        detail = "not decided" if bound["broke"] is None else f"not decided; fails at {broke}"
    else:
        detail = "whole range" if bound["broke"] is None else "fails" if option else f"fails at {broke}"
    value = ("holds" if bound["held_share"] else "–") if option else held
    open_to = 1.0 if bound["undecided"] and bound["broke"] is None else bound["broke_share"]
    return curves.reach_row(bound["side"], bound["held_share"], open_to, value, detail)


def _end(value: Any) -> str:
    if isinstance(value, dict):
        return wording.ends(value["lo"], value["hi"])
    return wording.number(value) if isinstance(value, int | float) else str(value)
