"""Variants of the Franka arm, by what decides about their limits."""

from __future__ import annotations

from robots.franka.fr3 import FR3
from robots.franka.spec import PANDA

LIMITS = {"fr3": FR3.limits, "fer": PANDA.limits}
"""Variants of the arm -> their limits."""
