"""Does anything get an arm behind its safety gate beyond a limit? Hostile commands, and an audit of every setpoint.

    python -m tools.attack_gate                                   # 500,000 commands at each of 10 % and 100 %
    python -m tools.attack_gate robot=so_arm commands=20000 scales=0.3

The gate drives a simulated arm that enforces nothing, faster than real time. Four fifths of the commands are random
attacks (`tools/gate_attacks.py`), mixed with silence, operator stops, lost state and jumps of the clock; one fifth is
searched for (`tools/gate_search.py`). The audit (`tools/gate_audit.py`) shares nothing with the gate. Exit status 1 if
a limit was exceeded, a malformed command let through, or a decision not explained.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from rich.console import Console

from robots import registry as robots
from robots.franka.fr3 import FR3
from robots.protocol import ArmModel
from robots.registry import RobotError, arm
from tools.gate_attacks import MALFORMED, MOVING, home, into_the_table, out_of_the_workspace, through_a_limit
from tools.gate_bout import Bout
from tools.gate_search import Found, search
from workbench.bridge.gate import Bounds, Box, GateCfg
from workbench.cli.options import OptionError, option, parse_options
from workbench.runs.installation import processor

SEARCHED = 0.2
"""Share of the commands that is searched for."""
LONGEST_ATTACK = 300
"""Commands of one attack in a row, at most; most are much shorter. A slow arm needs many to get anywhere."""
APPROACH = 200
"""Commands that bring the arm to where a search begins."""
APPROACHES = {
    "position": through_a_limit, "velocity": home, "acceleration": home, "jerk": home,
    "workspace": out_of_the_workspace, "table": into_the_table,
}  # fmt: skip
"""Attacks that lead to where it does: for each goal."""


@dataclass
class AttackOptions:
    """Options of the attack."""

    robot: str = option(robots.DEFAULT, f"which robot: {', '.join(robots.arm_names())}")
    limits: str = option("own", "of which arm: own, or fr3 for a Franka Research 3")
    commands: int = option(500_000, "hostile commands at each scale")
    scales: str = option("0.1,1.0", "shares of the limits, separated by commas")
    dt: float = option(0.01, "time between two setpoints", "s")
    command_dt: float = option(0.05, "time between two commands", "s")
    collisions: bool = option(True, "check links against each other and the table")
    seed: int = option(1, "seed of the attacks")

    def check(self) -> None:
        """An error of one sentence for what cannot run."""
        if self.commands < 1 or self.seed < 0:
            raise OptionError("commands must be above 0, seed 0 or more")
        if self.limits not in ("own", "fr3"):
            raise OptionError(f"limits must be own or fr3, not {self.limits!r}")
        arm(self.robot)
        for scale in self.shares:
            self.cfg(scale)

    @property
    def shares(self) -> list[float]:
        """The scales as numbers."""
        try:
            return [float(word) for word in self.scales.split(",")]
        except ValueError:
            raise OptionError(f"scales must be numbers separated by commas, not {self.scales!r}") from None

    def cfg(self, scale: float) -> GateCfg:
        """The gate's configuration at one scale."""
        model = arm(self.robot)
        others = {"limits": FR3.limits} if self.limits == "fr3" else {}
        bounds = replace(bounds_of(model), collisions=self.collisions)
        try:
            return GateCfg.of(model, bounds, self.dt, self.command_dt, scale=scale, **others)
        except ValueError as problem:
            raise OptionError(str(problem)) from None


def bounds_of(model: ArmModel) -> Bounds:
    """A box around where the tool is at home, a table, and a post beside it, in proportion to the arm."""
    tool = model.chain.pose(np.array(model.spec.home)[None])[0][0]
    size = float(np.linalg.norm(tool))
    low = (0.35 * tool[0], -0.8 * size, 0.0)
    high = (tool[0] + 0.4 * size, 0.8 * size, tool[2] + 0.5 * size)
    post = Box((0.7 * tool[0], 0.45 * size, 0.0), (tool[0], 0.6 * size, 0.5 * size), "post")
    return Bounds(Box(low, high, "workspace"), table_height=0.0, keep_out=(post,))


