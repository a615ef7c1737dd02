"""The scripted expert that grasps an object and carries it over: for pick and place, and for stacking.

It is privileged: it sees the simulator's state, and grasps from above, as steeply as the arm can there. What it reports
as grounding is what it acts on: with a grounding error, it misjudges the object's place by that many pixels, says so in
its grounding, and goes where it said. With a latency, its actions reach the arm that many steps late.

Lengths below are those of the composed scene; in a robot's smaller workspace those of the way are scaled with it.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch

from policy.contract import Decision, Observation
from tasks.tabletop.action_spaces import CONTROL_DT
from tasks.tabletop.carry_grounding import plan_grounding
from tasks.tabletop.scripted_expert import GROUNDING_EVERY, ScriptedExpert
from tasks.tabletop.view import PrivilegedView

ABOVE, DESCEND, CLOSE, LIFT, CARRY, LOWER, OPEN, RETREAT, DONE = range(9)

APPROACH = 0.4
"""Share of the remaining way that a step of the descent takes at most: an arm that comes down fast is off to the side,
and fingers that touch the table there stay there."""
CREEP = 0.004
"""Translation per step that the descent may always have [m]."""
HOVER = 0.08
"""Height of the tool above its grasp before descending [m]."""
CARRY_Z = 0.17
"""Height of the tool above the table while carrying [m]: what hangs below it clears the tallest object by 4 cm. As high
over its support the hand goes after it has let go."""
RIM_GAP = 0.012
"""Least distance of the fingertips over the receptacle's rim [m]."""
NEAR = 0.006
"""Distance at which a waypoint counts as reached [m]."""
PASSED = {ABOVE: 0.03, LIFT: 0.03, CARRY: 0.02}
"""Distance at which it does where the arm need not stop [m]."""
ALIGNED = 0.1
"""Turn that may be left when the descent begins [rad]."""
STEADY = 0.0015
"""Movement of the tool in a step below which the hand is quiet enough to close [m]."""
PATIENCE = {ABOVE: 80, DESCEND: 40, CLOSE: 40, LIFT: 40, CARRY: 80, LOWER: 40, OPEN: 40, RETREAT: 25}
"""Steps after which a phase ends at the latest."""
TURNING = 0.004
"""Room between the fingers and other things that is given up for a radian less of turning the hand [m]."""
BETTER = 0.01
"""What another grasp must be better by, in such room, to be taken on the way to the first [m]."""
GRIP_STEPS = 8
"""Steps that the fingers get at least to close or open."""
EMPTY = 0.006
"""Distance of closed fingers below which there is nothing between them [m]; noise of the measurement is below it."""
STILL = 2e-4
"""Change of the fingers' distance in a step below which they have come to rest [m]."""


