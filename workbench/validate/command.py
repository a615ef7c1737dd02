"""``workbench validate``: may this policy move this arm?"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from rich.console import Console

from domain_rand.notation import NotationError, scalar
from workbench.cli.options import OptionError, help_table, option, parse_options
from workbench.rollout.chunk_options import chosen_ways
from workbench.runs.durable import naming, write_atomically
from workbench.runs.installation import git_commit
from workbench.validate.options import USAGE, ValidateOptions
from workbench.validate.requirements import Requirements, load_requirements
from workbench.verdict.decide import NO_GO, decide, shown
from workbench.verdict.document import FILE, Bound, VerdictError, VerdictFile
from workbench.verdict.identity import content_hash, policy_fingerprint
from workbench.verdict.page import PAGE, write_page
from workbench.verdict.scope import outside
from workbench.verdict.signature import SignatureError, read_key, signed

COVERS = "covers"
ASKED = "asked.json"
"""What a folder validates; another question belongs into another folder."""
GO_STATUS, NO_GO_STATUS = 0, 1


@dataclass
class CoversOptions:
    """Options of ``workbench validate covers=VERDICT``; all others are what is asked about."""

    covers: str = option(
        "", "verdict.json; robot=, task=, speed=, instruction= and factors by name are asked about"
    )


def validate_command(words: Sequence[str], console: Console) -> int:
    """Validate, or ask what a verdict covers; the exit status: 0 for a go, also with restrictions, 1 for a no-go."""
    if any(word.partition("=")[0] == COVERS for word in words):
        return covers(words, console)
    options = parse_options(ValidateOptions, words)
    asked = load_requirements(options.requirements)
    options.resolve()
    key = _key(options.key)
    from workbench.validate.runs import Failed, Runs
    from workbench.validate.validation import Validation

    out = Path(options.out)
    bound = bound_of(options, asked)
    chosen = [f"dr={options.calibration}"] if options.calibration else []
    runs = Runs([*words, *chosen], out, console)
    validation = Validation(options, asked, runs, console)
    for sentence in validation.plan.sentences():
        console.print(sentence, markup=False)
    if options.plan_only:
        return GO_STATUS
    _take_folder(out, bound, asked, words)
    try:
        lines = validation.run()
    except Failed as problem:
        raise OptionError(str(problem)) from problem
    decision = decide(lines, [one.demand for one in asked.all])
    made = VerdictFile.made(bound, decision, lines, validation.scope(), asked.valid_days)
    verdict = VerdictFile(signed(made.content, key))
    write_atomically(
        out / FILE, json.dumps(verdict.content, indent=1, ensure_ascii=False, allow_nan=False) + "\n"
    )
    write_page(out, verdict)
    _print(verdict, out, console)
    return NO_GO_STATUS if decision.word == NO_GO else GO_STATUS


def covers(words: Sequence[str], console: Console) -> int:
    """Whether a verdict's evidence covers what the words say; 1 where it does not."""
    path, asked = "", {}
    for word in words:
        name, equals, value = word.partition("=")
        if not equals or not value:
            raise OptionError(f"options are written key=value, not {word!r}")
        if name == COVERS:
            path = value
            continue
        try:
            asked[name] = value if name == "instruction" else scalar(value)
        except NotationError as problem:
            raise OptionError(f"option {word}: expected {problem}") from None
    if not asked:
        raise OptionError(
            f"covers={path} needs what is asked about: speed=0.5, instruction=..., camera.exposure=1.2"
        )
    try:
        verdict = VerdictFile.read(Path(path))
        found = outside(verdict.scope, asked)
    except (VerdictError, TypeError, ValueError) as problem:
        raise OptionError(str(problem)) from None
    for sentence in found:
        console.print(f"not evaluated: {sentence}", markup=False)
    if not found:
        console.print(f"evaluated: the verdict is {verdict.word}", markup=False)
    return NO_GO_STATUS if found else GO_STATUS


def bound_of(options: ValidateOptions, asked: Requirements) -> Bound:
    """What a verdict of these options is about."""
    cfg, factor_set = options.policy_cfg, options.factor_set()
    kept = cfg.provenance()
    return Bound(
        policy=options.policy if not options.checkpoint else f"{options.policy} ({options.checkpoint})",
        policy_fingerprint=fingerprint_of(options, kept),
        policy_files={
            name: str(value) for part in kept.values() for name, value in part.get("files", {}).items()
        },
        robot=options.robot,
        task=options.task,
        action_space=options.action_space,
        execution=chosen_ways(options.execute, options.horizon),
        factor_set=factor_set.name,
        factor_set_hash=factor_set.fingerprint(),
        calibration=Path(options.calibration).name if options.calibration else None,
        requirements_hash=content_hash(asked.to_dict()),
        seed=options.seed,
        commit=git_commit(),
    )


def fingerprint_of(options: ValidateOptions, kept: dict[str, Any]) -> str:
    """The policy's fingerprint; behind a server of the bench, what the server says of the policy that it serves."""
    served = options.policy_cfg.served_fingerprint
    return served or policy_fingerprint(kept, options.policy)


def print_help(console: Console) -> None:
    """What ``--help`` prints."""
    console.print(USAGE, markup=False)
    console.print(help_table(ValidateOptions))
    console.print("\nexit status: 0 go, also with restrictions; 1 no-go; 2 wrong input", markup=False)


def _key(file: str) -> bytes | None:
    try:
        return read_key(Path(file)) if file else None
    except SignatureError as problem:
        raise OptionError(str(problem)) from None


def _take_folder(out: Path, bound: Bound, asked: Requirements, words: Sequence[str]) -> None:
    """OptionError where the folder holds the validation of something else."""
    own = {"bound": asdict(bound), "requirements": asked.to_dict(), "words": _lasting(words)}
    own = json.loads(json.dumps(own))
    del own["bound"]["commit"]
    with naming(out):
        out.mkdir(parents=True, exist_ok=True)
    file = out / ASKED
    if file.is_file():
        before = json.loads(file.read_text("utf-8"))
        differing = [name for name in own if before.get(name) != own[name]]
        if differing:
            raise OptionError(
                f"{out} holds a validation of something else ({', '.join(differing)} differ): choose another out="
            )
        return
    if any(out.iterdir()):
        raise OptionError(f"{out} is not empty and holds no validation: choose another out=")
    write_atomically(file, json.dumps(own, indent=1) + "\n")


def _lasting(words: Sequence[str]) -> list[str]:
    """Words that decide what is measured."""
    return sorted(w for w in words if w.partition("=")[0] not in ("all", "key", "out", "shadow", "plan_only"))


def _print(verdict: VerdictFile, out: Path, console: Console) -> None:
    style = {"go": "bold green", "no-go": "bold red"}.get(verdict.word, "bold yellow")
    console.print(f"\n[{style}]{verdict.word}[/]")
    for reason in verdict.reasons:
        console.print(f"  {reason}", markup=False)
    if verdict.restrictions:
        console.print(f"restricted to: {shown(verdict.restrictions)}", markup=False)
    said = (
        "signed"
        if verdict.content["signature"]
        else "not signed (key=): the bridge refuses it with require=strict"
    )
    console.print(f"until {verdict.expires:%Y-%m-%d}, {said}", markup=False)
    console.print(f"{out / FILE}\n{out / PAGE}", markup=False)
