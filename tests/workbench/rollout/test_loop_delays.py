"""Rollouts in which simulated time goes on while the policy thinks."""

import numpy as np

from policy.execution import OPEN_LOOP, REAL_TIME, RECEDING, ExecutionCfg
from tests.workbench.rollout.fake_simulation import IDLE, FakePolicy, FakeSimulation
from workbench.rollout.loop import Rollout


def roll(sim, policy, execution, recorded=(), realtime=False):
    """Episodes by index, and the tally."""
    ended = []
    work = range(len(sim.lengths))
    rollout = Rollout(sim, policy, work, ended.append, recorded, execution=execution, realtime=realtime)
    tally = rollout.run()
    return {episode.index: episode for episode in ended}, tally


def delayed(lengths, *delays):
    """A simulation in which the answers to each row take so many steps."""
    sim = FakeSimulation(len(delays), lengths)
    sim.delay = lambda rows, thinking_s: np.array([delays[row] for row in rows])
    return sim


def test_an_environment_stands_still_while_its_answer_is_under_way_and_the_others_go_on():
    sim = delayed([12, 12], 0, 3)
    ended, _ = roll(sim, FakePolicy(execute_steps=4), ExecutionCfg(OPEN_LOOP, 4))
    told = np.stack([actions.numpy() for actions in sim.actions])
    assert (told[:12, 0] != IDLE).all(), "no answer of the first is late"
    assert (told[:12, 1, 0] == IDLE).nonzero()[0].tolist() == [0, 1, 2, 7, 8, 9]
    assert [ended[i].steps for i in range(2)] == [12, 12]


def test_a_policy_is_asked_about_the_environments_that_are_due():
    asked = []

    class Asked(FakePolicy):
        def act(self, observation):
            asked.append(list(observation.env_ids))
            return super().act(observation)

    roll(delayed([6, 6, 6], 0, 2, 0), Asked(execute_steps=3), ExecutionCfg(OPEN_LOOP, 3))
    assert asked[:3] == [[0, 1, 2], [0, 2], [1]]


def test_claims_are_booked_for_the_environments_that_were_asked():
    ended, _ = roll(delayed([8, 8], 0, 1), FakePolicy(execute_steps=2), ExecutionCfg(OPEN_LOOP, 2), range(2))
    steps = {index: [step for step, claim in episode.decisions] for index, episode in ended.items()}
    assert steps == {0: [0, 2, 4, 6], 1: [0, 3, 6]}


def test_every_episode_runs_once_whatever_its_answers_take():
    lengths = [3, 9, 4, 1, 7, 5, 2, 8]
    for mode in (OPEN_LOOP, RECEDING):
        sim, rng = FakeSimulation(3, lengths), np.random.default_rng(5)
        sim.delay = lambda rows, thinking_s, rng=rng: rng.integers(0, 4, len(rows))
        ended, tally = roll(sim, FakePolicy(execute_steps=2, chunk=6), ExecutionCfg(mode, 2))
        assert {index: episode.steps for index, episode in ended.items()} == dict(enumerate(lengths))
        assert tally.episodes == len(lengths)


def test_what_the_policy_thinks_counts_in_real_time_alone():
    given = []

    def delay(rows, thinking_s):
        given.append(thinking_s)
        return np.zeros(len(rows), dtype=int)

    for realtime in (True, False):
        sim = FakeSimulation(1, [4])
        sim.delay = delay
        roll(sim, FakePolicy(), None, realtime=realtime)
    assert min(given[:4]) > 0
    assert given[4:] == [0.0] * 4


def test_in_real_time_the_policy_is_told_what_its_environments_go_on_with():
    told = []

    class Told(FakePolicy):
        def act(self, observation):
            told.append((list(observation.env_ids), observation.committed))
            return super().act(observation)

    roll(delayed([12, 12], 1, 3), Told(execute_steps=4, chunk=8), ExecutionCfg(REAL_TIME, 4))
    (everyone, first), *later = told
    assert everyone == [0, 1]
    assert not first.weight.any()
    certain = {row: int((c.weight[k] == 1).sum()) for rows, c in later[:2] for k, row in enumerate(rows)}
    assert certain == {0: 1, 1: 3}, "as many steps as its answers take"
    told.clear()
    roll(delayed([4], 0), Told(), ExecutionCfg(RECEDING, 1))
    assert all(committed is None for _, committed in told)
