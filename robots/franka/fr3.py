"""The Franka Research 3's published numbers: the Panda's links, other limits.

Its greatest velocity depends on the position of the joint. Inside the rectangle of positions that the manufacturer
suggests for planners that do not know of that, velocities up to the suggested ones are allowed everywhere; these two
together are the limits here. Libraries may report the Panda's for it (`franky` 2.0.0 does): take these.

Source: Franka Robotics, control parameters page of the Franka Control Interface documentation, "Limits for Franka
Research 3": the suggested position and velocity limits, and the limits of acceleration, jerk and torque.
"""

from __future__ import annotations

from dataclasses import replace

from robots.franka.spec import PANDA
from robots.spec import JointLimits

LOWEST = (-2.7437, -1.7837, -2.9007, -3.0421, -2.8065, 0.5445, -3.0159)
"""Where joints end, whatever their velocity ``[7]`` [rad]."""
HIGHEST = (2.7437, 1.7837, 2.9007, -0.1518, 2.8065, 4.5169, 3.0159)
"""And at the other end."""
FASTEST = (2.62, 2.62, 2.62, 2.62, 5.26, 4.18, 5.26)
"""Greatest velocities in the middle of the joints' range ``[7]`` [rad/s]."""

FR3 = replace(
    PANDA,
    limits=JointLimits(
        position_low=(-2.3093, -1.5133, -2.4937, -2.7478, -2.4800, 0.8521, -2.6895),
        position_high=(2.3093, 1.5133, 2.4937, -0.4461, 2.4800, 4.2094, 2.6895),
        velocity=(2.0, 1.0, 1.5, 1.25, 3.0, 1.5, 3.0),
        acceleration=(10.0,) * 7,
        jerk=(5000.0,) * 7,
        torque=(87.0, 87.0, 87.0, 87.0, 12.0, 12.0, 12.0),
    ),
    tool_velocity=3.0,
    source="Franka Control Interface documentation, control parameters, limits for FR3; Franka Hand manual",
)
"""Called `franka` as the Panda is: policies, data and links are the same."""
