"""Boxes are held against bodies of the size that they have before the robot of the dataset."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from robots.registry import robot
from tests.workbench.data.demonstrated import demonstrated_episode
from workbench.data.validation.checks.archive_evidence import archive_evidence
from workbench.data.validation.checks.boxes import body_outlines


def test_the_outlines_of_a_small_robots_bodies_are_those_of_small_bodies():
    evidence = archive_evidence(demonstrated_episode())
    front = next(camera for camera in evidence.pictures if camera.name == "front")
    seen, whole = body_outlines(evidence, front)
    _, small = body_outlines(replace(evidence, robot="so_arm"), front)
    assert len(seen) == len(whole) == len(small) > 0
    ratio = (small[:, 2:] - small[:, :2]) / (whole[:, 2:] - whole[:, :2])
    np.testing.assert_allclose(ratio, robot("so_arm").workspace.scale, atol=0.05)
