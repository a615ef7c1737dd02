"""With all environments at one origin, an episode does not depend on where it runs, to the last digit."""

import json

import numpy as np
import pytest

from domain_rand.sets import load_set
from workbench.cli.main import main
from workbench.rollout.policies import PolicyCfg, make_policy
from workbench.rollout.simulation import TabletopSimulation, launch_tabletop
from workbench.rollout.simulation_cfg import SimulationCfg

pytestmark = [pytest.mark.sim, pytest.mark.slow]

ROWS, STEPS = 5, 160
COMMON = ("dr=default", "time_limit_s=8", "record=0", "last_frames=0", "physics=ovphysx", "device=cpu")


def test_one_episode_in_all_environments_takes_one_course():
    factor_set = load_set("default")
    with launch_tabletop(SimulationCfg(ROWS, "ovphysx", "cpu", factor_set=factor_set, exact=True)) as env:
        simulation = TabletopSimulation(env, factor_set, 31337, 400)
        policy = make_policy(PolicyCfg("expert"), ROWS, env.action_spec, "cpu")
        policy.reset(range(ROWS), simulation.begin(range(ROWS), [5] * ROWS))
        start, lifted = np.array(simulation.snapshot()["body_pose"])[0, :, 2], False
        for step in range(STEPS):
            simulation.step(policy.act(simulation.observe(policy)).actions[:, 0])
            state = simulation.snapshot()
            for name in ("joint_pos", "body_pose"):
                assert (state[name] == state[name][:1]).all(), f"{name} differs between rows at step {step}"
            lifted |= bool((np.asarray(state["body_pose"])[0, :, 2] > start + 0.05).any())
        assert lifted, "so no contact was tried"


@pytest.mark.long
def test_records_do_not_depend_on_the_number_of_environments(tmp_path):
    words = ("eval", "policy=noisy_expert", "episodes=4", "seed=31337", "exact=true", *COMMON)
    runs = []
    for count in (1, 3):
        out = tmp_path / str(count)
        assert main([*words, f"num_envs={count}", f"out={out}"]) == 0
        records = [json.loads(line) for line in (out / "episodes.jsonl").read_text("utf-8").splitlines()]
        runs.append(sorted(({**r, "wall_s": 0} for r in records), key=lambda r: r["index"]))
    assert runs[0] == runs[1]


@pytest.mark.long
def test_an_exported_episode_of_a_policy_that_draws_is_that_episode_again(tmp_path):
    """Its random numbers are recorded with it, whatever index and seed it is given back under."""
    run, again, episode = tmp_path / "run", tmp_path / "again", tmp_path / "episode.yaml"
    words = ("eval", "policy=noisy_expert", "num_envs=1", "exact=true", *COMMON)
    assert main([*words, "episodes=3", "seed=31337", f"out={run}"]) == 0
    assert main(["dr", "export", str(run), "episode=2", f"to={episode}"]) == 0
    again_words = [word for word in words if not word.startswith("dr=")]
    assert main(["eval", *again_words[1:], f"dr={episode}", "episodes=1", "seed=0", f"out={again}"]) == 0
    first = next(
        r for line in (run / "episodes.jsonl").read_text("utf-8").splitlines()
        if (r := json.loads(line))["index"] == 2
    )  # fmt: skip
    second = json.loads((again / "episodes.jsonl").read_text("utf-8"))
    same = ("success", "steps", "failure_reason", "path_length_m", "smoothness", "instruction", "factors")
    assert {key: second[key] for key in same} == {key: first[key] for key in same}
