"""``policy=remote:...``: found, greeted and held to the task before the simulator starts; then asked."""

import json
import socket

import numpy as np
import pytest
import torch

from policy.contract import Observation
from policy.serve.errors import RemoteError
from tasks.tabletop.action_spaces import DELTA_EEF, DELTA_JOINTS
from tests.policy.serve.client.stubs import m1_answers, openpi_answers, websocket_server
from workbench.cli.main import main
from workbench.cli.options import OptionError
from workbench.rollout.policies import PolicyCfg, make_policy

N = 3


def observation(n=N, step=0):
    """Different in every row, so that rows that were mixed up would show."""
    rows = torch.arange(n, dtype=torch.float32)[:, None]
    pose = torch.tensor([0.4, 0.0, 0.3, 1.0, 0.0, 0.0, 0.0]).repeat(n, 1)
    picture = torch.full((n, 224, 224, 3), 7, dtype=torch.uint8) + rows[:, :, None, None].byte()
    images = {"front": picture, "wrist": picture + 100}
    return Observation(
        range(n), torch.full((n,), step), [f"do {i}" for i in range(n)], rows.repeat(1, 7) / 100, torch.zeros(n, 7),
        torch.full((n,), 0.02), pose, images,
    )  # fmt: skip


@pytest.fixture
def made():
    """Makes policies as commands do, and closes them."""
    policies = []

    def make(name, n=N, spec=DELTA_EEF, **options):
        cfg = PolicyCfg(name, options={key: str(value) for key, value in options.items()})
        cfg.check()
        cfg.check_actions(spec)
        cfg.check_environments(n)
        policies.append(make_policy(cfg, n, spec, "cpu"))
        policies[-1].reset(range(n), range(n))
        return policies[-1]

    yield make
    for policy in policies:
        policy.close()


def test_openpi_with_a_mapping_that_ships(made):
    """DROID: joint velocities at 15 Hz, of which 1 is 0.2 rad a step, and a gripper that is 1 when closed."""
    seen = []

    def answer(asked):
        seen.append(asked)
        chunk = np.zeros((10, 8))
        chunk[:, 0] = asked["observation/joint_position"][0]
        chunk[:, 7] = 1.0
        return chunk

    with websocket_server(openpi_answers(answer)) as port:
        policy = made(f"remote:openpi://127.0.0.1:{port}", spec=DELTA_JOINTS, mapping="openpi-droid")
        assert policy.execute_steps == round(8 * 20 / 15)
        assert policy.cameras == ("front", "wrist")
        actions = policy.act(observation()).actions
        times = policy.take_latencies()
    assert actions.shape == (N, 13, 8)
    np.testing.assert_allclose(actions[:, 0, 0], 0.01 * np.arange(N) * 0.2 * 15 / 20, atol=1e-7)
    assert DELTA_JOINTS.closes(actions).all()
    assert sorted(asked["prompt"] for asked in seen) == ["do 0", "do 1", "do 2"]
    first = seen[0]
    assert set(first) == {
        "observation/exterior_image_1_left", "observation/wrist_image_left", "observation/joint_position",
        "observation/gripper_position", "prompt",
    }  # fmt: skip
    assert first["observation/wrist_image_left"].shape == (224, 224, 3)
    assert first["observation/gripper_position"] == pytest.approx(0.75, abs=0.01)
    assert {key.partition(":")[0] for key in times} == {"round_trip", "server", "network"}


