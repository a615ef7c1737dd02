"""The catalogue, a module a family. Importing this package registers every factor."""

from domain_rand.factors import appearance, camera, control, dynamics, scene

__all__ = ["appearance", "camera", "control", "dynamics", "scene"]
