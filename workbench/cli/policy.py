"""``workbench policy``: policies checked against a task and profiled, and published checkpoints made into ours."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from rich.console import Console

from workbench.cli.options import OptionError, help_table, listed, option, parse_options
from workbench.cli.positional import positional
from workbench.rollout.options import choose
from workbench.runs.durable import naming

if TYPE_CHECKING:
    from policy.action import ActionSpec

USAGE = "usage: workbench policy import RUN_DIR qwen=FOLDER out=FOLDER [key=value ...]"
AUTO = "auto"
SCALINGS, ROTATIONS = ("min_max", "q01_q99"), ("rotation_vector", "euler_xyz")
MOST_HZ = 1e4
"""Beyond it a typing error is likelier than a robot."""


@dataclass
class ImportOptions:
    """Options of ``workbench policy import``."""

    out: str = option("", "new folder for the checkpoint")
    qwen: str = option("", "folder with Qwen2.5-VL's config.json and tokenizer; its weights are not needed")
    views: str = option("front,wrist", "names of the cameras, in the order in which the run's data gave them")
    robot: str = option("", "which robot's actions, where the training mixture has several")
    step: int | None = option(None, "training step of the checkpoint; final_model or the latest by default")
    control_hz: float | None = option(None, "rate of actions, where the mixture has none of its own", "Hz")
    action_spec: str = option("", "JSON file with an action spec, instead of what the mixture's name means")
    scaling: str = option(
        AUTO, f"what training scaled actions by: {' or '.join(SCALINGS)}; auto: what the mixture's name means"
    )
    rotation: str = option(
        AUTO,
        f"what the model's rotation channels are: {' or '.join(ROTATIONS)} (roll, pitch, yaw); auto: what the "
        "mixture's name means",
    )
    execute_steps: int | None = option(None, "actions executed per decision; half a chunk by default")

    def resolve(self) -> None:
        """OptionError for what is missing or cannot be."""
        for name in ("out", "qwen"):
            if not getattr(self, name):
                raise OptionError(f"{name}= is missing; {USAGE}")
        if not self.cameras:
            raise OptionError("views must name at least one camera")
        choose("scaling", self.scaling, (AUTO, *SCALINGS))
        choose("rotation", self.rotation, (AUTO, *ROTATIONS))
        if self.action_spec and self.scaling != AUTO:
            raise OptionError("scaling= is for a known mixture: an action spec states its own normalisation")
        for name, least in (("step", 0), ("execute_steps", 1)):
            value = getattr(self, name)
            if value is not None and value < least:
                raise OptionError(f"{name} must be at least {least}, not {value}")
        if self.control_hz is not None and not 0 < self.control_hz <= MOST_HZ:
            raise OptionError(
                f"control_hz must be above 0 and at most {MOST_HZ:g} Hz, not {self.control_hz:g}"
            )

    @property
    def cameras(self) -> tuple[str, ...]:
        """Names of the cameras, in order; OptionError for one without a name."""
        return listed("views", self.views)


def run_import(run: str, options: ImportOptions, console: Console) -> int:
    """Import the published run in folder ``run`` into the checkpoint ``options.out``; returns the exit status.

    Raises OptionError for anything in the run or the options that does not fit.
    """
    from policy.m1.checkpoint import CheckpointError, save_checkpoint
    from policy.m1.import_published import Choices, PublishedError, import_published

    options.resolve()
    choices = Choices(
        views=options.cameras,
        robot=options.robot or None,
        control_hz=options.control_hz,
        action_spec=_action_spec(options.action_spec) if options.action_spec else None,
        execute_steps=options.execute_steps,
        scaling=None if options.scaling == AUTO else options.scaling,  # type: ignore[arg-type]
        rotation=None if options.rotation == AUTO else options.rotation,  # type: ignore[arg-type]
    )
    try:
        model, notes = import_published(Path(run), Path(options.qwen), choices, options.step)
        with naming(Path(options.out)):
            save_checkpoint(model, Path(options.out))
    except (PublishedError, CheckpointError) as error:
        raise OptionError(str(error)) from error
    for note in notes:
        console.print(f"note: {note}", markup=False)
    spec = model.config.action_spec
    parameters = sum(parameter.numel() for parameter in model.parameters())
    console.print(
        f"{options.out}: {parameters / 1e6:,.1f} M parameters; {spec.name}: {spec.dim} channels at "
        f"{spec.control_hz:g} Hz for {spec.robot}, gripper {spec.gripper_sign}",
        markup=False,
    )
    return 0


def run_check(words: Sequence[str], console: Console) -> int:
    """Check a policy on scripted situations; returns 1 where something is contradictory. OptionError as from `eval`."""
    from workbench.policy_probe.options import USAGE as CHECK_USAGE
    from workbench.policy_probe.options import PolicyCheckOptions

    (policy,), given = positional(words, 1, CHECK_USAGE, PolicyCheckOptions)
    options = parse_options(PolicyCheckOptions, [f"policy={policy}", *given])
    options.resolve()
    from workbench.policy_probe.command import check_policy

    return check_policy(options, console)


def run_profile(words: Sequence[str], console: Console) -> int:
    """Measure what a policy takes; returns the exit status. OptionError as from `eval`."""
    from workbench.policy_profile.options import USAGE as PROFILE_USAGE
    from workbench.policy_profile.options import PolicyProfileOptions

    (policy,), given = positional(words, 1, PROFILE_USAGE, PolicyProfileOptions)
    all_words = [f"policy={policy}", *given]
    options = parse_options(PolicyProfileOptions, all_words)
    options.resolve()
    from workbench.policy_profile.command import profile_policy

    return profile_policy(all_words, options, console)


def policy_command(words: Sequence[str], console: Console) -> int:
    """``workbench policy check`` or ``profile POLICY key=value ...``, or ``import RUN_DIR key=value ...``."""
    if words and words[0] == "check":
        return run_check(words[1:], console)
    if words and words[0] == "profile":
        return run_profile(words[1:], console)
    if not words or words[0] != "import":
        raise OptionError(f"policy takes check, profile or import; {USAGE}")
    (run,), given = positional(words[1:], 1, USAGE, ImportOptions)
    return run_import(run, parse_options(ImportOptions, given), console)


def print_help(words: Sequence[str], console: Console) -> None:
    """Usage and options of the verb among the words, or of both."""
    from workbench.policy_probe.options import USAGE as CHECK_USAGE
    from workbench.policy_probe.options import PolicyCheckOptions
    from workbench.policy_profile.options import USAGE as PROFILE_USAGE
    from workbench.policy_profile.options import PolicyProfileOptions

    verbs: dict[str, tuple[str, type]] = {
        "check": (CHECK_USAGE, PolicyCheckOptions),
        "profile": (PROFILE_USAGE, PolicyProfileOptions),
        "import": (USAGE, ImportOptions),
    }
    chosen = [verbs[word] for word in words if word in verbs][:1] or list(verbs.values())
    for usage, options in chosen:
        console.print(usage + "\n", markup=False)
        console.print(help_table(options))


def _action_spec(file: str) -> ActionSpec:
    from policy.action import ActionSpec
    from policy.m1.strict import from_plain, to_plain

    try:
        spec = ActionSpec.from_dict(json.loads(Path(file).read_text("utf-8")))
        return from_plain(ActionSpec, to_plain(spec), "action spec")
    except (OSError, ValueError, TypeError, KeyError, AttributeError, RecursionError) as error:
        raise OptionError(f"action_spec={file}: {error}") from error
