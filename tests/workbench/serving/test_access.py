"""Who may speak to a server, and what it shows of itself."""

import json
import socket
import urllib.error
import urllib.request
from pathlib import Path

import pytest
import zmq
from websockets.exceptions import InvalidStatus
from websockets.sync.client import connect

from policy.serve import gr00t, openpi
from policy.serve.errors import RemoteError
from policy.serve.server.access import header_shows, is_loopback, message_shows
from tasks.tabletop.action_spaces import DELTA_EEF
from tests.workbench.serving.served import Remembering, serving
from tests.workbench.serving.test_parity import client
from workbench.cli.main import main

TOKEN = "correct-horse-battery-staple"


@pytest.fixture
def token_file(tmp_path):
    (tmp_path / "token").write_text(TOKEN + "\n", "utf-8")
    return tmp_path / "token"


def get(port, path, **headers):
    request = urllib.request.Request(f"http://127.0.0.1:{port}{path}", headers=headers)
    try:
        with urllib.request.urlopen(request, timeout=5) as reply:
            return reply.status, reply.read().decode()
    except urllib.error.HTTPError as refusal:
        return refusal.code, refusal.read().decode()


def listening(port):
    """Addresses at which this machine listens at a port, from the kernel's own tables."""
    found = []
    for table, family in (("tcp", socket.AF_INET), ("tcp6", socket.AF_INET6)):
        for line in Path(f"/proc/net/{table}").read_text("utf-8").splitlines()[1:]:
            _, local, _, state, *_ = line.split()
            address, number = local.split(":")
            if state == "0A" and int(number, 16) == port:
                words = bytes.fromhex(address)
                raw = b"".join(words[i : i + 4][::-1] for i in range(0, len(words), 4))
                found.append(socket.inet_ntop(family, raw))
    return found


@pytest.mark.parametrize("options", [{"protocol": "openpi"}, {"protocol": "gr00t", "version": "n1.7"}])
def test_no_address_but_the_loopback_is_bound_by_default(options):
    with serving(Remembering(DELTA_EEF), **options) as server:
        assert listening(server.port) == ["127.0.0.1"]


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.168.0.7", "example.org"])
def test_another_address_needs_a_token(capsys, host):
    assert main(["serve", "policy=hold", f"host={host}"]) == 2
    said = capsys.readouterr().err
    assert f"host={host} can be reached by other machines, so token_file= must name a file" in said


@pytest.mark.parametrize(
    ("text", "why"), [("short", "16 characters"), ("two words of which one", "16 characters")]
)
def test_a_token_that_is_none_is_refused(tmp_path, capsys, text, why):
    (tmp_path / "t").write_text(text, "utf-8")
    assert main(["serve", "policy=hold", f"token_file={tmp_path / 't'}"]) == 2
    assert why in capsys.readouterr().err


def test_without_the_token_a_connection_is_turned_away_at_the_handshake(token_file):
    """Nothing of a message has been read by then: the refusal answers the request's head."""
    with serving(Remembering(DELTA_EEF), "openpi", token_file=str(token_file)) as server:
        url = f"ws://127.0.0.1:{server.port}"
        for headers in ({}, {"Authorization": "Bearer wrong-horse-battery-staple"}, {"Authorization": TOKEN}):
            with pytest.raises(InvalidStatus) as refusal, connect(url, additional_headers=headers):
                pass
            assert refusal.value.response.status_code == 401
        with socket.create_connection(("127.0.0.1", server.port)) as raw:
            raw.sendall(
                b"GET / HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
                b"Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\nSec-WebSocket-Version: 13\r\n\r\n"
            )
            assert raw.recv(100).startswith(b"HTTP/1.1 401 Unauthorized")
        assert server.service.metrics.value("requests_total") == 0
        assert server.service.metrics.value("unauthorised_total") == 4
        for scheme in ("Api-Key", "Bearer"):
            with connect(url, additional_headers={"Authorization": f"{scheme} {TOKEN}"}) as allowed:
                assert "workbench" in openpi.decode_metadata(allowed.recv(timeout=5))


