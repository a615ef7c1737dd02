"""Whether a factor changes the task's episodes: arithmetic on logs, without a simulator."""

from dataclasses import replace

import numpy as np
import pytest

from domain_rand.factor import REGISTRY
from workbench.randomisation.effects import (
    LEVEL,
    QUANTITIES,
    Effect,
    EpisodeLog,
    differences,
    doing_nothing,
    quantities_of,
)

STEPS, BODIES = 40, 3
RNG = np.random.default_rng(0)


@pytest.fixture
def log():
    return EpisodeLog(
        instruction="put the red cube on the blue plate",
        tool=RNG.normal(0, 0.1, (STEPS, 3)),
        joints=RNG.normal(0, 1, (STEPS, 7)),
        width=np.full(STEPS, 0.08),
        bodies=np.tile(np.array([[0.4, 0.0, 0.02], [0.5, 0.1, 0.01], [0.0, 0.0, -5.0]]), (STEPS, 1, 1)),
        target=0,
        attitude=np.tile((0.0, 0.0, 0.0, 1.0), (STEPS, 1)),
        floor=-0.75,
        joint_errors=np.zeros((STEPS, 7)),
        tool_errors=np.zeros((STEPS, 3)),
        width_errors=np.zeros(STEPS),
        speed_errors=np.zeros((STEPS, 7)),
        pictures=np.full((2, 4, 4, 3), 100, np.uint8),
        depths=np.ones((2, 4, 4)),
        belief=np.zeros(2),
    )


def test_an_episode_differs_from_itself_in_nothing(log):
    assert differences(log, log) == dict.fromkeys(QUANTITIES, 0.0)


@pytest.mark.parametrize(
    ("changed", "expected"),
    [
        (lambda e: {"tool": e.tool + np.array([0.003, 0.0, 0.004])}, {"tool": 5.0}),
        (lambda e: {"joints": e.joints + 0.002}, {"joints": 2.0, "approach": 2.0}),
        (lambda e: {"width": e.width - 0.001 * (np.arange(STEPS) == 7)}, {"grip": 1.0}),
        (lambda e: {"attitude": -e.attitude}, {}),
        (
            lambda e: {"attitude": np.tile((np.sin(0.005), 0.0, 0.0, np.cos(0.005)), (STEPS, 1))},
            {"turn": 10.0},
        ),
        (lambda e: {"joint_errors": e.joint_errors + 0.01}, {"reports": 10.0}),
        (lambda e: {"tool_errors": e.tool_errors + 0.01}, {"reports": 10.0}),
        (lambda e: {"width_errors": e.width_errors + 0.01}, {"reports": 10.0}),
        (lambda e: {"speed_errors": e.speed_errors + 0.01}, {"speeds": 10.0}),
        (lambda e: {"pictures": e.pictures + np.uint8(3)}, {"picture": 3.0, "frame": 3.0}),
        (lambda e: {"depths": e.depths + 0.002}, {"depth": 2.0}),
        (lambda e: {"instruction": "pick up the cube"}, {"words": 1.0}),
    ],
)
def test_each_quantity_is_in_its_unit_and_feels_nothing_else(log, changed, expected):
    other = replace(log, **changed(log))
    assert differences(log, other) == pytest.approx(dict.fromkeys(QUANTITIES, 0.0) | expected)
    assert differences(other, log) == pytest.approx(dict.fromkeys(QUANTITIES, 0.0) | expected)


def test_the_approach_ends_where_one_of_the_hands_begins_to_close(log):
    closes = replace(log, width=np.where(np.arange(STEPS) < 20, 0.08, 0.04))
    later = replace(closes, joints=closes.joints + 0.002 * (np.arange(STEPS) >= 20)[:, None])
    before = replace(closes, joints=closes.joints + 0.002 * (np.arange(STEPS) < 20)[:, None])
    assert differences(log, later)["approach"] == differences(later, log)["approach"] == 0.0
    assert differences(log, before)["approach"] == pytest.approx(2.0)


