"""Franka Emika Panda with its two-finger hand."""

from robots.franka.spec import PANDA

__all__ = ["PANDA"]
