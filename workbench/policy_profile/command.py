"""``workbench policy profile``: time, memory and success of a policy, in the precisions that it can have here."""

from __future__ import annotations

import json
import math
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import Any

from rich.console import Console

from tasks.tabletop.action_spaces import action_specs
from workbench.cli.options import OptionError
from workbench.comparison.two import compare
from workbench.policy_profile.measure import REFUSED
from workbench.policy_profile.memory import available_bytes, too_large
from workbench.policy_profile.options import AS_IT_IS, PolicyProfileOptions
from workbench.policy_profile.report import episodes_table, latency_table, weights_table
from workbench.rollout.policy_names import M1
from workbench.runs.durable import naming, write_atomically
from workbench.runs.provenance import hardware, package_versions
from workbench.stats.non_inferiority import non_inferiority

FILE = "profile.json"


def profile_policy(words: list[str], options: PolicyProfileOptions, console: Console) -> int:
    """Profile the policy of resolved options, given as these words; prints tables, and returns the exit status."""
    out = Path(options.out)
    with naming(out):
        out.mkdir(parents=True, exist_ok=True)
    console.print(
        f"{options.policy} on {options.device}, {options.repeats} decisions a batch\n", markup=False
    )
    with checkpoint_of(options, console) as checkpoint:
        given = [word for word in words if word.partition("=")[0] not in ("checkpoint", "random_weights")]
        if checkpoint is not None:
            given.append(f"checkpoint={checkpoint}")
        found: dict[str, dict[str, Any]] = {}
        for precision in options.chosen:
            with console.status(f"measuring {precision}"):
                found[precision] = measured(options, given, precision, checkpoint)
    for precision, one in found.items():
        if "not" in one:
            console.print(f"not measured: {one['not']}", markup=False)
        if one.get("peak_mib", 0.0) is None:
            console.print(f"{precision}: {one['peak_is']}", markup=False)
    able = {name: one for name, one in found.items() if "not" not in one}
    if able:
        console.print(weights_table(able), latency_table(able, options.rows))
    episodes = paired(options, list(able), console) if options.episodes else {}
    if episodes:
        console.print(episodes_table(episodes, options.margin))
    content = {
        "options": {k: v for k, v in asdict(options).items() if k != "out"},
        "versions": package_versions(),
        "hardware": hardware(),
        "precisions": found,
        "episodes": episodes,
    }
    write_atomically(out / FILE, json.dumps(content, indent=1, allow_nan=False, default=str) + "\n")
    console.print(f"\nall of it: {out / FILE}", markup=False)
    return 0 if able else 1


def measured(
    options: PolicyProfileOptions, given: list[str], precision: str, checkpoint: Path | None
) -> dict[str, Any]:
    """What a process of its own measures; ``{"not": sentence}`` where that cannot be here."""
    from policy.m1.precision import missing

    if precision != AS_IT_IS:
        parameters, stored = weights_in(checkpoint) if checkpoint is not None else (0, 4)
        problem = missing(precision, options.device) or too_large(
            precision, parameters, stored, available_bytes(options.device)
        )
        if problem is not None:
            return {"not": problem}
    asked = json.dumps({"options": given, "precision": precision})
    command = [sys.executable, "-m", "workbench.policy_profile.measure", asked]
    ran = subprocess.run(command, capture_output=True, encoding="utf-8", errors="replace")
    if ran.returncode == 0:
        return dict(json.loads(ran.stdout.strip().splitlines()[-1]))
    said = ran.stderr.strip().splitlines() or [f"it ended with status {ran.returncode}"]
    if ran.returncode == REFUSED and precision == AS_IT_IS:
        raise OptionError(said[-1])
    if ran.returncode == REFUSED:
        return {"not": f"{precision}: {said[-1]}"}
    if ran.returncode < 0:
        return {"not": f"{precision}: its process was ended by signal {-ran.returncode}"}
    raise RuntimeError(f"measuring {precision} failed:\n{ran.stderr}")


