"""Messages over a socket are those that were sent, in whatever pieces they come; nothing else is taken for one."""

import socket
import threading
from contextlib import contextmanager

import pytest
from websockets.client import ClientProtocol
from websockets.frames import Frame, Opcode
from websockets.protocol import OPEN
from websockets.server import ServerProtocol
from websockets.uri import parse_uri

from policy.serve.errors import ConnectionLost
from policy.serve.message_socket import LARGE, MOST_FRAGMENTS, MessageSocket

MOST = 4 * LARGE


@contextmanager
def pair(side="server", wake=None):
    """A socket of one side after its handshake, and the raw other end."""
    here, there = socket.socketpair(socket.AF_UNIX)
    protocol = (
        ServerProtocol(state=OPEN, max_size=MOST)
        if side == "server"
        else ClientProtocol(parse_uri("ws://x"), state=OPEN, max_size=MOST)
    )
    messages = MessageSocket(_NoDelay(here), protocol, "other side", 5.0, wake)
    try:
        yield messages, there
    finally:
        messages.close()
        there.close()


class _NoDelay:
    """A socket of a kind that has no TCP options."""

    def __init__(self, inner):
        self._inner = inner

    def setsockopt(self, level, option, value):
        if level != socket.IPPROTO_TCP:
            self._inner.setsockopt(level, option, value)

    def __getattr__(self, name):
        return getattr(self._inner, name)


def frame(data, opcode=Opcode.BINARY, fin=True, mask=True):
    return Frame(opcode, data, fin).serialize(mask=mask)


@pytest.mark.parametrize("length", [0, 1, 125, 126, 65535, LARGE, LARGE + 1, 3 * LARGE])
@pytest.mark.parametrize("piece", [7, 1000, 1 << 20])
def test_a_message_comes_whole_in_whatever_pieces(length, piece):
    data = bytes(i * 7 % 251 for i in range(length))
    sent = frame(data) + frame(b"after")
    piece = max(piece, len(sent) // 200)

    def send(there):
        for at in range(0, len(sent), piece):
            there.sendall(sent[at : at + piece])

    with pair() as (messages, there):
        thread = threading.Thread(target=send, args=(there,))
        thread.start()
        assert messages.receive(5) == data
        assert messages.receive(5) == b"after"
        thread.join()


def test_fragments_and_pings_between_them_are_one_message():
    parts = [b"a" * LARGE, b"b" * 10, b""]
    sent = [
        frame(parts[0], fin=False),
        frame(b"there?", Opcode.PING),
        frame(parts[1], Opcode.CONT, fin=False),
        frame(parts[2], Opcode.CONT),
    ]
    with pair() as (messages, there):
        threading.Thread(target=there.sendall, args=(b"".join(sent),)).start()
        assert messages.receive(5) == b"".join(parts)
        assert there.recv(100) == frame(b"there?", Opcode.PONG, mask=False)


@pytest.mark.parametrize(
    ("sent", "sentence"),
    [
        (frame(b"x" * (MOST + 1)), "broke the websocket protocol"),
        (frame(b"x" * LARGE, mask=False), "broke the websocket protocol"),
        (b"\xc2" + frame(b"x" * LARGE)[1:], "broke the websocket protocol"),  # a reserved bit
        (frame(b"x", Opcode.CONT), "broke the websocket protocol"),
        (frame(b"x", fin=False) + frame(b"y" * LARGE), "broke the websocket protocol"),
        (frame(b"x", fin=False) + frame(b"", Opcode.CONT, fin=False) * MOST_FRAGMENTS, "too many fragments"),
        (frame(b"\xff", Opcode.TEXT), "a text message is not UTF-8"),
        (frame(b"\x03\xe8bye", Opcode.CLOSE), r"closed the connection \(1000 'bye'\)"),
        (frame(b"x" * LARGE)[:100], "broke off"),
        (b"", "broke off"),
    ],
    ids=range(10),
)
def test_what_is_no_message_ends_the_connection(sent, sentence):
    with pair() as (messages, there):

        def send():
            try:
                there.sendall(sent)
                there.shutdown(socket.SHUT_WR)
            except OSError:
                pass  # it was refused before its end

        threading.Thread(target=send).start()
        with pytest.raises(ConnectionLost, match=sentence):
            messages.receive(5)
        assert messages.ended
        with pytest.raises(ConnectionLost):
            messages.send(b"more")


def test_a_frame_beyond_the_limit_is_refused_before_it_is_read():
    head = frame(b"x" * (MOST + 1))[:14]
    with pair() as (messages, there):
        there.sendall(head)
        with pytest.raises(ConnectionLost):
            messages.receive(5)


def test_a_message_that_takes_its_time_is_waited_for_anew():
    data = bytes(range(256)) * (LARGE // 128)
    sent = frame(data)
    with pair() as (messages, there):
        there.sendall(sent[: LARGE // 2])
        for _ in range(2):
            with pytest.raises(TimeoutError):
                messages.receive(0.02)
        there.sendall(sent[LARGE // 2 :])
        assert messages.receive(5) == data


def test_a_client_takes_no_masked_frame():
    with pair("client") as (messages, there):
        there.sendall(frame(b"x" * LARGE))
        with pytest.raises(ConnectionLost, match="broke the websocket protocol"):
            messages.receive(5)


def test_a_wake_ends_the_waiting_and_loses_nothing():
    waking, wake = socket.socketpair()
    with pair(wake=wake.fileno()) as (messages, there):
        waking.send(b"x")
        there.sendall(frame(b"x"))
        with pytest.raises(TimeoutError):
            messages.receive(5)
        wake.recv(1)
        assert messages.receive(5) == b"x"
    waking.close()
    wake.close()


def test_a_peer_that_takes_nothing_is_given_up():
    with pair() as (messages, _):
        messages._socket.setsockopt(
            socket.SOL_SOCKET, socket.SO_SNDTIMEO, b"\0" * 8 + (100_000).to_bytes(8, "little")
        )
        assert messages.takes()
        with pytest.raises(ConnectionLost, match="could not be sent"):
            messages.send(bytes(1 << 24))
