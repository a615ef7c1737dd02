import pytest
from hypothesis import given
from hypothesis import strategies as st

from workbench.verdict.decide import (
    FORBIDS,
    GO,
    NO_GO,
    RESTRICTED,
    RESTRICTS,
    Consequence,
    Demand,
    decide,
    shown,
)
from workbench.verdict.line import FAIL, NOT_EVALUATED, PASS, Line

SLOWLY = Consequence(RESTRICTS, {"speed": 0.3})


def line(name: str, state: str, **details: object) -> Line:
    return Line(name, "what", state, f"what was found of {name}", details=details)  # type: ignore[arg-type]


def test_a_go_needs_every_requirement_to_be_met() -> None:
    found = decide([line("a", PASS), line("b", PASS)], [Demand("a"), Demand("b")])
    assert (found.word, found.reasons, found.restrictions) == (GO, (), {})


def test_what_is_not_evaluated_is_no_go() -> None:
    found = decide([line("a", PASS), line("b", NOT_EVALUATED)], [Demand("a"), Demand("b")])
    assert (found.word, found.first) == (NO_GO, "b")


def test_a_requirement_without_a_line_is_a_mistake_and_not_met() -> None:
    with pytest.raises(ValueError, match="no line on b"):
        decide([line("a", PASS)], [Demand("a"), Demand("b")])


def test_the_first_reason_is_the_first_cause_that_fails_and_not_what_was_not_tried() -> None:
    lines = [line("success", FAIL), line("contract", NOT_EVALUATED), line("motion", FAIL)]
    found = decide(lines, [Demand("contract"), Demand("motion"), Demand("success")])
    assert found.reasons == ("motion: what was found of motion", "success: what was found of success")


def test_restrictions_are_named_and_the_narrowest_holds() -> None:
    lines = [line("a", FAIL), line("b", NOT_EVALUATED), line("c", FAIL, restrict_objects=["cube"])]
    demands = [
        Demand("a", failed=Consequence(RESTRICTS, {"speed": 0.5, "workspace": [[0, 0, 0], [1, 1, 1]]})),
        Demand("b", not_evaluated=SLOWLY),
        Demand("c", failed=Consequence(RESTRICTS, {"workspace": [[0.2, -1, 0], [2, 0.5, 1]]})),
    ]
    found = decide(lines, demands)
    assert found.word == RESTRICTED
    assert found.restrictions == {
        "speed": 0.3,
        "objects": ["cube"],
        "workspace": [[0.2, 0, 0], [1, 0.5, 1]],
    }
    assert "a: what was found of a (at most 50 % of the arm's limits" in found.reasons[0]
    assert shown({"objects": []}) == "objects: none"


@pytest.mark.parametrize(
    "to",
    [
        ({"objects": ["cube"]}, {"objects": ["cone"]}),
        ({"objects": []}, {"speed": 0.5}),
        ({"workspace": [[0, 0, 0], [1, 1, 1]]}, {"workspace": [[2, 0, 0], [3, 1, 1]]}),
    ],
)
def test_restrictions_that_leave_nothing_are_no_go(to: tuple[dict[str, object], dict[str, object]]) -> None:
    demands = [Demand(name, failed=Consequence(RESTRICTS, one)) for name, one in zip("ab", to, strict=True)]
    found = decide([line("a", FAIL), line("b", FAIL)], demands)
    assert (found.word, found.first, found.restrictions) == (NO_GO, "a", {})


def test_a_restriction_to_nothing_in_particular_forbids() -> None:
    found = decide([line("a", FAIL)], [Demand("a", failed=Consequence(RESTRICTS))])
    assert found.word == NO_GO


STATES = st.sampled_from([PASS, FAIL, NOT_EVALUATED])
THEN = st.sampled_from([Consequence(FORBIDS), SLOWLY])


@given(st.lists(st.tuples(STATES, THEN, THEN), min_size=1, max_size=6))
def test_never_a_go_for_lack_of_evidence(drawn) -> None:
    lines = [line(str(i), state) for i, (state, _, _) in enumerate(drawn)]
    demands = [Demand(str(i), failed, unknown) for i, (_, failed, unknown) in enumerate(drawn)]
    found = decide(lines, demands)
    assert (found.word == GO) == all(state == PASS for state, _, _ in drawn)
    assert bool(found.reasons) == (found.word != GO)
    assert bool(found.restrictions) == (found.word == RESTRICTED)
