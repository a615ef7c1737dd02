"""Other people's clients and servers, as their packages are, in environments of their own."""

import json
import socket

import numpy as np
import pytest
import torch

from tasks.tabletop.action_spaces import DELTA_EEF
from tests.workbench.serving.foreign import environment, run, running
from tests.workbench.serving.served import Remembering, serving
from tests.workbench.serving.test_parity import observation
from workbench.rollout.policies import PolicyCfg, make_policy

pytestmark = pytest.mark.long

OBSERVED = """
import json, sys
import numpy as np
rng = np.random.default_rng(2)
sizes = {"joint_pos": 7, "joint_vel": 7, "ee_pose": 7, "gripper_width": 1}
state = {name: rng.normal(size=size).astype(np.float32) for name, size in sizes.items()}
images = {c: rng.integers(0, 256, (224, 224, 3), np.uint8) for c in ("front", "wrist")}
def tell(chunks):
    print(json.dumps([[np.asarray(c).dtype.str, np.asarray(c).tolist()] for c in chunks]))
"""
"""What every foreign client sees, and how it tells what it got."""


def expected(steps):
    """What the policy decides of it in process, asked so many times."""
    values = {}
    exec(OBSERVED, values)
    from policy.contract import Observation

    state = {name: torch.from_numpy(v[None]) for name, v in values["state"].items()}
    state["gripper_width"] = state["gripper_width"][:, 0]
    images = {name: torch.from_numpy(v[None]) for name, v in values["images"].items()}
    policy, found = Remembering(DELTA_EEF), []
    policy.reset([0], [0])
    for step in range(steps):
        seen = Observation([0], torch.tensor([2 * step]), ["put it away"], images=images, **state)
        found.append(policy.act(seen).actions[0].numpy())
    return found


def told(text):
    return [np.array(values, dtype) for dtype, values in json.loads(text.strip().splitlines()[-1])]


def same(got, wanted):
    """But for the random numbers, whose seed such clients cannot name, and which are below 0.005."""
    assert len(got) == len(wanted)
    for a, b in zip(got, wanted, strict=True):
        assert a.dtype == np.float32
        np.testing.assert_allclose(a, b, atol=1e-2)
    assert not np.allclose(wanted[0], wanted[1], atol=2e-3), "the questions could be mixed up"


class Quiet(Remembering):
    """Without random numbers."""

    def act(self, observation):
        self.generators = {env: Zeros() for env in observation.env_ids}
        return super().act(observation)


class Zeros:
    def normal(self, size):
        return np.zeros(size)


@pytest.fixture(scope="module")
def openpi_python(tmp_path_factory):
    # openpi-client 0.1.2 does not say that it needs typing_extensions.
    return environment(
        tmp_path_factory.mktemp("openpi") / "env", "openpi-client", "openpi-server", "typing_extensions"
    )


@pytest.fixture(scope="module")
def vla_eval_python(tmp_path_factory):
    return environment(tmp_path_factory.mktemp("vla_eval") / "env", "vla-eval==0.8.0")


@pytest.fixture(scope="module")
def zmq_python(tmp_path_factory):
    return environment(tmp_path_factory.mktemp("zmq") / "env", "pyzmq", "msgpack", "msgpack-numpy", "numpy")


def test_openpis_client_at_our_server(openpi_python):
    program = (
        OBSERVED
        + """
from openpi_client.websocket_client_policy import WebsocketClientPolicy
policy = WebsocketClientPolicy("127.0.0.1", int(sys.argv[1]))
assert policy.get_server_metadata()["workbench"]["execute_steps"] == 2
seen = {"observation/" + k: v for k, v in (state | images).items()} | {"prompt": "put it away"}
tell([policy.infer(seen)["actions"] for _ in range(3)])
"""
    )
    with serving(Quiet(DELTA_EEF), "openpi") as server:
        same(told(run(openpi_python, program, server.port)), expected(3))