@pytest.mark.parametrize("dialect", ["openpi", "n1.6", "vla-eval"])
def test_the_benchs_client_shows_a_token_and_says_so_where_it_has_none(token_file, dialect):
    from tests.workbench.serving.test_parity import options_of

    with serving(Remembering(DELTA_EEF), token_file=str(token_file), **options_of(dialect)) as server:
        client(dialect, server.port, token_file=str(token_file)).close()
        with pytest.raises(RemoteError, match="token") as refusal:
            client(dialect, server.port)
        assert TOKEN not in str(refusal.value)


def test_a_message_of_gr00t_without_the_token_is_refused_undecoded(token_file):
    with serving(Remembering(DELTA_EEF), "gr00t", version="n1.7", token_file=str(token_file)) as server:
        with zmq.Context() as context, context.socket(zmq.REQ) as asking:
            asking.setsockopt(zmq.RCVTIMEO, 5000)
            asking.connect(f"tcp://127.0.0.1:{server.port}")
            asking.send(b"\xc1 is no msgpack, which nobody finds out")
            reply = gr00t.CODECS["n1.7"].decode(asking.recv())
        assert "token" in reply["error"]
        assert server.service.metrics.value("requests_total") == 0


def test_health_and_metrics():
    with serving(Remembering(DELTA_EEF), "openpi") as server:
        assert get(server.port, "/healthz") == (200, "OK\n")
        policy = client("openpi", server.port)
        policy.close()
        status, text = get(server.port, "/metrics")
        assert status == 200
        assert "# TYPE workbench_policy_request_seconds histogram" in text
        assert 'workbench_policy_requests_total{policy="remembering",protocol="openpi"} 0' in text
        assert get(server.port, "/")[0] == 426  # a websocket is wanted
        server.service.draining = True
        assert get(server.port, "/healthz") == (503, "ending\n")


def test_metrics_are_for_those_who_show_the_token(token_file):
    with serving(Remembering(DELTA_EEF), "openpi", token_file=str(token_file)) as server:
        assert get(server.port, "/metrics")[0] == 401
        assert get(server.port, "/metrics", Authorization=f"Bearer {TOKEN}")[0] == 200
        assert get(server.port, "/healthz")[0] == 200


def test_a_full_server_says_so():
    with serving(Remembering(DELTA_EEF), "openpi", clients=1) as server:
        url = f"ws://127.0.0.1:{server.port}"
        with connect(url) as first:
            first.recv(timeout=5)
            with pytest.raises(InvalidStatus) as refusal, connect(url):
                pass
            assert refusal.value.response.status_code == 503


def test_the_handshake_says_what_the_policy_is():
    with serving(Remembering(DELTA_EEF), "openpi") as server, connect(f"ws://127.0.0.1:{server.port}") as one:
        contract = openpi.decode_metadata(one.recv(timeout=5))["workbench"]
    assert json.loads(json.dumps(contract)) == contract
    assert [c["name"] for c in contract["action_spec"]["channels"]] == [c.name for c in DELTA_EEF.channels]
    assert (contract["cameras"], contract["execute_steps"]) == (["front", "wrist"], 2)
    assert "statistics_sha256" in contract


def test_tokens_and_addresses():
    assert [h for h in ("127.0.0.1", "127.9.9.9", "::1", "localhost") if not is_loopback(h)] == []
    assert [h for h in ("0.0.0.0", "::", "10.0.0.1", "", "localhost.example.org") if is_loopback(h)] == []
    assert header_shows(None, "")
    assert not header_shows(None, TOKEN)
    assert not header_shows("Bearer ", TOKEN)
    assert message_shows(gr00t.encode({"endpoint": "ping", "api_token": TOKEN}, "n1.6"), TOKEN)
    assert not message_shows(gr00t.encode({"endpoint": "ping", "api_token": TOKEN + "x"}, "n1.6"), TOKEN)
    assert not message_shows(gr00t.encode({"endpoint": TOKEN}, "n1.6"), TOKEN)


def test_gr00t_has_health_and_metrics_at_a_port_of_their_own():
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    with serving(Remembering(DELTA_EEF), "gr00t", version="n1.6", metrics_port=port):
        assert get(port, "/healthz") == (200, "OK\n")
        assert 'protocol="gr00t"' in get(port, "/metrics")[1]
        with pytest.raises(InvalidStatus) as refusal, connect(f"ws://127.0.0.1:{port}"):
            pass
        assert refusal.value.response.status_code == 503
