"""Hulls hold the links, tools are where the robot's own chain says, and nothing between two looks is missed."""

from functools import cache
from itertools import combinations, pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from robots.collision_geometry import collision_geometry
from robots.registry import arm
from workbench.bridge.gate import Bounds, Box, Check
from workbench.bridge.gate.body import Body
from workbench.bridge.gate.space import BULGE, STEP, Space
from workbench.bridge.gate.trajectory import Planner, at_rest

HOME = np.array(arm("franka").spec.home)
EVERYWHERE = Box((-9.0,) * 3, (9.0,) * 3)
ROBOTS = ("franka", "wxai", pytest.param("so_arm", marks=pytest.mark.long))  # whose meshes are large
seeds = st.integers(0, 10**6)
quick = settings(max_examples=25, deadline=None)


def limits(name):
    found = arm(name).spec.limits
    return np.array(found.position_low), np.array(found.position_high)


def space(name, bounds, scale=1.0):
    low, high = limits(name)
    planner = Planner(arm(name).spec.limits, scale)
    return Space(Body(collision_geometry(arm(name))), bounds, low - 0.1, high + 0.1, planner.acceleration)


@cache
def open_space(name):
    return space(name, Bounds(EVERYWHERE, table_height=None))


@pytest.mark.parametrize("name", ROBOTS)
@given(seed=seeds)
@quick
def test_the_tool_is_where_the_robot_s_own_chain_has_it(seed, name):
    q = np.random.default_rng(seed).uniform(*limits(name))
    position, rotation = open_space(name).tool(q)
    expected, turned = arm(name).chain.pose(q[None])
    assert position == pytest.approx(expected[0], abs=1e-9)
    assert rotation == pytest.approx(turned[0], abs=1e-9)


@pytest.mark.parametrize("name", ROBOTS)
def test_the_home_posture_is_free_and_every_link_has_a_hull(name):
    body = open_space(name).body
    assert open_space(name).objection(np.array(arm(name).spec.home)) is None
    assert {*arm(name).spec.arm_links} <= {*body.vertices}
    for corners in body.vertices.values():
        assert len(corners) >= 8


@pytest.mark.parametrize("name", ROBOTS)
def test_pairs_that_are_looked_at_are_no_neighbours_and_hold_the_hand_against_the_base(name):
    body = open_space(name).body
    pairs = {frozenset((body.link(p.first), body.link(p.second))) for p in body.shapes.collisionPairs}
    chain = arm(name).spec.arm_links
    assert not pairs & {frozenset(pair) for pair in pairwise(chain)}
    base = body.link(0)
    assert frozenset((base, arm(name).spec.hand_body)) in pairs, sorted(map(sorted, pairs))
    assert all(len(pair) == 2 for pair in pairs)
    assert len(pairs) <= len(list(combinations(body.vertices, 2)))


@pytest.mark.parametrize("name", ROBOTS)
@given(seed=seeds, scale=st.sampled_from([0.1, 1.0]))
@quick
def test_between_two_looks_no_point_travels_farther_or_bulges_more_than_is_allowed_for(seed, name, scale):
    """Of points on the arm: the tool, and where the robot's own chain has it after fewer joints."""
    rng = np.random.default_rng(seed)
    it, chain = open_space(name), arm(name).chain
    planner = Planner(arm(name).spec.limits, scale)
    it.allow(planner.acceleration)
    first = planner.to_rest(at_rest(rng.uniform(*limits(name))), rng.uniform(*limits(name)))
    plan = planner.to_rest(first.at(rng.uniform(0, first.duration)), rng.uniform(*limits(name)))
    for _ in range(10):
        begin = rng.uniform(0, plan.duration)
        end = begin + it._step(plan.at(begin).velocity.tolist())
        q = np.stack([plan.at(t).position for t in np.linspace(begin, end, 41)])
        tool = chain.pose(q)[0]
        travelled = np.linalg.norm(np.diff(tool, axis=0), axis=1).sum()
        share = np.linspace(0, 1, 41)[:, None]
        bulge = np.linalg.norm(tool - (1 - share) * tool[0] - share * tool[-1], axis=1).max()
        joints = np.abs(q - (1 - share) * q[0] - share * q[-1]).max(0)
        assert travelled <= STEP
        assert bulge <= BULGE
        assert (joints <= it._bulge + 1e-9).all()


BOX = Box((0.2, -0.4, 0.02), (0.7, 0.4, 0.7))


@cache
def boxed():
    return space("franka", Bounds(BOX, collisions=False))


@given(seeds)
@settings(max_examples=20, deadline=None)
def test_a_path_that_passes_stays_inside_at_every_moment(seed):
    """Between the looks too: joint limits, the tool's box, the table under the tool."""
    rng = np.random.default_rng(seed)
    low, high = limits("franka")
    box, planner = BOX, Planner(arm("franka").spec.limits, 1.0)
    plan = planner.to_rest(at_rest(HOME), np.clip(HOME + rng.normal(0, 0.5, 7), low, high))
    found = boxed().objection_on(plan)
    x = np.stack([plan.at(t).position for t in np.linspace(0, plan.duration, 2000)])
    tool = arm("franka").chain.pose(x)[0]
    beyond = np.maximum(np.array(box.low) - tool, tool - np.array(box.high)).max()
    if found is None:
        assert beyond <= 0
    elif found[0] is Check.WORKSPACE:
        assert beyond > -2 * BULGE, "it was refused though it stays well inside"


def test_the_order_of_findings_is_that_in_time():
    target = HOME.copy()
    target[0] = 1.5
    plan = Planner(arm("franka").spec.limits, 1.0).to_rest(at_rest(HOME), target)
    check, sentence, time = boxed().objection_on(plan)
    assert check is Check.WORKSPACE
    assert 0 < time < plan.duration
    assert boxed().objection(plan.at(time - 0.03).position) is None
    assert "its box reaches from" in sentence


def test_a_clearance_is_kept_from_links_and_boxes():
    """What is kept out begins a little more than the clearance from the hand, or a little less."""
    tool = arm("franka").chain.pose(HOME[None])[0][0]
    body = Body(collision_geometry(arm("franka")))
    lowest = tool[2] - 0.0089  # the fingertips
    for gap, free in ((0.02 + STEP / 2 + 0.001, True), (0.02 + STEP / 2 - 0.003, False)):
        top = lowest - gap
        post = Box((tool[0] - 0.05, -0.05, 0.0), (tool[0] + 0.05, 0.05, top), "post")
        bounds = Bounds(EVERYWHERE, keep_out=(post,), clearance=0.02)
        low, high = limits("franka")
        it = Space(Body(collision_geometry(arm("franka"))), bounds, low, high, np.ones(7))
        assert (it.objection(HOME) is None) is free
    assert len(body.vertices) == 11