def mapping_file(tmp_path, text):
    (tmp_path / "mapping.yaml").write_text(text, "utf-8")
    return tmp_path / "mapping.yaml"


STATES = """
    - {quantity: joint_pos, form: rad}
    - {quantity: ee_position, form: m}
"""


def asked(address, file, tmp_path, n=3):
    """What our client gets of somebody else's server for ``n`` environments, by a mapping."""
    cfg = PolicyCfg(f"remote:{address}", options={"mapping": str(file)})
    cfg.check()
    cfg.check_environments(n)
    policy = make_policy(cfg, n, DELTA_EEF, "cpu")
    policy.reset(range(n), range(n))
    seen = observation(np.random.default_rng(5), n)
    actions = [policy.act(seen).actions.numpy() for _ in range(2)]
    policy.close()
    return seen, actions


def test_our_client_at_openpis_server(openpi_python, tmp_path):
    program = """
import socket, numpy as np
from openpi_server import WebsocketPolicyServer
class Policy:
    def infer(self, obs):
        assert obs["observation/image"].shape == (224, 224, 3) and obs["observation/image"].dtype == np.uint8
        assert obs["prompt"].startswith("put")
        return {"actions": np.tile(obs["observation/state"][None, :7], (5, 1)) * 0.01}
with socket.socket() as free:
    free.bind(("127.0.0.1", 0))
    port = free.getsockname()[1]
print(port)
WebsocketPolicyServer(Policy(), "127.0.0.1", port).serve_forever()
"""
    file = mapping_file(tmp_path, f"""
dialect: openpi
cameras: [{{name: observation/image, source: front, width: 224, height: 224}}]
state:
  observation/state: {STATES}
actions: {{arm: as_task, execute_steps: 5, chunk: 5}}
""")  # fmt: skip
    with running(openpi_python, program) as port:
        wait_for(int(port))
        seen, (first, second) = asked(f"openpi://127.0.0.1:{port}", file, tmp_path)
    wanted = np.repeat(seen.joint_pos.numpy()[:, None] * 0.01, 5, 1)
    np.testing.assert_allclose(first, wanted, rtol=1e-6)
    assert (first == second).all()


def test_vla_evals_client_at_our_server(vla_eval_python):
    program = (
        OBSERVED
        + """
import asyncio
from vla_eval.connection import Connection
async def main():
    async with Connection(f"ws://127.0.0.1:{sys.argv[1]}") as conn:
        got = []
        for episode in range(2):
            await conn.start_episode({"task": {"name": "x"}})
            states = np.concatenate([state[k] for k in sizes])
            for _ in range(4):
                seen = {"images": images, "task_description": "put it away", "states": states}
                got.append((await conn.act(seen))["actions"])
            await conn.end_episode({"success": True})
        tell(got)
asyncio.run(main())
"""
    )
    with serving(Quiet(DELTA_EEF), "vla-eval") as server:
        got = told(run(vla_eval_python, program, server.port))
    chunks = expected(2)
    # One action an observation, and of a chunk as many as are to be executed; a new episode begins anew.
    wanted = [chunks[0][0], chunks[0][1], chunks[1][0], chunks[1][1]] * 2
    same(got, wanted)


def test_our_client_at_vla_evals_server(vla_eval_python, tmp_path):
    program = """
import socket, numpy as np
from vla_eval.model_servers.predict import PredictModelServer
from vla_eval.model_servers.serve import serve
class Policy(PredictModelServer):
    def __init__(self):
        super().__init__()
    def get_action_spec(self): return {}
    def get_observation_spec(self): return {}
    def predict(self, obs, ctx):
        assert obs["images"]["agentview"].shape == (64, 64, 3)
        return {"actions": (np.asarray(obs["states"])[:7] * 0.01 + ctx.step / 1000).astype(np.float32)}
with socket.socket() as free:
    free.bind(("127.0.0.1", 0))
    port = free.getsockname()[1]
print(port)
serve(Policy(), "127.0.0.1", port)
"""
    file = mapping_file(tmp_path, f"""
dialect: vla-eval
cameras: [{{name: agentview, source: front, width: 64, height: 64}}]
state:
  states: {STATES}
actions: {{arm: as_task}}
""")  # fmt: skip
    with running(vla_eval_python, program) as port:
        wait_for(int(port))
        seen, (first, second) = asked(f"vla-eval://127.0.0.1:{port}", file, tmp_path)
    np.testing.assert_allclose(first[:, 0], seen.joint_pos.numpy() * 0.01, atol=1e-6)
    np.testing.assert_allclose(
        second - first, 1 / 1000, atol=1e-6
    )  # each environment has an episode of its own


