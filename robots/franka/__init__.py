"""Franka Emika Panda with its two-finger hand."""

from robots.franka.spec import PANDA, SURFACE_FRICTION

__all__ = ["PANDA", "SURFACE_FRICTION"]
