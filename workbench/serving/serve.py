"""Runs a server until it is told to end, which it does when what is under way is answered."""

from __future__ import annotations

import gc
import signal
import sys
import threading
from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from rich.console import Console

from policy.contract import Policy
from policy.serve.limits import MIB, Limits
from policy.serve.mapping.actions import problems
from policy.serve.server.batcher import Batcher
from policy.serve.server.contract import Contract
from policy.serve.server.gr00t import Gr00tSpoken
from policy.serve.server.metrics import Metrics
from policy.serve.server.openpi import OpenpiSpoken, RoboArenaSpoken
from policy.serve.server.rows import Reader
from policy.serve.server.service import ATTENDED_S, Service
from policy.serve.server.sessions import Sessions
from policy.serve.server.status import M1Spoken, StarVlaSpoken
from policy.serve.server.turn import Spoken
from policy.serve.server.vla_eval import VlaEvalSpoken
from policy.served_policy import ServedPolicy
from tasks.tabletop.action_spaces import action_specs
from workbench.cli.options import OptionError
from workbench.rollout.policies import make_policy, observation_offer
from workbench.serving.options import ServeOptions
from workbench.verdict.identity import policy_fingerprint

STATELESS = ("m1", "hold")
"""Policies that ship whose answer depends on nothing but the question, the episode's seed and its step."""

HANDED_OVER_S = 5e-4
"""After so long a busy thread lets another one run [s]: Python's 5 ms would be a request's longest part."""


def serve(options: ServeOptions, console: Console) -> int:
    """Serve until SIGTERM, SIGINT or SIGHUP; returns the exit status. Options must be resolved."""
    threads = options.threads or torch.get_num_threads()
    torch.set_num_threads(1)
    policy = make_policy(
        options.policy_cfg,
        options.slots,
        action_specs(options.robot)[options.action_space],
        options.device,
        options.image_size,
    )
    service, batcher = built(options, policy)
    keep_threads(batcher, threads)
    sys.setswitchinterval(HANDED_OVER_S)
    gc.collect()
    gc.freeze()  # what is there now stays: looking through it again would make some answer late
    try:
        run(options, service, console)
    finally:
        batcher.close()
    console.print("ended: all that was under way is answered", markup=False)
    return 0


def keep_threads(batcher: Batcher, threads: int) -> None:
    """Let PyTorch have so many threads where the policy runs, and one elsewhere, also in threads that come later.

    Each thread that has computed in parallel keeps its helpers. Once all of them outnumber the processors, OpenMP sends
    helpers to sleep after each operation, and to wake them takes longer than most operations of a small model: on two
    cores m1-mini decided 11 times a second instead of 20, since the main thread, which had made it, had helpers, too.
    """

    def own() -> None:
        torch.set_num_threads(threads)
        torch.get_num_threads()  # the first question makes it this thread's own, whatever is set elsewhere

    batcher.host(own, lambda: None, ATTENDED_S)
    torch.set_num_threads(1)  # of this thread, and what new ones begin with


def built(options: ServeOptions, policy: Policy) -> tuple[Service, Batcher]:
    """The service of a policy, and what runs it; OptionError for a policy that no client can ask."""
    if policy.privileged:
        raise OptionError(f"policy={options.policy} sees the simulator's state, which no client has")
    seen = getattr(policy, "observation_spec", None)
    if seen is not None and seen.calibrated:
        raise OptionError(f"policy={options.policy} asks for calibration, which no protocol carries")
    spec, mapping = policy.action_spec, options.wire_mapping
    if mapping is not None and (unfit := problems(mapping.actions, spec)):
        raise OptionError(f"mapping={options.mapping}: {'; '.join(unfit)}")
    inner = getattr(policy, "_policy", policy)
    contract = Contract(
        policy=policy.name,
        action_spec=spec,
        cameras=policy.cameras,
        execute_steps=policy.execute_steps,
        observation_spec=seen,
        fingerprint=policy_fingerprint(options.policy_cfg.provenance(), options.policy),
        stateless=options.policy in STATELESS or bool(getattr(inner, "stateless", False)),
    )
    metrics = Metrics({"policy": policy.name, "protocol": options.protocol})
    offer = observation_offer(options.image_size, options.robot)
    reader = Reader(options.protocol, policy.cameras, offer.joints, offer.gripper_max_width, spec, mapping)
    batcher = Batcher(ServedPolicy(policy, options.device), options.batch, metrics)
    sessions = Sessions(options.slots, options.seed, contract.stateless)
    return Service(contract, speaker(options, contract), reader, batcher, sessions, metrics), batcher


def speaker(options: ServeOptions, contract: Contract) -> Callable[[], Spoken]:
    """Makes the dialect of a connection."""
    message, spec, mapping = contract.message(), contract.action_spec, options.wire_mapping
    prompt_key = mapping.prompt_key if mapping else ""
    keys = mapping.actions.keys if mapping else ("actions",)
    dim = (mapping.actions.dim if mapping else 0) or spec.dim
    # The first part of an action has what the others, of one number each, leave.
    widths = [(key, 1 if at else dim - len(keys) + 1) for at, key in enumerate(keys)]

    def normalise(actions: np.ndarray) -> np.ndarray:
        # By a mapping with statistics that has been done already.
        own = spec.normalisation if mapping is None else None
        return actions if own is None else own.normalise(actions)

    makers: dict[str, Callable[[], Spoken]] = {
        "openpi": lambda: OpenpiSpoken(message, prompt_key),
        "roboarena": lambda: RoboArenaSpoken(message, len(contract.cameras), spec.name, prompt_key),
        "m1": lambda: M1Spoken(message, normalise),
        "starvla": lambda: StarVlaSpoken(message),
        "gr00t": lambda: Gr00tSpoken(options.version, message, widths, prompt_key),  # type: ignore[arg-type]
        "vla-eval": lambda: VlaEvalSpoken(message),
    }
    return makers[options.protocol]


def run(options: ServeOptions, service: Service, console: Console) -> None:
    """Listen until a signal. OptionError where one cannot listen."""
    servers = transports(options, service)
    ending = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        signal.signal(number, lambda *_: ending.set())
    try:
        ports = [server.start() for server in servers]
    except OSError as problem:
        raise OptionError(
            f"cannot listen at {options.host}:{options.port}: {problem.strerror or problem}"
        ) from None
    version = f" {options.version}" if options.protocol == "gr00t" else ""
    query = f"?version={options.version}" if version else ""
    console.print(
        f"{service.contract.policy} speaks {options.protocol}{version} at {options.host}:{ports[0]}   "
        f"(workbench eval policy=remote:{options.protocol}://{options.host}:{ports[0]}{query})",
        markup=False,
    )
    ending.wait()
    service.draining = True
    service.metrics.set("draining", 1)
    for server in servers:
        server.stop()


def transports(options: ServeOptions, service: Service) -> list[Any]:
    """What listens, the policy's own port first."""
    limits = Limits(message_bytes=options.message_mb * MIB)
    if options.protocol == "gr00t":
        from policy.serve.server.zeromq import ZeroMQServer

        found: list[Any] = [ZeroMQServer(service, options.host, options.port, options.token, limits)]
        if options.metrics_port:
            from policy.serve.server.websocket import WebsocketServer

            found.append(
                WebsocketServer(service, options.host, options.metrics_port, options.token, 0, limits)
            )
        return found
    from policy.serve.server.websocket import WebsocketServer

    return [WebsocketServer(service, options.host, options.port, options.token, options.clients, limits)]
