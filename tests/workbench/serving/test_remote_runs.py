"""Runs whose policy is behind a server that goes away: no episode is lost, none is run twice into the records."""

import json
from contextlib import contextmanager
from types import SimpleNamespace

import numpy as np
import pytest
import torch

from policy.contract import Observation
from tasks.tabletop.action_spaces import DELTA_EEF
from tests.workbench.planted import PlantedSimulation, planted_set
from tests.workbench.serving.served import Remembering, serving
from workbench.cli.main import main

EPISODES = 12


class Seen(PlantedSimulation):
    """With observations, of the rows that are asked about."""

    idle_action = torch.zeros(7)

    def observe(self, policy, rows=None):
        asked = list(range(self.num_envs) if rows is None else rows)
        n, zeros = len(asked), torch.zeros(len(asked), 7)
        images = {c: torch.zeros(n, 8, 8, 3, dtype=torch.uint8) for c in policy.cameras}
        steps = torch.from_numpy(np.where(np.array(self.running) >= 0, self.age, 0))
        return Observation(asked, steps[asked], ["go"] * n, zeros, zeros, torch.zeros(n), zeros, images)

    def snapshot(self):
        return {}


@pytest.fixture
def planted(monkeypatch):
    """A made-up simulation in the place of the real one; calls `at_outcome` when an episode ends."""
    hooks = SimpleNamespace(at_outcome=lambda: None)

    class Hooked(Seen):
        def outcome(self, row):
            hooks.at_outcome()
            return super().outcome(row)

    @contextmanager
    def launch(simulated):
        yield SimpleNamespace(
            num_envs=simulated.num_envs, action_spec=DELTA_EEF, rule=lambda factors: 0.5, left=10**9,
            camera_position={}, cameras={},
        )  # fmt: skip

    drawn = planted_set()
    monkeypatch.setattr("workbench.rollout.episode_runner.launch_tabletop", launch)
    monkeypatch.setattr("workbench.rollout.episode_runner.TabletopSimulation", Hooked)
    monkeypatch.setattr("domain_rand.sets.load_set", lambda name, overrides, task: drawn)
    return hooks


def records(folder):
    return [json.loads(line) for line in (folder / "episodes.jsonl").read_text("utf-8").splitlines()]


def evaluate(port, out, dialect="openpi", **options):
    words = [f"policy.{key}={value}" for key, value in ({"patience_s": 3, "timeout_s": 2} | options).items()]
    return main(
        ["eval", f"policy=remote:{dialect}://127.0.0.1:{port}", *words, f"out={out}", f"episodes={EPISODES}",
         "num_envs=3", "record=0", "last_frames=0", "device=cpu"]
    )  # fmt: skip


def whole(found):
    return sorted(r["index"] for r in found) == list(range(EPISODES))


def test_a_run_says_how_long_the_server_took(planted, tmp_path, capsys):
    with serving(Remembering(DELTA_EEF), "openpi") as server:
        assert evaluate(server.port, tmp_path / "run") == 0
    assert whole(records(tmp_path / "run"))
    said = capsys.readouterr().out
    assert "policy's server, p50 / p95 / p99 of" in said
    summary = json.loads((tmp_path / "run/summary.json").read_text("utf-8"))
    times = summary["rates"]["policy_server_ms"]
    assert set(times) == {"round_trip", "server", "network"}
    assert times["round_trip"]["p50"] <= times["round_trip"]["p95"] <= times["round_trip"]["p99"]
    report = (tmp_path / "run/report.html").read_text("utf-8")
    assert "The policy&#39;s server" in report or "The policy's server" in report
    provenance = json.loads((tmp_path / "run/provenance.json").read_text("utf-8"))
    assert set(provenance["policy"]["files"]) == {"server's contract"}


def test_a_run_whose_server_is_gone_stops_and_the_same_command_finishes_it(planted, tmp_path, capsys):
    policy = Remembering(DELTA_EEF)
    ended = []
    with serving(policy, "vla-eval") as server:
        port = server.port

        def stop_after_four():
            ended.append(1)
            if len(ended) == 4:
                server.stop()

        planted.at_outcome = stop_after_four
        assert evaluate(port, tmp_path / "run", "vla-eval", patience_s=0.2) == 2
    said = capsys.readouterr().err
    assert said.count("\n") == 1
    assert "the same command again" in said
    planted.at_outcome = lambda: None
    before = records(tmp_path / "run")
    assert 4 <= len(before) < EPISODES
    with serving(Remembering(DELTA_EEF), "vla-eval", port=port):
        assert evaluate(port, tmp_path / "run", "vla-eval", patience_s=0.2) == 0
    after = records(tmp_path / "run")
    assert after[: len(before)] == before
    assert whole(after)


def test_a_run_goes_on_by_itself_where_the_policy_keeps_no_past(planted, tmp_path):
    class Forgetful(Remembering):
        stateless = True

        def act(self, observation):
            self.asked = dict.fromkeys(observation.env_ids, 0)
            self.generators = {env: np.random.default_rng(0) for env in observation.env_ids}
            return super().act(observation)

    with serving(Forgetful(DELTA_EEF), "m1") as first:
        port, ended = first.port, []
        later = []

        def restart():
            ended.append(1)
            if len(ended) == 4:
                first.stop()
                later.append(serving(Forgetful(DELTA_EEF), "m1", port=port))
                later[0].__enter__()

        planted.at_outcome = restart
        assert evaluate(port, tmp_path / "run", "m1") == 0
        later[0].__exit__(None, None, None)
    assert whole(records(tmp_path / "run"))


def test_a_run_of_another_policy_behind_the_same_address_is_refused(planted, tmp_path, capsys):
    from workbench.rollout.remote_policies import _greeted

    with serving(Remembering(DELTA_EEF), "openpi") as server:
        port = server.port
        assert evaluate(port, tmp_path / "run") == 0
    _greeted.cache_clear()  # as in another process

    class Other(Remembering):
        execute_steps = 3

    with serving(Other(DELTA_EEF), "openpi", port=port):
        assert evaluate(port, tmp_path / "run") == 2
    assert "by content and not by name" in capsys.readouterr().err
