"""What is made of a server's answers by a mapping, decision by decision."""

import numpy as np

from policy.observation_inputs import Measured
from policy.serve.client.translation import Mapped, Seen
from policy.serve.mapping.mapping import load_mapping
from robots.action_spaces import DELTA_EEF
from robots.registry import robot
from workbench.rollout.policies import observation_offer

SPEC = robot().action_spaces(20.0)[DELTA_EEF]
ENSEMBLE = "dialect: m1\nactions: {arm: as_task, execute_steps: 1, ensemble: {horizon: 2, alpha: 0.1}}\n"


def seen(env):
    pose = np.array([[0.5, 0.0, 0.3, 1.0, 0.0, 0.0, 0.0]])
    measured = Measured(np.zeros((1, 7)), np.zeros((1, 7)), pose, np.full(1, 0.08))
    return Seen([env], [("s", 0)], [0], ["go"], measured, {})


def test_an_ensemble_is_the_weighted_mean_of_what_an_environments_last_decisions_meant_for_now(tmp_path):
    file = tmp_path / "ensemble.yaml"
    file.write_text(ENSEMBLE, "utf-8")
    mapped = Mapped(load_mapping(str(file)), SPEC, observation_offer(224), num_envs=2)

    def decided(env, *steps):
        chunk = np.zeros((len(steps), SPEC.dim))
        chunk[:, :2] = steps
        return mapped.actions(seen(env), [{"actions": chunk}])[0, :, :2]

    np.testing.assert_allclose(decided(0, [9, 9], [1, 0]), [[9, 9]])
    np.testing.assert_allclose(decided(1, [4, 4], [7, 7]), [[4, 4]])
    old, new = np.exp(0.1 * 0), np.exp(0.1 * 1)  # at right angles, and the same
    np.testing.assert_allclose(
        decided(0, [0, 1], [0, 2]), [[old / (old + new), new / (old + new)]], rtol=1e-6
    )
    np.testing.assert_allclose(
        decided(0, [3, 0], [0, 0])[0], [3 * new / (old + new), 2 * old / (old + new)], rtol=1e-6
    )
    mapped.reset(0)
    np.testing.assert_allclose(decided(0, [9, 9], [1, 0]), [[9, 9]])
