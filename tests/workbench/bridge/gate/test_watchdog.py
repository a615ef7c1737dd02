"""What may move when: a state machine of times."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from workbench.bridge.gate.watchdog import COMMAND, STATE, Go, Watchdog, WatchdogCfg

CAMERA = "camera:front"


def begun(**cfg):
    dog = Watchdog(WatchdogCfg(**({"sources": (CAMERA,)} | cfg)))
    dog.reset(0.0)
    return dog


def run(dog, start, stop, sources=(COMMAND, STATE, CAMERA), dt=0.01):
    """Hear of sources every 10 ms; the time at which each answer of the watchdog first came."""
    seen, k = {}, round(start / dt)
    while k * dt < stop - 1e-9:
        k += 1
        for source in sources:
            dog.heard(source, k * dt)
        go = dog.look(k * dt)
        seen.setdefault(go, k * dt)
    return seen


def test_it_runs_once_the_first_command_comes():
    dog = begun()
    assert run(dog, 0, 5, (STATE, CAMERA)) == {Go.HOLD: pytest.approx(0.01)}
    assert dog.reason == "no command has come yet"
    assert run(dog, 5, 6) == {Go.RUN: pytest.approx(5.01)}


@pytest.mark.parametrize("silent", [COMMAND, STATE, CAMERA])
def test_silence_of_each_source_holds_after_200_ms_and_latches_after_1_s(silent):
    dog = begun()
    run(dog, 0, 1)
    seen = run(dog, 1, 3, tuple({COMMAND, STATE, CAMERA} - {silent}))
    assert seen[Go.HOLD] == pytest.approx(1.2, abs=0.011)
    assert seen[Go.LATCH] == pytest.approx(2.0, abs=0.011)
    assert "for 1.0" in dog.reason


def test_it_goes_on_by_itself_after_a_hold_and_not_after_a_latch():
    dog = begun()
    run(dog, 0, 1)
    run(dog, 1, 1.5, (COMMAND, STATE))
    assert dog.go is Go.HOLD
    assert Go.RUN in run(dog, 1.5, 1.7)
    run(dog, 1.7, 3, (COMMAND, STATE))
    assert run(dog, 3, 5) == {Go.LATCH: pytest.approx(3.01)}
    dog.acknowledge()
    assert Go.RUN in run(dog, 5, 5.5)


def test_a_source_that_is_never_heard_of_is_as_one_that_fell_silent():
    assert Go.LATCH in run(begun(), 0, 2, (COMMAND, STATE))


def test_nothing_is_heard_in_advance():
    dog = begun()
    run(dog, 0, 1)
    dog.heard(COMMAND, 1000.0)
    assert run(dog, 1, 3, (STATE, CAMERA))[Go.HOLD] == pytest.approx(1.2, abs=0.011)


def test_the_operator_s_stop_stays_and_a_latch_outranks_it():
    dog = begun()
    run(dog, 0, 1)
    dog.stop("key")
    assert run(dog, 1, 3) == {Go.STOP: pytest.approx(1.01)}
    dog.latch("driver")
    dog.stop("key")
    assert (dog.look(3.01), dog.reason) == (Go.LATCH, "driver")


@pytest.mark.parametrize(("jump", "said"), [(-0.5, "went back"), (1.5, "jumped"), (float("nan"), "clock")])
def test_a_clock_that_jumps_latches(jump, said):
    dog = begun()
    run(dog, 0, 1)
    assert dog.look(1.0 + jump) is Go.LATCH
    assert said in dog.reason


def test_unknown_sources_and_odd_times_are_errors():
    with pytest.raises(ValueError, match="nobody watches 'camera:wrist'"):
        begun().heard("camera:wrist", 0.0)
    with pytest.raises(ValueError, match="hold_after must be above 0"):
        WatchdogCfg(hold_after=2.0)


EVENTS = st.lists(
    st.one_of(
        st.tuples(st.just("heard"), st.sampled_from([COMMAND, STATE, CAMERA])),
        st.tuples(st.just("wait"), st.floats(0, 0.6)),
        st.tuples(st.sampled_from(["stop", "latch", "acknowledge"]), st.none()),
    ),
    max_size=60,
)


@given(EVENTS)
@settings(max_examples=60, deadline=None)
def test_it_never_runs_on_old_news_and_nothing_but_the_operator_ends_a_stop(events):
    dog, now, last, final = begun(), 0.0, {STATE: 0.0, CAMERA: 0.0}, None
    for kind, what in events:
        if kind == "heard":
            dog.heard(what, now)
            last[what] = now
        elif kind == "wait":
            now += what
        elif kind == "acknowledge":
            dog.acknowledge()
            last, final = {STATE: now, CAMERA: now}, None
        else:
            getattr(dog, kind)("said")
        go = dog.look(now)
        if final is not None:
            assert go in (final, Go.LATCH), f"{kind} led out of {final}"
        final = go if go in (Go.STOP, Go.LATCH) else None
        if go is Go.RUN:
            assert COMMAND in last
            assert now - min(last.values()) < 0.2 + 1e-9
