"""Every shape of answer reads back as what was written; sloppy ones are understood; nothing makes the parser raise."""

import json
import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from policy.answer_parser import MOST_CHARACTERS, parse_answer
from policy.answers import Boxes, Labelled, PickPlace, Plan, Points, Sentence, Trace
from policy.grounding import Box, Point

SIZE = (448, 336)
CUBE, PLATE = (10.0, 20.0, 60.0, 80.0), (200.0, 100.0, 320.0, 190.0)

pixels_u, pixels_v = (st.integers(0, n).map(float) for n in SIZE)
points = st.tuples(pixels_u, pixels_v)


def between(most):
    return st.tuples(st.integers(0, most - 1), st.integers(1, most)).map(
        lambda x: (float(min(x[0], x[1] - 1)), float(max(x)))
    )


boxes = st.tuples(between(SIZE[0]), between(SIZE[1])).map(lambda e: (e[0][0], e[1][0], e[0][1], e[1][1]))
prose = st.text(st.characters(codec="utf-8", exclude_characters="<>[](){}`", exclude_categories=["Cc", "Cs"]))


def some(what, least=1):
    return st.lists(what, min_size=least, max_size=5).map(tuple)


@st.composite
def sentences(draw, words=prose, least=1):
    groups = draw(some(some(boxes), least))
    pieces = [draw(words) for _ in range(len(groups) + 1)]
    return Sentence("<box>".join(pieces).strip(), groups)


tagged_plans = st.builds(
    Plan, prose.map(str.strip), sentences(least=0), prose.map(str.strip), form=st.just("tags")
)
anything = st.text(st.characters(codec="utf-8"))
json_plans = st.builds(Plan, anything, sentences(least=0))
ANSWERS = {
    "points": st.builds(Points, some(points)),
    "trace": st.builds(Trace, some(points)),
    "boxes": st.builds(Boxes, some(boxes)),
    "labelled": st.tuples(
        some(st.builds(Box, anything, boxes), 0), some(st.builds(Point, anything, points), 0)
    )
    .filter(any)
    .map(lambda x: Labelled(*x)),
    "pick_and_place": st.builds(PickPlace, boxes, boxes | st.none()),
    "sentence": sentences(),
    "plan": (json_plans | tagged_plans).filter(lambda p: p.response or p.subtask.words),
}


@pytest.mark.parametrize("kind", ANSWERS)
@settings(max_examples=50)
@given(data=st.data())
def test_what_is_written_reads_back_the_same(kind, data):
    answer = data.draw(ANSWERS[kind])
    for text in (answer.text(), f" \n{answer.text()}\n", f"```json\n{answer.text()}\n```"):
        reading = parse_answer(text, SIZE)
        assert reading.answer == answer, text
        assert reading.kind == kind
        assert not reading.repairs, f"{text!r} needed repairs"
        assert not reading.reason


@given(st.lists(st.tuples(st.floats(0, SIZE[0]), st.floats(0, SIZE[1])), min_size=1, max_size=8))
def test_writing_costs_half_a_pixel_at_most(exact):
    read = parse_answer(Points(tuple(exact)).text(), SIZE).answer.points
    for (u, v), (a, b) in zip(exact, read, strict=True):
        assert max(abs(u - a), abs(v - b)) <= 0.5


@pytest.mark.parametrize(
    ("text", "answer"),
    [
        (  # the published examples, word for word
            "Place the bunch of red grapes <box> [[257, 246, 320, 303]] </box> in the basket.",
            Sentence("Place the bunch of red grapes <box> in the basket.", (((257, 246, 320, 303),),)),
        ),
        (
            '{"response": "...", "subtask": "Pick up the light brown lion<box>[[304, 275, 346, 336]]</box> in the '
            'table."}',
            Plan(
                "...",
                Sentence("Pick up the light brown lion<box> in the table.", (((304, 275, 346, 336),),)),
            ),
        ),
        ("[(320, 280), (358, 280), (396, 290)]", Points(((320, 280), (358, 280), (396, 290)))),
        (
            '{"pick":{"bbox_2d":[10,20,60,80]},"place":{"bbox_2d":[200,100,320,190]}}',
            PickPlace(CUBE, PLATE),
        ),
        (
            '```json\n[\n\t{"bbox_2d": [10, 20, 60, 80], "label": "cube"},\n\t{"point_2d": [3, 4], "label": "tip"}\n]'
            "\n```",
            Labelled((Box("cube", CUBE),), (Point("tip", (3, 4)),)),
        ),
        (
            "<response>On it.</response><think>The cube is free.</think><action>Grasp the cube"
            "<box>[[10, 20, 60, 80]]</box>.</action>",
            Plan("On it.", Sentence("Grasp the cube<box>.", ((CUBE,),)), "The cube is free.", "tags"),
        ),
    ],
)
def test_the_published_shapes(text, answer):
    assert parse_answer(text, SIZE).answer == answer


