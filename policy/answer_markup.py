"""Markup that public models put around coordinates: what is read, and what is refused by name.

Read, in pixels like all else: Qwen's ``<|box_start|>(x,y),(x,y)<|box_end|>``, the XML points
``<points x1="..." y1="..." alt="...">`` and ``<point x="..." y="...">``, ``<point>x y</point>`` and
``<bbox>x1 y1 x2 y2</bbox>``. Refused: tokens and notations whose numbers are never pixels, or whose order is another.
"""

from __future__ import annotations

import re

_N = r"[-+]?(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+)"
_ROW = rf"{_N}(?:[\s,()\[\]]+{_N})*"
_REFUSED = (
    (r"<loc_?[0-9]{1,4}>", "location tokens <loc...> are bins of an image of another size, not pixels"),
    (r"<bin_[0-9]+>|<patch_index_[0-9]+>", "tokens of bins or patches are not pixels"),
    (r"<\|quad_start\|>|<quad>", "a quadrangle (quad) is neither a box nor a point"),
    (rf"[\[(=]\s*{_N}\s*%\s*,", "percentages are not pixels"),
    (r"[\[(,]\s*0[0-9]{2}\s*[,\])]", "numbers with leading zeros, as 004, are thousandths, not pixels"),
    (r"<polygon|<poly>|<seg[0-9]|<mask", "polygons and masks are neither boxes nor points"),
)
_REF = r"(?:<\|object_ref_start\|>(?P<label>[^<]*)<\|object_ref_end\|>\s*)?"
_QWEN_BOX = re.compile(
    rf"{_REF}<\|box_start\|>\s*[\[(]*\s*(?P<numbers>{_ROW})\s*[\])]*\s*(?:<\|box_end\|>|\Z)"
)
_XML_POINT = re.compile(
    r"<points?\s+(?P<attributes>[^<>]*?)/?>(?:(?P<label>[^<]*)</points?>)?", re.IGNORECASE
)
_ATTRIBUTE = re.compile(r"""([xy])([0-9]*)\s*=\s*["']?\s*([^"'\s/>]+)["']?""", re.IGNORECASE)
_ALT = re.compile(r"""alt\s*=\s*(?:"([^"]*)"|'([^']*)')""", re.IGNORECASE)
_TAGGED = re.compile(
    rf"<(?P<tag>point|bbox)>\s*[\[(]*\s*(?P<numbers>{_ROW})\s*[\])]*\s*</(?P=tag)>", re.IGNORECASE
)
_ASSIGNED = re.compile(rf"\bx([0-9]?)\s*[=:]\s*({_N})\s*[,;]?\s*y\1\s*[=:]\s*({_N})", re.IGNORECASE)
_BARE = re.compile(
    r"\A[\s*`\"']*(?:(?:the\s+)?(?:bounding\s+)?(?:box|bbox|point|coordinates?)\s*(?:is|are)?\s*[:=]?\s*)?"
    rf"(?P<numbers>{_N}(?:[\s,]+{_N}){{1,3}})[\s.*`\"']*\Z",
    re.IGNORECASE,
)
_NUMBER = re.compile(_N)

Places = list[tuple[str, list[float]]]
"""Label and numbers, two for a point, four for a box."""


def refused_markup(text: str) -> str:
    """Why a text's notation is refused; empty where nothing of it is."""
    found = (why for pattern, why in _REFUSED if re.search(pattern, text, re.IGNORECASE))
    return next((f"{why}: the shape is refused" for why in found), "")


def marked_places(text: str) -> Places:
    """What markup of the kinds that are read says, in order; numbers of another count as they are."""
    if qwen := list(_QWEN_BOX.finditer(text)):
        return [((match["label"] or "").strip(), _floats(match["numbers"])) for match in qwen]
    xml = [place for match in _XML_POINT.finditer(text) for place in _xml_points(match)]
    if xml:
        return xml
    return [("", _floats(match["numbers"])) for match in _TAGGED.finditer(text)]


def bare_places(text: str) -> Places:
    """What a text says that is nothing but numbers, or ``x=3, y=4``; for texts without brackets."""
    if assigned := list(_ASSIGNED.finditer(text)):
        numbers = [[float(match[2]), float(match[3])] for match in assigned]
        counted = [match[1] for match in assigned]
        if counted == ["1", "2"]:  # x1, y1, x2, y2: two corners
            return [("", numbers[0] + numbers[1])]
        return [("", pair) for pair in numbers]
    bare = _BARE.match(text)
    return [("", _floats(bare["numbers"]))] if bare else []


def _xml_points(match: re.Match[str]) -> Places:
    """The points of one tag; each needs an x and a y of the same number. A number that is none reads as NaN."""
    found: dict[str, dict[str, float]] = {}
    for axis, number, value in _ATTRIBUTE.findall(match["attributes"]):
        whole = _NUMBER.fullmatch(value)
        found.setdefault(number, {})[axis.lower()] = float(value) if whole else float("nan")
    alt = _ALT.search(match["attributes"])
    label = (match["label"] or (alt and (alt[1] or alt[2])) or "").strip()
    nan = float("nan")
    return [(label, [point.get("x", nan), point.get("y", nan)]) for point in found.values()]


def _floats(text: str) -> list[float]:
    return [float(n) for n in _NUMBER.findall(text)]
