"""The bench's client against the bench's server gives what the policy gives in process, to the last bit."""

import numpy as np
import pytest
import torch

from policy.contract import Observation
from policy.serve.errors import RemoteError
from tasks.tabletop.action_spaces import DELTA_EEF, DELTA_JOINTS
from tests.workbench.serving.served import Remembering, serving
from workbench.cli.options import OptionError
from workbench.rollout.policies import PolicyCfg, make_policy

N = 3
DIALECTS = {
    "openpi": "openpi://127.0.0.1:{}",
    "roboarena": "roboarena://127.0.0.1:{}",
    "m1": "m1://127.0.0.1:{}",
    "starvla": "starvla://127.0.0.1:{}",
    "vla-eval": "vla-eval://127.0.0.1:{}",
    "n1.5": "gr00t://127.0.0.1:{}?version=n1.5",
    "n1.6": "gr00t://127.0.0.1:{}?version=n1.6",
    "n1.7": "gr00t://127.0.0.1:{}?version=n1.7",
}


def options_of(dialect):
    return {"protocol": "gr00t", "version": dialect} if dialect.startswith("n1") else {"protocol": dialect}


def observation(rng, n=N, step=0):
    pose = torch.from_numpy(rng.normal(size=(n, 7)).astype(np.float32))
    return Observation(
        range(n), torch.full((n,), step), [f"put {i} away, naïvely 立" for i in range(n)],
        torch.from_numpy(rng.normal(size=(n, 7)).astype(np.float32)),
        torch.from_numpy(rng.normal(size=(n, 7)).astype(np.float32)),
        torch.from_numpy(rng.uniform(0, 0.08, n).astype(np.float32)), pose,
        {c: torch.from_numpy(rng.integers(0, 256, (n, 64, 48, 3), np.uint8)) for c in ("front", "wrist")},
    )  # fmt: skip


def client(dialect, port, spec=DELTA_EEF, n=N, **options):
    cfg = PolicyCfg("remote:" + DIALECTS[dialect].format(port), options=options)
    cfg.check()
    cfg.check_actions(spec)
    cfg.check_environments(n)
    return make_policy(cfg, n, spec, "cpu")


def decisions(policy, rng, steps=5):
    """What it decides over two episodes, the second of which begins for one environment earlier."""
    found = []
    policy.reset(range(N), [10, 11, 12])
    for step in range(steps):
        if step == 2:
            policy.reset([1], [99])
        seen = observation(rng, step=2 * step)
        if step >= 2:
            seen.step[1] -= 4
        found.append(policy.act(seen))
    return found


@pytest.mark.parametrize("spec", [DELTA_EEF, DELTA_JOINTS], ids=lambda spec: spec.name)
@pytest.mark.parametrize("dialect", DIALECTS)
def test_actions_and_claims_are_those_of_the_policy_in_process(dialect, spec):
    with serving(Remembering(spec), action_space=spec.name, **options_of(dialect)) as server:
        policy = client(dialect, server.port, spec)
        assert (policy.cameras, policy.execute_steps) == (("front", "wrist"), 2)
        remote = decisions(policy, np.random.default_rng(1))
        times = policy.take_latencies()
        policy.close()
    local = decisions(Remembering(spec), np.random.default_rng(1))
    for far, near in zip(remote, local, strict=True):
        assert far.actions.dtype == torch.float32
        assert far.actions.numpy().tobytes() == near.actions.numpy().tobytes()
        assert list(far.grounding) == list(near.grounding)
    assert {key.partition(":")[0] for key in times} == {"round_trip", "server", "network"}


@pytest.mark.parametrize("dialect", ["openpi", "n1.7"])
def test_the_contract_is_checked_before_the_first_step(dialect):
    with (
        serving(Remembering(DELTA_EEF), **options_of(dialect)) as server,
        pytest.raises(OptionError, match=r"do not mean what the task's do: .*delta_joints has 8 channels"),
    ):
        client(dialect, server.port, DELTA_JOINTS)


@pytest.mark.parametrize("dialect", ["openpi", "m1", "n1.6", "vla-eval"])
def test_a_server_that_was_restarted_goes_on_where_its_policy_keeps_no_past(dialect):
    class Forgetful(Remembering):
        stateless = True

        def act(self, observation):
            self.asked = dict.fromkeys(observation.env_ids, 0)
            self.generators = {env: np.random.default_rng(0) for env in observation.env_ids}
            return super().act(observation)

    with serving(Forgetful(DELTA_EEF), **options_of(dialect)) as server:
        port = server.port
        policy = client(dialect, port, timeout_s="2")
        policy.reset(range(N), range(N))
        seen = observation(np.random.default_rng(3), step=4)
        before = policy.act(seen).actions
    with serving(Forgetful(DELTA_EEF), port=port, **options_of(dialect)):
        assert torch.equal(policy.act(seen).actions, before)
        policy.close()


def test_a_server_that_was_restarted_does_not_go_on_where_its_policy_remembers():
    with serving(Remembering(DELTA_EEF), "openpi") as server:
        port = server.port
        policy = client("openpi", port)
        policy.reset(range(N), range(N))
        policy.act(observation(np.random.default_rng(3)))
    with (
        serving(Remembering(DELTA_EEF), "openpi", port=port),
        pytest.raises(RemoteError, match="does not know the episode"),
    ):
        policy.act(observation(np.random.default_rng(3), step=2))
    policy.close()


def test_a_question_that_is_asked_again_gets_the_same_answer():
    """As when its first answer was late: a policy that remembers must not go on by two steps."""
    with serving(Remembering(DELTA_EEF), "m1") as server:
        policy = client("m1", server.port)
        policy.reset(range(N), range(N))
        seen = observation(np.random.default_rng(3))
        assert torch.equal(policy.act(seen).actions, policy.act(seen).actions)
        policy.close()


@pytest.mark.slow
@pytest.mark.parametrize("dialect", ["m1", "starvla", "n1.6", "openpi"])
def test_m1_mini_decides_and_says_the_same_behind_a_server(dialect):
    """Where a request has room for all environments; where not, one environment: a batch of another size may round
    otherwise in the last digit."""
    n = 1 if dialect == "openpi" else N
    local = make_policy(PolicyCfg("m1", "m1-mini"), n, DELTA_EEF, "cpu")
    with serving(
        make_policy(PolicyCfg("m1", "m1-mini"), 64, DELTA_EEF, "cpu"), **options_of(dialect)
    ) as server:
        remote = client(dialect, server.port, n=n)
        for policy in (local, remote):
            policy.reset(range(n), range(50, 50 + n))
        for step in (0, 4):
            seen = observation(np.random.default_rng(step), n, step)
            near, far = local.act(seen), remote.act(seen)
            assert far.actions.numpy().tobytes() == near.actions.numpy().tobytes()
            assert list(far.grounding) == list(near.grounding)
            assert any(claim is not None for claim in near.grounding)
        remote.close()
