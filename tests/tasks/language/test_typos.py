"""Typing errors: as many as asked for, one a word, always the same, and never another word of the instructions."""

import re
from collections import Counter

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tasks.language import Phrasing, phrase
from tasks.language.typos import MOST_ERRORS, errors, mistype, one_error_apart
from tasks.language.words import all_words


def edit_distance(a, b):
    """Insertions, deletions, replacements and swaps of neighbours (optimal string alignment)."""
    d = {(i, 0): i for i in range(len(a) + 1)} | {(0, j): j for j in range(len(b) + 1)}
    for i in range(1, len(a) + 1):
        for j in range(1, len(b) + 1):
            options = [d[i - 1, j] + 1, d[i, j - 1] + 1, d[i - 1, j - 1] + (a[i - 1] != b[j - 1])]
            if i > 1 and j > 1 and a[i - 1] == b[j - 2] and a[i - 2] == b[j - 1]:
                options.append(d[i - 2, j - 2] + 1)
            d[i, j] = min(options)
    return d[len(a), len(b)]


def words(text):
    return re.split(r"[^A-Za-z]+", text)


def typed(facts, n, **phrasing):
    return phrase(facts, Phrasing(**phrasing)), phrase(facts, Phrasing(**phrasing, typing_errors=n))


@pytest.mark.parametrize("n", range(MOST_ERRORS + 1))
def test_as_many_words_have_an_error_as_asked_for(all_facts, n):
    for i, facts in enumerate(all_facts):
        text, wrong = typed(facts, n, color_synonym=i % 4, noun_synonym=i % 3)
        changed = [(a, b) for a, b in zip(words(text), words(wrong), strict=True) if a != b]
        assert len(changed) == n, wrong
        assert all(edit_distance(a, b) == 1 for a, b in changed), changed


@pytest.mark.parametrize("n", [1, 3])
def test_the_text_is_as_many_edits_away(all_facts, n):
    for facts in all_facts[:60]:
        assert edit_distance(*typed(facts, n)) == n


def test_more_errors_come_on_top_of_fewer(all_facts):
    for facts in all_facts:
        before = set()
        for n in range(1, MOST_ERRORS + 1):
            text, wrong = typed(facts, n)
            changed = {
                (i, b) for i, (a, b) in enumerate(zip(words(text), words(wrong), strict=True)) if a != b
            }
            assert before < changed
            before = changed


def test_no_error_makes_another_word_or_comes_as_near_to_one():
    """Every error that any word can get."""
    for word in all_words():
        for wrong in (w for kind in errors(word).values() for w in kind):
            assert one_error_apart(wrong, word)
            near = [w for w in all_words() - {word} if w == wrong or one_error_apart(wrong, w)]
            assert not near, f"{word} -> {wrong}, which could be {near}"


def test_every_word_of_three_letters_and_more_can_be_mistyped():
    assert not {w for w in all_words() if len(w) >= 3 and not errors(w)}


def test_all_four_kinds_of_error_happen(all_facts):
    kinds = Counter()
    for facts in all_facts:
        text, wrong = typed(facts, 1)
        (a, b) = next((a, b) for a, b in zip(words(text), words(wrong), strict=True) if a != b)
        kinds.update(kind for kind, options in errors(a).items() if b in options)
    assert {"swap", "drop", "double", "neighbour"} == set(kinds)
    assert min(kinds.values()) > 30, kinds


@pytest.mark.parametrize(
    ("word", "wrong"),
    [("red", "erd"), ("tray", "tay"), ("blue", "bluue"), ("green", "greem")],
    ids=["swap", "drop", "double", "neighbour"],
)
def test_what_fingers_do(word, wrong):
    assert wrong in {w for kind in errors(word).values() for w in kind}


def test_what_fingers_do_not():
    assert "done" not in {w for kind in errors("cone").values() for w in kind}, "halfway to dome"
    assert "gred" not in {w for kind in errors("red").values() for w in kind}


def test_errors_do_not_depend_on_capitals(all_facts):
    for facts in all_facts[:50]:
        plain = phrase(facts, Phrasing(typing_errors=3))
        assert phrase(facts, Phrasing(typing_errors=3, letter_case="upper")) == plain.upper()


def test_short_words_and_signs_stay():
    assert mistype("it is in, on - an L!", 9) == "it is in, on - an L!"


@pytest.mark.parametrize(
    ("a", "b", "apart"),
    [
        *(("cone", b, True) for b in ("one", "coone", "done", "ocne", "cnoe", "con", "cones", "coen")),
        *(("cone", b, False) for b in ("cone", "dome", "co", "noce", "conesy", "enoc", "")),
        *(("", "a", True), ("ab", "ba", True), ("aa", "a", True), ("a", "b", True)),
    ],
)
def test_one_error_apart(a, b, apart):
    assert one_error_apart(a, b) is apart
    assert one_error_apart(b, a) is apart


@given(st.text("abc", max_size=5), st.text("abc", max_size=5))
@settings(max_examples=300)
def test_one_error_apart_is_an_edit_distance_of_one(a, b):
    assert one_error_apart(a, b) is (edit_distance(a, b) == 1)
