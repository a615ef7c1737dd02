import pytest

from tests.workbench.verdict.made import record, verdict
from workbench.verdict.page import page_of
from workbench.verdict.scope import outside, scope_of

SCOPE = scope_of(
    [record(i) for i in range(4)]
    + [record(4, factors={"camera.front_position": [0.01, -0.02, 0.0], "scene.distractors": ["a", "b"]})],
    {"camera.exposure": 1.0, "camera.gamma": 1.2, "camera.front_position": [0.0, 0.0, 0.0], "x": None},
    robot="franka",
    task="pick_place",
)


@pytest.mark.parametrize(
    "asked",
    [
        {"camera.exposure": 0.8},
        {"camera.exposure": 1.1},
        {"camera.gamma": 1.2},
        {"camera.front_position": [0.0, -0.02, 0.01]},
        {"scene.target_shape": "cube"},
        {"instruction": "Put the bowl in the red cube!", "robot": "franka", "speed": 1.0},
    ],
)
def test_what_was_met_is_covered(asked) -> None:
    assert outside(SCOPE, asked) == []


@pytest.mark.parametrize(
    ("asked", "said"),
    [
        ({"camera.exposure": 1.2}, "camera.exposure=1.2 was not evaluated: 0.8 to 1.1 was"),
        ({"camera.gamma": 1.0}, "camera.gamma=1 was not evaluated: 1.2 alone was"),
        ({"camera.front_position": [0.0, 0.0, 0.03]}, "-0.02 to 0.01 was"),
        ({"scene.target_shape": "cone"}, "scene.target_shape=cone was not evaluated: cube was"),
        ({"scene.distractors": "a"}, "nothing is known of scene.distractors"),
        ({"camera.fog": 1}, "nothing is known of camera.fog"),
        ({"camera.exposure": "bright"}, "camera.exposure=bright was not evaluated"),
        ({"robot": "so_arm"}, "robot=so_arm was not evaluated: franka was"),
        ({"speed": 1.1}, "speed=1.1 was not evaluated: up to 1 was"),
        ({"instruction": "stack the red cube"}, "no instruction says stack"),
    ],
)
def test_what_was_not_met_is_not_evaluated(asked, said: str) -> None:
    (found,) = outside(SCOPE, asked)
    assert said in found


def test_without_evidence_nothing_is_covered() -> None:
    scope = scope_of([], {}, robot="franka", task="pick_place")
    assert len(outside(scope, {"camera.exposure": 1.0, "instruction": "go"})) == 2


def test_the_page_holds_verdict_lines_and_scope_and_escapes() -> None:
    page = page_of(verdict(policy="<script>"))
    for held in (
        "&lt;script&gt;",
        "12 of 12",
        "≥ 0.7",
        "workbench eval policy=m1",
        "0.8 to 1.1",
        "2026-05-30",
    ):
        assert held in page, held
    assert "<script>" not in page
    assert "http" not in page, "the page needs no network"