def attack(model: ArmModel, cfg: GateCfg, commands: int, seed: int) -> tuple[Bout, list[Found]]:
    """Carry out the attacks at one scale; the bout holds what came of them."""
    bout, rng = Bout(model, cfg, seed), np.random.default_rng([seed, 1])
    while bout.tally.commands < commands * (1 - SEARCHED):
        kinds = MALFORMED if rng.random() < 0.3 else MOVING
        kind = kinds[int(rng.integers(len(kinds)))]
        bout.situation.count = 0
        for _ in range(int(LONGEST_ATTACK ** rng.random())):
            bout.send(kind(bout.situation), must_be_refused=kinds is MALFORMED)
            jitter = int(rng.integers(-2, 3)) if rng.random() < 0.2 else 0
            bout.tick(count=max(bout.ticks_per_command + jitter, 0))
        disturb(bout, rng)
    found: list[Found] = []
    share = int(commands * SEARCHED / len(APPROACHES))
    for goal, kind in APPROACHES.items():
        for _ in range(min(APPROACH, share)):  # the search begins where the limit is near
            bout.send(kind(bout.situation))
            bout.tick(count=bout.ticks_per_command)
        bout.revive()
        found.append(search(bout, goal, share, rng))
    bout.close()
    return bout, found


def disturb(bout: Bout, rng: np.random.Generator) -> None:
    """What else happens to an arm, at random: silence, a stop, a frozen or jumping sensor, a clock that jumps."""
    kind = int(rng.integers(8))
    if kind == 0:
        bout.tick(count=int(rng.integers(1, round(1.5 / bout.cfg.dt))))  # silence
    elif kind == 1:
        bout.gate.stop("the attack presses stop")
    elif kind == 2:
        bout.tick(bout.measured(), count=int(rng.integers(1, round(1.2 / bout.cfg.dt))))  # a frozen state
    elif kind == 3:
        bout.now += float(rng.uniform(-1.0, 3.0))
        bout.tick()
    elif kind == 4:
        state = bout.measured()
        bout.tick(replace(state, position=state.position + rng.normal(0, 0.3, len(state.position))))
    bout.revive()


def report(console: Console, bout: Bout, found: Sequence[Found], scale: float, wall: float) -> bool:
    """Print what came of the attacks; whether the gate held."""
    audit, tally = bout.audit, bout.tally
    simulated = audit.setpoints * bout.cfg.dt
    console.print(
        f"[bold]scale {scale:g}[/]: {tally.commands:,} commands, {audit.setpoints:,} setpoints, {simulated:,.0f} s of "
        f"motion in {wall:,.0f} s"
    )
    for name, share in audit.worst.items():
        console.print(f"  greatest {name}: {share:.6f} of its limit")
    console.print(
        f"  tool: {-1000 * audit.outside:.2f} mm inside its box, {-1000 * audit.below:.2f} mm above the table"
    )
    console.print("  " + ", ".join(f"{name} {count:,}" for name, count in sorted(tally.verdicts.items())))
    console.print(
        "  refused for " + ", ".join(f"{name} {count:,}" for name, count in tally.checks.most_common())
    )
    console.print(
        f"  not explained: {tally.unexplained}; malformed and let through: {tally.let_through}; "
        f"begun anew: {tally.resets}; longest way to rest: {tally.longest_rest:.3f} s"
    )
    for one in found:
        console.print(
            f"  search on {one.goal}: {one.first:.6f} to {one.best:.6f} in {one.commands:,} commands"
        )
    if audit.exceeded:
        console.print(f"  [red]beyond its limit: {', '.join(audit.exceeded)}[/]")
    return not (audit.exceeded or tally.unexplained or tally.let_through)


def main(argv: Sequence[str] | None = None) -> int:
    """Attack and print."""
    console = Console(soft_wrap=True, highlight=False)
    try:
        options = parse_options(AttackOptions, sys.argv[1:] if argv is None else argv)
        options.check()
    except (OptionError, RobotError) as error:
        print(f"attack_gate: {error}", file=sys.stderr)
        return 2
    console.print(f"{options.robot} with the limits {options.limits}, on {processor()}")
    held = []
    for scale in options.shares:
        begun = time.monotonic()
        bout, found = attack(arm(options.robot), options.cfg(scale), options.commands, options.seed)
        held.append(report(console, bout, found, scale, time.monotonic() - begun))
    return 0 if all(held) else 1


if __name__ == "__main__":
    sys.exit(main())
