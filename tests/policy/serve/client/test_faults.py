"""Whatever a server does, an answer is never taken for one to another question, and no question is lost."""

import socket
import struct
import threading
import time

import numpy as np
import pytest

from policy.serve import openpi
from policy.serve.client.actor import Actor
from policy.serve.client.address import Address
from policy.serve.client.settings import Settings
from policy.serve.errors import RemoteError
from policy.serve.exchange import Asked
from tests.policy.serve.client.stubs import openpi_answers, websocket_server

PATIENT = Settings(timeout_s=0.3, connect_s=2, patience_s=5, attempts=10, connections=4)


def question(number: float) -> Asked:
    return Asked({}, {"observation/state": np.array([number], np.float32)}, "go", session="s")


def echo(asked: dict) -> np.ndarray:
    """An answer that says which question it is to."""
    return np.full((2, 3), asked["observation/state"][0], np.float32)


def numbers(actor: Actor, asked: list[float]) -> list[float]:
    answers = actor.act(range(len(asked)), [question(number) for number in asked])
    return [float(chunk["actions"][0, 0]) for chunk, _ in answers]


def actor_at(port: int, settings: Settings = PATIENT) -> Actor:
    return Actor(Address.read(f"openpi://127.0.0.1:{port}"), settings)


def test_answers_come_in_the_order_of_the_questions_whatever_the_order_of_the_server():
    def slow_when_odd(asked):
        time.sleep(0.02 * float(asked["observation/state"][0] % 2))
        return echo(asked)

    with websocket_server(openpi_answers(slow_when_odd)) as port:
        actor = actor_at(port)
        assert numbers(actor, list(range(40))) == list(range(40))
        assert actor.latencies.take()
        actor.close()


def test_a_late_answer_is_never_taken_for_the_next():
    """Every third answer is late; were its connection used again, it would answer the next question."""
    count = iter(range(1, 10_000))

    def late(asked):
        if next(count) % 3 == 0:
            time.sleep(0.5)
        return echo(asked)

    with websocket_server(openpi_answers(late)) as port:
        actor = actor_at(port)
        for number in range(12):
            assert numbers(actor, [number]) == [number]
        actor.close()


def test_a_server_that_never_answers_is_given_up_in_one_sentence():
    with websocket_server(openpi_answers(lambda asked: time.sleep(1) or echo(asked))) as port:
        actor = actor_at(port, Settings(timeout_s=0.1, attempts=2, patience_s=9))
        with pytest.raises(RemoteError, match=r"no answer came in 0.1 s \(2 times.*goes on from here"):
            numbers(actor, [1])
        actor.close()


def test_a_message_that_nobody_asked_for_ends_the_connection():
    def twice(connection):
        connection.send(openpi.encode({}))
        for frame in connection:
            asked = openpi.decode_request(frame)
            for _ in range(2):
                connection.send(openpi.encode({"actions": echo(asked)}))

    with websocket_server(twice) as port:
        actor = actor_at(port)
        for number in range(5):
            assert numbers(actor, [number]) == [number]
            time.sleep(0.05)
        actor.close()


def test_a_server_that_was_killed_and_came_back_is_asked_again():
    with websocket_server(openpi_answers(echo)) as port:
        actor = actor_at(port)
        assert numbers(actor, [1, 2, 3]) == [1, 2, 3]

    def come_back():
        time.sleep(0.5)
        with websocket_server(openpi_answers(echo), port):
            done.wait(10)

    done = threading.Event()
    thread = threading.Thread(target=come_back)
    thread.start()
    assert numbers(actor, [4, 5, 6]) == [4, 5, 6]
    actor.close()
    done.set()
    thread.join()


def test_a_server_that_stays_away_is_given_up_in_one_sentence():
    with websocket_server(openpi_answers(echo)) as port:
        actor = actor_at(port, Settings(patience_s=0.3))
        numbers(actor, [1])
    with pytest.raises(RemoteError, match=r"did not come back within 0.3 s"):
        numbers(actor, [2])
    actor.close()


