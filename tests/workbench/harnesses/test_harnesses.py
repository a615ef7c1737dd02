"""Other people's harnesses run the bench's tasks: vla-eval against a server of the bench, Inspect Robots by name."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from policy.baselines import Hold
from tasks.tabletop.action_spaces import DELTA_EEF
from tests.workbench.serving.foreign import install
from tests.workbench.serving.served import serving

pytestmark = [pytest.mark.sim, pytest.mark.long]

PACKAGES = (
    "vla-eval==0.8.0", "inspect-robots==0.60.0", "lazyregistry", "jsonargparse", "docstring-parser", "typeshed-client",
    "imageio", "imageio-ffmpeg", "anyio",
)  # fmt: skip
"""The harnesses, and what they need beyond what the bench has."""
EPISODE = {
    "dr": "none",
    "image_size": 64,
    "time_limit_s": 0.5,
    "physics": "ovphysx",
    "device": "cpu",
    "seed": 4,
}


@pytest.fixture(scope="module")
def harnesses(tmp_path_factory):
    """What makes both importable beside the bench: `PYTHONPATH`, which is searched last."""
    folder = tmp_path_factory.mktemp("harnesses")
    install(Path(sys.executable), "--no-deps", "--target", folder, *PACKAGES)
    return os.environ | {"PYTHONPATH": str(folder)}


def run(program, environment, *words):
    """What a program prints."""
    command = [sys.executable, "-c", program, *words]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=600, check=False)
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]
    return done.stdout


def test_vla_eval_evaluates_a_policy_behind_a_server_of_the_bench(harnesses, tmp_path):
    (tmp_path / "config.yaml").write_text(
        f"""
output_dir: {tmp_path / "results"}
benchmarks:
  - benchmark: "workbench.harnesses.vla_eval_benchmark:WorkbenchTasks"
    episodes_per_task: 2
    params: {json.dumps(EPISODE)}
""",
        "utf-8",
    )
    program = "import sys; from vla_eval.cli.main import main; sys.argv[0] = 'vla-eval'; main()"
    with serving(Hold(8, DELTA_EEF), "vla-eval") as server:
        words = ("--config", str(tmp_path / "config.yaml"), "--no-docker", "--render", "cpu")
        run(program, harnesses, "run", *words, "--server-url", f"ws://127.0.0.1:{server.port}")
    (aggregate,) = (tmp_path / "results").glob("*_aggregate.json")
    (task,) = json.loads(aggregate.read_text("utf-8"))["tasks"]
    assert (task["num_episodes"], task.get("num_errors", 0), task["mean_success"]) == (2, 0, 0.0), task
    assert {e["steps"] for e in task["episodes"]} == {round(EPISODE["time_limit_s"] * DELTA_EEF.control_hz)}
    assert {e["metrics"]["failure_reason"] for e in task["episodes"]} == {"never_reached"}


def test_inspect_robots_runs_the_task_on_the_robot_by_name(harnesses, tmp_path):
    program = f"""
import json
import numpy as np
from inspect_robots.conformance import check_embodiment
from inspect_robots.eval import eval as evaluate
from inspect_robots.policy import PolicyConfig, PolicyInfo
from inspect_robots.registry import resolve
from inspect_robots.types import Action, ActionChunk

robot = resolve("embodiment", "sim2real_workbench", **{EPISODE!r})
assert not check_embodiment(robot.info).issues, check_embodiment(robot.info)
asked = []

class Hold:
    info = PolicyInfo(name="hold", action_space=robot.info.action_space)
    config = PolicyConfig(action_horizon=1)

    def reset(self, scene):
        pass

    def act(self, seen):
        asked.append([seen.instruction, seen.images["front"].shape, seen.state["joint_pos"].shape])
        return ActionChunk([Action(np.array([0, 0, 0, 0, 0, 0, 1.0]))])

task = resolve("task", "sim2real_workbench", episodes=2, max_seconds=0.5)
(log,) = evaluate(task, Hold(), robot, log_dir={str(tmp_path)!r}, sinks=[])
robot.close()
print(json.dumps([log.status, [s.scene_id for s in log.samples], asked]))
"""
    status, scenes, asked = json.loads(run(program, harnesses).splitlines()[-1])
    assert (status, scenes) == ("success", ["0", "1"])
    assert len(asked) == 2 * round(EPISODE["time_limit_s"] * DELTA_EEF.control_hz)
    instructions = {instruction for instruction, *_ in asked}
    assert len(instructions) == 2
    assert all(" on " in text or " in " in text for text in instructions)
    assert asked[0][1:] == [[64, 64, 3], [7]]
