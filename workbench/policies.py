"""Policies by name, for commands that take ``policy=``."""

from __future__ import annotations

import hashlib
import platform
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from policy import ActionSpec, Policy
from policy.baselines import Hold, Random
from workbench.differences import differences, sentence
from workbench.fingerprints import folder_fingerprints
from workbench.options import OptionError

M1 = "m1"
POLICIES = ("expert", "noisy_expert", "random", "hold", M1)
"""The policies that ship with the bench; `M1` is a checkpoint of ``workbench train`` or ``workbench policy import``."""
M1_MINI = "m1-mini"
"""The checkpoint that ships: what `M1` is unless another is named."""
CAMERAS = ("front", "wrist")
"""Cameras of the tasks."""
ENDS_READ = 1 << 22
"""How much of each end of the weights' file older releases looked at [bytes]."""


def make_policy(
    name: str,
    num_envs: int,
    action_spec: ActionSpec,
    device: str,
    grounding_error_px: float,
    latency_steps: int,
    checkpoint: str = "",
    ground_every: int = 0,
    error_attempts: int = 0,
) -> Policy:
    """A policy for ``num_envs`` environments with the given action space.

    ``grounding_error_px``, ``latency_steps`` and ``error_attempts`` make an expert a noisy one; ``checkpoint`` and
    ``ground_every`` are for m1 (`policy.m1.policy.M1Policy`); others ignore them.
    """
    if name == M1:
        from policy.m1.checkpoint import CheckpointError, locate
        from policy.m1.policy import M1Policy

        try:
            return M1Policy.from_checkpoint(locate(checkpoint), device, ground_every=ground_every)
        except CheckpointError as error:
            raise OptionError(f"checkpoint={checkpoint}: {error}") from error
    if name == "hold":
        return Hold(num_envs, action_spec, device)
    if name == "random":
        return Random(num_envs, action_spec, device)
    from tasks.pick_place.expert import Expert

    if name == "expert":
        return Expert(num_envs, action_spec, device=device)
    return Expert(num_envs, action_spec, grounding_error_px, latency_steps, device, error_attempts)


def check_checkpoint(checkpoint: str) -> tuple[str, ...]:
    """The cameras that a checkpoint's policy looks through; OptionError for a folder that holds none of use here."""
    from policy.m1.checkpoint import WEIGHTS_FILE, CheckpointError, locate, read_config

    folder = locate(checkpoint)
    try:
        views = read_config(folder).images.views
    except CheckpointError as error:
        raise OptionError(f"checkpoint={checkpoint}: {error}") from error
    unknown = [view for view in views if view not in CAMERAS]
    if unknown:
        raise OptionError(
            f"checkpoint={checkpoint} looks through camera {unknown[0]}; the task has {', '.join(CAMERAS)}"
        )
    if not (folder / WEIGHTS_FILE).is_file():
        raise OptionError(f"checkpoint={checkpoint} has no {WEIGHTS_FILE}: it is not whole")
    return views


def checkpoint_files(checkpoint: str) -> dict[str, str]:
    """Fingerprints of a checkpoint's files by name; none where no checkpoint acts."""
    return dict(checkpoint_provenance(checkpoint)["files"]) if checkpoint else {}


def require_checkpoint(checkpoint: str, files: Mapping[str, str]) -> None:
    """OptionError if another checkpoint is under this path on this machine than on the one that asks."""
    other = differences(files, checkpoint_files(checkpoint))
    if other:
        raise OptionError(
            f"checkpoint={checkpoint} is another one on {platform.node()} than where the command was given: "
            f"{sentence(other)}; copy it anew, or use a folder that both machines see"
        )


def checkpoint_provenance(checkpoint: str) -> dict[str, Any]:
    """What a run keeps of its checkpoint: the whole content of every file, and what older releases kept."""
    from policy.m1.checkpoint import locate

    folder = locate(checkpoint)
    try:
        return {"files": folder_fingerprints(folder), "ends": _ends(folder)}
    except OSError as problem:
        raise OptionError(
            f"checkpoint={checkpoint}: {problem.filename} cannot be read: {problem.strerror}"
        ) from None


def _ends(folder: Path) -> str:
    """Sixteen digits of the configuration and both ends of the weights: all that runs of older releases recorded."""
    from policy.m1.checkpoint import CONFIG_FILE, WEIGHTS_FILE

    digest = hashlib.sha256((folder / CONFIG_FILE).read_bytes())
    weights = folder / WEIGHTS_FILE
    with weights.open("rb") as file:
        digest.update(file.read(ENDS_READ))
        file.seek(max(weights.stat().st_size - ENDS_READ, 0))
        digest.update(file.read())
    return digest.hexdigest()[:16]
