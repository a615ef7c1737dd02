"""Hostile chunks through the gate, the driver and the Franka's own protocol, judged by the twin's logs alone.

    .venv/bin/python -m tools.attack_twin chunks=10000 out=runs/attack

Needs the twin's environment (`workbench bridge twin_setup`) and the extra [robot-franka]. In each control step the gate
is sent a chunk of one action that is well formed and leads somewhere, and some that are not (`tools.gate_attacks`); now
and then the operator presses stop. Exit status 1 if a malformed chunk passed, if a packet led the tool out of its box,
or went beyond a limit where no window of a millisecond was missed. Of packets (`packets.bin`, what was sent) and of
commanded joints (`audit.bin`, with what the arm made up where nothing came) it prints the greatest share of each scaled
limit, near missed windows and away from them: a controller goes on with constant acceleration there, and what comes
next has to meet it.
"""

from __future__ import annotations

import sys
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from rich.console import Console

from robots.driver import driver_class
from robots.registry import robot
from robots.spec import JointLimits
from tools.gate_attacks import MALFORMED, MOVING, Attack, Situation
from workbench.bridge.arm_loop import ArmLoop
from workbench.bridge.clock import Ticker
from workbench.bridge.gate import Gate, GateCfg, GateError, Mode, Verdict
from workbench.bridge.place import bounds_of
from workbench.bridge.priority import real_time
from workbench.bridge.twin.audit import derivatives, read
from workbench.bridge.twin.client import RunningTwin
from workbench.bridge.twin.traffic import POSITION, read_packets
from workbench.cli.options import OptionError, option, parse_options
from workbench.runs.installation import processor

DT, COMMAND_DT, DT_FCI = 0.01, 0.05, 0.001
"""Between set points, between commands of a policy, and between packets of the arm [s]."""
NEAR = 30
"""Milliseconds about a missed window in which what was commanded counts as near it."""
LONGEST_ATTACK = 40
"""Steps of one attack in a row at most."""
STOP_SHARE = 0.05
"""Of the attacks, those that the operator's stop ends."""
MALFORMED_EACH = 3
"""Chunks in a control step that have to be refused."""
TOLERANCE = 1.01
"""Shares up to this are differences of rounded numbers."""
NAMES = ("velocity", "acceleration", "jerk")


@dataclass
class AttackTwinOptions:
    """Options of the attack."""

    chunks: int = option(10_000, "hostile chunks")
    scale: float = option(0.5, "share of the limits")
    seed: int = option(1, "seed of the attacks")
    out: str = option("runs/attack-twin", "folder for the twin's logs")

    def check(self) -> None:
        """An error of one sentence for what cannot run."""
        if self.chunks < 1 or self.seed < 0 or not 0.1 <= self.scale <= 1:
            raise OptionError("chunks must be above 0, seed 0 or more, scale from 0.1 to 1")
        if (Path(self.out) / "audit.bin").exists():
            raise OptionError(f"out={self.out} holds logs already: give another folder")


def attack(options: AttackTwinOptions, loop: ArmLoop, gate: Gate, console: Console) -> Counter[str]:
    """Send the chunks; what became of them, by verdict and, of malformed ones, ``passed``."""
    model, draw = robot("franka"), np.random.default_rng(options.seed)
    cfg, found = gate.cfg, Counter[str]()
    state = loop.begin()
    step = np.array(cfg.limits.velocity) * cfg.scale * COMMAND_DT
    here = state.joint_pos.value
    home = np.array(model.spec.home)
    situation = Situation(
        draw, model.chain, cfg.bounds, home, gate.low, gate.high, here, step, 1, loop.clock()
    )
    per_step, since = round(COMMAND_DT / DT), time.monotonic()

    def send(kind: Attack, malformed: bool) -> None:
        situation.now, situation.here = loop.clock(), loop.commanded
        decision = gate.admit(kind(situation), loop.clock())
        found[str(decision.verdict)] += 1
        if decision.verdict is not Verdict.REFUSED:
            situation.passed = situation.seq
            found["passed"] += malformed
        situation.seq += 1
        situation.count += 1

    while sum(found[verdict] for verdict in Verdict) < options.chunks:
        kind = MOVING[int(draw.integers(len(MOVING)))]
        situation.count = 0
        for _ in range(int(LONGEST_ATTACK ** draw.random())):
            for phase in range(per_step):
                now, arm = loop.wait()
                if arm is None:
                    raise RuntimeError("the twin has fallen silent")
                if phase == 0:
                    for _ in range(MALFORMED_EACH):
                        send(MALFORMED[int(draw.integers(len(MALFORMED)))], True)
                    send(kind, False)
                loop.finish(now, arm)
        if draw.random() < STOP_SHARE:
            gate.stop("the attack presses stop")
        found["stops"] += _revive(loop, gate)
        if time.monotonic() - since > 10.0:
            since = time.monotonic()
            console.print(f"{situation.seq - 1:,} chunks", style="dim")
    loop.come_to_rest("the attack ends")
    return found


def _revive(loop: ArmLoop, gate: Gate) -> int:
    """Let an arm that was stopped go on, once it stands; how often it was (0 or 1)."""
    stopped = (Mode.STOPPED, Mode.LATCHED)
    if gate.mode not in stopped and loop.finish(*loop.wait()).mode not in stopped:
        return 0
    for _ in range(300):
        loop.finish(*loop.wait())
        try:
            gate.acknowledge(loop.clock())
            return 1
        except GateError:
            continue
    loop.begin()
    return 1