@contextmanager
def checkpoint_of(options: PolicyProfileOptions, console: Console) -> Iterator[Path | None]:
    """The checkpoint to load; made for the time being where weights are to be random."""
    if options.policy != M1:
        yield None
        return
    from policy.m1.checkpoint import locate

    if not options.random_weights:
        yield locate(options.checkpoint).resolve()
        return
    from workbench.policy_profile.random_weights import MINI, parameters_of, write_random

    spec = action_specs(options.robot)[options.action_space]
    parameters, stored = (
        parameters_of(options.random_weights, spec),
        4 if options.random_weights == MINI else 2,
    )
    problem = too_large("float32" if stored == 4 else "bfloat16", parameters, stored, available_bytes("cpu"))
    if problem is not None:
        raise OptionError(f"random_weights={options.random_weights}: {problem}")
    with tempfile.TemporaryDirectory(dir=options.out) as folder:
        with console.status(f"writing {parameters / 1e6:,.0f} M random weights"), naming(Path(folder)):
            write_random(options.random_weights, spec, Path(folder, "checkpoint"))
        yield Path(folder, "checkpoint").resolve()


def weights_in(checkpoint: Path) -> tuple[int, int]:
    """Number of weights of a checkpoint, and bytes of one; OptionError where it cannot be read."""
    from safetensors import SafetensorError, safe_open

    from policy.m1.checkpoint import WEIGHTS_FILE

    path = checkpoint / WEIGHTS_FILE
    try:
        with safe_open(path, framework="pt") as file:
            count = sum(math.prod(file.get_slice(name).get_shape()) for name in file.keys())  # noqa: SIM118
        return count, round(path.stat().st_size / max(count, 1))
    except (OSError, SafetensorError) as problem:
        raise OptionError(f"{path} cannot be read: {problem}") from None


def paired(options: PolicyProfileOptions, precisions: list[str], console: Console) -> dict[str, Any]:
    """Every precision on the same episodes, in a run folder each, and the others against the first."""
    runs = {name: Path(options.out, name.replace(" ", "_")) for name in precisions}
    for name, run in runs.items():
        words = [*evaluated(options), f"out={run}"]
        words += [f"precision={name}"] if name != AS_IT_IS else []
        console.print(f"workbench eval {' '.join(words)}", markup=False)
        # A simulator starts once in a process.
        command = [sys.executable, "-m", "workbench.cli.main", "eval", *words]
        if status := subprocess.run(command).returncode:
            raise OptionError(f"the evaluation of {name} ended with status {status}: see above")
    first, *others = precisions
    found: dict[str, Any] = {}
    for name in others:
        pair = compare(runs[name], runs[first], options.confidence)
        test = non_inferiority(
            pair.both, len(pair.only_a), len(pair.only_b), pair.neither, options.margin, options.confidence
        )
        successes, interval = pair.rate("a")
        found[name] = {
            "against": first,
            "pairs": pair.pairs,
            "successes": successes,
            "rate_interval": interval,
            "successes_of_the_other": pair.rate("b")[0],
            "only_it": len(pair.only_a),
            "only_the_other": len(pair.only_b),
        } | asdict(test)
    return found


def evaluated(options: PolicyProfileOptions) -> list[str]:
    """The words of ``workbench eval`` that run a policy as these options say."""
    from dataclasses import fields

    from workbench.evaluation.options import EvalOptions

    default, words = EvalOptions(), []
    left_out = {"out", "precision", "dr_overrides", "policy_options", "confidence"}
    common = {f.name for f in fields(EvalOptions)} & {f.name for f in fields(options)} - left_out
    for name in sorted(common):
        value = getattr(options, name)
        if value != getattr(default, name):
            words.append(f"{name}={str(value).lower() if isinstance(value, bool) else value}")
    overrides: Mapping[str, Any] = options.dr_overrides
    words += [f"dr.{key}={value}" for key, value in overrides.items()]
    words += [f"policy.{key}={value}" for key, value in options.policy_options.items()]
    return [*words, "record=0", "last_frames=0"]
