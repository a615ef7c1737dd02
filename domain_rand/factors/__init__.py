"""The catalogue, a module a family. Importing this package registers every factor, those of other packages last."""

from domain_rand import plugins
from domain_rand.factors import (
    appearance,
    camera,
    control,
    disturbance,
    dynamics,
    episode,
    language,
    scene,
    sensing,
)

__all__ = [
    "appearance",
    "camera",
    "control",
    "disturbance",
    "dynamics",
    "episode",
    "language",
    "scene",
    "sensing",
]

plugins.load(plugins.FACTORS)
