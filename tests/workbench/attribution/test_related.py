"""Facts that follow from the same draws: the one that success depends on is named, what goes with it is not."""

from __future__ import annotations

import numpy as np

from workbench.attribution import wording
from workbench.attribution.columns import columns_of
from workbench.attribution.factorial import analyse_factorial
from workbench.attribution.related import told_apart
from workbench.attribution.screening import screen

ABOUT = {"left": ["poses"], "distance": ["poses"]}


def drawn(seed, count=300):
    """A place, a distance that grows with it, a word that depends on neither, and a number that does nothing."""
    rng = np.random.default_rng(seed)
    left = rng.uniform(-0.3, 0.3, count)
    distance = left + rng.uniform(0.3, 0.9, count)
    word = rng.choice(list("abcd"), count)
    idle = rng.random(count)
    rows = [
        {"left": float(x), "distance": float(d), "word": str(w), "idle": float(i)}
        for x, d, w, i in zip(left, distance, word, idle, strict=True)
    ]
    return rows, left, distance, word, rng


def judged(rows, success, about, seed):
    columns, _ = columns_of(rows, {})
    tests = sorted(
        screen(columns, success, seed=seed, permutations=499), key=lambda t: (t.p_value, -abs(t.correlation))
    )
    found = told_apart(tests, columns, success, about, alpha=0.05, seed=seed, permutations=499)
    return {t.factor: t for t in found}


def test_what_goes_with_the_place_is_rarely_said_to_matter_itself():
    apart = together = 0
    for seed in range(20):
        rows, left, _, _, rng = drawn(seed)
        success = rng.random(len(left)) < np.where(left > 0.1, 0.4, 0.93)
        found = judged(rows, success, ABOUT, seed)
        assert found["left"].p_adjusted < 0.05
        assert not found["left"].goes_with
        apart += found["distance"].p_adjusted < 0.05
        together += judged(rows, success, {}, seed)["distance"].p_adjusted < 0.05
        assert found["distance"].goes_with in ("", "left")
    assert apart <= 4, f"{apart} of 20 at 5 %"
    assert together >= 10, "success truly varies with the distance, for the place's sake"


def test_both_are_named_where_both_matter():
    named = 0
    for seed in range(10):
        rows, left, distance, _, rng = drawn(seed, 600)
        rate = 0.95 * np.where(left > 0.1, 0.5, 1) * np.where(distance > 0.7, 0.3, 1)
        found = judged(rows, rng.random(len(left)) < rate, ABOUT, seed)
        named += found["left"].p_adjusted < 0.05 and found["distance"].p_adjusted < 0.05
    assert named >= 9


def test_facts_that_follow_from_other_draws_are_left_alone_and_the_rest_is_said_in_words():
    rows, left, _, word, rng = drawn(3)
    success = rng.random(len(left)) < np.where(left > 0.1, 0.2, 0.95) * np.where(word == "c", 0.3, 1)
    found = analyse_factorial(rows, success, about=ABOUT)
    entries = {e["factor"]: e for e in found["factors"]}
    assert set(found["breaking"]) == {"left", "word"}
    assert entries["left"]["gone_with"] == ["distance"]
    assert entries["word"]["gone_with"] == []
    assert wording.breaking(entries["left"]).endswith("elsewhere (what is seen of distance goes with it)")
    assert entries["distance"]["region_reason"] == "what is seen of it goes with left"
    assert wording.breaking(entries["distance"]) == ""
