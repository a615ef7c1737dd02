"""Differences are named by dotted key and cut at a length that can be read."""

from workbench.runs.differences import ABSENT, Difference, differences, sentence


def test_only_the_keys_that_differ_are_named():
    a = {"x": {"lo": 1, "hi": 2}, "same": [1, 2], "gone": True, "vector": [0.0, 1.0]}
    b = {"x": {"lo": 1, "hi": 3}, "same": [1, 2], "new": None, "vector": [0.0, 2.0]}
    assert differences(a, b) == [
        Difference("gone", True, ABSENT),
        Difference("new", ABSENT, None),
        Difference("vector.1", 1.0, 2.0),
        Difference("x.hi", 2, 3),
    ]


def test_numbers_are_equal_by_value_and_truth_is_no_number():
    assert differences({"a": 1}, {"a": 1.0}) == []
    assert differences({"a": 1}, {"a": True}) == [Difference("a", 1, True)]


def test_a_sentence_stays_one_however_much_differs():
    a = {f"key{k}": {"long": "x" * 5000, "list": list(range(1000))} for k in range(300)}
    said = sentence(differences(a, {}))
    assert len(said) < 1200
    assert said.endswith("and 592 more")
    assert sentence(differences({"a": 1}, {"a": 2})) == "a (there 1, now 2)"
