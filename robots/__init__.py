"""What the robot is: limits, kinematics, simulated asset. One folder a robot; importing it imports no simulator."""

from robots.spec import JointLimits, RobotSpec

__all__ = ["JointLimits", "RobotSpec"]
