"""How long work on datasets tells how far it is."""

from __future__ import annotations

from collections.abc import Callable

Progress = Callable[[int, int], None]
"""Told after each part (chunk or episode): how many are done, and of how many."""
