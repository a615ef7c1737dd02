"""How often is the verdict right? Sound policies and policies with one planted fault, on several seeds, as a table.

    python -m tools.verdict_study                       # all of them on three seeds
    python -m tools.verdict_study only=Sound,Slow seeds=1

Each is validated as a user would (`workbench validate`), a folder each in ``out=``; the same command again resumes. The
verdict is right if a sound policy gets a go, and a faulty one a no-go whose first reason is its fault. Exit status 1 if
one is wrong.
"""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from rich.console import Console
from rich.table import Table

from workbench.cli.options import OptionError, listed, option, parse_options
from workbench.verdict.decide import NO_GO
from workbench.verdict.document import FILE, VerdictFile

POLICIES = "tools/planted_policies.py"
REQUIREMENTS = Path(__file__).with_name("verdict_requirements.yaml")
EXPECTED: dict[str, str | None] = {
    "Sound": None,
    "GripperReversed": "contract",
    "ChannelScaled": "contract",
    "NeedsTime": "latency",
    "LeavesWorkspace": "workspace",
    "BlindGrounding": "grounding",
    "Slow": "time",
    "CameraSensitive": "factors",
    "EngineSensitive": "engine",
}
"""Planted policy -> line that its first reason has to be about; None: it is sound."""


@dataclass
class StudyOptions:
    """Options of the study."""

    only: str = option("", f"of {', '.join(EXPECTED)}; empty: all")
    seeds: str = option("1,2,3", "of the suites")
    dr: str = option("none", "factor set that success is asked for under")
    requirements: str = option(str(REQUIREMENTS), "what is asked")
    num_envs: int = option(12, "environments in parallel")
    out: str = option("runs/verdict-study", "folder for the validations")


@dataclass(frozen=True)
class Case:
    """One validation."""

    policy: str
    seed: int
    verdict: VerdictFile
    seconds: float

    @property
    def right(self) -> bool:
        """Whether the verdict is what it should be."""
        expected = EXPECTED[self.policy]
        if expected is None:
            return self.verdict.word != NO_GO
        return self.verdict.word == NO_GO and self.verdict.content["first"] == expected


def validate(policy: str, seed: int, options: StudyOptions) -> Case:
    """Validate one policy on one seed, or read what was found before."""
    out = Path(options.out, f"{policy}-seed{seed}")
    began = time.monotonic()
    if not (out / FILE).is_file():
        words = [
            f"policy={POLICIES}:{policy}",
            f"seed={seed}",
            f"dr={options.dr}",
            f"num_envs={options.num_envs}",
        ]
        words += [f"requirements={options.requirements}", f"out={out}"]
        status = subprocess.run([sys.executable, "-m", "workbench.cli.main", "validate", *words]).returncode
        if status not in (0, 1):
            raise OptionError(f"validating {policy} ended with status {status}: see above")
        (out / "seconds.txt").write_text(f"{time.monotonic() - began:.1f}\n", "utf-8")
    return Case(policy, seed, VerdictFile.read(out / FILE), float((out / "seconds.txt").read_text("utf-8")))


def table_of(cases: Sequence[Case]) -> Table:
    """A line a validation."""
    table = Table("policy", "seed", "verdict", "first reason", "s", "right")
    for case in cases:
        reason = (case.verdict.reasons or [""])[0]
        table.add_row(
            case.policy,
            str(case.seed),
            case.verdict.word,
            reason,
            f"{case.seconds:.0f}",
            "yes" if case.right else "NO",
        )
    return table


def main(argv: Sequence[str] | None = None) -> int:
    """Run the study and print it."""
    console = Console(soft_wrap=True, highlight=False)
    try:
        options = parse_options(StudyOptions, sys.argv[1:] if argv is None else argv)
        chosen = listed("only", options.only) or tuple(EXPECTED)
        if odd := [name for name in chosen if name not in EXPECTED]:
            raise OptionError(f"only={odd[0]}: choose of {', '.join(EXPECTED)}")
        seeds = [int(seed) for seed in listed("seeds", options.seeds)]
        cases = [validate(policy, seed, options) for seed in seeds for policy in chosen]
    except (OptionError, ValueError) as problem:
        print(f"verdict_study: {problem}", file=sys.stderr)
        return 2
    console.print(table_of(cases))
    wrong = sum(not case.right for case in cases)
    console.print(f"{wrong} of {len(cases)} verdicts are wrong")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
