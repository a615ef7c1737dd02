"""``workbench serve`` as one types it, and the commands of docs/policy_servers.md."""

import re
import shlex
import signal
import subprocess
import sys
import urllib.request
from pathlib import Path

import pytest

from policy.serve.mapping.mapping import load_mapping, shipped
from workbench.cli.main import COMMANDS, main
from workbench.cli.options import parse_options
from workbench.evaluation.options import EvalOptions
from workbench.rollout.remote_policies import RemoteServer
from workbench.serving.options import PROTOCOLS, ServeOptions

ROOT = Path(__file__).parents[3]
PAGE = (ROOT / "docs/policy_servers.md").read_text("utf-8")
BLOCKS = re.findall(r"```sh\n(.*?)```", PAGE, re.DOTALL)
TYPED = [shlex.split(line) for block in BLOCKS for line in block.strip().splitlines()]
LINES = [words for words in TYPED if words[0] == "workbench"]


def test_the_page_has_commands():
    assert {words[1] for words in LINES} == {"serve", "eval"}
    # Of another package: tests/workbench/harnesses/test_harnesses.py runs it with these options.
    assert {words[0] for words in TYPED} == {"workbench", "vla-eval"}


@pytest.mark.parametrize("words", LINES, ids=" ".join)
def test_every_option_on_the_page_is_one(words):
    _, command, *given = words
    if command == "serve":
        options = parse_options(ServeOptions, given)
        assert options.protocol in PROTOCOLS
    else:
        options = parse_options(EvalOptions, given)
        server = RemoteServer.of(options.policy, options.policy_options)
        assert server.address.port
        if server.options.mapping:
            assert server.options.mapping in shipped()


def test_the_page_lists_the_mappings_that_ship_and_its_own_is_one(tmp_path):
    named = set(
        re.findall(r"`([a-z0-9]+-[a-z-]+)`", PAGE.partition("| mapping |")[2].partition("```yaml")[0])
    )
    assert set(shipped()) <= named
    (tmp_path / "m.yaml").write_text(re.search(r"```yaml\n(.*?)```", PAGE, re.DOTALL)[1], "utf-8")
    assert load_mapping(str(tmp_path / "m.yaml")).actions.dim == 7


def test_help_lists_every_option(capsys):
    assert main(["serve", "--help"]) == 0
    said = capsys.readouterr().out
    for name in ("protocol", "host", "port", "token_file", "mapping", "slots", "metrics_port"):
        assert re.search(rf"^ *{name} ", said, re.MULTILINE), name
    assert "serve" in COMMANDS


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (["policy=expert"], "policy=expert sees the simulator's state, which no client has"),
        (["policy=hold", "protocol=dreamzero"], "there is no protocol 'dreamzero': choose one of openpi"),
        (["policy=hold", "protocol=openpi", "metrics_port=9"], "metrics_port= is for protocol=gr00t"),
        (["policy=hold", "mapping=m1-franka"], "it is for m1, not protocol=openpi"),
        (["policy=hold", "mapping=openpi-droid"], "actions of joint_delta are for action_space=delta_joints"),
        (["policy=hold", "port=70000"], "port must be at most 65535"),
        (["policy=nowhere.py"], "there is no file"),
        (["policy=hold", "prot=openpi"], "there is no option 'prot'"),
    ],
)  # fmt: skip
def test_what_cannot_be_served_is_one_sentence(capsys, words, sentence):
    assert main(["serve", *words]) == 2
    said = capsys.readouterr().err
    assert sentence in said
    assert said.count("\n") == 1


@pytest.mark.slow
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_server_starts_says_where_it_is_and_ends_when_it_is_told_to(number):
    command = [sys.executable, "-m", "workbench.cli.main", "serve", "policy=hold", "port=18437", "device=cpu"]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, cwd=ROOT)
    try:
        first = process.stdout.readline()
        assert first.startswith("hold speaks openpi at 127.0.0.1:18437")
        with urllib.request.urlopen("http://127.0.0.1:18437/healthz", timeout=5) as reply:
            assert reply.read() == b"OK\n"
        second = subprocess.run(command, capture_output=True, text=True, cwd=ROOT, check=False)
        assert second.returncode == 2
        assert "cannot listen at 127.0.0.1:18437" in second.stderr
    finally:
        process.send_signal(number)
        out, err = process.communicate(timeout=30)
    assert process.returncode == 0, err
    assert "ended: all that was under way is answered" in out
    assert not err
