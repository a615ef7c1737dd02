"""Captures dated by a device's clock."""

import numpy as np
import pytest

from workbench.bridge.device_clock import BACK_S, WINDOW_S, DeviceClock


def test_a_message_that_was_held_up_is_known_to_be_old() -> None:
    clock, offset = DeviceClock(), 1234.5
    rng = np.random.default_rng(0)
    errors = []
    for k in range(900):
        true = k / 30
        delay = 0.004 + (rng.exponential(0.02) if k % 10 else 0.0)
        found = clock.captured(true - offset, true + delay)
        assert found <= true + delay
        errors.append(found - true)
    assert max(errors[10:]) == pytest.approx(0.004, abs=1e-9), "off by the shortest delay alone"
    assert min(errors[10:]) == pytest.approx(0.004, abs=1e-9)


def test_a_clock_that_drifts_is_followed() -> None:
    clock, drift = DeviceClock(), 100e-6
    for k in range(30 * 600):
        true = k / 30
        found = clock.captured(true * (1 - drift), true + 0.004)
    assert abs(found - true) < 0.004 + drift * WINDOW_S + 1e-6, (
        "the way of a drift in the window, not in 10 minutes"
    )


@pytest.mark.parametrize("held_up", [0.3, 0.6, 5.0])
def test_one_that_was_held_up_for_long_is_not_taken_for_a_clock_that_was_set(held_up: float) -> None:
    clock = DeviceClock()
    for k in range(30):
        clock.captured(k / 30 - 1234.5, k / 30 + 0.004)
    assert clock.captured(1.0 - 1234.5, 1.004 + held_up) == pytest.approx(1.004)


@pytest.mark.parametrize("jump", [-100.0, -2 * BACK_S, 2 * BACK_S, 100.0])
def test_a_clock_that_is_set_is_begun_anew_with(jump: float) -> None:
    clock = DeviceClock()
    for k in range(30):
        clock.captured(k / 30, k / 30 + 0.004)
    assert clock.captured(1.0 + jump, 1.004) == pytest.approx(1.004)
    assert clock.captured(1.0 + jump + 1 / 30, 1.05 + 1 / 30) == pytest.approx(1.004 + 1 / 30)