def test_a_server_that_comes_back_with_another_policy_is_refused():
    with websocket_server(openpi_answers(echo, {"workbench": {"protocol": 1, "x": 1}})) as port:
        actor = actor_at(port)
        numbers(actor, [1])
    with (
        websocket_server(openpi_answers(echo, {"workbench": {"protocol": 1, "x": 2}}), port),
        pytest.raises(RemoteError, match="another policy"),
    ):
        numbers(actor, [2])
    actor.close()


def test_a_connection_that_ends_in_the_middle_of_a_frame_is_replaced():
    broken = [True]

    def half(connection):
        connection.send(openpi.encode({}))
        for frame in connection:
            reply = openpi.encode({"actions": echo(openpi.decode_request(frame))})
            if broken.pop() if broken else False:
                header = b"\x82\x7e" + struct.pack("!H", len(reply))
                connection.socket.sendall(header + reply[:10])
                connection.socket.shutdown(socket.SHUT_RDWR)
                return
            connection.send(reply)

    with websocket_server(half) as port:
        actor = actor_at(port)
        assert numbers(actor, [7]) == [7]
        assert not broken
        actor.close()


@pytest.mark.parametrize(
    ("reply", "sentence"),
    [
        (b"\xc1", "openpi message"),
        (openpi.encode([1, 2]), "not a map"),
        (openpi.encode({"actions": [1.0]}), "not an array of numbers"),
        (openpi.encode({"actions": np.zeros((2, 3, 4), np.float32)}), "shape"),
        ("Traceback\n  ...\nKeyError: 'state'", "the policy's server failed: KeyError: 'state'"),
    ],
)
def test_nonsense_is_one_sentence(reply, sentence):
    def nonsense(connection):
        connection.send(openpi.encode({}))
        for _ in connection:
            connection.send(reply)

    with websocket_server(nonsense) as port:
        actor = actor_at(port)
        with pytest.raises(RemoteError, match=sentence) as error:
            numbers(actor, [1])
        assert "\n" not in str(error.value)
        actor.close()


def test_nobody_there_is_one_sentence():
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    with pytest.raises(RemoteError, match=r"there is no policy's server to speak with at openpi://127.0.0.1"):
        actor_at(port).connect()


def test_a_server_that_waits_to_be_greeted_is_one_sentence():
    """As vla-eval's does."""
    with (
        websocket_server(lambda connection: time.sleep(2)) as port,
        pytest.raises(RemoteError, match=r"no answer came in 0.2 s"),
    ):
        actor_at(port, Settings(connect_s=0.2)).connect()


def test_a_server_that_takes_no_bytes_is_given_up_in_time():
    """A message larger than all buffers on the way would otherwise wait for ever."""
    from websockets.server import ServerProtocol

    def deaf(listening):
        taken, _ = listening.accept()
        protocol = ServerProtocol()
        while not (events := protocol.events_received()):
            protocol.receive_data(taken.recv(4096))
        protocol.send_response(protocol.accept(events[0]))
        protocol.send_binary(openpi.encode({}))
        for data in protocol.data_to_send():
            taken.sendall(data)
        done.wait(10)
        taken.close()

    done = threading.Event()
    with socket.create_server(("127.0.0.1", 0)) as listening:
        thread = threading.Thread(target=deaf, args=(listening,))
        thread.start()
        actor = actor_at(listening.getsockname()[1], Settings(timeout_s=0.5, attempts=1, patience_s=0))
        large = Asked({"observation/image": np.zeros((4000, 4000, 3), np.uint8)}, {}, "go")
        began = time.monotonic()
        with pytest.raises(RemoteError, match="goes on from here"):
            actor.act([0], [large])
        assert time.monotonic() - began < 5
        actor.close()
        done.set()
        thread.join()
