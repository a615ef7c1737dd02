"""``workbench policy check``: is what a policy does what its channels say?"""

from __future__ import annotations

import json
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Protocol, runtime_checkable

import numpy as np
from rich.console import Console
from rich.progress import Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

from policy.contract import Policy
from robots.registry import robot
from workbench.policy_check.examine import examine
from workbench.policy_check.examined import Examined, Sides
from workbench.policy_check.report import as_json, print_end, print_said, print_verdicts
from workbench.policy_check.sides import declared_contradictions, what_they_say
from workbench.policy_check.size import FAR_AWAY
from workbench.policy_check.verdict import Verdict, contradictions
from workbench.policy_probe.asking import StagedPolicy
from workbench.policy_probe.options import PolicyCheckOptions
from workbench.policy_probe.stage import Stage
from workbench.rollout.launch import output_to
from workbench.rollout.policies import make_policy, observation_offer
from workbench.rollout.simulation import launch_tabletop
from workbench.runs.durable import write_atomically
from workbench.runs.installation import busy

WARM_UP, TIMED = 3, 60
"""Decisions about one scene alone: those that are not timed, and those that are."""


def check_policy(options: PolicyCheckOptions, console: Console) -> int:
    """Check the policy of resolved options; prints tables, and returns 1 where anything is contradictory."""
    console.print(
        f"{options.policy} on {options.place}, {options.num_envs} scenes, {options.physics} on {options.device}\n",
        markup=False,
    )
    with tempfile.TemporaryDirectory() as folder, output_to(Path(folder, "simulator.log")) as terminal:
        cfg = options.simulation_cfg(options.policy_cfg.cameras, options.factor_set())
        with launch_tabletop(cfg) as env:
            policy = make_policy(
                options.policy_cfg, options.num_envs, env.action_spec, options.device, options.image_size
            )
            with closing_it(policy):
                sides = sides_of(policy, env.action_spec, options)
                verdicts: list[Verdict] = declared_contradictions(sides)
                asked, alone = 0, list[float]()
                if sides.own.dim == sides.needed.dim:
                    stage = Stage.begun(env, options.factor_set(), options.seed, policy.cameras)
                    with _progress(terminal) as told:
                        staged = StagedPolicy(policy, stage, told)
                        examined = Examined(sides, staged, options.level)
                        verdicts += examine(examined)
                        asked = examined.asked
                        alone = staged.time_alone(FAR_AWAY, WARM_UP + TIMED)
    said = what_they_say(sides)
    between = options.policy_cfg.conversions(options.image_size, sides.needed)
    print_said(said, between, console)
    console.print()
    print_verdicts(verdicts, console)
    console.print()
    print_end(sides, verdicts, console)
    if options.json:
        about: dict[str, Any] = {
            "seed": options.seed,
            "scenes": options.num_envs,
            "level": options.level,
            "decisions": asked,
        }
        about |= {"execute_steps": sides.execute_steps, "privileged": sides.privileged}
        about |= {"decision_ms": _quantiles_ms(alone)}
        text = json.dumps(as_json(sides, said, verdicts, about | {"between": between}), indent=1) + "\n"
        write_atomically(Path(options.json), text)
    return 1 if contradictions(verdicts) else 0


def _quantiles_ms(seconds: Sequence[float]) -> dict[str, float] | None:
    """What a decision took [ms], the first ones aside, and how busy the machine was; None where none is left."""
    warm = seconds[WARM_UP:]
    if not warm:
        return None
    p50, p99 = np.percentile(warm, (50, 99))
    return {
        "p50": 1e3 * float(p50),
        "p99": 1e3 * float(p99),
        "least": 1e3 * min(warm),
        "n": len(warm),
    } | busy()


@contextmanager
def closing_it(policy: Policy) -> Iterator[None]:
    """Lets go of a policy behind a server on the way out."""
    try:
        yield
    finally:
        if isinstance(policy, SupportsClose):
            policy.close()


@runtime_checkable
class SupportsClose(Protocol):
    """What holds a connection."""

    def close(self) -> None:
        """Lets go of it."""
        ...


def sides_of(policy: Policy, needed: Any, options: PolicyCheckOptions) -> Sides:
    """What both sides say."""
    return Sides(
        policy=policy.name,
        task=options.place,
        own=policy.action_spec,
        needed=needed,
        offer=observation_offer(options.image_size, options.robot),
        cameras=tuple(policy.cameras),
        observation_spec=getattr(policy, "observation_spec", None),
        privileged=policy.privileged,
        execute_steps=policy.execute_steps,
        time_limit_s=options.time_limit_s,
        scale=robot(options.robot).workspace.scale,
    )


@contextmanager
def _progress(terminal: Any) -> Iterator[Any]:
    columns = (SpinnerColumn(), TextColumn("asking: {task.completed} decisions"), TimeElapsedColumn())
    with Progress(
        *columns, console=Console(file=terminal, force_terminal=terminal.isatty()), transient=True
    ) as bar:
        task = bar.add_task("asking", total=None)
        yield lambda decisions: bar.advance(task, decisions)