@pytest.mark.parametrize(
    ("text", "answer", "repair"),
    [
        ("Sure! The point is (12.5, 7.25).", Points(((12.5, 7.25),)), ""),
        ("(1, 2), (3, 4)", Points(((1, 2), (3, 4))), ""),
        ("[1, 2, 30, 40]\n[5, 6, 70, 80]", Boxes(((1, 2, 30, 40), (5, 6, 70, 80))), ""),
        ("[[ 1 ,2],[3, 4 ],]", Trace(((1, 2), (3, 4))), ""),
        ("[[[1, 2], [3, 4]]]", Trace(((1, 2), (3, 4))), ""),
        ('{"bbox_2d": [10, 20, 60, 80]}\n{"point_2d": [1, 2]}', Labelled((Box("", CUBE),), (Point("", (1, 2)),)), ""),
        ("[12, 7]", Points(((12, 7),)), ""),
        ("10, 20 or rather [10, 20, 60, 80]", Boxes((CUBE,)), ""),
        (r"{'bbox_2d': [10, 20, 60, 80,], 'label': 'a cook\'s cube',}", Labelled((Box("a cook's cube", CUBE),)), ""),
        ("{'pick': [10, 20, 60, 80], 'place': [200, 100, 320, 190]}", PickPlace(CUBE, PLATE), ""),
        ('{"trace": [[1, 2], [3, 4]]}', Trace(((1, 2), (3, 4))), ""),
        ("<think>[9, 9]? no.</think>\n[(1, 2)]", Points(((1, 2),)), ""),
        ("```json [(1, 2)]```", Points(((1, 2),)), ""),
        ("It is <BOX>(10,20),(60,80)</BOX> there", Sentence("It is <box> there", ((CUBE,),)), ""),
        ("Grasp <box>[[10, 20, 60, 80]] it", Sentence("Grasp <box> it", ((CUBE,),)), ""),
        ("[60, 80, 10, 20]", Boxes((CUBE,)), "swapped"),
        ("[[1, 2], [450, -3]]", Trace(((1, 2), (448, 0))), "clamped"),
        ("[-5, 20, 60, 340]", Boxes(((0, 20, 60, 336),)), "clamped"),
        ("[[10, 20, 60, 80], [450, 0, 460, 10]]", Boxes((CUBE,)), "without area"),
        ("[[1, 2], [3, 4], [5, 6, 7], 8]", Trace(((1, 2), (3, 4))), "no point"),
        ("[[1, 2], [3, 4], [5, 6", Trace(((1, 2), (3, 4))), "cut off"),
        ('[{"bbox_2d": [10, 20, 60, 80], "label": "cu', Labelled((Box("cu", CUBE),)), "cut off"),
        ('[{"bbox_2d": [10, 20, 60, 80], "lab', Labelled((Box("", CUBE),)), "cut off"),
        ("<action>go <box>[[10, 20, 60, 80]]</box>", Plan("", Sentence("go <box>", ((CUBE,),)), "", "tags"), "missing"),
        ("<box>[[10, 20, 60, 80]]</box> and <box> [[1, 2, 3", Sentence("<box> and  ", ((CUBE,),)), "without a box"),
    ],
)  # fmt: skip
def test_sloppy_answers_are_understood_and_repairs_named(text, answer, repair):
    reading = parse_answer(text, SIZE)
    if isinstance(answer, Sentence):
        assert reading.answer.words.strip() == answer.words.strip()
        assert reading.answer.boxes == answer.boxes
    else:
        assert reading.answer == answer
    assert any(repair in r for r in reading.repairs) if repair else not reading.repairs, reading.repairs


@pytest.mark.parametrize(
    "text",
    [
        "", "I cannot see a cube.", "[]", "{}", "[[]]", "[x1, y1, x2, y2]", "[1, 2, 3]", "[NaN, 1]", "[true, false]",
        "[1, 2, 1e999, 40]",
        '{"label": "cube"}', "<box></box>", "<box>[[1, 2, 3]]</box>", "<think>hm</think>", "[500, 0, 600, 10]",
        "[[1, 2], [500, -3]]", "[-5, 20, 60, 1e9]",
        '{"response": ""}', "[(1, 2", '{"pick": null}', "(" * 5000, '["' * 5000, "[" + "9" * 400 + "]", "<box>" * 3000,
        "[1" * 20_000,
    ],
)  # fmt: skip
def test_garbage_has_a_reason(text):
    reading = parse_answer(text, SIZE)
    assert reading.answer is None, text
    assert reading.kind is None
    assert reading.reason


