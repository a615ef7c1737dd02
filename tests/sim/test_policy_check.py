"""``workbench policy check`` where policies are used: what ships is sound, and mistakes planted around it are named."""

from __future__ import annotations

import json
import re
import shlex
from pathlib import Path

import pytest

from tests.sim.conftest import workbench
from tests.workbench.policy_check.planted import ACTIONS
from tests.workbench.policy_probe.mistaken import Planted
from workbench.cli.main import main
from workbench.policy_check.examine import examine
from workbench.policy_check.examined import Examined
from workbench.policy_check.verdict import CONSISTENT, READ, Verdict, contradictions
from workbench.policy_probe.asking import StagedPolicy
from workbench.policy_probe.command import sides_of
from workbench.policy_probe.options import PolicyCheckOptions
from workbench.policy_probe.stage import Stage
from workbench.rollout.policies import make_policy
from workbench.rollout.simulation import launch_tabletop

pytestmark = [pytest.mark.sim, pytest.mark.slow]

PAGE = Path(__file__).parents[2] / "docs" / "policy_check.md"
SEEDS = (0,)
MOTION = [
    ("dx..z", "reference"),
    ("dx..z", "frame"),
    ("dx..z", "unit"),
    ("gripper", "sign"),
    ("gripper", "range"),
]
MOTION += [(f"d{axis}", "axis and sign") for axis in "xyz"]


def options_of(policy: str) -> PolicyCheckOptions:
    options = PolicyCheckOptions(policy=policy, device="cpu", physics="ovphysx")
    options.resolve()
    return options


def check(name: str, env, stage: Stage, wrap=lambda policy: policy) -> list[Verdict]:
    options = options_of(name)
    policy = wrap(
        make_policy(options.policy_cfg, options.num_envs, env.action_spec, "cpu", options.image_size)
    )
    return examine(Examined(sides_of(policy, env.action_spec, options), StagedPolicy(policy, stage)))


def named(found: list[Verdict]) -> set[tuple[str, str]]:
    return {(verdict.channel, verdict.about) for verdict in contradictions(found)}


@pytest.mark.long
def test_the_expert_in_the_simulation():
    options = options_of("expert")
    with launch_tabletop(options.simulation_cfg((), options.factor_set())) as env:
        stage = Stage.begun(env, options.factor_set(), 0, ())
        found = check("expert", env, stage)
        wrong = check("expert", env, stage, lambda policy: Planted(policy, ACTIONS["dy flipped"]))
    assert named(found) == set(), [v.sentence for v in contradictions(found)]
    told = {(verdict.channel, verdict.about): verdict.result for verdict in found}
    assert {about: told[about] for about in MOTION} == dict.fromkeys(MOTION, CONSISTENT)
    assert named(wrong) == {("dy", "axis and sign")}


@pytest.mark.long
@pytest.mark.parametrize("seed", SEEDS)
def test_the_checkpoint_that_ships(tmp_path, seed):
    """And the command's table and JSON of it."""
    file = tmp_path / "m1.json"
    workbench("policy", "check", "m1", f"seed={seed}", "device=cpu", f"json={file}")
    written = json.loads(file.read_text("utf-8"))
    told = {(v["channel"], v["about"]): v["result"] for v in written["verdicts"]}
    assert {about: told[about] for about in MOTION} == dict.fromkeys(MOTION, CONSISTENT)
    assert told["front picture", "read"] == told["instruction", "read"] == READ
    assert told["front picture", "orientation"] == told["tool position", "unit"] == CONSISTENT
    assert written["contradictory"] == 0


def test_the_example_of_the_page_is_named_as_the_page_says(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    page = PAGE.read_text("utf-8")
    Path("turned.py").write_text(re.search(r"```python\n(.*?)```", page, re.DOTALL).group(1), "utf-8")
    command = re.search(r"^    workbench (policy check turned.py .*)$", page, re.MULTILINE).group(1)
    assert main([*shlex.split(command), "device=cpu"]) == 1
    said = " ".join(capsys.readouterr().out.split())
    assert "gripper: gripper opens where the hand must close" in said
    assert "gripper: gripper opens where the hand must close" in " ".join(page.split())
    written = json.loads(Path("turned.json").read_text("utf-8"))
    assert [v["channel"] for v in written["verdicts"] if v["result"] == "contradictory"] == ["gripper"]
    assert main(["policy", "check", "turned.py", "num_envs=4"]) == 2, "too few scenes"
