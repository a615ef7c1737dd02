"""How many decisions a second does a policy's server make, for one client and for many at once?

    python -m tools.bench_policy_batching policy=m1 clients=1,16

The server is a process of its own, and the clients are threads of this one, each of which asks again as soon as it is
answered. Numbers of clients take turns, so that a busy machine slows all alike.
"""

from __future__ import annotations

import sys
import threading
import time
from dataclasses import dataclass
from statistics import median

import numpy as np
from rich.console import Console
from rich.table import Table

from policy.serve.client.actor import Actor
from policy.serve.client.address import Address
from policy.serve.client.settings import Settings
from policy.serve.exchange import Asked
from tools.bench_policy_server import NoServer, numbers_of_clients, server
from workbench.cli.options import OptionError, option, parse_options
from workbench.rollout.options import at_least
from workbench.runs.provenance import machine

WARM_UP_S = 3.0
SIZES = {"joint_pos": 7, "joint_vel": 7, "ee_pose": 7, "gripper_width": 1}


@dataclass
class BatchingBenchOptions:
    """Options of the benchmark."""

    policy: str = option("m1", "who is served, as `workbench serve` has it")
    clients: str = option("1,16", "clients at once, compared with the first")
    seconds: float = option(5.0, "of each turn", "s")
    rounds: int = option(5, "turns of each number of clients")
    threads: int = option(0, "of the server's policy; 0: as PyTorch chooses")

    @property
    def counts(self) -> list[int]:
        """Numbers of clients; OptionError for what is none."""
        return numbers_of_clients(self.clients)


def main(words: list[str] | None = None) -> int:
    """Run the benchmark and print its table; returns the exit status."""
    console = Console(soft_wrap=True, highlight=False)
    try:
        options = parse_options(BatchingBenchOptions, sys.argv[1:] if words is None else words)
        at_least("rounds", options.rounds, 1)
        at_least("seconds", options.seconds, 0.1)
        counts = options.counts
    except OptionError as problem:
        Console(stderr=True).print(f"bench_policy_batching: {problem}", markup=False)
        return 2
    try:
        rates = measured(options, counts)
    except NoServer as problem:
        Console(stderr=True).print(f"bench_policy_batching: {problem}", markup=False)
        return 1
    console.print(machine(), markup=False)
    table = Table("clients", "decisions/s", "times the first: least", "median", "most", box=None)
    for count in counts:
        times = [many / one for many, one in zip(rates[count], rates[counts[0]], strict=True)]
        table.add_row(
            str(count),
            f"{median(rates[count]):.1f}",
            f"{min(times):.2f}",
            f"{median(times):.2f}",
            f"{max(times):.2f}",
        )
    console.print(table)
    return 0


def measured(options: BatchingBenchOptions, counts: list[int]) -> dict[int, list[float]]:
    """Decisions a second, turn by turn, of each number of clients. NoServer as from `server`."""
    served = [f"policy={options.policy}", "protocol=openpi", "device=cpu", f"threads={options.threads}"]
    rates: dict[int, list[float]] = {count: [] for count in counts}
    with server([sys.executable, "-m", "workbench.cli.main", "serve", *served, "port=0"]) as port:
        rate(port, max(counts), WARM_UP_S)
        for _ in range(options.rounds):
            for count in counts:
                rates[count].append(rate(port, count, options.seconds))
    return rates


def rate(port: int, count: int, seconds: float) -> float:
    """Decisions a second that so many clients get together."""
    rng = np.random.default_rng(0)
    picture = {"observation/front": rng.integers(0, 256, (224, 224, 3), np.uint8)}
    state = {f"observation/{name}": rng.normal(size=size).astype(np.float32) for name, size in SIZES.items()}
    actors = [Actor(Address.read(f"openpi://127.0.0.1:{port}"), Settings()) for _ in range(count)]
    answered = [0] * count
    end = time.perf_counter() + seconds

    def ask(k: int) -> None:
        while time.perf_counter() < end:
            actors[k].act([0], [Asked(dict(picture), dict(state), "put the red cube in the bowl")])
            answered[k] += 1

    began = time.perf_counter()
    threads = [threading.Thread(target=ask, args=(k,)) for k in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    took = time.perf_counter() - began
    for actor in actors:
        actor.close()
    return sum(answered) / took


if __name__ == "__main__":
    sys.exit(main())
