"""Proof of the scene factors: what stands where, as the engine has it."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
import torch

from domain_rand.checks.check import Outcome, check
from domain_rand.checks.trial import CUBE, ELBOW, Trial
from domain_rand.episode import draw_scene
from domain_rand.factor import Value
from policy.baselines import Random
from policy.contract import Observation
from tasks.episode import EpisodeSpec
from tasks.imaging.color import srgb_to_linear
from tasks.tabletop.action_spaces import CONTROL_DT
from tasks.tabletop.dynamics import GRAVITY
from tasks.tabletop.reference import JOINTS, REFERENCE
from tasks.tabletop.scene import COLORS, Scene
from tasks.tabletop.workspace import Slot


def drawn_scenes(factor: str, values: Sequence[Value | None]) -> tuple[list[Any], list[Scene]]:
    """Scenes drawn with these values of one factor, and its values; None stands for whatever is drawn."""
    scenes, found = [], []
    for row, value in enumerate(values):
        drawn, scene = draw_scene(EpisodeSpec("check", row, 1), {} if value is None else {factor: value})
        scenes.append(scene)
        found.append(drawn[factor])
    return found, scenes


def _drawn(trial: Trial, factor: str, values: Sequence[Value | None]) -> list[Any]:
    """Start scenes drawn with these values of one factor; returns the values."""
    found, scenes = drawn_scenes(factor, values)
    trial.begin_scenes(scenes)
    trial.idle(4)
    return found


def _standing(trial: Trial) -> list[list[int]]:
    """Rows of the pool that stand on each environment's table."""
    height = trial.env.body_pose_on_table[..., 2]
    return [((row > 0) & (row < 0.1)).nonzero()[:, 0].tolist() for row in height]


def _named(trial: Trial, which: str) -> list[Slot | None]:
    """The pool's slot that each episode names, if it stands on the table."""
    slots = list(trial.env.slots.values())
    rows = getattr(trial.env.progress, which).tolist()
    standing = _standing(trial)
    return [slots[k] if k in standing[i] else None for i, k in enumerate(rows)]


@check("scene.target_shape", "body that is named and stands there", "name")
def shape(trial: Trial, values: Sequence[str]) -> Outcome:
    """Read from the engine's poses."""
    _drawn(trial, "scene.target_shape", values)
    return [slot.body.name if slot else "nothing" for slot in _named(trial, "target")], values


@check("scene.target_size", "size of the body that is named and stands there", "name")
def size(trial: Trial, values: Sequence[str]) -> Outcome:
    """By the height at which it rests."""
    _drawn(trial, "scene.target_size", values)
    target = trial.env.progress.target
    rest = trial.env.body_pose_on_table[torch.arange(trial.num_envs), target, 2]
    found = []
    for slot, z in zip(_named(trial, "target"), rest.tolist(), strict=True):
        sizes = {
            s.name.rsplit("_", 1)[1]: s.height / 2
            for s in trial.env.slots.values()
            if slot and s.body is slot.body
        }
        differences = {name: abs(half - z) for name, half in sizes.items()}
        found.append(min(differences, key=differences.__getitem__) if differences else "nothing")
    return found, values


@check("scene.receptacle", "receptacle that is named and stands there", "name")
def receptacle(trial: Trial, values: Sequence[str]) -> Outcome:
    """Read from the engine's poses."""
    _drawn(trial, "scene.receptacle", values)
    return [slot.name if slot else "nothing" for slot in _named(trial, "receptacle")], values


@check("scene.distractor_count", "objects that stand there beside the named one", "1", absolute=0.0)
def distractors(trial: Trial, values: Sequence[int]) -> Outcome:
    """Counted in the engine's poses."""
    _drawn(trial, "scene.distractor_count", values)
    slots = list(trial.env.slots.values())
    return [sum(not slots[k].is_receptacle for k in row) - 1 for row in _standing(trial)], values


@check("scene.clearance", "least gap between bodies in 60 scenes, against the one asked for", "m", absolute=0.004,
       levels=(0.018, 0.025, 0.035))  # fmt: skip
