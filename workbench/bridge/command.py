"""``workbench bridge``: a policy on a real arm, behind the gate; and ``workbench bridge twin_setup``."""

from __future__ import annotations

import os
import platform
import signal
import time
from collections.abc import Callable
from contextlib import ExitStack
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from rich.console import Console

from workbench.bridge.desk import ArmStopped, Ended
from workbench.bridge.operator import Nobody, Operator, StopSignals, Together, terminal_keys
from workbench.bridge.options import LIVE, TELEOP, TWIN, BridgeOptions
from workbench.bridge.priority import real_time
from workbench.bridge.session import Session
from workbench.bridge.setup import Bench, make_bench
from workbench.bridge.verdict import allowed
from workbench.cli.options import OptionError
from workbench.cli.stopping import Terminated
from workbench.evaluation.overview import print_summary
from workbench.evaluation.summary import summarise
from workbench.runs.folder import RunFolder
from workbench.runs.installation import cpu_name, git_commit, memory_gib, package_versions
from workbench.runs.records import SessionRecord

IGNORED = ("arm", "scale", "address", "live", "verdict", "verdict_key", "require", "reasons", "gamepad")
"""Options that may differ when a run goes on."""
DONE, STOPPED = 0, 1


def bridge(options: BridgeOptions, console: Console) -> int:
    """Run it; the exit status. Errors that are the operator's to mend are raised, in a sentence."""
    folder = RunFolder(options.out)
    with ExitStack() as stack, StopSignals() as signals:
        stack.callback(folder.close)
        folder.create_or_resume(options.config(), provenance(), IGNORED, growing={"episodes": ""})
        for notice in folder.notices:
            console.print(notice, markup=False)
        operator = operator_of(options, stack)
        most_scale = allowed(options, console)
        bench = make_bench(options, Path(options.out), stack)
        if bench.gamepad is not None:
            operator = Together(operator, bench.gamepad)
        session = Session(options, bench, folder, operator, signals, console)
        session.desk.most_scale = most_scale
        watch(session, stack, console)
        status, said = carry_out(session, lambda started, wall: note_session(session, folder, started, wall))
        summary = summarise(session.records.values(), meta(options, bench), folder.sessions())
        summary |= folder.told() | {"bridge": measured(session, bench)}
        folder.write_summary(summary)
        write_recording(Path(options.out), console)
        if said:
            console.print(said, markup=False)
    print_summary(summary, options.out, console)
    end_by(signals)
    return status


def carry_out(session: Session, note: Callable[[datetime, float], None]) -> tuple[int, str]:
    """Run a session to its end: the exit status, and why it ended early; ``note`` is told its start and length [s]."""
    started, began = datetime.now(UTC), time.monotonic()
    try:
        with real_time():
            session.run()
    except Ended as end:
        return DONE, str(end)
    except ArmStopped as stop:
        return STOPPED, str(stop)
    finally:
        note(started, time.monotonic() - began)
    return DONE, ""


def end_by(signals: StopSignals) -> None:
    """End as a signal asks for, if one came."""
    if signals.number == signal.SIGINT:
        raise KeyboardInterrupt
    if signals.number is not None:
        raise Terminated(signals.number)


def operator_of(options: BridgeOptions, stack: ExitStack) -> Operator:
    """Who is at the terminal; OptionError where somebody has to be and nobody is."""
    operator = stack.enter_context(terminal_keys())
    if not isinstance(operator, Nobody):
        return operator
    if options.mode == LIVE and not options.arm:
        raise OptionError(
            "mode=live is armed by a person at the terminal, and there is no terminal here"
            + (": arm=true does it on the twin" if options.robot == TWIN else "")
        )
    if options.policy == TELEOP:
        raise OptionError(f"policy={TELEOP} is driven by keys of a terminal, and there is no terminal here")
    return operator


def watch(session: Session, stack: ExitStack, console: Console) -> None:
    """Open the live view, if one is wanted."""
    if not session.options.live:
        return
    from workbench.bridge.live import BridgeView

    session.view = BridgeView(session.options, session.bench, session.loop, session.desk.blind)
    stack.callback(session.view.close)
    console.print(session.view.said, markup=False)


def write_recording(folder: Path, console: Console) -> None:
    """All episodes for `workbench view`, where the extra [view] is installed."""
    if not any((folder / "trajectories").glob("*.npz")):
        return
    try:
        from workbench.views.recording.of_run import record_run
    except ModuleNotFoundError as problem:
        console.print(
            f"no recording is written, as {problem.name} is not installed (extra [view]): `workbench view {folder}` "
            "writes it where that is", markup=False,
        )  # fmt: skip
        return
    record_run(folder)


def measured(session: Session, bench: Bench) -> dict[str, Any]:
    """How well the loop kept time and the gate was quick, and what traffic the twin counted."""
    tally = session.loop.tally
    found: dict[str, Any] = {
        "ticks_s": session.loop.ticker.jitter(),
        "gate_s": _quantiles(tally.gate_s),
        "work_s": _quantiles(tally.tick_s),
        "commands": tally.commands,
        "changed": tally.changed,
        "refused": tally.refused,
        "set_points_sent": tally.sent,
        "interventions": {str(check): n for check, n in sorted(bench.gate.counts.items())},
        "cpu_share": time.process_time() / max(time.monotonic() - session.began, 1e-9),
    }
    if bench.twin is not None and bench.twin.process.poll() is None:
        found["twin"] = bench.twin.counters()
    return found


def _quantiles(values: list[float]) -> dict[str, float]:
    if not values:
        return {}
    ordered = sorted(values)
    return {
        name: ordered[min(len(ordered) - 1, int(q * len(ordered)))]
        for name, q in (("p50", 0.5), ("p99", 0.99), ("max", 1.0))
    }


def note_session(session: Session, folder: RunFolder, started: datetime, wall: float) -> None:
    """A session's line in a run folder."""
    episodes = len(session.records)
    steps = sum(record.steps for record in session.records.values())
    folder.append_session(
        SessionRecord(
            started=started.isoformat(timespec="seconds"),
            ended=datetime.now(UTC).isoformat(timespec="seconds"),
            wall_s=wall,
            phases_s={},
            counts={"episodes": episodes, "env_steps": steps, "frames": 0, "decisions": 0},
        )
    )


def meta(options: BridgeOptions, bench: Bench) -> dict[str, Any]:
    """What a summary says of the run."""
    return {
        "task": options.task,
        "policy": bench.policy.name,
        "seed": options.seed,
        "physics": "twin" if options.robot == "twin" else "real",
        "renderer": "none" if not bench.policy.cameras else "camera",
        "device": "cpu",
        "num_envs": 1,
        "robot": options.robot,
        "episodes_planned": options.episodes,
    }


def provenance() -> dict[str, Any]:
    """What a run keeps of where it ran."""
    return {
        "versions": package_versions(),
        "python": platform.python_version(),
        "git_commit": git_commit(),
        "hardware": {"cpu": cpu_name(), "cores": os.cpu_count(), "memory_gib": memory_gib()},
    }