def test_internvla_m1_in_one_batch_and_un_normalised(made, tmp_path):
    """8 numbers: the seventh is a joint, and is not cut at a half."""
    low, high = [-0.02] * 7 + [0.0], [0.04] * 7 + [1.0]
    statistics = tmp_path / "dataset_statistics.json"
    rows = {"min": low, "max": high, "q01": low, "q99": low, "mask": [True] * 7 + [False]}
    statistics.write_text(json.dumps({"franka": {"action": rows}}), "utf-8")
    seen = []

    def answer(asked):
        chunk = np.full((len(asked["instructions"]), 16, 8), -1 / 3, np.float32)  # nothing
        chunk[:, :, 6] = 0.4
        chunk[:, :, 7] = [[1.0], [0.0], [1.0]]
        return chunk

    with websocket_server(m1_answers(answer, seen)) as port:
        policy = made(
            f"remote:m1://127.0.0.1:{port}", spec=DELTA_JOINTS, mapping="m1-franka", statistics=statistics
        )
        actions = policy.act(observation()).actions
    (payload,) = seen
    assert payload["instructions"] == ["do 0", "do 1", "do 2"]
    assert [len(views) for views in payload["batch_images"]] == [2, 2, 2]
    assert (payload["unnorm_key"], payload["use_ddim"], payload["num_ddim_steps"]) == ("franka", True, 10)
    np.testing.assert_allclose(
        actions[:, :, 6], (0.7 * 0.06 - 0.02) * 30 / 20, atol=1e-6
    )  # 30 Hz in the data
    np.testing.assert_allclose(actions[:, :, :6], 0, atol=1e-7)
    assert DELTA_JOINTS.closes(actions)[:, 0].tolist() == [True, False, True]


def test_a_chunk_of_another_length_or_width_stops_the_run_in_one_sentence(made):
    with websocket_server(openpi_answers(lambda asked: np.zeros((10, 7)))) as port:
        policy = made(f"remote:openpi://127.0.0.1:{port}", spec=DELTA_JOINTS, mapping="openpi-droid")
        with pytest.raises(RemoteError, match="actions have 7 numbers, and 8 are expected"):
            policy.act(observation())


def test_numbers_that_are_not_finite_are_for_the_rollout_to_judge(made):
    def answer(asked):
        chunk = np.zeros((10, 8))
        chunk[:, 0] = np.nan if asked["prompt"] == "do 1" else 0.0
        return chunk

    with websocket_server(openpi_answers(answer)) as port:
        policy = made(f"remote:openpi://127.0.0.1:{port}", spec=DELTA_JOINTS, mapping="openpi-droid")
        actions = policy.act(observation()).actions
    assert torch.isfinite(actions[[0, 2]]).all()
    assert torch.isnan(actions[1]).all()


@pytest.mark.parametrize(
    ("options", "spec", "sentence"),
    [
        ({}, DELTA_JOINTS, "needs policy.mapping=.*one that ships: gr00t-droid"),
        ({"mapping": "openpi-droid"}, DELTA_EEF, "action_space=delta_joints"),
        ({"mapping": "m1-franka"}, DELTA_JOINTS, "it is for m1://, not openpi://"),
        ({"mapping": "nowhere.yaml"}, DELTA_JOINTS, "there is no mapping 'nowhere.yaml'"),
        ({"mapping": "openpi-droid", "statistics": "x"}, DELTA_JOINTS, "policy.statistics= is for"),
        ({"mappin": "openpi-droid"}, DELTA_JOINTS, "no option 'mappin'; did you mean mapping"),
        ({"mapping": "openpi-droid", "timeout_s": "0"}, DELTA_JOINTS, "policy.timeout_s must be above 0"),
    ],
)
def test_what_does_not_fit_is_one_sentence_before_the_first_step(made, options, spec, sentence):
    with (
        websocket_server(openpi_answers(lambda asked: np.zeros((10, 8)))) as port,
        pytest.raises((OptionError, RemoteError), match=sentence),
    ):
        made(f"remote:openpi://127.0.0.1:{port}", spec=spec, **options)


