"""What an arm is told over a step, and where windows begin."""

import numpy as np
import pytest
from scipy.integrate import quad

from tests.workbench.identification.planted import follower
from workbench.identification.motion_log import LogError
from workbench.identification.windows import Command, windows


@pytest.mark.parametrize("kind", ["hold", "linear"])
def test_the_integral_of_a_command_is_that_of_the_function(kind: str) -> None:
    log = follower()
    from dataclasses import replace

    command = Command(replace(log, interpolation=kind))

    def told(t: float) -> float:
        t = min(max(t, log.times[0]), log.times[-1])
        k = np.searchsorted(log.times, t, side="right") - 1
        if kind == "hold":
            return float(log.commanded[k, 3])
        return float(np.interp(t, log.times, log.commanded[:, 3]))

    for a, b in ((1.2034, 1.2271), (-0.5, 0.013), (7.97, 9.2), (3.0, 3.01)):
        exact = quad(told, a, b, limit=400, points=[t for t in log.times if a < t < b][:300] or None)[0]
        found = np.diff(command.integral(np.array([a, b])), axis=0)[0, 3]
        assert found == pytest.approx(exact, abs=1e-9)


def test_every_measurement_after_the_first_burn_in_is_scored_once() -> None:
    log = follower()
    found = windows([log], 0.01, 2.0, 0.4)
    rows = found.row[found.scored]
    assert len(rows) == len(set(rows.tolist())), "a measurement is scored in two windows"
    assert set(rows.tolist()) == set(range(41, 641)), "8 s hold three windows of 2 s after a burn-in of 0.4 s"
    age = log.measured_times[found.row] - found.begin[found.window]
    np.testing.assert_allclose(found.age, age, atol=1e-12)


def test_starts_are_read_from_noisy_measurements() -> None:
    log = follower(lag=0.0, noise=2e-4)
    found = windows([log], 0.01, 1.0, 0.2)
    clean = follower(lag=0.0, noise=0.0)
    speed = np.gradient(clean.measured, clean.times, axis=0)
    rows = np.searchsorted(log.times, found.begin)
    inner = rows > 3
    assert np.abs(found.velocity - speed[rows])[inner].max() < 0.05
    assert np.abs(found.position - clean.measured[rows])[inner].max() < 6e-4


def test_a_log_shorter_than_its_burn_in_is_refused() -> None:
    with pytest.raises(LogError, match="too short for a window"):
        windows([follower(duration=0.5)], 0.01, 2.0, 0.4)


def test_a_log_whose_first_measurement_is_from_before_its_first_command_is_one_whole_window() -> None:
    log = follower()
    from dataclasses import replace

    found = windows(
        [replace(log, measured_times=log.measured_times - 0.0007)], 0.01, burn_in_s=0.0, whole=True
    )
    assert found.row.tolist() == list(range(1, len(log.measured_times)))
