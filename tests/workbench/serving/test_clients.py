"""Many clients at once, clients that go, and clients that send nonsense."""

import threading
import time
from dataclasses import replace

import numpy as np
import pytest
import torch
from websockets.sync.client import connect

from policy.serve import internvla_m1, openpi, roboarena, starvla, vla_eval
from policy.serve.exchange import MEASURED
from tasks.tabletop.action_spaces import DELTA_EEF
from tests.workbench.serving.served import Remembering, serving
from tests.workbench.serving.test_parity import client, observation


class Slow(Remembering):
    """Takes its time for a run, however many are asked in it."""

    def act(self, observation):
        time.sleep(0.05)
        return super().act(observation)


def test_what_is_asked_while_the_policy_runs_runs_together():
    """16 clients, each of which asks again when it is answered: more than twice the serial rate."""
    policy, rounds, clients = Slow(DELTA_EEF), 6, 16
    with serving(policy, "openpi") as server:
        asking = [client("openpi", server.port, n=1) for _ in range(clients)]

        def ask(one):
            rng = np.random.default_rng(0)
            one.reset([0], [1])
            for step in range(rounds):
                one.act(observation(rng, n=1, step=step))

        threads = [threading.Thread(target=ask, args=(one,)) for one in asking]
        began = time.perf_counter()
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        took = time.perf_counter() - began
        for one in asking:
            one.close()
    assert sum(policy.rows) == rounds * clients
    assert max(policy.rows) > 4
    assert took < rounds * clients * 0.05 / 2


def test_a_client_that_is_alone_is_answered_where_others_are():
    """In the policy's thread always, and by turns with whoever comes and goes meanwhile."""
    threads = set()

    class Noting(Remembering):
        """Keeps in which threads it ran."""

        def act(self, observation):
            threads.add(threading.current_thread().name)
            return super().act(observation)

    rng = np.random.default_rng(0)
    seen = [observation(rng, n=1, step=step) for step in range(6)]
    with serving(Noting(DELTA_EEF), "openpi") as server:
        alone = client("openpi", server.port, n=1)
        alone.reset([0], [1])
        found = [alone.act(seen[0]).actions, alone.act(seen[1]).actions]
        other = client("openpi", server.port, n=1)
        other.reset([0], [1])
        again = [other.act(seen[0]).actions]
        found.append(alone.act(seen[2]).actions)
        again += [other.act(one).actions for one in seen[1:4]]
        other.close()
        found += [alone.act(one).actions for one in seen[3:]]
        alone.close()
    assert threads == {"policy"}
    assert all(torch.equal(a, b) for a, b in zip(found, again, strict=False))


