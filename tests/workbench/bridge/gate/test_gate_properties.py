"""What holds whatever is sent, in whatever order, for every arm and scale."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from robots import registry
from robots.franka.fr3 import FR3
from tools.attack_gate import bounds_of
from tools.gate_bout import Bout
from workbench.bridge.gate import Command, GateCfg, Mode, Verdict

ARMS = {
    "panda": ("franka", {}),
    "fr3": ("franka", {"limits": FR3.limits}),
    "so_arm": ("so_arm", {}),
    "wxai": ("wxai", {}),
}
BOUTS: dict[tuple[str, float], Bout] = {}
slow = settings(max_examples=6, deadline=None)


def bout(arm, scale):
    """One gate an arm and scale: loading hulls takes a while; each bout begins at home."""
    name, others = ARMS[arm]
    if (arm, scale) not in BOUTS:
        model = registry.arm(name)
        cfg = GateCfg.of(model, bounds_of(model), 0.01, 0.05, scale=scale, **others)
        BOUTS[arm, scale] = Bout(model, cfg, 1)
    found = BOUTS[arm, scale]
    found.start(found.situation.home)
    return found


anything = st.one_of(
    arrays(np.float64, st.integers(0, 9), elements=st.floats(-4, 4)),
    arrays(np.float64, 7, elements=st.floats()),
    arrays(np.float64, 5, elements=st.floats()),
    st.just(None),
    st.text(max_size=3),
)
steps = st.lists(
    st.one_of(
        st.tuples(st.just("step"), st.integers(0, 10**6), st.floats(0.1, 4.0)),
        st.tuples(st.just("send"), anything, st.integers(-2, 3), st.floats(-2, 2)),
        st.tuples(st.just("wait"), st.integers(1, 40)),
        st.tuples(st.sampled_from(["stop", "revive"])),
    ),
    max_size=40,
)


def play(ring, actions):
    for kind, *words in actions:
        if kind == "step":
            rng = np.random.default_rng(words[0])
            for _ in range(6):
                step = rng.uniform(-words[1], words[1], len(ring.situation.here)) * ring.situation.step
                ring.send(ring.situation.command(ring.situation.here + step))
                ring.tick(count=int(rng.integers(1, 8)))
        elif kind == "send":
            position, ahead, late = words
            ring.send(Command(position, ring.situation.seq + ahead, ring.now - late, ring.now - late))
            ring.tick()
        elif kind == "wait":
            ring.tick(count=words[0])
        elif kind == "stop":
            ring.gate.stop("said")
        else:
            ring.revive()
    ring.revive()
    ring.close()
    assert ring.audit.exceeded == [], (ring.audit.worst, ring.audit.outside, ring.audit.below)
    assert ring.tally.unexplained == 0
    assert ring.last.at_rest
    assert ring.tally.longest_rest < 1.0


@given(steps, st.sampled_from(["fr3", "panda"]), st.sampled_from([0.1, 1.0]))
@slow
def test_no_limit_is_exceeded_and_nothing_is_done_without_a_reason(actions, arm, scale):
    play(bout(arm, scale), actions)


@pytest.mark.long
@given(steps, st.sampled_from(sorted(ARMS)), st.sampled_from([0.1, 0.3, 1.0]))
@settings(max_examples=50, deadline=None)
def test_no_limit_is_exceeded_in_many_more_ways(actions, arm, scale):
    play(bout(arm, scale), actions)


@given(st.integers(0, 10**6), st.sampled_from([0.1, 1.0]), st.integers(0, 30))
@slow
def test_from_wherever_it_is_told_to_stop_it_rests_inside_and_stays(seed, scale, ticks):
    ring, rng = bout("panda", scale), np.random.default_rng(seed)
    direction = rng.uniform(-1, 1, 7)
    for _ in range(20):
        ring.send(ring.situation.command(ring.situation.here + 2 * direction * ring.situation.step))
        ring.tick(count=5)
    ring.tick(count=ticks)
    ring.gate.stop("said")
    ring.tick()
    resting = 0.0
    while not ring.last.at_rest:
        ring.tick()
        resting += ring.cfg.dt
    assert resting < 0.6, "of the slowest joint: velocity over acceleration is 0.29 s"
    there = ring.situation.here
    assert ring.gate.space.objection(there) is None
    ring.tick(count=20)
    assert np.array_equal(ring.situation.here, there)
    assert ring.last.mode is Mode.STOPPED


@given(st.integers(0, 10**6))
@slow
def test_what_is_accepted_and_sent_again_is_reached(seed):
    ring, rng = bout("panda", 1.0), np.random.default_rng(seed)
    target = ring.situation.home + rng.uniform(-0.05, 0.05, 7)
    verdicts = []
    for _ in range(12):
        verdicts.append(ring.send(ring.situation.command(target)).verdict)
        ring.tick(count=5)
    assert set(verdicts) == {Verdict.ACCEPTED}
    assert ring.situation.here == pytest.approx(target, abs=1e-9)
