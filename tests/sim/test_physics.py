"""The dynamics factors do what they say, measured on each engine against theory."""

from __future__ import annotations

import json
import math
import subprocess
import sys
from functools import cache
from pathlib import Path

import pytest

pytestmark = pytest.mark.sim

G = 9.81


@cache
def measured(physics: str) -> dict:
    script = Path(__file__).with_name("physics_trial.py")
    run = subprocess.run([sys.executable, str(script), physics], capture_output=True, text=True, timeout=600)
    lines = [line for line in run.stdout.splitlines() if line.startswith("RESULT ")]
    assert lines, run.stdout[-2000:] + run.stderr[-2000:]
    return json.loads(lines[0].removeprefix("RESULT "))


engines = pytest.mark.parametrize("physics", ["ovphysx", "newton_mjwarp"])


@engines
def test_a_sliding_brick_stops_where_coulomb_says(physics):
    result = measured(physics)
    for mu, distance in zip(result["friction"], result["slide_m"], strict=True):
        assert distance == pytest.approx(1.0**2 / (2 * mu * G), rel=0.08), f"friction {mu} on {physics}"


@engines
def test_a_push_moves_a_body_by_impulse_over_mass(physics):
    result = measured(physics)
    for scale, speed in zip(result["mass_scale"], result["push_speed"], strict=True):
        assert speed == pytest.approx(0.5 * 0.05 / (result["nominal_mass"] * scale), rel=0.02), (
            f"{scale} on {physics}"
        )


@engines
def test_gains_set_how_fast_a_joint_follows(physics):
    from robots.franka.articulation import ARM_DAMPING, ARM_STIFFNESS

    ways = measured(physics)["joint_4_rad"]
    assert ways == sorted(ways), "stiffer drives must follow faster"
    # With strong gains inertia no longer matters: a first-order lag of damping over stiffness.
    limit = 0.1 * (1 - math.exp(-0.1 * ARM_STIFFNESS / ARM_DAMPING))
    assert ways[-1] == pytest.approx(limit, rel=0.03)
    assert ways[0] < 0.92 * limit, "halved gains made no difference"
