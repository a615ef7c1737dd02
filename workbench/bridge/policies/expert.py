"""A scripted expert for the twin, in numpy: it brings the named object into the named receptacle.

What it knows of them it has from a declared pose sensor, with its noise and delay, and says so (`uses_pose_sensor`).
One action at a time: the tool's motion of a control step. With errors it is the noisy expert, worse in a known way.
"""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Mapping

import numpy as np
from scipy.spatial.transform import Rotation

from policy.action import ActionSpec
from workbench.bridge.observation import Observed
from workbench.bridge.policies.expert_errors import ExpertErrors
from workbench.bridge.policies.protocol import Thought

ABOVE, DESCEND, CLOSE, LIFT, CARRY, LOWER, OPEN, RETREAT, DONE = range(9)
HOVER = 0.08
"""Height of the tool above its grasp before descending [m]."""
CARRY_Z = 0.17
"""The same above the table while carrying [m]."""
RELEASE_Z = 0.045
"""And when it lets go: the fingers clear the receptacle's rim [m]."""
NEAR, PASSED = 0.006, 0.025
"""Distances at which a way point counts as reached, where the arm must stop and where it need not [m]."""
SLOW = 0.004
"""Motion of the tool between two steps below which it stands [m]."""
GRIP_S = 1.2
"""Time for the fingers to close or open [s]."""
HELD = 0.01
"""Width of closed fingers above which there is something between them [m]."""
TURN_SPEED = 1.0
"""Of the tool, at full scale [rad/s]."""
SPEED = 0.45
"""Of the tool, at full scale [m/s]."""
MEMORY = 0.8
"""Share of the pose that was believed before, in every step's new one: the sensor is noisy."""


