"""A policy of a few lines in scenes of a few numbers: what the check finds needs no simulator to be tested."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from scipy.spatial.transform import Rotation

from policy.action import ActionChannel, ActionSpec
from policy.observation_inputs import Measured, state_vector
from policy.observation_spec import CameraInput, ObservationOffer, ObservationSpec, StateInput
from workbench.policy_check.answers import Answers
from workbench.policy_check.changes import Change, Seen
from workbench.policy_check.examined import Sides
from workbench.policy_check.situations import OVER, Situation

SIDE_PX = 48
"""Width and height of pictures [px]."""
PX_PER_M = 60.0
HOME = np.diag([1.0, -1.0, -1.0])
"""A hand that points down."""
COLORS = {"red": (200, 20, 20), "blue": (20, 20, 200)}
OPEN_WIDTH, HELD_WIDTH = 0.08, 0.04
CHANNELS = (
    *(ActionChannel(f"d{axis}", "m", "base", "previous_command", -0.085, 0.085) for axis in "xyz"),
    *(ActionChannel(f"drot_{axis}", "rad", "base", "previous_command", -0.125, 0.125) for axis in "xyz"),
    ActionChannel("gripper", "1", "joint", "absolute", -1.0, 1.0),
)
OFFER = ObservationOffer("franka", 7, OPEN_WIDTH, {"front": (SIDE_PX, SIDE_PX)})
SPEC = ActionSpec("delta_eef", "franka", 20.0, CHANNELS)


def sides(policy: AnalyticPolicy, **others) -> Sides:
    """What both sides say of an analytic policy."""
    cameras = ("front",) if policy.looks else ()
    said = Sides(
        "analytic", "made_up", SPEC, SPEC, OFFER, cameras=cameras, execute_steps=policy.execute_steps
    )
    return replace(said, **others)


class AnalyticPolicy:
    """Goes straight to the thing that the instruction names by colour, which it finds in the picture."""

    looks = True
    execute_steps = 8

    def __init__(self, noise: float = 0.0) -> None:
        """``noise`` [m] is added to where it sees the goal, another at each decision."""
        self.noise = noise
        self._rng = np.random.default_rng(7)

    def reset(self, seeds: Sequence[int]) -> None:
        """It forgets nothing, since it keeps nothing."""

    def act(self, seen: Seen) -> np.ndarray:
        """A chunk ``[S, 8, 7]``."""
        goal = self._goal(seen)
        for s, pose in enumerate(seen.ee_pose.round(6)):  # another error in every place, the same each time
            rng = np.random.default_rng(abs(hash(pose.tobytes())))
            goal[s] += rng.normal(size=3) * self.noise
        position = seen.ee_pose[:, :3].astype(float)
        rotation = Rotation.from_quat(seen.ee_pose[:, 3:])
        steps = []
        for _ in range(self.execute_steps):
            step = np.clip(0.4 * (goal - position), -0.02, 0.02)
            turn = np.clip(0.3 * upright(rotation), -0.1, 0.1)
            opened = np.where(seen.gripper_width > 0.06, 1.0, -1.0)
            steps.append(np.concatenate([step, turn, opened[:, None]], 1))
            position, rotation = position + step, Rotation.from_rotvec(turn) * rotation
        return np.stack(steps, 1)

    def _goal(self, seen: Seen) -> np.ndarray:
        colors = np.array([COLORS[words.split()[-1]] for words in seen.instruction])
        near = np.abs(seen.images["front"].astype(int) - colors[:, None, None]).max(-1) < 60  # [S, V, U]
        count = np.maximum(near.sum((1, 2)), 1)
        v, u = (
            (near.sum(axis) * np.arange(SIDE_PX)).sum(1) / count + (~near.any((1, 2))) * SIDE_PX / 2
            for axis in (2, 1)
        )
        middle = SIDE_PX / 2 - 0.5
        return np.stack([0.5 + (middle - v) / PX_PER_M, (middle - u) / PX_PER_M, np.full(len(u), 0.1)], 1)


def upright(rotation: Rotation) -> np.ndarray:
    """What is left ``[S, 3]`` [rad] to let hands point down and to turn them about the vertical as at home."""
    approach = rotation.apply((0.0, 0.0, 1.0))
    axis = np.cross(approach, (0.0, 0.0, -1.0))
    sine = np.linalg.norm(axis, axis=1, keepdims=True)
    tilt = axis * np.arctan2(sine, -approach[:, 2:]) / np.maximum(sine, 1e-9)
    down = Rotation.from_rotvec(tilt) * rotation
    forward = down.apply((1.0, 0.0, 0.0))
    return tilt - 0.3 * np.arctan2(forward[:, 1], forward[:, 0])[:, None] * np.array((0.0, 0.0, 1.0))


class Still(AnalyticPolicy):
    """Never moves."""

    looks = False

    def act(self, seen: Seen) -> np.ndarray:
        return np.tile(SPEC.idle_action.astype(float), (len(seen.ee_pose), self.execute_steps, 1))


class Noise(AnalyticPolicy):
    """Draws anew at each decision, whatever it was seeded with."""

    def act(self, seen: Seen) -> np.ndarray:
        return self._rng.normal(size=(len(seen.ee_pose), self.execute_steps, SPEC.dim)) * 0.02


class Scenes:
    """An `workbench.policy_check.answers.Asker` of made-up scenes."""

    def __init__(self, policy: AnalyticPolicy, seed: int = 0, scenes: int = 24) -> None:
        rng = np.random.default_rng(seed)
        self.policy, self.scenes = policy, scenes
        self.goal = np.stack(
            [rng.uniform(0.4, 0.6, scenes), rng.uniform(-0.12, 0.12, scenes), np.full(scenes, 0.1)], 1
        )
        self.other = np.stack([rng.uniform(0.4, 0.6, scenes), rng.uniform(-0.12, 0.12, scenes)], 1)
        self.heading = rng.uniform(-0.7, 0.7, scenes)
        self.colors = rng.permutation([("red", "blue"), ("blue", "red")] * (scenes // 2))
        self._picture = self.picture()

    def ask(self, script: Sequence[Situation], change: Change | None = None) -> Answers:
        """See `Asker`."""
        self.policy.reset(range(self.scenes))
        chunks = []
        for situation in script:
            seen, position, rotation = self.show(situation)
            chunks.append(self.policy.act(change.alter(seen) if change else seen))
        steps = np.concatenate([chunk[:, : self.policy.execute_steps] for chunk in chunks], 1)
        everywhere = np.ones(self.scenes, bool)
        return Answers(steps, chunks[-1], position, rotation, self.goal, everywhere)

    def show(self, situation: Situation) -> tuple[Seen, np.ndarray, np.ndarray]:
        """What there is to be seen, and the pose of the tool."""
        n = self.scenes
        position = self.goal + np.array(situation.offset)
        if situation.at_grasp:
            position = self.goal - (0, 0, OVER)
        yaw = Rotation.from_euler("z", (self.heading + situation.heading)[:, None])
        turn = Rotation.from_rotvec(situation.turn or (0, 0, 0))
        rotation = turn * yaw * Rotation.from_matrix(HOME)
        width = np.full(n, HELD_WIDTH if situation.holds else OPEN_WIDTH)
        seen = Seen(
            joint_pos=np.zeros((n, 7)),
            joint_vel=np.zeros((n, 7)),
            gripper_width=width,
            ee_pose=np.concatenate([position, rotation.as_quat()], 1),
            images={"front": self._picture},
            instruction=[f"take the {color}" for color, _ in self.colors],
            simulator=np.arange(n),
        )
        return seen, position, rotation.as_matrix()

    def picture(self) -> np.ndarray:
        """Two squares seen from above, x up and y to the left."""
        pictures = np.full((self.scenes, SIDE_PX, SIDE_PX, 3), 90, np.uint8)
        for s, (mine, others) in enumerate(self.colors):
            for place, color in ((self.other[s], others), (self.goal[s, :2], mine)):
                v = round(SIDE_PX / 2 - 0.5 - (place[0] - 0.5) * PX_PER_M)
                u = round(SIDE_PX / 2 - 0.5 - place[1] * PX_PER_M)
                pictures[s, max(v - 1, 0) : v + 2, max(u - 1, 0) : u + 2] = COLORS[color]
        return pictures


class DeclaredPolicy(AnalyticPolicy):
    """The same, told of its hand by a state vector that it declares, and reads as it was trained to."""

    trained = (
        StateInput("ee_position", "m"),
        StateInput("ee_rotation", "quaternion_xyzw"),
        StateInput("gripper", "open"),
    )

    def __init__(self, declared: Sequence[StateInput] = trained) -> None:
        super().__init__()
        self.observation_spec = ObservationSpec((CameraInput("front"),), tuple(declared))

    def act(self, seen: Seen) -> np.ndarray:
        """See the base."""
        measured = Measured(seen.joint_pos, seen.joint_vel, seen.ee_pose, seen.gripper_width)
        state = state_vector(self.observation_spec, measured, OFFER)
        rotation = np.where(np.abs(state[:, 3:7]).sum(1, keepdims=True) > 1e-6, state[:, 3:7], (1, 0, 0, 0))
        pose = np.concatenate([state[:, :3], rotation], 1)
        return super().act(replace(seen, ee_pose=pose, gripper_width=state[:, 7] * OPEN_WIDTH))


class DeclaredScenes(Scenes):
    """Scenes for a policy that declares what it takes."""

    def ask(self, script: Sequence[Situation], change: Change | None = None) -> Answers:
        """See `Asker`."""
        declared = self.policy.observation_spec
        self.policy.observation_spec = change.respec(declared) if change else declared
        try:
            return super().ask(script, change)
        finally:
            self.policy.observation_spec = declared