def test_what_the_question_asked_for_decides_what_pairs_are():
    assert parse_answer("[[1, 2], [3, 4]]", SIZE, pairs="points").answer == Points(((1, 2), (3, 4)))
    assert parse_answer("[(1, 2), (3, 4)]", SIZE, pairs="trace").answer == Trace(((1, 2), (3, 4)))
    assert parse_answer("[1, 2]", SIZE, pairs="trace").answer == Trace(((1, 2),))


FRAGMENTS = [
    *"[](){}\"'`\\:,. \n-+e<>/", "<box>", "</box>", "<BOX>", "[[1, 2, 3, 4]]", "(5, 6)", "bbox_2d", "point_2d",
    '"bbox_2d": ', '"label": ', '"pick": ', '{"response": "', '"subtask": "', "<response>", "</response>", "<think>",
    "</think>", "<action>", "</action>", "```json\n", "```", "1", "23.5", "1e999", "-7", "NaN", "null", "true", "cube",
    "\u0663", "\u00b2", "\\u0041", "\\ud800", "\ud800", "\x00", "٣", "𝟗",
]  # fmt: skip


def check(text):
    reading = parse_answer(text, SIZE)
    assert (reading.answer is None) == bool(reading.reason)
    answer = reading.answer
    found = [b.xyxy for b in getattr(answer, "boxes", ()) if isinstance(b, Box)]
    if isinstance(answer, PickPlace):
        found += [b for b in (answer.pick, answer.place) if b]
    sentence = answer.subtask if isinstance(answer, Plan) else answer
    if isinstance(sentence, Sentence):
        found += [b for group in sentence.boxes for b in group]
    for u0, v0, u1, v1 in found:
        assert 0 <= u0 < u1 <= SIZE[0], text
        assert 0 <= v0 < v1 <= SIZE[1], text


@given(st.text())
def test_no_text_makes_it_raise(text):
    check(text)


@settings(max_examples=300)
@given(st.lists(st.sampled_from(FRAGMENTS), max_size=25).map("".join))
def test_no_text_made_of_the_syntax_makes_it_raise(text):
    check(text)


@given(st.one_of(*ANSWERS.values()).map(lambda a: a.text()), st.data())
def test_no_answer_cut_off_or_spoilt_makes_it_raise(text, data):
    at = data.draw(st.integers(0, len(text)))
    check(text[:at])
    check(text[:at] + data.draw(st.sampled_from(FRAGMENTS)) + text[at + 1 :])


@pytest.mark.parametrize(
    "unit",
    [
        "[",
        "[[1,2],",
        "[1,",
        "{'a':",
        '["[',
        "<box>",
        "<box>[",
        "<think>",
        "```\n",
        "'",
        "(1,2)",
        "\\",
        "<point x=",
        '<points x1="1" y1="',
        "<|box_start|>(1,",
        "<point>1 ",
        "x=1 y=",
        "1 ",
        "[1,2] a ",
        "1",
    ],
)
def test_a_hostile_text_takes_no_long_time(unit):
    text = (unit * MOST_CHARACTERS)[:MOST_CHARACTERS]
    start = time.process_time()
    check(text)
    assert time.process_time() - start < 1.0, unit


def test_longer_texts_are_refused():
    assert "characters" in parse_answer("[(1, 2)]" + " " * MOST_CHARACTERS, SIZE).reason


@pytest.mark.parametrize("box", [(1.0, 1.0, 1.4, 9.0), (5.0, 5.0, 3.0, 9.0)])
def test_a_box_that_rounds_to_nothing_is_not_written(box):
    for answer in (
        Boxes((box,)),
        Labelled((Box("a", box),)),
        PickPlace(box, None),
        Sentence("<box>", ((box,),)),
    ):
        with pytest.raises(ValueError, match="without area"):
            answer.text()


def test_marks_and_boxes_must_agree():
    for words, groups in (("no mark", ((CUBE,),)), ("<box> <box>", ((CUBE,),)), ("<box>", ((),))):
        with pytest.raises(ValueError, match="marks"):
            Sentence(words, groups)
    with pytest.raises(ValueError, match="thought"):
        Plan("yes", Sentence("go"), "because")


def test_json_shapes_are_json():
    plan = Plan('"Quoted" and\nbroken', Sentence("go"))
    assert json.loads(plan.text())["response"] == plan.response
    assert json.loads(Labelled((Box('a "b"', CUBE),)).text())[0]["bbox_2d"] == list(CUBE)