def least_gap(trial: Trial, values: Sequence[float]) -> Outcome:
    """Never less, and of many scenes the tightest comes close to it."""
    gaps = []
    for value in values:
        tightest = 1.0
        for index in range(60):
            given = {"scene.clearance": value, "scene.distractor_count": 4}
            bodies = draw_scene(EpisodeSpec("check", index, 2), given)[1].placements
            radius = [trial.env.slots[p.slot].radius for p in bodies]
            for i, p in enumerate(bodies):
                for j, q in enumerate(bodies[:i]):
                    tightest = min(tightest, math.hypot(p.x - q.x, p.y - q.y) - radius[i] - radius[j])
        gaps.append(tightest if tightest >= value - 1e-9 else math.nan)
    return gaps, values


@check("scene.table_height", "height of the table against the robot's hand", "m", absolute=3e-4,
       levels=(-0.05, 0.0, 0.05))  # fmt: skip
def table_against_hand(trial: Trial, values: Sequence[float]) -> Outcome:
    """A cube's resting place against the link's, both as the engine has them."""
    trial.idle(6)
    nominal = float(trial.env.tool()[0][0, 2]) + REFERENCE.spec.tool_offset[2]
    half = trial.env.slots[CUBE].height / 2
    return nominal - (
        trial.link_pose(REFERENCE.spec.hand_body)[:, 2] - trial.position(CUBE)[:, 2]
    ) - half, values


@check("scene.table_tilt", "sideways speed of a cube after falling for 200 ms, table axes", "m/s", absolute=0.01,
       levels=([0.0, -0.1], [0.0, 0.0], [0.0, 0.1]))  # fmt: skip
def fall_seen_from_the_table(trial: Trial, values: Sequence[list[float]]) -> Outcome:
    """g t sin(tilt): a table turned about y falls off toward x."""
    trial.place(CUBE, (0.5, 0.0, 1.5))
    trial.idle(4)
    return trial.velocity(CUBE)[:, 0], [math.sin(v[1]) * GRAVITY * 4 * CONTROL_DT for v in values]


@check("scene.robot_base", "where the hand stands across the table", "m", absolute=1e-4,
       levels=([0.02, -0.05, 0.0], [0.0, 0.0, 0.0], [0.0, 0.02, 0.1]))  # fmt: skip
def hand_across_the_table(trial: Trial, values: Sequence[list[float]]) -> Outcome:
    """The hand at home is carried along: displacement and turn."""
    trial.idle(2)
    reach = np.array([float(trial.env.tool()[0][0, 0])] * trial.num_envs)
    return trial.link_pose(REFERENCE.spec.hand_body)[:, 1], [
        v[1] + r * math.sin(v[2]) for v, r in zip(values, reach, strict=True)
    ]


@check("scene.initial_arm", "the elbow at the start, against home", "rad", absolute=1e-4)
def first_posture(trial: Trial, values: Sequence[list[float]]) -> Outcome:
    """As the engine has it."""
    return trial.env.joint_pos[:, ELBOW] - REFERENCE.spec.home[ELBOW], [v[ELBOW] for v in values]


def _composed(trial: Trial, factor: str) -> list[Any]:
    """Start four episodes as drawn; returns what was drawn for a factor."""
    return _drawn(trial, factor, [None] * trial.num_envs)


@check(
    "scene.poses",
    "greatest distance of a body from where it was drawn to stand",
    "m",
    absolute=2e-3,
    levels=("drawn",) * 4,
)
def standing_places(trial: Trial, _values: Sequence[str]) -> Outcome:
    """After a moment, as the engine has it."""
    _composed(trial, "scene.poses")
    pose, far = trial.env.body_pose_on_table.cpu(), []
    for row, scene in enumerate(trial.env.scenes):
        ways = [
            pose[row, trial.env.slot_index[p.slot], :2] - torch.tensor((p.x, p.y)) for p in scene.placements
        ]
        far.append(float(torch.stack(ways).norm(dim=1).max()))
    return far, [0.0] * trial.num_envs


