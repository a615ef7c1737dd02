"""The policies that ship and look at nothing, and mistakes planted around the expert, in scenes without a simulator."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import pytest
import torch

from policy.baselines import Hold, Random
from robots.registry import robot
from tasks.episode import EpisodeSpec
from tasks.pick_place.task import TASK
from tasks.tabletop.action_spaces import DELTA_EEF
from tasks.tabletop.composition import random_scene
from tests.tasks.tabletop.toy_world import ToyWorld
from tests.workbench.policy_check.planted import ACTIONS, TWO, Mistake
from tests.workbench.policy_probe.mistaken import FromTheMeasured, Planted
from workbench.cli.options import parse_options
from workbench.policy_check.examine import examine
from workbench.policy_check.examined import Examined, Sides
from workbench.policy_check.verdict import CONSISTENT, NOT_READ, READ, Verdict, contradictions
from workbench.policy_probe.asking import StagedPolicy
from workbench.policy_probe.options import PolicyCheckOptions
from workbench.policy_probe.stage import Stage
from workbench.rollout.policies import observation_offer
from workbench.rollout.policy_classes import PolicyClass

PAGE = Path(__file__).parents[3] / "docs" / "policy_check.md"
SCENES = 24
MOTION = [
    ("dx..z", "reference"),
    ("dx..z", "frame"),
    ("dx..z", "unit"),
    ("dx..z", "added to"),
    ("gripper", "sign"),
]
MOTION += [("gripper", "range"), *((f"d{axis}", "axis and sign") for axis in "xyz")]
MOTION += [("drot_x..z", "frame"), *((f"drot_{axis}", "axis and sign") for axis in "xyz")]
SEVERAL = ("gripper flipped", "moves in the tool's frame")
"""The rest takes minutes."""


class StillWorld(ToyWorld):
    """Scenes that are shown, as environments show them."""

    device = "cpu"

    def __init__(self, seed: int) -> None:
        super().__init__([random_scene(EpisodeSpec("pick_place", i, seed)) for i in range(SCENES)])
        self.num_envs, self.robot_model, self.action_spec = SCENES, robot(), DELTA_EEF

    @property
    def body_pose(self):
        return self.pose

    @property
    def joint_pos(self):
        return self.joints

    @property
    def joint_vel(self):
        return torch.zeros_like(self.joints)

    @property
    def gripper_width(self):
        return self.width

    def privileged_view(self, rows):
        return self.view()

    def show(self, ids, arm, width, pose):
        self.joints, self.width, self.pose = arm, width, pose
        self.position, self.rotation, _ = self.robot_model.kinematics().forward(arm)


@pytest.fixture(scope="module")
def stages() -> dict[int, Stage]:
    return {seed: Stage(StillWorld(seed), range(SCENES)) for seed in range(3)}


def check(policy, stage: Stage) -> list[Verdict]:
    sides = Sides(
        policy.name,
        "pick_place",
        policy.action_spec,
        DELTA_EEF,
        observation_offer(224),
        privileged=policy.privileged,
        execute_steps=policy.execute_steps,
    )
    return examine(Examined(sides, StagedPolicy(policy, stage)))


def expert(error_px: float = 0.0, latency_steps: int = 0):
    return TASK.expert(SCENES, DELTA_EEF, error_px, latency_steps)


def named(found: list[Verdict]) -> set[tuple[str, str]]:
    return {(verdict.channel, verdict.about) for verdict in contradictions(found)}


@pytest.mark.parametrize(
    ("seed", "error_px", "latency_steps"),
    [
        (0, 0.0, 0),
        (1, 4.0, 2),
        *(
            pytest.param(s, e, k, marks=pytest.mark.long)
            for s, e, k in [(1, 0.0, 0), (2, 0.0, 0), (0, 4.0, 2), (2, 4.0, 2)]
        ),
    ],
)
def test_the_experts_are_consistent_and_look_at_nothing(stages, seed, error_px, latency_steps):
    found = check(expert(error_px, latency_steps), stages[seed])
    assert named(found) == set(), [verdict.sentence for verdict in contradictions(found)]
    told = {(verdict.channel, verdict.about): verdict.result for verdict in found}
    assert {about: told[about] for about in MOTION} == dict.fromkeys(MOTION, CONSISTENT)
    assert {v.channel for v in found if v.result == READ} == {"joint positions", "simulator's state"}


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("kind", [Hold, Random])
def test_policies_that_know_nothing_read_nothing(stages, kind, seed):
    found = check(kind(SCENES, DELTA_EEF), stages[seed])
    assert named(found) == set(), [verdict.sentence for verdict in contradictions(found)]
    assert {verdict.result for verdict in found if verdict.about == "read"} == {NOT_READ}
    assert {v.result for v in found if v.about in ("axis and sign", "frame", "sign")} == {"cannot be told"}


@pytest.mark.parametrize(
    "name",
    [*SEVERAL, *(pytest.param(n, marks=pytest.mark.long) for n in {**ACTIONS, **TWO} if n not in SEVERAL)],
)
def test_a_mistake_around_the_expert_is_named(stages, name):
    mistake = {**ACTIONS, **TWO}[name]
    found = check(Planted(expert(), mistake), stages[0])
    assert named(found) == mistake.named, [verdict.sentence for verdict in contradictions(found)]


def test_steps_from_the_measured_pose_are_named(stages):
    found = check(FromTheMeasured(expert(), Mistake(frozenset())), stages[0])
    assert ("dx..z", "added to") in named(found)


def test_the_example_of_the_page_is_named_as_the_page_says(stages, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    page = PAGE.read_text("utf-8")
    Path("turned.py").write_text(re.search(r"```python\n(.*?)```", page, re.DOTALL).group(1), "utf-8")
    (command,) = re.findall(r"^    workbench policy check (turned.py .*)$", page, re.MULTILINE)
    name, *words = shlex.split(command)
    given = parse_options(PolicyCheckOptions, [f"policy={name}", *words]).policy_options
    policy = PolicyClass.find(name).make(SCENES, DELTA_EEF, "cpu", given, observation_offer(224))
    (wrong,) = contradictions(check(policy, stages[0]))
    assert f"{wrong.channel}: {wrong.sentence}" in " ".join(page.split())
