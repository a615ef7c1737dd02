"""An episode under heavy randomisation does not depend on what its neighbours begin, to the last digit."""

import numpy as np
import pytest

from domain_rand.sets import load_set
from workbench.rollout.policies import PolicyCfg, make_policy
from workbench.rollout.simulation import TabletopSimulation, launch_tabletop
from workbench.rollout.simulation_cfg import SimulationCfg

pytestmark = [pytest.mark.sim, pytest.mark.slow]

N, STEPS, INTERRUPTED, BEGUN = 4, 50, 20, 22


def run(simulation, interrupt):
    """Joint and body positions of all rows but the last, step by step; the last row may begin another episode."""
    policy = make_policy(PolicyCfg("expert"), N, simulation.env.action_spec, "cpu")
    policy.reset(range(N), simulation.begin(range(N), range(N)))
    seen = []
    for step in range(STEPS):
        if interrupt and step == INTERRUPTED:
            simulation.end([N - 1])
        if interrupt and step == BEGUN:
            policy.reset([N - 1], simulation.begin([N - 1], [17]))
        simulation.step(policy.act(simulation.observe(policy)).actions[:, 0])
        state = simulation.snapshot()
        seen.append(np.concatenate([state[name][: N - 1].reshape(-1) for name in ("joint_pos", "body_pose")]))
    simulation.end(range(N))
    for _ in range(2):
        simulation.step(simulation.idle_action.expand(N, -1))
    return np.stack(seen)


@pytest.fixture(scope="module")
def simulation():
    factor_set = load_set("heavy")
    with launch_tabletop(
        SimulationCfg(N, "ovphysx", "cpu", cameras=("front",), factor_set=factor_set)
    ) as env:
        yield TabletopSimulation(env, factor_set, 0, 400)


def test_neighbours_that_begin_change_nothing(simulation):
    alone, again, beside = (run(simulation, interrupt) for interrupt in (False, False, True))
    np.testing.assert_array_equal(again, alone, "the same episodes twice")
    np.testing.assert_array_equal(beside, alone, "a neighbour began another episode")


def test_pictures_do_not_depend_on_which_neighbours_are_looked_at(simulation):
    def pictures(idle):
        simulation.begin(range(N), range(N))
        seen = []
        for _ in range(3):
            for _ in range(4):
                simulation.step(simulation.idle_action.expand(N, -1))
            seen.append(simulation.env.image("front", idle).clone().numpy())
        simulation.end(range(N))
        for _ in range(2):
            simulation.step(simulation.idle_action.expand(N, -1))
        return np.stack(seen)

    whole, part = pictures(()), pictures({0, 2})
    np.testing.assert_array_equal(part[:, [1, 3]], whole[:, [1, 3]])
    assert (part[:, [0, 2]] != whole[:, [0, 2]]).any(), "nothing was left out"