@pytest.mark.parametrize(
    ("address", "sentence"),
    [
        ("openpi://127.0.0.1:1", "there is no policy's server to speak with at openpi://127.0.0.1:1"),
        ("openpie://127.0.0.1:1", "names no dialect that is spoken here"),
        ("gr00t://127.0.0.1:1", "version=n1.5 or"),
        ("openpi://127.0.0.1:99999", "is no address of a server"),
    ],
)
def test_a_server_that_cannot_be_reached_is_exit_status_2_and_one_sentence(capsys, address, sentence):
    status = main(
        ["eval", f"policy=remote:{address}", "policy.mapping=openpi-droid", "action_space=delta_joints"]
    )
    said = capsys.readouterr().err
    assert status == 2
    assert sentence in said
    assert said.count("\n") == 1


def test_a_server_of_another_dialect_is_named(made):
    """RoboArena's servers begin as openpi's do."""
    needs = {"needs_session_id": True}
    with (
        websocket_server(openpi_answers(lambda asked: np.zeros((1, 8)), needs)) as port,
        pytest.raises(RemoteError, match="remote:roboarena://"),
    ):
        made(f"remote:openpi://127.0.0.1:{port}", spec=DELTA_JOINTS, mapping="openpi-droid")


def test_a_run_is_bound_to_the_mapping_by_content(made, tmp_path):
    with websocket_server(openpi_answers(lambda asked: np.zeros((1, 8)))) as port:
        cfg = PolicyCfg(f"remote:openpi://127.0.0.1:{port}", options={"mapping": "openpi-droid"})
        kept = cfg.provenance()["policy"]
    assert set(kept["files"]) == {"policy.mapping"}
    assert kept["server_says"] == "{}"


def test_no_server_is_looked_for_in_the_environments_proxies(made, monkeypatch):
    with socket.socket() as proxy:
        proxy.bind(("127.0.0.1", 0))
        monkeypatch.setenv("http_proxy", f"http://127.0.0.1:{proxy.getsockname()[1]}")
        with websocket_server(openpi_answers(lambda asked: np.zeros((10, 8)))) as port:
            policy = made(f"remote:openpi://127.0.0.1:{port}", spec=DELTA_JOINTS, mapping="openpi-droid")
            assert policy.act(observation()).actions.isfinite().all()


NEEDS = {"image_resolution": [180, 320], "needs_wrist_camera": True, "n_external_cameras": 1,
         "needs_stereo_camera": False, "needs_session_id": True, "action_space": "joint_position"}  # fmt: skip


@pytest.mark.parametrize(
    ("width", "sentence"), [(320, None), (224, "sent with 224 x 180 px, and the server takes 320 x 180")]
)
def test_what_a_server_says_that_it_takes_is_held_against_the_mapping(made, tmp_path, width, sentence):
    file = tmp_path / "m.yaml"
    file.write_text(
        "dialect: roboarena\nactions: {arm: as_task}\n"
        f"cameras: [{{name: observation/exterior_image_0_left, source: front, width: {width}, height: 180}}]\n",
        "utf-8",
    )
    with websocket_server(openpi_answers(lambda asked: np.zeros((2, 8)), NEEDS)) as port:
        name = f"remote:roboarena://127.0.0.1:{port}"
        if sentence is None:
            assert made(name, spec=DELTA_JOINTS, mapping=file).cameras == ("front",)
        else:
            with pytest.raises(OptionError, match=sentence):
                made(name, spec=DELTA_JOINTS, mapping=file)


def test_a_server_with_one_past_for_all_acts_in_one_environment(made, tmp_path):
    file = tmp_path / "m.yaml"
    file.write_text("dialect: roboarena\nactions: {arm: as_task}\n", "utf-8")
    needs = NEEDS | {"needs_session_id": False}
    with websocket_server(openpi_answers(lambda asked: np.zeros((2, 8)), needs)) as port:
        name = f"remote:roboarena://127.0.0.1:{port}"
        made(name, n=1, spec=DELTA_JOINTS, mapping=file)
        with pytest.raises(OptionError, match="one past for all its clients, so 3 environments"):
            made(name, spec=DELTA_JOINTS, mapping=file)
