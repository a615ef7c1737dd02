"""``workbench bridge policy_a=... policy_b=...``, and ``workbench bridge unseal RUN``."""

from __future__ import annotations

import json
from contextlib import ExitStack
from dataclasses import replace
from datetime import datetime
from pathlib import Path

from rich.console import Console

from workbench.bridge.blind.seal import A, B, Sealed, unseal
from workbench.bridge.blind.session import BlindSession
from workbench.bridge.command import (
    IGNORED,
    carry_out,
    end_by,
    measured,
    meta,
    note_session,
    operator_of,
    provenance,
    watch,
    write_recording,
)
from workbench.bridge.operator import StopSignals
from workbench.bridge.options import BridgeOptions
from workbench.bridge.setup import make_bench
from workbench.bridge.verdict import allowed
from workbench.evaluation.summary import summarise
from workbench.runs.durable import append_line
from workbench.runs.folder import RunFolder

SESSIONS = "bridge_sessions.jsonl"
"""How well the loop kept time, a line a session; of both policies together."""


def bridge_blind(options: BridgeOptions, console: Console) -> int:
    """Run both policies by turns; the exit status."""
    folder = RunFolder(options.out)
    with ExitStack() as stack, StopSignals() as signals:
        stack.callback(folder.close)
        folder.create_or_resume(options.config(), provenance(), (*IGNORED, "vault"), growing={"episodes": ""})
        sealed = Sealed(Path(options.out), options.vault)
        folders = {}
        for name, policy in zip((A, B), options.policies, strict=True):
            own = replace(options, policy=policy, policy_a="", policy_b="", vault="")
            folders[name] = RunFolder(sealed.vault / name)
            stack.callback(folders[name].close)
            folders[name].create_or_resume(own.config(), provenance(), IGNORED, growing={"episodes": ""})
        operator = operator_of(options, stack)
        most_scale = allowed(options, console)
        bench = make_bench(options, sealed.vault, stack)
        session = BlindSession(options, bench, sealed, folders, operator, signals, console)
        session.desk.most_scale = most_scale
        watch(session, stack, console)

        def note(started: datetime, wall: float) -> None:
            for name, who in zip((A, B), bench.policies, strict=True):
                session.records = folders[name].completed()
                note_session(session, folders[name], started, wall)
                about = meta(options, replace(bench, policy=who))
                folders[name].write_summary(
                    summarise(session.records.values(), about, folders[name].sessions())
                )

        status, said = carry_out(session, note)
        append_line(sealed.vault / SESSIONS, json.dumps(measured(session, bench)))
        if said:
            console.print(said, markup=False)
    entered = len(sealed.labels())
    console.print(
        f"{entered} of {2 * options.episodes} trials are labelled in {options.out}; `workbench bridge unseal "
        f"{options.out}` ends the blinding",
        markup=False,
    )
    end_by(signals)
    return status


def unseal_run(run: Path, partial: bool, vault: str, console: Console) -> None:
    """End the blinding of a run, and say who was who."""
    said = unseal(run, partial, vault)
    for name in (A, B):
        if (run / name / "trajectories").is_dir() and not (run / name / "recording.rrd").exists():
            write_recording(run / name, console)
    order = "".join(said["order"])
    console.print(
        f"a is {said['policies'][A]}, b is {said['policies'][B]}; they acted in the order {order}\n"
        f"workbench compare {run / A} {run / B}",
        markup=False,
    )
