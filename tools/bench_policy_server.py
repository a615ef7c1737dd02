"""What does a policy's server cost without a policy: openpi's own server and client, and the bench's, in turns.

    python -m tools.bench_policy_server                        # two pictures of 224 x 224, 1,000 requests each
    python -m tools.bench_policy_server requests=200 clients=1,16 python=/path/to/env/bin/python

Every server and every client is a process of its own, and they take turns, so that a busy machine slows all alike.
Servers say how long their policy ran: openpi's hands over arrays, the bench's tensors, which it makes for that. What is
left of a round trip is what the server and the client cost.
openpi's are the packages ``openpi-client`` and ``openpi-server`` in an environment of their own: ``python=`` names one
that has them; without it, one is made.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from policy.action import ActionSpec
from policy.contract import Decision, Observation
from workbench.cli.options import OptionError, listed, option, parse_options, read_option
from workbench.rollout.options import at_least
from workbench.runs.provenance import machine

ROOT = Path(__file__).parents[1]
WARM_UP = 30
"""Requests before those that count."""
HERE = "127.0.0.1:"
"""Before the port in the line in which a server says where it listens."""
PICTURES = ("observation/front", "observation/wrist")


class Nothing:
    """A policy that costs nothing: the same chunk of eight steps for everybody."""

    cameras = ("front", "wrist")
    execute_steps = 8
    stateless = True

    def __init__(self, action_spec: ActionSpec) -> None:
        self.chunk = torch.tensor(action_spec.idle_action).repeat(1, 8, 1)

    def act(self, observation: Observation) -> Decision:
        """The chunk for every row."""
        n = len(observation.env_ids)
        return Decision(self.chunk.expand(n, -1, -1), [None] * n)


OBSERVED = """
import json, sys, time
import numpy as np
rng = np.random.default_rng(0)
seen = {name: rng.integers(0, 256, (224, 224, 3), np.uint8) for name in %r}
sizes = {"joint_pos": 7, "joint_vel": 7, "ee_pose": 7, "gripper_width": 1}
seen |= {"observation/" + name: rng.normal(size=size).astype(np.float32) for name, size in sizes.items()}
def times(infer, policy_ms, requests, warm_up=%d):
    found = []
    for i in range(requests + warm_up):
        began = time.perf_counter()
        answer = infer()
        took_ms = 1e3 * (time.perf_counter() - began)
        found.append((took_ms, took_ms - policy_ms(answer)))
    print(json.dumps(found[warm_up:]))
""" % (PICTURES, WARM_UP)  # noqa: UP031 - the program has braces of its own
THEIR_SERVER = """
import socket
import numpy as np
from openpi_server import WebsocketPolicyServer
class Nothing:
    def infer(self, obs):
        return {"actions": np.zeros((8, 7), np.float32)}
with socket.socket() as free:
    free.bind(("127.0.0.1", 0))
    port = free.getsockname()[1]
print(f"at 127.0.0.1:{port} ", flush=True)
WebsocketPolicyServer(Nothing(), "127.0.0.1", port).serve_forever()
"""
THEIR_CLIENT = (
    OBSERVED
    + """
from openpi_client.websocket_client_policy import WebsocketClientPolicy
policy = WebsocketClientPolicy("127.0.0.1", int(sys.argv[1]))
seen["prompt"] = "put the red cube in the bowl"
times(lambda: policy.infer(seen), lambda answer: answer["server_timing"]["infer_ms"], int(sys.argv[2]))
"""
)
OUR_CLIENT = (
    OBSERVED
    + """
