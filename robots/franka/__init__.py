"""Franka Emika Panda with its two-finger hand."""

from robots.franka.spec import PALM_ROOM, PANDA, SURFACE_FRICTION

__all__ = ["PALM_ROOM", "PANDA", "SURFACE_FRICTION"]
