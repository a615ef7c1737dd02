"""The scripted expert of pushing: privileged, vectorised, and honest about where it means to act.

With closed fingers it comes down behind the object, as seen from the landmark, pushes straight, and lets go by moving
back. Where the object turns out of the way, or lands elsewhere, it comes down behind it anew. With a grounding error it
misjudges places by that many pixels, says so, and pushes where it said; with a latency its actions come late.
"""

from __future__ import annotations

import torch

from policy.contract import Decision, Observation
from tasks.push.course import Course, course
from tasks.push.fingers import closed_fingers
from tasks.push.grounding import claimed
from tasks.tabletop.scripted_expert import GROUNDING_EVERY, ScriptedExpert
from tasks.tabletop.view import PrivilegedView

ABOVE, DESCEND, PUSH, BACK, RISE, DONE = range(6)

BEHIND = 0.025
"""Room left between the fingers and the object where they come down [m]."""
PUSH_Z = 0.009
"""Height of the fingertips over the table while pushing [m]."""
OVER_Z = 0.11
"""Height of the tool over the table on its way from push to push [m]: it clears the tallest object."""
AHEAD = 0.03
"""How far ahead of the object the commanded tool may be [m]."""
PUSHING = 0.10
"""Greatest speed while pushing [m/s]."""
STOP = 0.008
"""Gap of the footprints at which the push is over [m]."""
ASIDE = 0.014
"""Distance of the fingers from the line of the push at which it comes down anew [m]."""
BACK_OFF = 0.035
"""Way back before the hand rises [m]."""
NEAR, PASSED = 0.008, 0.025
"""Distances at which a waypoint counts as reached where the hand must stop, and where it need not [m]."""
ALIGNED = 0.12
"""Turn that may be left when the descent begins [rad]."""
PATIENCE = torch.tensor((80, 40, 120, 25, 25, 10**9))
"""Steps after which a phase ends at the latest."""


