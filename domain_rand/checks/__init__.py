"""Checks: what each factor does, measured in the simulator and compared with what theory predicts.

A module a family. Importing this package fills `CHECKS`.
"""

from domain_rand import plugins
from domain_rand.checks import (
    appearance,
    camera,
    control,
    disturbance,
    dynamics,
    language,
    scene,
    sensing,
)
from domain_rand.checks.check import CHECKS, Check, Reading

__all__ = [
    "CHECKS",
    "Check",
    "Reading",
    "appearance",
    "camera",
    "control",
    "disturbance",
    "dynamics",
    "language",
    "scene",
    "sensing",
]

plugins.load(plugins.CHECKS)
