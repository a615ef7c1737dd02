"""A server that a benchmark starts: its port is read, and one that ends before it listens is a sentence."""

import sys

import pytest

from tools.bench_policy_server import NoServer, numbers_of_clients, server
from workbench.cli.options import OptionError

LISTENS = "import time; print('loading', flush=True); print('at 127.0.0.1:4321 ', flush=True); time.sleep(60)"


def test_the_port_is_read_from_what_a_server_says():
    with server([sys.executable, "-c", LISTENS]) as port:
        assert port == 4321


def test_a_server_that_does_not_come_up_is_a_sentence():
    with (
        pytest.raises(NoServer, match=r"ended with status 3 before it listened"),
        server([sys.executable, "-c", "raise SystemExit(3)"]),
    ):
        pytest.fail("there is no server")


@pytest.mark.parametrize("words", ["", "0", "1,", "1,x", "1,-4"])
def test_numbers_of_clients_are_whole_and_positive(words):
    with pytest.raises(OptionError, match="clients"):
        numbers_of_clients(words)


def test_numbers_of_clients_keep_their_order():
    assert numbers_of_clients("16,1") == [16, 1]
