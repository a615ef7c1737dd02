"""`Runs`: what a validation measures with the other commands of the bench, each in a process and a folder of its own.

A simulator starts once in a process. What is there already is not run again, so that a validation that was killed goes
on where it stopped; evaluations go on within their folders.
"""

from __future__ import annotations

import json
import shlex
import signal
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

from rich.console import Console

from domain_rand.sets import FactorSetError
from workbench.cli.options import OptionError, parse_options
from workbench.evaluation.options import EvalOptions
from workbench.policy_probe.options import PolicyCheckOptions
from workbench.rollout.launch import LaunchError
from workbench.runs.durable import write_atomically
from workbench.runs.folder import RunFolder
from workbench.runs.records import EpisodeRecord
from workbench.validate.options import OWN, PASSED_ON
from workbench.verdict.line import Evidence

OF_THE_SUITE = ("dr", "num_envs")
"""What says which episodes are run: no part of a check of conventions."""


class NotPossible(Exception):
    """What is asked for cannot be measured here; one sentence says why."""


class Failed(Exception):
    """A command of the bench ended as it should not; one sentence."""


@dataclass(frozen=True)
class Evaluated:
    """An evaluation that is complete."""

    records: tuple[EpisodeRecord, ...]
    folder: Path
    evidence: Evidence

    @property
    def successes(self) -> int:
        """How many succeeded."""
        return sum(record.success for record in self.records)


class Runs:
    """What one validation runs."""

    def __init__(self, words: Sequence[str], out: Path, console: Console) -> None:
        """``words`` are those of ``workbench validate``, as typed; ``out`` its folder."""
        self._words, self.out, self._console = list(words), out, console

    def evaluation_words(self, name: str, episodes: int, changes: Mapping[str, str]) -> list[str]:
        """Words of ``workbench eval`` for an evaluation; ``changes`` replace options of the same key."""
        kept = [w for w in self._words if _key(w) not in OWN - set(PASSED_ON) and _key(w) not in changes]
        plain = {"record": "0", "last_frames": "0"} | dict(changes)
        return [
            *kept,
            *(f"{k}={v}" for k, v in plain.items()),
            f"episodes={episodes}",
            f"out={self.out / name}",
        ]

    def evaluate(self, name: str, episodes: int, **changes: str) -> Evaluated:
        """Run what is missing of an evaluation. NotPossible for options that cannot be had, Failed if it fails."""
        words = self.evaluation_words(name, episodes, {k.replace("__", "."): v for k, v in changes.items()})
        try:
            options = parse_options(EvalOptions, words)
            options.resolve()
        except (OptionError, LaunchError, FactorSetError) as problem:
            raise NotPossible(str(problem)) from problem
        folder = RunFolder(self.out / name)
        planned = options.ladder()
        wanted = planned.quota if planned else episodes
        done = (folder.path / "summary.json").is_file() and len(folder.completed()) >= wanted
        if not done:
            self._run(["eval", *words])
        records = tuple(folder.completed().values())
        return Evaluated(records, folder.path, Evidence(_command(["eval", *words]), name))

    def check(self) -> tuple[dict[str, Any], Evidence]:
        """What ``workbench policy check`` found, as its JSON."""
        file = self.out / "contract.json"
        known = {f.name for f in fields(PolicyCheckOptions)} - set(OF_THE_SUITE)
        words = [w for w in self._words if _key(w) in known or _key(w).startswith("policy.")]
        policy = next((w.partition("=")[2] for w in words if _key(w) == "policy"), "expert")
        words = ["policy", "check", policy, *(w for w in words if _key(w) != "policy"), f"json={file}"]
        if not file.is_file():
            self._run(words, good=(0, 1))
        return dict(json.loads(file.read_text("utf-8"))), Evidence(_command(words), file.name)

    def profile(self) -> tuple[dict[str, Any], Evidence]:
        """What one decision takes: ``latency_ms``, ``peak_mib``; NotPossible for policies that cannot be profiled."""
        from workbench.policy_profile.command import measured
        from workbench.policy_profile.options import AS_IT_IS, PolicyProfileOptions

        file = self.out / "profile.json"
        known = {f.name for f in fields(PolicyProfileOptions)} - {"dr", "num_envs", *OWN}
        words = [w for w in self._words if _key(w) in known or _key(w).startswith("policy.")]
        words += ["batches=1"]
        policy = next((w.partition("=")[2] for w in words if _key(w) == "policy"), "expert")
        shown = ["policy", "profile", policy, *(w for w in words if _key(w) != "policy")]
        if not file.is_file():
            try:
                options = parse_options(PolicyProfileOptions, words)
                options.resolve()
                with self._console.status("measuring time and memory of a decision"):
                    found = measured(options, words, AS_IT_IS, None)
            except OptionError as problem:
                raise NotPossible(str(problem)) from problem
            if "not" in found:
                raise NotPossible(str(found["not"]))
            write_atomically(file, json.dumps(found, indent=1) + "\n")
        return dict(json.loads(file.read_text("utf-8"))), Evidence(_command(shown), file.name)

    def _run(self, words: Sequence[str], good: Sequence[int] = (0,)) -> None:
        self._console.print(_command(words), markup=False)
        status = subprocess.run([sys.executable, "-m", "workbench.cli.main", *words]).returncode
        if status in (128 + signal.SIGINT, -signal.SIGINT, 128 + signal.SIGTERM, -signal.SIGTERM):
            raise KeyboardInterrupt
        if status not in good:
            raise Failed(f"{_command(words[:2])} ended with status {status}: see above")


def _key(word: str) -> str:
    return word.partition("=")[0]


def _command(words: Sequence[str]) -> str:
    return shlex.join(["workbench", *words])
