"""What tests of tuning share."""

from __future__ import annotations

from tests.workbench.planted import Exposure, planted_set

SET = planted_set()


def rule(v):
    return 0.95 if v["control.action_delay"] <= 2 and v[Exposure.name] > 0.6 else 0.05