from policy.serve.client.actor import Actor
from policy.serve.client.address import Address
from policy.serve.client.latency import quantiles_ms
from policy.serve.client.settings import Settings
from policy.serve.exchange import Asked
actor = Actor(Address.read(f"openpi://127.0.0.1:{sys.argv[1]}"), Settings())
images = {name: seen.pop(name) for name in list(seen) if seen[name].ndim == 3}
asked = [Asked(images, seen, "put the red cube in the bowl")]
times(
    lambda: actor.act([0], asked),
    lambda _: quantiles_ms(actor.latencies.take())["server"]["p50"],
    int(sys.argv[2]),
)
actor.close()
"""
)


@dataclass
class ServerBenchOptions:
    """Options of the benchmark."""

    requests: int = option(1000, "of each client, in all", "requests")
    rounds: int = option(5, "turns that the requests are spread over")
    clients: str = option("1", "clients at once, one after the other: 1,16")
    python: str = option(
        "", "interpreter of an environment with openpi-client and openpi-server; none: one is made"
    )

    @property
    def counts(self) -> list[int]:
        """Numbers of clients; OptionError for what is none."""
        return numbers_of_clients(self.clients)


def numbers_of_clients(words: str) -> list[int]:
    """``clients=1,16`` as numbers; OptionError for what is none."""
    counts = [read_option("clients", word, int) for word in listed("clients", words)]
    if not counts or min(counts) < 1:
        raise OptionError(f"clients={words}: expected numbers of 1 and more, separated by commas")
    return counts


def main(words: list[str] | None = None) -> int:
    """Run the benchmark and print its table; returns the exit status."""
    console = Console(soft_wrap=True, highlight=False)
    try:
        options = parse_options(ServerBenchOptions, sys.argv[1:] if words is None else words)
        for name in ("requests", "rounds"):
            at_least(name, getattr(options, name), 1)
        counts = options.counts
    except OptionError as problem:
        Console(stderr=True).print(f"bench_policy_server: {problem}", markup=False)
        return 2
    try:
        table = measured(options, counts)
    except NoServer as problem:
        Console(stderr=True).print(f"bench_policy_server: {problem}", markup=False)
        return 1
    console.print(machine(), markup=False)
    console.print(table)
    return 0


def measured(options: ServerBenchOptions, counts: list[int]) -> Table:
    """Times of every client at every server, which take turns. NoServer as from `server`."""
    with ExitStack() as stack:
        theirs = options.python or made_environment(Path(stack.enter_context(tempfile.TemporaryDirectory())))
        their_port = stack.enter_context(server([theirs, "-c", THEIR_SERVER]))
        here = f"policy={__file__}:Nothing"
        ours = [sys.executable, "-m", "workbench.cli.main", "serve", here, "protocol=openpi", "device=cpu"]
        our_port = stack.enter_context(server([*ours, f"port={their_port + 1}"]))
        pairs = {
            ("openpi", "openpi"): ([theirs, "-c", THEIR_CLIENT], their_port),
            ("bench", "bench"): ([sys.executable, "-c", OUR_CLIENT], our_port),
            ("openpi", "bench"): ([theirs, "-c", THEIR_CLIENT], our_port),
            ("bench", "openpi"): ([sys.executable, "-c", OUR_CLIENT], their_port),
        }
        titles = ("clients", "client", "server", "least [ms]", "p50 [ms]", "p95 [ms]", "p99 [ms]")
        titles += ("without policy: p50 [ms]", "p99 [ms]", "requests")
        table = Table(*map(escape, titles), box=None)
        for count in counts:
            found: dict[tuple[str, str], list[tuple[float, float]]] = {pair: [] for pair in pairs}
            for _ in range(options.rounds):
                for pair, (client, port) in pairs.items():
                    found[pair] += asked(
                        client, port, max(1, options.requests // options.rounds // count), count
                    )
            for (client_is, server_is), times in found.items():
                whole, rest = np.array(times).T
                quantiles = [*np.percentile(whole, (0, 50, 95, 99)), *np.percentile(rest, (50, 99))]
                shown = [f"{q:.2f}" for q in quantiles]
                table.add_row(str(count), client_is, server_is, *shown, str(len(times)))
    return table


def asked(client: list[str], port: int, requests: int, count: int) -> list[tuple[float, float]]:
    """Times of requests, and the same without that of the policy [ms], of so many clients at once."""
    command = [*client, str(port), str(requests)]
    running = [
        subprocess.Popen(command, stdout=subprocess.PIPE, encoding="utf-8", cwd=ROOT) for _ in range(count)
    ]
    outputs = [process.communicate()[0] for process in running]
    if any(process.returncode for process in running):
        raise RuntimeError("a client failed: see above")
    return [pair for output in outputs for pair in json.loads(output)]


class NoServer(Exception):
    """A server that did not come up, in one sentence."""


@contextmanager
def server(command: list[str]) -> Iterator[int]:
    """The port of a server that runs meanwhile; NoServer where it ends before it says where it listens."""
    process = subprocess.Popen(command, stdout=subprocess.PIPE, encoding="utf-8", cwd=ROOT)
    try:
        assert process.stdout is not None
        said = next((line for line in process.stdout if HERE in line), None)
        if said is None:
            status = process.wait(30)
            raise NoServer(
                f"a server of {command[0]} ended with status {status} before it listened: see above"
            )
        yield int(said.partition(HERE)[2].split()[0])
    finally:
        process.terminate()
        process.wait(30)


def made_environment(folder: Path) -> str:
    """An interpreter with openpi's packages, which pin another numpy than the bench."""
    uv, python = ROOT / ".bootstrap/bin/uv", folder / "bin/python"
    subprocess.run([sys.executable, "-m", "venv", folder], check=True)
    pip = (
        [uv, "pip", "install", "--quiet", "--python", python]
        if uv.exists()
        else [python, "-m", "pip", "install", "-q"]
    )
    subprocess.run([*pip, "openpi-client", "openpi-server", "typing_extensions"], check=True)
    return str(python)


if __name__ == "__main__":
    sys.exit(main())