def near_a_miss(numbers: np.ndarray, missed: np.ndarray) -> np.ndarray:
    """Whether each millisecond ``[n]`` is within `NEAR` after, or 3 before, one of the sorted ``missed``."""
    if not len(missed):
        return np.zeros(len(numbers), bool)
    after = np.searchsorted(missed, numbers + 3, side="right") - 1
    return (after >= 0) & (numbers - missed[np.maximum(after, 0)] <= NEAR)


def shares(
    q: np.ndarray, numbers: np.ndarray, missed: np.ndarray, limits: JointLimits, scale: float
) -> dict[str, dict[str, float]]:
    """Greatest shares of the scaled limits, near missed windows and away from them, and how often beyond.

    Args:
        q: commanded joints ``[n, 7]`` [rad].
        numbers: of their milliseconds ``[n]``, increasing.
        missed: milliseconds without a command, sorted.
        limits: of the arm, in full.
        scale: share of them.
    """
    near = near_a_miss(numbers, missed)
    steady = np.diff(numbers) == 1
    found = {}
    for order, (name, values) in enumerate(zip(NAMES, derivatives(q, numbers, DT_FCI), strict=True), 1):
        whole = np.lib.stride_tricks.sliding_window_view(steady, order).all(1)
        share = (np.abs(values) / (scale * np.array(getattr(limits, name)))).max(1)
        close = near[order:]
        found[name] = {
            "away": _greatest(share[whole & ~close]),
            "near": _greatest(share[whole & close]),
            "beyond_away": float((share[whole & ~close] > TOLERANCE).sum()),
            "beyond_near": float((share[whole & close] > TOLERANCE).sum()),
            "looked_at": float(whole.sum()),
        }
    return found


def _greatest(values: np.ndarray) -> float:
    return float(values.max()) if len(values) else 0.0


def judge(folder: Path, limits: JointLimits, scale: float, console: Console) -> bool:
    """Print what the twin saw; whether the arm was told nothing out of bounds, away from missed windows."""
    audit, packets = read(folder / "audit.bin"), read_packets(folder / "packets.bin")
    moving = audit["mode"] == POSITION
    missed = audit["step"][moving & (audit["fresh"] == 0)].astype(np.int64)
    console.print(
        f"{moving.sum():,} ms of motion, {len(missed):,} windows missed, {len(packets):,} packets with set points"
    )
    numbers = packets["message"].astype(np.int64)
    rows = np.flatnonzero(np.r_[True, np.diff(np.maximum.accumulate(numbers)) > 0])
    gone = numbers[rows]
    left_out = np.setdiff1d(np.arange(gone[0], gone[-1] + 1), gone) if len(gone) else gone
    sets = {
        "packets": shares(packets["q_c"][rows], gone, left_out, limits, scale),
        "commanded joints": shares(
            audit["q_d"][moving], audit["step"][moving].astype(np.int64), missed, limits, scale
        ),
    }
    good = True
    for name, found in sets.items():
        for quantity, of in found.items():
            console.print(
                f"  {name}, {quantity}: greatest share {of['away']:.4f} of its scaled limit away from missed windows "
                f"({of['beyond_away']:.0f} of {of['looked_at']:,.0f} beyond), {of['near']:.4f} near them "
                f"({of['beyond_near']:.0f})"
            )
            good &= name != "packets" or of["beyond_away"] == 0
    model = robot("franka")
    low, high = np.array(limits.position_low), np.array(limits.position_high)
    q = audit["q"]
    console.print(
        f"  true joints: {1000 * float(np.minimum(q - low, high - q).min()):.1f} mrad inside their limits"
    )
    box = bounds_of({}, model.workspace).workspace
    for name, joints in (("the tool of packets", packets["q_c"]), ("the true tool", q)):
        tool = model.chain.pose(np.asarray(joints, np.float64))[0]
        inside = float(np.minimum(tool - np.array(box.low), np.array(box.high) - tool).min())
        console.print(f"  {name}: {1000 * inside:.1f} mm inside its box")
        good &= name == "the true tool" or inside >= 0
    return good


def main(argv: Sequence[str] | None = None) -> int:
    """Attack, judge, print."""
    console = Console(soft_wrap=True, highlight=False)
    try:
        options = parse_options(AttackTwinOptions, sys.argv[1:] if argv is None else argv)
        options.check()
    except OptionError as error:
        print(f"attack_twin: {error}", file=sys.stderr)
        return 2
    model = robot("franka")
    with RunningTwin(Path(options.out)) as twin:
        driver = driver_class("franka")(address=twin.host, period=DT, hand=False)
        driver.connect()
        try:
            driver.set_scale(options.scale)
            bounds = bounds_of({}, model.workspace)
            gate = Gate(
                GateCfg.of(
                    model, bounds, dt=DT, command_dt=COMMAND_DT, scale=options.scale, limits=driver.limits
                )
            )
            loop = ArmLoop(driver, gate, Ticker(DT), None, True)
            with real_time():
                found = attack(options, loop, gate, console)
        finally:
            driver.close()
        counts = twin.counters()
    counted = {str(check): count for check, count in sorted(gate.counts.items())}
    console.print(f"on {processor()}: {dict(found)}; interventions {counted}")
    console.print(f"the loop: {loop.ticker.jitter()}; the twin: {counts}")
    held = judge(Path(options.out), driver.limits, options.scale, console)
    return 0 if held and not found["passed"] else 1


if __name__ == "__main__":
    sys.exit(main())
