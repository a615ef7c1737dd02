"""Franka Emika Panda with its two-finger hand."""

from robots.franka.spec import GRIP_FORCE, PALM_ROOM, PANDA

__all__ = ["GRIP_FORCE", "PALM_ROOM", "PANDA"]
