"""Gate and follower on a line that is late, loses messages and breaks off: the arm stays on plans that were checked.

Each test compares every millisecond of what the arm is told with the plan that the gate made, and judges limits and
the tool's box. On a follower that brakes by itself where a set point is late they fail by centimetres.
"""

import numpy as np
import pytest

from tests.robots.leading import HOME, MODEL, Leading, Led, Trouble, gate, outside, shares
from workbench.bridge.gate import Check, Gate

SCALES = (0.1, 1.0)
NEAREST_MM = 0.1
"""Distance of the tool from where the plan has it: what lies between states a period apart."""
TROUBLES = {
    "late": Trouble(late_ms=3, work_ms=3),
    "slow": Trouble(least_ms=9),
    "preempted": Trouble(late_ms=1, preempted=0.05),
    "lost": Trouble(late_ms=1, lost=0.1),
    "stands": Trouble(late_ms=1, stands=0.05),
    "stops": Trouble(late_ms=1, preempted=0.03, stops=0.02),
}
ALL = Trouble(late_ms=3, work_ms=3, preempted=0.05, lost=0.1, stands=0.05, stops=0.01)


@pytest.fixture(scope="module", params=SCALES)
def led_gate(request: pytest.FixtureRequest) -> Gate:
    return gate(request.param)


def judge(led: Led, scale: float) -> None:
    """The arm was told what plans say, and nothing beyond limits or box."""
    positions, wanted = np.array(led.positions), np.array(led.wanted)
    tools = MODEL.chain.pose(positions)[0], MODEL.chain.pose(wanted)[0]
    assert 1000 * np.linalg.norm(tools[0] - tools[1], axis=1).max() < NEAREST_MM
    assert outside(positions) <= 0
    assert max(shares(positions, scale)) < 1 + 1e-6


def test_nothing_is_refused_on_a_line_that_is_in_time(led_gate: Gate) -> None:
    leading = Leading(led_gate, led_gate.scale, Trouble(work_ms=0.3), 1)
    led = leading.run(3000)
    judge(led, led_gate.scale)
    assert led.taken > 15
    assert led_gate.counts[Check.LATE] == 0


def test_whatever_happens_to_the_line_the_arm_stays_on_checked_plans(led_gate: Gate) -> None:
    leading = Leading(led_gate, led_gate.scale, ALL, 2)
    led = leading.run(5000)
    leading.run(1500, leads=False)
    judge(led, led_gate.scale)
    assert leading.follower.at_rest
    assert led_gate.counts[Check.LATE] > 0
    assert np.abs(np.diff(led.positions, axis=0)).sum() > 1, "rad: it moved"


def test_when_the_bridge_is_killed_the_arm_rests_at_the_end_of_its_plan(led_gate: Gate) -> None:
    """At any time; here the same bridge comes back after 1.2 s, finds itself latched, and is let go on."""
    leading = Leading(led_gate, led_gate.scale, Trouble(late_ms=1), 3)
    moved = 0
    for _ in range(4):
        led = leading.run(int(leading.draw.integers(900, 1500)))
        moved += not leading.follower.at_rest
        leading.run(1200, leads=False)
        follower = leading.follower
        assert follower.at_rest
        plan, _, _ = leading.plans[follower.number]
        np.testing.assert_allclose(follower.position, plan.end, atol=1e-9)
    assert moved > 1
    judge(led, led_gate.scale)


@pytest.mark.parametrize("name", TROUBLES)
@pytest.mark.long
def test_each_trouble_for_a_minute(led_gate: Gate, name: str) -> None:
    leading = Leading(led_gate, led_gate.scale, TROUBLES[name], 4)
    led = leading.run(60_000)
    leading.run(2000, leads=False)
    judge(led, led_gate.scale)
    assert leading.follower.at_rest
    assert led.taken > 100


def test_milliseconds_that_the_arm_missed_throw_it_off_a_little_and_it_comes_back() -> None:
    leading = Leading(gate(0.5), 0.5, Trouble(late_ms=1, misses=0.02), 5)
    led = leading.run(4000)
    leading.run(1500, leads=False)
    positions, wanted = np.array(led.positions), np.array(led.wanted)
    far = np.nan_to_num(np.abs(positions - wanted).max(1))
    assert led.made_up
    assert far.max() < 3e-3, "rad; chasing the next state made joints overshoot by 10"
    assert np.mean(far < 1e-4) > 0.5
    assert leading.follower.at_rest
    assert far[-1] < 1e-9


def test_a_stop_whose_plan_came_too_late_is_made_again_from_where_the_arm_is() -> None:
    """The bridge is put aside for 35 ms between reading the arm and sending its brake."""
    braked = gate(1.0)
    leading = Leading(braked, 1.0, Trouble(late_ms=0, work_ms=0), 6)
    while leading.now < 600 or np.abs(leading.follower.velocity).max() < 1.0:
        leading.run(10)
    leading.trouble.least_ms = 35
    braked.stop("the test presses stop")
    leading.stopped_at = leading.now + 1000
    leading.run(10)
    leading.trouble.least_ms = 1
    leading.run(900)
    assert braked.counts[Check.LATE] == 1
    assert braked.counts[Check.OPERATOR] == 1
    assert leading.follower.at_rest
    judge(leading.led, 1.0)


def test_a_gate_without_word_from_its_driver_counts_periods_itself(led_gate: Gate) -> None:
    led_gate.reset(HOME, 0.0)
    periods = [led_gate.tick(None, 0.01 * k).period for k in range(1, 4)]
    assert np.diff(periods).tolist() == [1, 1]
