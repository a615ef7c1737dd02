"""Checks: what each factor does, measured in the simulator and compared with what theory predicts.

A module a family. Importing this package fills `CHECKS`.
"""

from domain_rand import plugins
from domain_rand.checks import (
    appearance,
    camera,
    camera_belief,
    camera_timing,
    control,
    depth,
    disturbance,
    dynamics,
    grip,
    inference,
    joint_velocity,
    language,
    scene,
    sensing,
)
from domain_rand.checks.check import CHECKS, FURTHER, Check, Reading, checks_of

__all__ = [
    "CHECKS",
    "FURTHER",
    "Check",
    "Reading",
    "appearance",
    "camera",
    "camera_belief",
    "camera_timing",
    "checks_of",
    "control",
    "depth",
    "disturbance",
    "dynamics",
    "grip",
    "inference",
    "joint_velocity",
    "language",
    "scene",
    "sensing",
]

plugins.load(plugins.CHECKS)