class PushExpert(ScriptedExpert):
    """Scripted pushing, `N` environments at once."""

    def _prepare(self, num_envs: int, device: str) -> None:
        self.fingers = closed_fingers(self.action_spec.robot)
        self.direction = torch.zeros(num_envs, 2, device=device)
        """Of the last push ``[N, 2]``."""
        self.left = torch.zeros(num_envs, 3, device=device)
        """Where the tool was told to be when the last phase began ``[N, 3]`` [m]."""

    def act(self, observation: Observation) -> Decision:
        """See `Policy`."""
        ids = torch.as_tensor(list(observation.env_ids), dtype=torch.long, device=self.phase.device)
        view: PrivilegedView = observation.privileged["view"]
        fresh = self.fresh[ids]
        if bool(fresh.any()):
            self.motion.begin(ids[fresh], observation.joint_pos[fresh])
            self.fresh[ids] = False
        error_px = self._error_px(ids)
        ahead = course(view, view.ground_shift(error_px))
        self._choose_closing(ids, ahead)
        points = self._waypoints(ids, ahead, view)
        goal = torch.stack([points[p] for p in range(DONE + 1)], 1)[torch.arange(len(ids)), self.phase[ids]]
        rotation = self.motion.control.grasp_rotation(goal, self.closing[ids])
        turn = self._turn(ids, rotation)
        self._advance(ids, goal, turn, ahead, view, view.tool[:, :2] + self._aside(rotation))
        actions = self._steer(ids, goal, turn, view.tool)
        due = (observation.step % GROUNDING_EVERY == 0).tolist()
        way = self._plan(points, ahead, view)
        grounding = [
            claimed(view, i, error_px[i], self._left_of(way[i], int(self.phase[env]))) if due[i] else None
            for i, env in enumerate(ids.tolist())
        ]
        return Decision(actions[:, None], grounding)

    # -- where to go

    def _waypoints(self, ids: torch.Tensor, ahead: Course, view: PrivilegedView) -> dict[int, torch.Tensor]:
        """Tool position ``[n, 3]`` of each phase."""
        s = self._scale
        over = view.table_z + OVER_Z * s
        touching = ahead.object - ahead.direction * (ahead.rear + self.fingers.half_thickness)[:, None]
        behind = touching - ahead.direction * BEHIND * s
        further = (ahead.gap - STOP * s / 2).clamp(0.0, AHEAD * s)
        here, left = self.motion.position[ids] - self.correction[ids], self.left[ids]
        back = left[:, :2] - self.direction[ids] * BACK_OFF * s
        return {
            ABOVE: _at(self._with_fingers_at(ids, _at(behind, over))[:, :2], over),
            DESCEND: self._low(ids, behind, ahead.base_z),
            PUSH: self._low(ids, touching + ahead.direction * further[:, None], ahead.base_z),
            BACK: _at(back, left[:, 2]),
            RISE: _at(left[:, :2], over),
            DONE: here,
        }

    def _low(self, ids: torch.Tensor, spot: torch.Tensor, base_z: torch.Tensor) -> torch.Tensor:
        """Tools ``[n, 3]`` whose closed fingers are at a spot ``[n, 2]``, just over what the object stands on."""
        tool = self._with_fingers_at(ids, _at(spot, base_z))
        depth = self.motion.control.grasp_depth(tool, self.closing[ids])
        return _at(tool[:, :2], base_z + depth + PUSH_Z * self._scale)

    def _with_fingers_at(self, ids: torch.Tensor, point: torch.Tensor) -> torch.Tensor:
        """Tools ``[n, 3]`` whose closed fingers are, seen from above, where ``point`` ``[n, 3]`` is."""
        tool = point
        for _ in range(2):  # how the hand is turned depends a little on where the tool is
            aside = self._aside(self.motion.control.grasp_rotation(tool, self.closing[ids]))
            tool = _at(point[:, :2] - aside, point[:, 2])
        return tool

    def _aside(self, rotation: torch.Tensor) -> torch.Tensor:
        """From tools with these rotations ``[n, 3, 3]`` to the middle of the closed fingers, seen from above."""
        return rotation[:, :2, 1] * self.fingers.aside

    def _plan(self, points: dict[int, torch.Tensor], ahead: Course, view: PrivilegedView) -> torch.Tensor:
        """The way ahead as corner points ``[n, 4, 3]``: from here over and down behind the object to the push's end."""
        end = points[DESCEND].clone()
        end[:, :2] += ahead.direction * (ahead.gap + BEHIND * self._scale)[:, None]
        return torch.stack((view.tool, points[ABOVE], points[DESCEND], end), 1)

    @staticmethod
    def _left_of(way: torch.Tensor, phase: int) -> torch.Tensor | None:
        """Of a way ``[4, 3]``, what is still ahead in a phase; None once the push is over."""
        if phase > PUSH:
            return None
        return way[[0, *(k for k, last in enumerate((ABOVE, DESCEND, PUSH), start=1) if phase <= last)]]

    def _choose_closing(self, ids: torch.Tensor, ahead: Course) -> None:
        """Face the push with the flat side of the fingers; while pushing, the hand stays as it is."""
        heading = torch.atan2(ahead.direction[:, 1], ahead.direction[:, 0]) + torch.pi / 2
        control = self.motion.control
        spot = _at(ahead.object, ahead.base_z)
        # Turned by half a turn the fingers swap places.
        other = heading - torch.pi
        nearer = control.grasp_turn(spot, heading).abs() <= control.grasp_turn(spot, other).abs()
        wanted = torch.where(nearer, heading, other)
        self.closing[ids] = torch.where(self.phase[ids] <= DESCEND, wanted, self.closing[ids])

    # -- when to go on

    def _advance(
        self,
        ids: torch.Tensor,
        goal: torch.Tensor,
        turn: torch.Tensor,
        ahead: Course,
        view: PrivilegedView,
        fingers: torch.Tensor,
    ) -> None:
        """Move each environment's phase on, or back to the beginning when the object is not where it should be.

        ``fingers`` are where the closed fingers are seen from above ``[n, 2]`` [m].
        """
        phase, clock, tool = self.phase[ids], self.clock[ids] + 1, view.tool
        left = (goal + self.correction[ids] - self.motion.position[ids]).norm(dim=1)
        away, told = (goal - tool).norm(dim=1), left < 1e-3
        passed = (torch.maximum(away, left) < PASSED * self._scale) & (turn.norm(dim=1) < ALIGNED)
        arrived = torch.where(phase == DESCEND, (away < NEAR * self._scale) & told, passed)
        line = fingers - ahead.object
        aside = (line[:, 0] * ahead.direction[:, 1] - line[:, 1] * ahead.direction[:, 0]).abs()
        pushed = (ahead.gap <= STOP * self._scale) | (aside > ASIDE * self._scale)
        done = torch.where(phase == PUSH, pushed, arrived) & (phase != DONE)
        done |= clock > PATIENCE.to(phase.device)[phase]
        # What is pushed is light: an arm that stops short of it sags or sticks, while pushing, too.
        self._correct(ids, told, torch.ones_like(told), tool)
        again = done & (phase == RISE) & ~view.in_place
        self.failed[ids] += again.long()
        self.left[ids] = torch.where(
            done[:, None], self.motion.position[ids] - self.correction[ids], self.left[ids]
        )
        self.direction[ids] = torch.where((phase <= PUSH)[:, None], ahead.direction, self.direction[ids])
        self.phase[ids] = torch.where(again, ABOVE, torch.where(done, phase + 1, phase))
        self.clock[ids] = torch.where(done, 0, clock)

    def _steer(
        self, ids: torch.Tensor, goal: torch.Tensor, turn: torch.Tensor, tool: torch.Tensor
    ) -> torch.Tensor:
        """Actions ``[n, A]`` of one step toward the goal, fingers closed, late by the stated latency."""
        offset = goal + self.correction[ids] - self.motion.position[ids]
        slow = (self.phase[ids] == PUSH) | (self.phase[ids] == DESCEND)
        fastest = torch.where(slow[:, None], PUSHING * self._scale, torch.full_like(offset[:, :1], torch.inf))
        closed = torch.ones_like(slow)
        return self._move(ids, offset, turn, fastest, tool, closed)


def _at(spot: torch.Tensor, height: torch.Tensor) -> torch.Tensor:
    """Points ``[n, 3]`` over spots ``[n, 2]``."""
    return torch.cat((spot, height[:, None]), 1)