class CarryExpert(ScriptedExpert):
    """Scripted grasping and carrying, `N` environments at once."""

    set_down = 0.008
    """Height over its support at which the object is let go, at full size [m]."""

    def _prepare(self, num_envs: int, device: str) -> None:
        self.width = torch.zeros(num_envs, device=device)
        self.tool = torch.zeros(num_envs, 3, device=device)
        self.grasp = torch.zeros(num_envs, dtype=torch.long, device=device)

    def reset(self, env_ids: Sequence[int], seeds: Sequence[int]) -> None:
        """See `Policy`."""
        super().reset(env_ids, seeds)
        self.width[torch.as_tensor(list(env_ids), dtype=torch.long, device=self.width.device)] = 0.0

    def act(self, observation: Observation) -> Decision:
        ids = torch.as_tensor(list(observation.env_ids), dtype=torch.long, device=self.phase.device)
        view: PrivilegedView = observation.privileged["view"]
        error_px = self._error_px(ids)
        error = view.ground_shift(error_px)  # [n, 2, 2] metres on the table for object and receptacle
        fresh = self.fresh[ids]
        self._choose_grasp(ids, view)
        if bool(fresh.any()):
            # Relative actions add to the commanded posture, which at the start of an episode is the reported one.
            self.motion.begin(ids[fresh], observation.joint_pos[fresh])
        goal, rotation = self._goal(ids, view, error)
        tool = view.tool
        self._advance(ids, goal, rotation, tool, view, observation.gripper_width)
        actions = self._steer(ids, goal, rotation, tool)
        due = (observation.step % GROUNDING_EVERY == 0).tolist()
        plan = self._plan(ids, view, error)
        grounding = [
            plan_grounding(view, i, error_px[i], plan[i], int(self.phase[env])) if due[i] else None
            for i, env in enumerate(ids.tolist())
        ]
        return Decision(actions[:, None], grounding)

    # -- where to go

    def _choose_grasp(self, ids: torch.Tensor, view: PrivilegedView) -> None:
        """Pick the grasp whose open fingers stay farthest from everything else, until the hand is over it."""
        score = view.grasp_clearance - TURNING * view.grasp_turn
        taken = score.gather(1, self.grasp[ids, None])[:, 0]
        # An object that rolled or was turned over is grasped in another way than before.
        anew = self.fresh[ids] | ((self.phase[ids] == ABOVE) & (score.amax(1) > taken + BETTER))
        self.grasp[ids] = torch.where(anew, score.argmax(1), self.grasp[ids])
        self.fresh[ids] = False

    def _waypoints(self, ids, view: PrivilegedView, error) -> dict[int, torch.Tensor]:
        """Tool position ``[n, 3]`` of each phase."""
        grasp_at, place_at = view.grasp_point(self.grasp[ids]), view.place_point.clone()
        grasp_at[:, :2] += error[:, 0]
        place_at[:, :2] += error[:, 1]
        height, s = view.grasp_height(self.grasp[ids]), self._scale
        lower = place_at.clone()
        # Set the object down a little above the support, with open fingers clear of the receptacle's rim.
        lower[:, 2] = torch.maximum(
            place_at[:, 2] + height + self.set_down * s,
            view.rim_z + self.motion.control.grasp_depth(lower, self.closing[ids]) + RIM_GAP * s,
        )
        # The object need not hang where the tool is: what must arrive over the receptacle is the object.
        hanging = view.tool[:, :2] - view.target_pose[:, :2]
        lower[:, :2] += torch.where(view.held[:, None], hanging, torch.zeros_like(hanging))
        up = torch.tensor((0.0, 0.0, 1.0), device=grasp_at.device)
        carry_at = (CARRY_Z * s + view.table_z)[:, None]
        here = self.motion.position[ids] - self.correction[ids]
        lift = torch.cat((here[:, :2], carry_at), 1)
        carry = torch.cat((lower[:, :2], carry_at), 1)
        return {
            ABOVE: grasp_at + HOVER * s * up,
            DESCEND: grasp_at,
            CLOSE: here,
            LIFT: lift,
            CARRY: carry,
            LOWER: lower,
            OPEN: here,
            RETREAT: torch.cat((here[:, :2], (place_at[:, 2:] + CARRY_Z * s)), 1),
            DONE: here,
        }

    def _goal(self, ids, view, error) -> tuple[torch.Tensor, torch.Tensor]:
        points = self._waypoints(ids, view, error)
        phase = self.phase[ids]
        goal = torch.zeros(len(ids), 3, device=phase.device)
        for p, point in points.items():
            goal = torch.where((phase == p)[:, None], point, goal)
        aiming = phase <= DESCEND
        self.closing[ids] = torch.where(aiming, view.grasp_closing(self.grasp[ids]), self.closing[ids])
        return goal, self.motion.control.grasp_rotation(goal, self.closing[ids])

    def _plan(self, ids, view, error) -> torch.Tensor:
        """The way ahead ``[n, 6, 3]`` as corner points, for the trace that the expert reports."""
        w = self._waypoints(ids, view, error)
        place_at = view.place_point.clone()
        place_at[:, :2] += error[:, 1]
        carry_at = (CARRY_Z * self._scale + view.table_z)[:, None]
        lifted = torch.cat((w[DESCEND][:, :2], carry_at), 1)
        over = torch.cat((place_at[:, :2], carry_at), 1)
        down = torch.cat((place_at[:, :2], w[LOWER][:, 2:]), 1)
        return torch.stack((view.tool, w[ABOVE], w[DESCEND], lifted, over, down), 1)

    def _advance(self, ids, goal, rotation, tool, view: PrivilegedView, width: torch.Tensor) -> None:
        """Move each environment's phase on, or back when the object was lost."""
        phase, clock = self.phase[ids], self.clock[ids] + 1
        ahead = (goal + self.correction[ids] - self.motion.position[ids]).norm(dim=1)
        told = ahead < 1e-3
        arrived = ((goal - tool).norm(dim=1) < NEAR) & told
        arrived &= (phase != DESCEND) | ((tool - self.tool[ids]).norm(dim=1) < STEADY)
        passing = (
            self._scale * torch.tensor([PASSED.get(p, 0.0) for p in range(9)], device=phase.device)[phase]
        )
        aligned = (phase != ABOVE) | (self._turn(ids, rotation).norm(dim=1) < ALIGNED)
        arrived |= (torch.maximum((goal - tool).norm(dim=1), ahead) < passing) & aligned
        gripping = (phase == CLOSE) | (phase == OPEN)
        still = (width - self.width[ids]).abs() < STILL
        self.width[ids], self.tool[ids] = width, tool
        patience = torch.tensor([PATIENCE.get(p, 10**9) for p in range(9)], device=phase.device)[phase]
        done = torch.where(gripping, still & (clock >= GRIP_STEPS), arrived)
        move_on = done | (clock > patience)
        # Fingers at rest hold the arm where it is: what is corrected is the way there.
        self._correct(ids, told, ~gripping, tool)
        move_on &= phase != DONE
        next_phase = torch.where(move_on, phase + 1, phase)
        empty = ~view.held | (width < EMPTY * self._scale)
        lost = ((phase == CLOSE) | (phase == LIFT)) & move_on & empty
        lost |= ((phase == CARRY) | (phase == LOWER)) & ~view.held & (clock > 3)
        missed = (phase == RETREAT) & move_on & ~view.in_place
        back = lost | missed
        self.failed[ids] += back.long()
        self.phase[ids] = torch.where(back, ABOVE, next_phase)
        self.clock[ids] = torch.where(move_on | back, 0, clock)

    # -- how to get there

    def _steer(self, ids, goal, rotation, tool) -> torch.Tensor:
        """Actions ``[n, A]`` of one step toward the goal, late by the stated latency."""
        offset = goal + self.correction[ids] - self.motion.position[ids]
        far = offset.norm(dim=1, keepdim=True)
        gentle = (APPROACH * far).clamp_min(CREEP) / CONTROL_DT
        fastest = torch.where((self.phase[ids] == DESCEND)[:, None], gentle, torch.full_like(far, torch.inf))
        closed = (self.phase[ids] >= CLOSE) & (self.phase[ids] < OPEN)
        return self._move(ids, offset, self._turn(ids, rotation), fastest, tool, closed)
