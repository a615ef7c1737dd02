"""Literal shapes of answers in public use: how each writes places, and what is to be made of it.

A shape is written with ``{...}`` where numbers stand: ``{u0}`` ... of the first box or point, ``{U0}`` ... of a second.
"""

from dataclasses import dataclass

BOX, TWO_BOXES, POINT, TWO_POINTS, REFUSED = "box", "two boxes", "point", "two points", "refused"


@dataclass(frozen=True)
class Shape:
    """One way to write an answer."""

    name: str
    text: str
    holds: str
    """What it says; `REFUSED` where that is not certain."""
    kind: str = ""
    """The answer's kind, or a word of the reason."""
    labels: tuple[str, ...] = ()


_B = "{u0}, {v0}, {u1}, {v1}"
_B2 = "{U0}, {V0}, {U1}, {V1}"
_P = "{u0}, {v0}"
_P2 = "{U0}, {V0}"

SHAPES = (
    # Qwen2.5-VL
    Shape("Qwen2.5-VL box", '[{"bbox_2d": [' + _B + '], "label": "cube"}]', BOX, "labelled", ("cube",)),
    Shape(
        "Qwen2.5-VL box, no list", '{"bbox_2d": [' + _B + '], "label": "cube"}', BOX, "labelled", ("cube",)
    ),
    Shape("Qwen2.5-VL point", '[{"point_2d": [' + _P + '], "label": "cube"}]', POINT, "labelled", ("cube",)),
    Shape(
        "Qwen2.5-VL points in XML",
        '<points x1="{u0}" y1="{v0}" x2="{U0}" y2="{V0}" alt="cube">cube</points>',
        TWO_POINTS,
        "labelled",
        ("cube", "cube"),
    ),
    Shape(
        "one point in XML", '<point x="{u0}" y="{v0}" alt="cube">cube</point>', POINT, "labelled", ("cube",)
    ),
    Shape("XML without a label", '<points x1="{u0}" y1="{v0}"/>', POINT, "points"),
    Shape("Qwen2-VL box", "<|box_start|>({u0},{v0}),({u1},{v1})<|box_end|>", BOX, "boxes"),
    Shape(
        "Qwen2-VL box with its object",
        "<|object_ref_start|>cube<|object_ref_end|><|box_start|>({u0},{v0}),({u1},{v1})<|box_end|>",
        BOX,
        "labelled",
        ("cube",),
    ),
    Shape(
        "Qwen2-VL boxes",
        "<|box_start|>({u0},{v0}),({u1},{v1})<|box_end|><|box_start|>({U0},{V0}),({U1},{V1})<|box_end|>",
        TWO_BOXES,
        "boxes",
    ),
    Shape(
        "Qwen2-VL quadrangle",
        "<|quad_start|>({u0},{v0}),({u1},{v0}),({u1},{v1}),({u0},{v1})<|quad_end|>",
        REFUSED,
        "quad",
    ),
    # InternVLA-M1
    Shape(
        "M1 pick and place",
        '{"pick": {"bbox_2d": [' + _B + ']}, "place": {"bbox_2d": [' + _B2 + "]}}",
        TWO_BOXES,
        "pick_and_place",
    ),
    Shape("M1 sentence", "Pick it <box> [[" + _B + "]] </box> up.", BOX, "sentence"),
    Shape(
        "M1 sentence, two boxes",
        "Put it <box>[[" + _B + "]]</box> on it <box>[[" + _B2 + "]]</box>.",
        TWO_BOXES,
        "sentence",
    ),
    Shape("M1 points", "[(" + _P + "), (" + _P2 + ")]", TWO_POINTS, "points"),
    Shape(
        "M1 plan", "<response>Yes.</response><action>Take it<box>[[" + _B + "]]</box>.</action>", BOX, "plan"
    ),
    # InternVL and others
    Shape("InternVL reference", "<ref>cube</ref><box>[[" + _B + "]]</box>", BOX, "sentence"),
    Shape("Qwen-VL box tags", "<box>({u0},{v0}),({u1},{v1})</box>", BOX, "sentence"),
    Shape("box tags without brackets", "<box>{u0} {v0} {u1} {v1}</box>", BOX, "sentence"),
    Shape("bbox tags", "<bbox>{u0} {v0} {u1} {v1}</bbox>", BOX, "boxes"),
    Shape("point tags", "<point>{u0} {v0}</point>", POINT, "points"),
    Shape("point tags, brackets", "<point>[[" + _P + "]]</point>", POINT, "points"),
    Shape("PaliGemma", "<loc0123><loc0456><loc0789><loc1000> cube", REFUSED, "location tokens"),
    Shape("Florence-2", "cube<loc_52><loc_332><loc_932><loc_774>", REFUSED, "location tokens"),
    Shape("OFA bins", "<bin_12><bin_30><bin_90><bin_77>", REFUSED, "bins"),
    Shape("CogVLM", "The cube is at [[004,120,330,080]].", REFUSED, "leading zeros"),
    Shape("Gemini box", '[{"box_2d": [' + _B + '], "label": "cube"}]', REFUSED, "box_2d"),
    Shape("Gemini point", '[{"point": [' + _P + '], "label": "cube"}]', REFUSED, "key point"),
    Shape("percentages", "({u0}%, {v0}%)", REFUSED, "percentages"),
    Shape("quadrangle in numbers", "[" + _B + ", " + _B2 + "]", REFUSED, "8 numbers"),
    Shape("a point in space", "(" + _P + ", {u1})", REFUSED, "3 numbers"),
    # Plain objects
    Shape("x and y", '{"x": {u0}, "y": {v0}}', POINT, "labelled", ("",)),
    Shape(
        "x and y, several",
        '[{"x": {u0}, "y": {v0}, "label": "a"}, {"x": {U0}, "y": {V0}, "label": "b"}]',
        TWO_POINTS,
        "labelled",
        ("a", "b"),
    ),
    Shape(
        "numbers in quotes",
        '{"bbox_2d": ["{u0}", "{v0}", "{u1}", "{v1}"], "label": "cube"}',
        BOX,
        "labelled",
        ("cube",),
    ),
    Shape("a row in quotes", '{"point_2d": "{u0}, {v0}", "label": "cube"}', POINT, "labelled", ("cube",)),
    Shape("tuples in quotes", '["({u0}, {v0})", "({U0}, {V0})"]', TWO_POINTS, "points"),
    Shape("four corners by name", '{"x1": {u0}, "y1": {v0}, "x2": {u1}, "y2": {v1}}', BOX, "labelled", ("",)),
    Shape(
        "xmin ...",
        '{"xmin": {u0}, "ymin": {v0}, "xmax": {u1}, "ymax": {v1}, "label": "cube"}',
        BOX,
        "labelled",
        ("cube",),
    ),
    Shape(
        "left, top ...", '{"left": {u0}, "top": {v0}, "right": {u1}, "bottom": {v1}}', BOX, "labelled", ("",)
    ),
    Shape("two corners in a list", '{"bbox_2d": [[{u0}, {v0}], [{u1}, {v1}]]}', BOX, "labelled", ("",)),
    Shape("bbox", '{"bbox": [' + _B + '], "label": "cube"}', BOX, "labelled", ("cube",)),
    Shape(
        "several boxes of a label",
        '{"bbox_2d": [[' + _B + "], [" + _B2 + ']], "label": "cube"}',
        TWO_BOXES,
        "labelled",
        ("cube", "cube"),
    ),
    Shape("points by key", '{"points": [[' + _P + "], [" + _P2 + "]]}", TWO_POINTS, "labelled", ("", "")),
    Shape("trace by key", '{"trajectory": [(' + _P + "), (" + _P2 + ")]}", TWO_POINTS, "trace"),
    Shape(
        "names as keys",
        '{"cube": [' + _B + '], "plate": [' + _B2 + "]}",
        TWO_BOXES,
        "labelled",
        ("cube", "plate"),
    ),
    Shape(
        "pick and place points",
        '{"pick": [' + _P + '], "place": [' + _P2 + "]}",
        TWO_POINTS,
        "labelled",
        ("grasp", "place"),
    ),
    Shape(
        "both keys",
        '{"bbox_2d": [' + _B + '], "point_2d": [' + _P2 + "]}",
        REFUSED,
        "both bbox_2d and point_2d",
    ),
    # Words
    Shape("bare numbers of a point", _P, POINT, "points"),
    Shape("bare numbers of a box", "bbox: " + _B, BOX, "boxes"),
    Shape("x = ..., y = ...", "x = {u0}, y = {v0}", POINT, "points"),
    Shape("a click", "pyautogui.click(x={u0}, y={v0})", POINT, "points"),
    Shape("x1 = ..., y2 = ...", "x1={u0}, y1={v0}, x2={u1}, y2={v1}", BOX, "boxes"),
    Shape("a list with numbers", "1. ({u0}, {v0})\n2. ({U0}, {V0})", TWO_POINTS, "points"),
    Shape("points with numbers", "Point 1: ({u0}, {v0})\nPoint 2: ({U0}, {V0})", TWO_POINTS, "points"),
    Shape(
        "way points with numbers", "Waypoint 1: ({u0}, {v0})\nWaypoint 2: ({U0}, {V0})", TWO_POINTS, "trace"
    ),
    Shape(
        "labels in front",
        "cube: [" + _B + "]\nplate: [" + _B2 + "]",
        TWO_BOXES,
        "labelled",
        ("cube", "plate"),
    ),
    Shape(
        "labels in prose",
        "The cube is at [" + _B + "] and the plate is at [" + _B2 + "].",
        TWO_BOXES,
        "labelled",
        ("The cube", "the plate"),
    ),
    Shape("pick and place in words", "pick: [" + _B + "], place: [" + _B2 + "]", TWO_BOXES, "pick_and_place"),
    Shape(
        "objects apart",
        '{"bbox_2d": [' + _B + '], "label": "a"} and {"bbox_2d": [' + _B2 + '], "label": "b"}',
        TWO_BOXES,
        "labelled",
        ("a", "b"),
    ),
    Shape("arrows", "({u0}, {v0}) -> ({U0}, {V0})", TWO_POINTS, "trace"),
    Shape("corners in words", "top-left ({u0}, {v0}), bottom-right ({u1}, {v1})", BOX, "boxes"),
    Shape("one place to another", "({u0}, {v0}) to ({U0}, {V0})", REFUSED, "joined by 'to'"),
    Shape("a correction", "[" + _B + "], or rather [" + _B2 + "]", REFUSED, "alternatives"),
    Shape(
        "a box and a point", "The cube [" + _B + "] is grasped at (" + _P2 + ").", REFUSED, "several claims"
    ),
    Shape("mixed rows", "[[" + _B + "], [" + _P2 + "]]", REFUSED, "two and of four"),
)
