"""Late, repeated and exchanged answers in the dialects that could tell, and in the one over ZeroMQ."""

import threading
import time

import numpy as np
import pytest
import zmq

from policy.serve import gr00t, internvla_m1, starvla, vla_eval
from policy.serve.client.actor import Actor
from policy.serve.client.address import Address
from policy.serve.client.settings import Settings
from policy.serve.errors import RemoteError
from policy.serve.exchange import Asked
from tests.policy.serve.client.stubs import websocket_server

SHORT = Settings(timeout_s=0.3, connect_s=2, patience_s=5, attempts=5)


def asked(number, own=None):
    return Asked({}, {"state.x": np.array([number], np.float32)}, str(number), session="s", own=own)


def test_a_late_answer_over_zeromq_goes_to_a_socket_that_is_gone():
    stopping = threading.Event()

    def late(socket):
        count = 0
        while not stopping.is_set():
            if not socket.poll(50):
                continue
            request = gr00t.decode_request(socket.recv(), "n1.5")
            if request["endpoint"] == "ping":
                socket.send(gr00t.encode({"status": "ok", "message": ""}, "n1.5"))
                continue
            count += 1
            if count % 3 == 2:
                time.sleep(0.5)
            number = request["data"]["state.x"][0, 0]
            socket.send(gr00t.encode({"action.x": np.full((2, 1), number)}, "n1.5"))

    with zmq.Context() as context, context.socket(zmq.REP) as socket:
        socket.setsockopt(zmq.LINGER, 0)
        port = socket.bind_to_random_port("tcp://127.0.0.1")
        thread = threading.Thread(target=late, args=(socket,))
        thread.start()
        actor = Actor(Address.read(f"gr00t://127.0.0.1:{port}?version=n1.5"), SHORT, stateless=True)
        try:
            for number in range(9):
                ((chunk, _),) = actor.act([0], [asked(number)])
                assert chunk["x"].tolist() == [[number], [number]]
        finally:
            actor.close()
            stopping.set()
            thread.join()


def test_nobody_at_a_zeromq_address_is_a_sentence_in_time():
    actor = Actor(Address.read("gr00t://127.0.0.1:1?version=n1.6"), Settings(connect_s=0.3))
    began = time.monotonic()
    with pytest.raises(RemoteError, match=r"there is no policy's server.*no answer came in 0\.3 s"):
        actor.connect()
    assert time.monotonic() - began < 3
    actor.close()


def status_server(dialect, ping, request_id):
    """M1's or starVLA's server, whose answers name another request than was asked."""

    def handler(connection):
        connection.send(dialect.encode({}))
        for frame in connection:
            request = dialect.decode_request(frame)
            reply = {"status": "ok", "ok": True, "type": ping, "request_id": request.request_id}
            if request.kind != "ping":
                data = {"actions": np.zeros((1, 2, 7), np.float32)}
                data["workbench"] = {"actions": data["actions"]}
                reply |= {"type": "inference_result", "request_id": request_id, "data": data}
            connection.send(dialect.encode(reply))

    return handler


@pytest.mark.parametrize(
    ("name", "dialect", "ping"), [("m1", internvla_m1, "pong"), ("starvla", starvla, "ping")]
)
def test_an_answer_that_names_another_request_is_none(name, dialect, ping):
    with websocket_server(status_server(dialect, ping, "somebody else's")) as port:
        actor = Actor(Address.read(f"{name}://127.0.0.1:{port}"), SHORT)
        with pytest.raises(RemoteError, match=r"it answers .*somebody else's.*was asked"):
            actor.act([0], [asked(1, own={"seed": 1, "step": 0})])
        actor.close()


def vla_eval_server(answer):
    def handler(connection):
        for frame in connection:
            message = vla_eval.decode(frame)
            if message.kind == "hello":
                payload = {"harness_version": "0.8.0", "protocol_version": 1}
                connection.send(vla_eval.encode(vla_eval.Message("hello", payload, message.seq, 1.0)))
            else:
                answer(connection, message)

    return handler


def test_an_action_with_the_number_of_an_older_observation_is_none():
    def answer(connection, message):
        if message.kind == "observation":
            old = vla_eval.Message("action", {"actions": np.zeros(7, np.float32)}, message.seq - 1, 1.0)
            connection.send(vla_eval.encode(old))

    with websocket_server(vla_eval_server(answer)) as port:
        actor = Actor(Address.read(f"vla-eval://127.0.0.1:{port}"), SHORT)
        with pytest.raises(RemoteError, match=r"it answers message \d+, and \d+ was asked"):
            actor.act([0], [asked(1)])
        actor.close()


def test_an_episode_that_could_not_start_says_why():
    def answer(connection, message):
        if message.kind == "episode_start":
            connection.send(
                vla_eval.encode(vla_eval.Message("error", {"error": "unknown suite"}, message.seq, 1.0))
            )
            time.sleep(0.1)

    with websocket_server(vla_eval_server(answer)) as port:
        actor = Actor(Address.read(f"vla-eval://127.0.0.1:{port}"), SHORT)
        with pytest.raises(RemoteError, match="unknown suite"):
            actor.act([0], [asked(1)])
        actor.close()


def test_a_past_that_is_lost_in_the_middle_of_an_episode_is_not_made_up():
    """The first question of an episode is asked again on a new connection; a later one is not."""
    starts, silent = [], [True]

    def answer(connection, message):
        if message.kind == "episode_start":
            starts.append(message.seq)
        elif message.kind == "observation":
            if silent and silent.pop():
                time.sleep(0.6)  # too late, on the first question
                return
            if message.payload["task_description"] == "3":
                connection.close()
                return
            action = vla_eval.Message("action", {"actions": np.zeros(7, np.float32)}, message.seq, 1.0)
            connection.send(vla_eval.encode(action))

    with websocket_server(vla_eval_server(answer)) as port:
        actor = Actor(Address.read(f"vla-eval://127.0.0.1:{port}"), SHORT)
        actor.act([0], [asked(1)])
        actor.act([0], [asked(2)])
        assert len(starts) == 2
        with pytest.raises(RemoteError, match=r"in the middle of an episode.*runs that episode anew"):
            actor.act([0], [asked(3)])
        assert len(starts) == 2
        actor.close()