def test_clients_at_once_do_not_disturb_each_others_episodes():
    """Every client gets what it would get alone, whoever else is asked in the same run."""
    seeds, results = range(8), {}

    def run(one, seed):
        rng, found = np.random.default_rng(seed), []
        one.reset([0], [seed])
        for step in range(5):
            found.append(one.act(observation(rng, n=1, step=step)).actions)
        results.setdefault(seed, []).append(torch.cat(found))

    with serving(Remembering(DELTA_EEF), "vla-eval") as server:
        asking = [client("vla-eval", server.port, n=1) for _ in seeds]
        threads = [threading.Thread(target=run, args=pair) for pair in zip(asking, seeds, strict=True)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        for one in asking:
            one.close()
    for seed in seeds:
        run(Remembering(DELTA_EEF), seed)
        together, alone = results[seed]
        assert torch.equal(together, alone)


def plain(prefix="observation/", n=None):
    """A question of a client that knows nothing of the bench, by the bench's own names."""
    rng = np.random.default_rng(2)
    sizes = {"joint_pos": 7, "joint_vel": 7, "ee_pose": 7, "gripper_width": 1}
    state = {prefix + name: rng.normal(size=sizes[name]) for name in MEASURED}
    return state | {prefix + c: rng.integers(0, 256, (32, 32, 3), np.uint8) for c in ("front", "wrist")}


def test_a_client_of_openpi_that_knows_nothing_of_the_bench():
    policy = Remembering(DELTA_EEF)
    with serving(policy, "openpi") as server, connect(f"ws://127.0.0.1:{server.port}") as one:
        one.recv(timeout=5)
        replies = []
        for _ in range(2):
            one.send(openpi.encode(plain() | {"prompt": "go"}))
            replies.append(openpi.decode_reply(one.recv(timeout=5)))
    assert openpi.actions(replies[0]).shape == (4, 7)
    assert set(openpi.server_times(replies[0])) == {"infer_ms"}
    assert set(openpi.server_times(replies[1])) == {"infer_ms", "prev_total_ms"}
    assert 0 < openpi.server_times(replies[0])["infer_ms"] < openpi.server_times(replies[1])["prev_total_ms"]
    assert policy.asked[next(iter(policy.asked))] == 2


def test_a_reset_of_roboarena_begins_the_named_episode_alone():
    policy = Remembering(DELTA_EEF)
    with serving(policy, "roboarena") as server, connect(f"ws://127.0.0.1:{server.port}") as one:
        needs = roboarena.decode_metadata(one.recv(timeout=5))
        assert needs.needs_session_id

        def ask(session):
            one.send(roboarena.encode(plain() | {"prompt": "go", "endpoint": "infer", "session_id": session}))
            return float(roboarena.decode_reply(one.recv(timeout=5)).mean())

        first = [ask("a"), ask("b"), ask("a"), ask("b")]
        one.send(roboarena.encode({"endpoint": "reset", "session_id": "a"}))
        roboarena.check_reset_reply(one.recv(timeout=5))
        again = [ask("a"), ask("b")]
    assert again[0] == pytest.approx(first[0], abs=5e-3)  # other random numbers
    assert again[1] > first[1] + 1.5e-3


def test_clients_of_m1_and_starvla_get_what_their_protocols_say():
    images = [[np.zeros((8, 8, 3), np.uint8)] * 2] * 3
    with serving(Remembering(DELTA_EEF), "m1") as server, connect(f"ws://127.0.0.1:{server.port}") as one:
        one.recv(timeout=5)
        one.send(
            internvla_m1.encode({"batch_images": images, "instructions": ["a"] * 3, "unnorm_key": "franka"})
        )
        refusal = internvla_m1.decode_reply(one.recv(timeout=5))
        assert "no finite actions, and the request lacks: joint_pos, joint_vel, ee_pose" in (
            refusal.failure or ""
        )
        one.send(internvla_m1.encode({"instruction": "x", "reset": True}))
        assert internvla_m1.decode_reply(one.recv(timeout=5)).kind == "reset_result"

    class Blind(Remembering):
        """Reads pictures alone."""

        def act(self, observation):
            zeros = {name: torch.zeros_like(getattr(observation, name)) for name in MEASURED}
            return super().act(type(observation)(**{**vars(observation), **zeros}))

    with serving(Blind(DELTA_EEF), "m1") as server, connect(f"ws://127.0.0.1:{server.port}") as one:
        one.recv(timeout=5)
        one.send(internvla_m1.encode({"batch_images": images, "instructions": ["a"] * 3}))
        assert internvla_m1.normalised_actions(internvla_m1.decode_reply(one.recv(timeout=5))).shape == (
            3,
            4,
            7,
        )
    with serving(Blind(DELTA_EEF), "starvla") as server, connect(f"ws://127.0.0.1:{server.port}") as one:
        metadata = starvla.decode_metadata(one.recv(timeout=5))
        assert metadata["workbench"]["policy"] == "remembering"
        examples = [{"image": views, "lang": "go"} for views in images]
        one.send(starvla.encode({"type": "infer", "request_id": "q", "payload": {"examples": examples}}))
        reply = starvla.decode_reply(one.recv(timeout=5))
    assert (reply.request_id, starvla.actions(reply).shape) == ("q", (3, 4, 7))


@pytest.mark.parametrize(
    "frame",
    [
        b"",
        b"\xc1",
        "text",
        b"\x80",
        openpi.encode({"prompt": "x"}),
        openpi.encode({"observation/front": 1.0}),
    ],
)
def test_nonsense_is_answered_by_a_sentence_and_the_connection_goes_on(frame):
    with serving(Remembering(DELTA_EEF), "openpi") as server, connect(f"ws://127.0.0.1:{server.port}") as one:
        one.recv(timeout=5)
        one.send(frame)
        said = one.recv(timeout=5)
        assert isinstance(said, str)
        assert "\n" not in said
        assert "Traceback" not in said
        one.send(openpi.encode(plain() | {"prompt": "go"}))
        assert openpi.actions(openpi.decode_reply(one.recv(timeout=5))).shape == (4, 7)


def test_a_policy_that_fails_is_a_sentence_to_the_client_and_a_traceback_to_the_server(capfd):
    class Failing(Remembering):
        def act(self, observation):
            raise ValueError("secret/path: the weights\nare gone")

    with serving(Failing(DELTA_EEF), "vla-eval") as server, connect(f"ws://127.0.0.1:{server.port}") as one:
        images = {c: np.zeros((8, 8, 3), np.uint8) for c in ("front", "wrist")}
        message = vla_eval.Message("observation", {"images": images, "task_description": "x"}, 5, 1.0)
        one.send(vla_eval.encode(message))
        reply = vla_eval.decode(one.recv(timeout=5))
    assert (reply.kind, reply.seq) == ("error", 5)
    assert reply.payload["error"] == "the policy failed with ValueError: secret/path: the weights are gone"
    assert "Traceback" in capfd.readouterr().err


def test_what_is_under_way_is_answered_before_a_server_ends():
    with serving(Slow(DELTA_EEF), "openpi") as server:
        policy, found = client("openpi", server.port, n=1), []
        policy.reset([0], [1])
        thread = threading.Thread(
            target=lambda: found.append(policy.act(observation(np.random.default_rng(0), n=1)))
        )
        thread.start()
        while not server.service.under_way:
            time.sleep(0.001)
        server.stop()
        thread.join()
        policy.close()
    assert found[0].actions.shape == (1, 4, 7)


def test_when_all_places_are_taken_the_episode_asked_longest_ago_makes_room():
    with serving(Remembering(DELTA_EEF), "openpi", slots=2) as server:
        policies = [client("openpi", server.port, n=1) for _ in range(3)]
        for seed, policy in enumerate(policies):
            policy.reset([0], [seed])
            policy.act(observation(np.random.default_rng(0), n=1))
        assert server.service.metrics.value("sessions") == 2
        for policy in policies:
            policy.close()


@pytest.mark.long
def test_sixteen_clients_of_m1_mini_are_decided_for_together():
    """What that is worth, once against one after the other in turns, is printed: it depends on what else runs."""
    from workbench.rollout.policies import PolicyCfg, make_policy

    policy = make_policy(PolicyCfg("m1", "m1-mini"), 64, DELTA_EEF, "cpu")
    clients, ratios, batches, act = 16, [], [], policy.act

    def counted(asked_about):
        batches.append(len(asked_about.env_ids))
        return act(asked_about)

    policy.act = counted
    with serving(policy, "openpi") as server:
        asking = [client("openpi", server.port, n=1) for _ in range(clients)]
        for seed, one in enumerate(asking):
            one.reset([0], [seed])
        seen = observation(np.random.default_rng(0), n=1)
        asked = dict.fromkeys(asking, -1)

        def ask(one):
            asked[one] += 1
            one.act(replace(seen, step=torch.tensor([asked[one]])))

        for turn in range(6):
            began = time.perf_counter()
            for _ in range(4):
                ask(asking[0])
            serial = (time.perf_counter() - began) / 4
            batches.clear()
            began = time.perf_counter()
            threads = [threading.Thread(target=ask, args=(one,)) for one in asking]
            for thread in threads:
                thread.start()
            for thread in threads:
                thread.join()
            together = (time.perf_counter() - began) / clients
            assert sum(batches) == clients
            assert len(batches) <= clients / 2, "decided for one by one"
            if turn:  # the first warms up
                ratios.append(serial / together)
        for one in asking:
            one.close()
    print(f"times the serial rate: {[round(r, 2) for r in ratios]}")
