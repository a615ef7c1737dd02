"""Where the Panda's joints are, as numbers: what every implementation of its kinematics starts from.

Denavit-Hartenberg parameters (Craig's convention): Franka Control Interface documentation, "Denavit-Hartenberg
parameters". The tool frame is the hand's, moved to between the fingertips.
"""

from __future__ import annotations

import math

LENGTH = (0.0, 0.0, 0.0, 0.0825, -0.0825, 0.0, 0.088)
"""Link length a_{i-1} [m]."""
OFFSET = (0.333, 0.0, 0.316, 0.0, 0.384, 0.0, 0.0)
"""Link offset d_i [m]."""
TWIST = (0.0, -math.pi / 2, math.pi / 2, math.pi / 2, -math.pi / 2, math.pi / 2, math.pi / 2)
"""Twist alpha_{i-1} [rad]."""
FLANGE = 0.107
"""Joint 7 to flange, along z [m]."""
HAND_YAW = -math.pi / 4
"""Flange to hand, about z [rad]."""