@check(
    "scene.distractors", "bodies that stand there beside those that are named", "name", levels=("drawn",) * 4
)
def standing_distractors(trial: Trial, _values: Sequence[str]) -> Outcome:
    """Read from the engine's poses."""
    drawn = _composed(trial, "scene.distractors")
    slots = list(trial.env.slots)
    found = []
    for scene, standing in zip(trial.env.scenes, _standing(trial), strict=True):
        others = {slots[k] for k in standing} - {scene.target.slot, *slots[-3:]}
        found.append(" ".join(sorted(others)))
    return found, [" ".join(sorted(name.split(" ")[1] for name in names)) for names in drawn]


@check(
    "scene.other_receptacle",
    "receptacle that stands there beside the named one",
    "name",
    levels=("drawn",) * 4,
)
def standing_receptacle(trial: Trial, _values: Sequence[str]) -> Outcome:
    """Read from the engine's poses."""
    drawn = _composed(trial, "scene.other_receptacle")
    slots = list(trial.env.slots)
    found = []
    for scene, standing in zip(trial.env.scenes, _standing(trial), strict=True):
        others = {slots[k] for k in standing} & set(slots[-3:]) - {scene.receptacle.slot}
        found.append(" ".join(sorted(others)) or "none")
    return found, [name.split(" ")[-1] for name in drawn]


def _shown_color(trial: Trial, what: str) -> list[str]:
    """The colour word nearest to the light from a named body, by the proportion of red, green and blue."""
    trial.env.image("front")
    names = [getattr(scene, what).slot for scene in trial.env.scenes]
    found = []
    for row, name in enumerate(names):
        light = trial.mean(trial.drawn(), trial.mask(name))[row]
        shares = {word: srgb_to_linear(torch.tensor(color)) for word, color in COLORS.items()}
        found.append(max(shares, key=lambda word: float(torch.cosine_similarity(light, shares[word], dim=0))))
    return found


@check("scene.target_color", "colour of the named object in the picture", "name", cameras=True)
def object_color(trial: Trial, values: Sequence[str]) -> Outcome:
    """By the light that the renderer drew."""
    _drawn(trial, "scene.target_color", values)
    return _shown_color(trial, "target"), values


@check("scene.receptacle_color", "colour of the named receptacle in the picture", "name", cameras=True)
def receptacle_color(trial: Trial, values: Sequence[str]) -> Outcome:
    """By the light that the renderer drew."""
    _drawn(trial, "scene.receptacle_color", values)
    return _shown_color(trial, "receptacle"), values


@check("episode.noise_seed", "whether a reading's noise differs from the first environment's", "1", absolute=0.0,
       levels=(7, 7, 8, 7))  # fmt: skip
def seeded_noise(trial: Trial, values: Sequence[int]) -> Outcome:
    """The same seed is the same noise, another is another."""
    rows = list(range(trial.num_envs))
    trial.env.set("joint_noise", rows, [0.01] * trial.num_envs)
    trial.env.commit(rows, values)
    trial.idle(1)
    noise = (trial.env.measure().joint_pos - trial.env.joint_pos)[:, 0]
    trial.env.set("joint_noise", rows, [0.0] * trial.num_envs)
    same = (noise - noise[0]).abs() < 1e-7
    return [0.0 if equal else 1.0 for equal in same], [0.0 if v == values[0] else 1.0 for v in values]


@check("episode.policy_seed", "whether the random policy's actions differ from the first environment's", "1",
       absolute=0.0, levels=(7, 7, 8, 7))  # fmt: skip
def seeded_policy(trial: Trial, values: Sequence[int]) -> Outcome:
    """The same seed is the same policy, another is another."""
    rows = list(range(trial.num_envs))
    policy = Random(trial.num_envs, trial.env.action_spec)
    policy.reset(rows, [int(value) for value in values])
    measured = trial.env.measure()
    seen = Observation(
        rows,
        torch.zeros(len(rows), dtype=torch.long),
        [""] * len(rows),
        measured.joint_pos,
        measured.joint_vel,
        measured.gripper_width,
        torch.zeros(len(rows), JOINTS),
    )
    actions = policy.act(seen).actions
    return (
        [0.0 if torch.equal(chunk, actions[0]) else 1.0 for chunk in actions],
        [0.0 if v == values[0] else 1.0 for v in values],
    )
