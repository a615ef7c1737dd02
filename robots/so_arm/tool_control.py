"""`PitchRoll`: tool motion of an arm whose hand tilts in the vertical plane of the arm and rolls about its approach."""

from __future__ import annotations

import math

import torch

from robots.so_arm.chain import so_arm_chain
from robots.so_arm.kinematics import hand_rotation
from robots.so_arm.spec import (
    FLAT_RADIUS,
    FLATTEST_PITCH,
    GRASP_PITCH,
    SO_ARM,
    STEEP_RADIUS,
    TOOL_SPAN,
)

STEEPEST = math.radians(85)
"""Greatest pitch that can be commanded [rad]: straight down, the arm's plane cannot be told from the hand."""
FARTHEST_ROLL = 2.0
"""Roll up to which a hand may be turned for a grasp [rad], 40 degrees before the joint's limits: the way to where an
object is put down turns it further."""
TIP = 0.0077
"""How far the jaws, nearly closed, reach below the tool when the hand is turned sideways [m]: from their meshes."""
ROLL = SO_ARM.arm_joints.index("wrist_roll")


class PitchRoll:
    """A `robots.protocol.ToolControl` with two turns: pitch [rad] below the horizontal, and roll [rad]."""

    def turned(self, position: torch.Tensor, rotation: torch.Tensor, turn: torch.Tensor) -> torch.Tensor:
        """See `robots.protocol.ToolControl`."""
        pitch, roll = _pitch_roll(rotation)
        return hand_rotation(position, (pitch + turn[:, 0]).clamp(-STEEPEST, STEEPEST), roll + turn[:, 1])

    def turn_to(self, rotation: torch.Tensor, goal: torch.Tensor) -> torch.Tensor:
        """See `robots.protocol.ToolControl`."""
        (pitch, roll), (goal_pitch, goal_roll) = _pitch_roll(rotation), _pitch_roll(goal)
        # Not the nearest way round, which may lead through the joint's limits: both rolls are within half a turn.
        return torch.stack((goal_pitch - pitch, goal_roll - roll), 1)

    def jacobian(self, rotation: torch.Tensor, jacobian: torch.Tensor) -> torch.Tensor:
        """See `robots.protocol.ToolControl`: pitch is what turns about the plane's normal, roll is the last joint's."""
        approach, angular = rotation[:, :, 2], jacobian[:, 3:]
        x, y = approach[:, 0], approach[:, 1]
        level = torch.sqrt(x * x + y * y).clamp_min(1e-6)
        normal = torch.stack((-y / level, x / level, torch.zeros_like(x)), 1)
        pitch = (normal[:, :, None] * angular).sum(1)
        roll = torch.zeros_like(pitch)
        roll[:, ROLL] = (approach * angular[:, :, ROLL]).sum(1)
        return torch.cat((jacobian[:, :3], pitch[:, None], roll[:, None]), 1)

    def grasp_rotation(self, position: torch.Tensor, closing: torch.Tensor) -> torch.Tensor:
        """See `robots.protocol.ToolControl`; the hand is tilted by `GRASP_PITCH`, farther out by less."""
        return hand_rotation(position, _grasp_pitch(position), _roll(position, closing))

    def grasp_turn(self, position: torch.Tensor, closing: torch.Tensor) -> torch.Tensor:
        """See `robots.protocol.ToolControl`: a tilted hand grasps best sideways, with both jaws equally low.

        A hundred more where the wrist cannot turn so far.
        """
        roll = _roll(position, closing).abs()
        turn = (roll - math.pi / 2).abs()
        return torch.where(roll > FARTHEST_ROLL, turn + 100.0, turn)

    def grasp_depth(self, position: torch.Tensor, closing: torch.Tensor) -> torch.Tensor:
        """See `robots.protocol.ToolControl`: the fixed jaw is the lower one as the hand is tilted over its back."""
        lower = torch.cos(_roll(position, closing)).clamp_min(0.0)
        return TIP + TOOL_SPAN * torch.cos(_grasp_pitch(position)) * lower


def _outward(position: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """From the pan axis to positions ``[..., 3]``, x and y ``[...]`` [m]."""
    axis_x, axis_y = (float(v) for v in so_arm_chain().offset[0, :2])
    return position[..., 0] - axis_x, position[..., 1] - axis_y


def _grasp_pitch(position: torch.Tensor) -> torch.Tensor:
    """Pitch of a hand that grasps at positions ``[..., 3]``: as steep as the arm can there ``[...]`` [rad]."""
    x, y = _outward(position)
    share = (torch.sqrt(x * x + y * y) - STEEP_RADIUS) / (FLAT_RADIUS - STEEP_RADIUS)
    return GRASP_PITCH - (GRASP_PITCH - FLATTEST_PITCH) * share.clamp(0.0, 1.0)


def _roll(position: torch.Tensor, closing: torch.Tensor) -> torch.Tensor:
    """Roll with which a hand at its grasp's pitch closes along a heading, seen from above ``[...]`` [rad]."""
    x, y = _outward(position)
    c, s = torch.cos(closing), torch.sin(closing)
    # Cosine and sine of closing less heading, times the distance.
    along, across = x * c + y * s, x * s - y * c
    return _angle(-across, along / torch.sin(_grasp_pitch(position)))


def _pitch_roll(rotation: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """Pitch and roll ``[N]`` [rad] of rotations ``[N, 3, 3]``, by the plane that the approach lies in."""
    ax, ay, az = rotation[:, :, 2].unbind(1)
    cosine = torch.sqrt(ax * ax + ay * ay)
    level = cosine.clamp_min(1e-6)
    outward_x, outward_y = ax / level, ay / level
    closing = rotation[:, :, 1]
    sideways = outward_x * closing[:, 1] - outward_y * closing[:, 0]
    opening = -az * (outward_x * closing[:, 0] + outward_y * closing[:, 1]) + cosine * closing[:, 2]
    return _angle(-az, cosine), _angle(-sideways, opening)


def _angle(sine: torch.Tensor, cosine: torch.Tensor) -> torch.Tensor:
    """The angle [rad] of a direction of any length; the last digit does not depend on how many there are."""
    length = torch.sqrt(sine * sine + cosine * cosine)
    return 2 * torch.atan(sine / (length + cosine).clamp_min(1e-12))
