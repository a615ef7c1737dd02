"""SO-ARM101: five joints and a jaw, of printed parts and hobby servos."""

from robots.so_arm.spec import SO_ARM

__all__ = ["SO_ARM"]