def moved(log, body, way):
    bodies = log.bodies.copy()
    bodies[:, body] += way
    return replace(log, bodies=bodies)


def test_where_the_named_object_is_and_where_any_body_is_are_two_things(log):
    assert differences(log, moved(log, 1, (0.002, 0.0, 0.0)))["object"] == 0.0
    assert differences(log, moved(log, 1, (0.002, 0.0, 0.0)))["bodies"] == pytest.approx(2.0)
    assert differences(log, moved(log, 0, (0.002, 0.0, 0.0)))["object"] == pytest.approx(2.0)


def test_what_falls_below_the_floor_is_nobodys_business_unless_one_run_has_it_on_the_table(log):
    assert differences(log, moved(log, 2, (0.1, 0.0, -3.0)))["bodies"] == 0.0
    assert differences(log, moved(log, 2, (0.4, 0.0, 5.02)))["bodies"] == 1000.0


def test_a_longer_run_is_compared_as_far_as_the_shorter_one_goes(log):
    shorter = replace(log, tool=log.tool[:20])
    assert differences(log, shorter)["tool"] == 0.0


def test_without_pictures_nothing_is_said_of_them(log):
    blind = replace(log, pictures=log.pictures[:0], depths=log.depths[:0])
    assert np.isnan(differences(blind, blind)["picture"])
    assert np.isnan(differences(blind, blind)["depth"])


def effect(sizes, noises=(0.0,) * 24, factor="dynamics.object_mass", tests=1):
    return Effect(factor, 1.0, "tool", tuple(sizes), tuple(noises), tests)


def test_an_effect_ranks_above_the_noise():
    assert effect([2.0] * 8, [1.0] * 24).is_one
    assert effect([2.0] * 8, [1.0] * 23 + [3.0]).is_one  # one odd run among the noise hides nothing
    assert not effect([2.0] * 4 + [0.0] * 4, [1.0] * 24).is_one
    assert not effect([2.0] * 8, [1.0] * 12 + [3.0] * 12).is_one


def test_the_more_is_looked_at_the_more_it_takes():
    sizes, noises = [2.0] * 8, [1.0] * 18 + [3.0] * 6
    six_times = effect(sizes, noises, tests=6).p
    assert 0 < six_times < 1
    assert six_times == pytest.approx(6 * effect(sizes, noises).p)
    assert effect([1.0] * 8, [1.0] * 24, tests=20).p == 1.0


def test_an_effect_too_small_to_matter_is_none_however_quiet_the_noise():
    assert not effect([0.9 * QUANTITIES["tool"].least] * 8).is_one
    assert effect([1.1 * QUANTITIES["tool"].least] * 8).is_one


def test_what_rounds_differently_hides_nothing():
    rounding = 1e-3 * QUANTITIES["tool"].least
    assert effect([5.0] * 6 + [0.0] * 2, [rounding] * 24).is_one
    assert not effect([5.0] + [0.0] * 7, [rounding] * 24).is_one


def test_a_factor_does_something_if_one_end_of_its_range_does():
    effects = [
        effect([0.0] * 8, factor="a.one"),
        effect([1.0] * 8, factor="a.one"),
        effect([0.0] * 8, factor="a.none"),
        effect([0.0] * 8, factor="a.none"),
    ]
    assert doing_nothing(effects) == ["a.none"]


def test_chance_alone_is_rarely_an_effect():
    """In at most `LEVEL` of factors of which two ends and three quantities are tested and none is changed."""
    rng = np.random.default_rng(1)
    draws = 1 + rng.exponential(size=(300, 6, 32))
    found = [any(effect(x[:8], x[8:], tests=6).is_one for x in factor) for factor in draws]
    assert np.mean(found) <= LEVEL + 3 * (LEVEL / len(found)) ** 0.5


def test_every_factor_is_about_something_that_is_measured():
    for name in REGISTRY:
        assert set(quantities_of(name)) <= set(QUANTITIES), name
        assert quantities_of(name)
