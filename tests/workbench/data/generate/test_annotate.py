"""What a demonstration shows, from made-up motion whose phases, grasp and placement are known."""

import numpy as np
import pytest

from workbench.data.generate.annotate import (
    CARRY,
    GRASP,
    PLACE,
    REACH,
    RETREAT,
    NotADemonstration,
    demonstration,
    pushed,
    ways_ahead,
)

T = 60
CLOSE, MOVE, ARRIVE, LET_GO = 10, 15, 30, 40


def pose(position, yaw=0.0):
    return np.array([*position, 0, 0, np.sin(yaw / 2), np.cos(yaw / 2)])


def motion():
    """The hand closes at 10, the object leaves at 15, is over its place from 30, and is let go at 40."""
    steps = np.arange(T)
    along = np.clip((steps - MOVE) / (ARRIVE - MOVE), 0, 1)
    target = np.stack([pose((0.4 + 0.2 * a, 0.1, 0.02), 0.3) for a in along])
    tool = target.copy()
    tool[:, 2] += 0.01
    receptacle = np.stack([pose((0.6, 0.1, 0.0))] * T)
    closed = (steps >= CLOSE) & (steps < LET_GO)
    return closed, tool, np.full(T, 0.05), target, receptacle


def test_phases_follow_from_what_happened():
    found = demonstration(*motion())
    assert found.phase[0] == REACH
    assert found.phase[CLOSE] == GRASP
    assert found.phase[20] == CARRY
    assert found.phase[LET_GO - 1] == PLACE
    assert (found.phase[LET_GO:] == RETREAT).all()
    assert (np.diff(found.phase.astype(int)) >= 0).all()


def test_grasp_contacts_and_place_are_in_the_bodies_frames():
    found = demonstration(*motion())
    np.testing.assert_allclose(found.grasp[0], (0, 0, 0.01), atol=1e-6)
    np.testing.assert_allclose(found.grasp[1], (0, 1, 0), atol=1e-6)
    np.testing.assert_allclose(found.contact, ((0, 0.025, 0.01), (0, -0.025, 0.01)), atol=1e-6)
    np.testing.assert_allclose(found.place, (0, 0, 0.02), atol=1e-6)


def test_a_failed_attempt_before_is_no_carrying():
    closed, tool, width, target, receptacle = motion()
    closed[2:5] = True
    found = demonstration(closed, tool, width, target, receptacle)
    assert list(found.phase[1:7]) == [REACH, GRASP, GRASP, GRASP, REACH, REACH]
    assert (found.phase[20:27] == CARRY).all()


@pytest.mark.parametrize("what", ["never closed", "still closed", "let go where"])
def test_what_is_no_demonstration_says_why(what):
    closed, tool, width, target, receptacle = motion()
    if what == "never closed":
        closed[:] = False
    elif what == "still closed":
        closed[LET_GO:] = True
    else:
        target = np.repeat(target[:1], T, 0)
    with pytest.raises(NotADemonstration, match=what):
        demonstration(closed, tool, width, target, receptacle)


def test_ways_end_where_their_subtask_ends_and_are_evenly_spaced():
    closed, tool, width, target, receptacle = motion()
    found = demonstration(closed, tool, width, target, receptacle)
    ways = ways_ahead(tool[:, :3], found.phase, np.array([0, 20, 50]))
    first_carried = int(np.argmax(found.phase == CARRY))
    np.testing.assert_allclose(ways[0, -1], tool[first_carried, :3], atol=1e-6)
    np.testing.assert_allclose(ways[1, -1], tool[LET_GO, :3], atol=1e-6)
    np.testing.assert_allclose(ways[2], np.repeat(tool[50:51, :3], ways.shape[1], 0), atol=1e-6)
    gaps = np.linalg.norm(np.diff(ways[1], axis=0), axis=1)
    np.testing.assert_allclose(gaps, gaps.mean(), rtol=1e-4)


def test_a_pushed_object_is_carried_from_where_it_was_to_where_it_stays_and_never_grasped():
    _, _, _, target, receptacle = motion()
    found = pushed(target, receptacle)
    away = MOVE + 1  # by more than 1 cm
    assert set(found.phase[:away]) == {REACH}
    assert found.phase[away] == CARRY
    assert set(found.phase[ARRIVE:]) == {RETREAT}
    assert GRASP not in found.phase
    assert np.isnan(found.grasp).all()
    assert np.isnan(found.contact).all()
    np.testing.assert_allclose(found.place, (0.0, 0.0, 0.02), atol=1e-6)


def test_an_object_that_stays_was_not_pushed():
    _, _, _, target, receptacle = motion()
    with pytest.raises(NotADemonstration, match="the object stayed where it was"):
        pushed(target[:1].repeat(T, 0), receptacle)