GR00T_CODEC = """
import msgpack, msgpack_numpy, zmq, sys, json
import numpy as np
pack = lambda m: msgpack.packb(m, default=msgpack_numpy.encode)
unpack = lambda b: msgpack.unpackb(b, object_hook=msgpack_numpy.decode)
"""


def test_a_client_of_gr00t_n17_at_our_server(zmq_python):
    program = (
        OBSERVED
        + GR00T_CODEC
        + """
socket = zmq.Context().socket(zmq.REQ)
socket.connect(f"tcp://127.0.0.1:{sys.argv[1]}")
def call(endpoint, **data):
    socket.send(pack({"endpoint": endpoint} | ({"data": data} if data else {})))
    return unpack(socket.recv())
assert call("ping")["status"] == "ok"
assert call("reset", options=None) == {}
seen = {"video." + c: image[None, None] for c, image in images.items()}
seen |= {"state." + k: v[None, None] for k, v in state.items()}
seen["annotation.language.language_instruction"] = ["put it away"]
got = []
for _ in range(3):
    actions, info = call("get_action", observation=seen, options=None)
    assert actions["actions"].shape == (1, 4, 7)
    got.append(actions["actions"][0])
tell(got)
"""
    )
    with serving(Quiet(DELTA_EEF), "gr00t", version="n1.7") as server:
        same(told(run(zmq_python, program, server.port)), expected(3))


def test_our_client_at_a_server_of_gr00t_n17(zmq_python, tmp_path):
    program = (
        GR00T_CODEC
        + """
socket = zmq.Context().socket(zmq.REP)
print(socket.bind_to_random_port("tcp://127.0.0.1"))
while True:
    asked = unpack(socket.recv())
    if asked["endpoint"] == "ping":
        socket.send(pack({"status": "ok", "message": "Server is running"}))
        continue
    seen = asked["data"]["observation"]
    assert seen["video.image"].shape[1:] == (1, 64, 64, 3) and seen["video.image"].dtype == np.uint8
    joints = seen["state.joint_position"][:, 0]
    chunk = np.repeat(joints[:, None] * 0.01, 4, 1).astype(np.float32)
    socket.send(pack([{"action.arm": chunk[..., :6], "action.hand": chunk[..., 6:]}, {}]))
"""
    )
    file = mapping_file(tmp_path, """
dialect: gr00t
stateless: true
cameras: [{name: video.image, source: front, width: 64, height: 64}]
state:
  state.joint_position: [{quantity: joint_pos, form: rad}]
actions: {arm: as_task, keys: [arm, hand], execute_steps: 4}
""")  # fmt: skip
    with running(zmq_python, program) as port:
        seen, (first, second) = asked(f"gr00t://127.0.0.1:{port}?version=n1.7", file, tmp_path)
    np.testing.assert_allclose(first[:, 2], seen.joint_pos.numpy() * 0.01, rtol=1e-5)
    assert (first == second).all()


def wait_for(port):
    """Until somebody listens there."""
    for _ in range(200):
        with socket.socket() as one:
            if one.connect_ex(("127.0.0.1", port)) == 0:
                return
        import time

        time.sleep(0.05)
    raise AssertionError(f"nobody listens at {port}")
