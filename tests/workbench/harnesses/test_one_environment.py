"""One environment for somebody else's loop: what it refuses, and that its episodes are those of ``workbench eval``."""

import numpy as np
import pytest

from tests.sim.conftest import records, workbench
from workbench.cli.options import OptionError
from workbench.harnesses.one_environment import OneEnvironment


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"num_envs": 4}, "no setting 'num_envs'"),
        ({"task": "juggle"}, "juggle"),
        ({"cameras": ("front", "left")}, "no camera 'left'"),
        ({"dr": "none", "dr.camera.exposure.value": "dark"}, "exposure"),
        ({"seed": "0x10"}, "seed"),
        ({"time_limit_s": 0}, "time_limit_s"),
    ],
)
def test_settings_that_cannot_be_are_one_sentence(settings, said):
    with pytest.raises(Exception, match=said) as refused:
        OneEnvironment(**settings)
    assert "\n" not in str(refused.value)


def test_before_an_episode_there_is_nothing_to_step_and_nothing_is_over():
    environment = OneEnvironment(dr="none")
    assert not environment.over
    assert not environment.succeeded
    assert environment.failure_reason is None
    with pytest.raises(OptionError, match="no episode has begun"):
        environment.step(np.zeros(7))
    with pytest.raises(OptionError, match="counted from 0"):
        environment.begin(-1)


SETTINGS = {"dr": "default", "seed": 3, "physics": "ovphysx", "device": "cpu", "time_limit_s": 12.0}


@pytest.mark.sim
@pytest.mark.long
def test_its_episodes_are_those_of_an_evaluation(tmp_path):
    """The expert, stepped from outside, ends each episode after as many steps and with the same result."""
    words = [f"{name}={value}" for name, value in SETTINGS.items()]
    workbench(
        "eval", f"out={tmp_path / 'run'}", "record=0", "last_frames=0", "num_envs=1", "episodes=2", *words
    )
    expected = records(tmp_path / "run")
    environment = OneEnvironment(cameras=(), **SETTINGS)
    try:
        for index in (0, 1):
            environment.begin(index)
            simulation = environment._simulation
            policy = simulation.env.task.expert(1, environment.action_spec, device="cpu")
            policy.reset([0], [simulation.episode(index).policy_seed])
            steps = 0
            while not environment.over:
                decision = policy.act(simulation.observe(policy))
                seen = environment.step(decision.actions[0, 0].numpy())
                steps += 1
            assert seen.instruction == expected[index]["instruction"]
            assert (steps, environment.succeeded) == (expected[index]["steps"], expected[index]["success"])
        with pytest.raises(OptionError, match="7 finite numbers"):
            environment.step(np.full(7, np.nan))
    finally:
        environment.close()