class PoseExpert:
    """A `BridgePolicy` for an arm that is told relative tool motion."""

    cameras: tuple[str, ...] = ()
    uses_pose_sensor = True
    execute_steps = 1

    def __init__(
        self,
        action_spec: ActionSpec,
        home_pose: np.ndarray,
        scale: float,
        errors: ExpertErrors | None = None,
    ) -> None:
        """
        Args:
            action_spec: relative tool motion in the base frame.
            home_pose: of the tool in the arm's home posture ``[7]``, its approach straight down.
            scale: share of the arm's limits that it has.
            errors: what it does worse, as the noisy expert.
        """
        self.action_spec, self._errors = action_spec, errors or ExpertErrors()
        self.name = "noisy_expert" if errors else "expert"
        self._dt = 1 / action_spec.control_hz
        self._home_rotation = Rotation.from_quat(home_pose[3:])
        self._speed, self._turn = SPEED * scale, TURN_SPEED * scale
        self._phase, self._clock = ABOVE, 0
        self._things: dict[str, np.ndarray] = {}
        self._names: tuple[str, ...] = ()
        self._tool = np.zeros(3)
        self._yaw = 0.0
        self._commanded: np.ndarray | None = None
        self._seen_beside = np.zeros(2)
        self._late: deque[np.ndarray] = deque()

    def reset(self, episode: str, seed: int) -> None:
        """See `BridgePolicy`."""
        self._phase, self._clock, self._things, self._commanded = ABOVE, 0, {}, None
        self._seen_beside = np.random.default_rng(seed).normal(0.0, self._errors.position, 2)
        self._late = deque([self.action_spec.idle_action] * self._errors.latency_steps)

    def close(self) -> None:
        """See `BridgePolicy`."""

    def act(self, observed: Observed) -> Thought:
        """See `BridgePolicy`."""
        if observed.poses is None or len(observed.poses.things) < 2:
            return Thought(self.action_spec.idle_action[None])
        self._believe(observed.poses.things)
        tool = observed.ee_pose[:3]
        goal, rotation = self._goal(tool)
        self._advance(goal, tool, float(observed.state.gripper_width.value[0]))
        self._late.append(self._action(goal, rotation, observed.commanded_pose))
        return Thought(self._late.popleft()[None], done=self._phase == DONE)

    # -- what is believed

    def _believe(self, things: Mapping[str, np.ndarray]) -> None:
        for name, pose in things.items():
            before = self._things.get(name)
            if before is None or np.linalg.norm(before[:3] - pose[:3]) > 0.02:
                self._things[name] = np.array(pose, np.float64)
                continue
            mixed = MEMORY * before + (1 - MEMORY) * pose * np.sign(before[3:] @ pose[3:])
            mixed[:3] = MEMORY * before[:3] + (1 - MEMORY) * pose[:3]
            mixed[3:] /= np.linalg.norm(mixed[3:])
            self._things[name] = mixed
        self._names = tuple(things)  # the named object first, then the receptacle

    @property
    def _object(self) -> np.ndarray:
        return self._things[self._names[0]]

    @property
    def _receptacle(self) -> np.ndarray:
        return self._things[self._names[1]]

    # -- where to go

    def _goal(self, tool: np.ndarray) -> tuple[np.ndarray, Rotation]:
        grasp, place = self._object[:3].copy(), self._receptacle[:3]
        grasp[:2] += self._seen_beside
        up = np.array((0.0, 0.0, 1.0))
        # The object need not hang where the tool is: what must arrive over the receptacle is the object.
        hanging = np.append((tool - grasp)[:2], 0.0)
        over = np.array((place[0], place[1], 0.0)) + (hanging if np.linalg.norm(hanging) < 0.03 else 0.0)
        here = self._commanded if self._commanded is not None else tool
        goals = {
            ABOVE: grasp + HOVER * up,
            DESCEND: grasp,
            CLOSE: here,
            LIFT: np.array((here[0], here[1], CARRY_Z)),
            CARRY: over + CARRY_Z * up,
            LOWER: over + RELEASE_Z * up,
            OPEN: here,
            RETREAT: np.array((here[0], here[1], CARRY_Z)),
            DONE: here,
        }
        return goals[self._phase], self._grasp_rotation()

    def _grasp_rotation(self) -> Rotation:
        """The hand's rotation: home's, turned with the object by less than an eighth of a turn."""
        yaw = float(Rotation.from_quat(self._object[3:]).as_euler("zyx")[0])
        if self._phase > CLOSE:
            yaw = self._yaw
        quarter = math.pi / 2
        self._yaw = (yaw + quarter / 2) % quarter - quarter / 2
        return Rotation.from_rotvec((0.0, 0.0, self._yaw)) * self._home_rotation

    def _advance(self, goal: np.ndarray, tool: np.ndarray, width: float) -> None:
        self._clock += 1
        moved, self._tool = float(np.linalg.norm(tool - self._tool)), tool.copy()
        far = float(np.linalg.norm(goal - tool))
        if self._phase in (CLOSE, OPEN):
            done = self._clock * self._dt > GRIP_S
        elif self._phase in (LIFT, CARRY):
            done = far < PASSED
        else:
            done = far < NEAR and moved < SLOW
        if self._phase == RETREAT:
            done = far < PASSED
        if self._phase == DONE or not done:
            return
        if self._phase in (CLOSE, LIFT) and width < HELD:
            self._phase, self._clock, self._commanded = ABOVE, 0, None
            return
        self._phase, self._clock = self._phase + 1, 0
        self._commanded = tool.copy() if self._phase in (CLOSE, LIFT, OPEN, RETREAT, DONE) else None

    # -- how to get there

    def _action(self, goal: np.ndarray, rotation: Rotation, commanded: np.ndarray) -> np.ndarray:
        """The tool's motion in this step, relative to where it was commanded to be, and the gripper."""
        action = self.action_spec.idle_action.astype(np.float64)
        offset = goal - commanded[:3]
        far = float(np.linalg.norm(offset))
        speed = self._speed * (0.4 if self._phase == DESCEND else 1.0)
        step = min(far, speed * self._dt)
        if far > 1e-9:
            action[:3] = offset * (step / far)
        turn = (rotation * Rotation.from_quat(commanded[3:]).inv()).as_rotvec()
        angle = float(np.linalg.norm(turn))
        if angle > 1e-9:
            action[3:6] = turn * (min(angle, self._turn * self._dt) / angle)
        closed = CLOSE <= self._phase < OPEN
        action[self.action_spec.index(self.action_spec.gripper)] = self.action_spec.gripper_command(closed)
        return action
