"""Policies by name, for commands that take ``policy=``."""

from __future__ import annotations

import hashlib
import platform
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from policy import ActionSpec, ObservationOffer, Policy
from robots.registry import DEFAULT as DEFAULT_ROBOT
from robots.registry import robot
from tasks.registry import DEFAULT, find
from tasks.tabletop.action_spaces import action_specs
from tasks.tabletop.workspace import IMAGE_SIZE, cameras_of
from workbench.cli.options import OptionError
from workbench.rollout.policy_classes import PolicyClass, is_class_name, registered
from workbench.rollout.policy_names import M1, POLICIES, PRECISIONS, PREFIX, STORED
from workbench.rollout.remote_policies import RemoteServer, is_remote
from workbench.runs.differences import differences, sentence
from workbench.runs.fingerprints import folder_fingerprints
from workbench.verdict.identity import served_fingerprint

CAMERAS = ("front", "wrist")
"""Cameras of the tasks."""
ENDS_READ = 1 << 22
"""How much of each end of the weights' file older releases looked at [bytes]."""


@dataclass(frozen=True)
class PolicyCfg:
    """Which policy acts, and how it is made."""

    name: str
    """One of `POLICIES`, or where a class is: see `workbench.rollout.policy_classes`."""
    checkpoint: str = ""
    """m1: folder of its checkpoint."""
    ground_every: int = 0
    """m1: decisions between two at which it says where things are; 0 for never."""
    grounding_error_px: float = 0.0
    """noisy_expert: standard deviation of where it sees things [px]."""
    latency_steps: int = 0
    """noisy_expert: how late its actions come [control steps]."""
    error_attempts: int = 0
    """noisy_expert: attempts in which it sees things elsewhere; 0 for all."""
    options: Mapping[str, str] = field(default_factory=dict)
    """A class of one's own: arguments of its constructor, as typed."""
    task: str = DEFAULT
    """What is asked: each task has experts of its own."""
    robot: str = DEFAULT_ROBOT
    """What it acts with."""
    precision: str = STORED
    """m1: what its weights are converted to, one of `PRECISIONS`."""

    def check(self, image_size: int = IMAGE_SIZE) -> None:
        """OptionError unless it can be made for a task whose images have this width and height [px]."""
        if self.precision not in PRECISIONS:
            raise OptionError(
                f"there is no precision {self.precision!r}: choose one of {', '.join(PRECISIONS)}"
            )
        if is_remote(self.name):
            self._server.check(observation_offer(image_size, self.robot))
        elif self.is_class:
            self._class.check(self.options, observation_offer(image_size, self.robot))
        elif self.name not in POLICIES:
            raise OptionError(
                f"there is no policy {self.name!r}: choose one of {', '.join((*POLICIES, *registered()))}, or name a "
                "class of yours as package.module:Class or file.py:Class, or a server as remote:DIALECT://HOST:PORT"
            )
        elif self.options:
            raise OptionError(
                f"policy={self.name} has no option {PREFIX}{next(iter(self.options))}: such options are for "
                "classes of yours"
            )
        elif self.name == M1:
            check_checkpoint(self.checkpoint)
        if self.precision != STORED and self.name != M1:
            raise OptionError(f"precision={self.precision} is for policy={M1}, not policy={self.name}")

    def check_precision(self, device: str) -> None:
        """OptionError if its weights cannot be had in this precision on a device."""
        if self.precision == STORED:
            return
        from policy.m1.precision import missing

        if (problem := missing(self.precision, device)) is not None:
            raise OptionError(f"precision={self.precision}: {problem}")

    def check_actions(self, offered: ActionSpec) -> None:
        """OptionError if a checkpoint's or a server's actions do not mean what these do; others are asked when made."""
        if is_remote(self.name):
            self._server.check_actions(offered)
        if self.name == M1:
            from policy.m1.checkpoint import locate, read_config

            own = read_config(locate(self.checkpoint)).action_spec
            if problems := offered.mismatches(own, bounds=False):
                raise OptionError(
                    f"checkpoint={self.checkpoint}: its actions do not mean what those of robot={self.robot} do: "
                    + "; ".join(problems)
                )

    @property
    def is_class(self) -> bool:
        """Whether it is a class of the user's."""
        return self.name not in POLICIES and not is_remote(self.name) and is_class_name(self.name)

    @property
    def cameras(self) -> tuple[str, ...]:
        """Cameras that it looks through."""
        if is_remote(self.name):
            return self._server.cameras
        if self.is_class:
            return self._class.cameras
        return check_checkpoint(self.checkpoint) if self.name == M1 else ()

    def check_environments(self, count: int) -> None:
        """OptionError if it cannot act in so many environments at once."""
        if is_remote(self.name):
            self._server.check_environments(count)

    def conversions(self, image_size: int, action_spec: ActionSpec | None = None) -> list[str]:
        """What is done to observations, and of a server's also to actions like these, a line each."""
        if is_remote(self.name) and action_spec is not None:
            return self._server.conversions(observation_offer(image_size, self.robot), action_spec)
        spec = self._class.observation_spec if self.is_class else None
        return spec.conversions(observation_offer(image_size, self.robot)) if spec else []

    def provenance(self) -> dict[str, Any]:
        """What a run keeps of what acts: a checkpoint's fingerprints and conversion, or those of a class's source, or
        of a server's contract."""
        if is_remote(self.name):
            return {"policy": self._server.provenance()}
        if self.is_class:
            spec = self._class.observation_spec
            seen = {"observation_spec": spec.to_dict()} if spec else {}
            return {"policy": {"files": self._class.files(self.options), **seen}}
        if self.name != M1:
            return {}
        return {
            "checkpoint": checkpoint_provenance(self.checkpoint)
            | action_conversion(self.checkpoint, self.robot)
        }

    def require(self, expected: Mapping[str, Any]) -> None:
        """OptionError if on this machine something else acts than `provenance` said on the one that asks."""
        for kind, was in expected.items():
            other = differences(was["files"], self.provenance()[kind]["files"])
            if other:
                raise OptionError(
                    f"{kind}={self.checkpoint or self.name} is another one on {platform.node()} than where the "
                    f"command was given: {sentence(other)}; copy it anew, or use a folder that both machines see"
                )

    @property
    def served_fingerprint(self) -> str | None:
        """Of a policy behind a server of the bench, which one that is; None for all others."""
        return served_fingerprint(self._server.greeting.contract) if is_remote(self.name) else None

    @property
    def _server(self) -> RemoteServer:
        return RemoteServer.of(self.name, self.options)

    @property
    def _class(self) -> PolicyClass:
        return PolicyClass.find(self.name)


def observation_offer(image_size: int, robot_name: str = DEFAULT_ROBOT) -> ObservationOffer:
    """What policies can be given of a robot in the tasks, whose images have this width and height [px]."""
    model = robot(robot_name)
    sizes = {camera.name: (camera.width, camera.height) for camera in cameras_of(model, image_size)}
    joints, width = len(model.spec.arm_joints), model.gripper.max_width
    return ObservationOffer(robot_name, joints, width, sizes, calibrated=tuple(sizes))


def make_policy(
    cfg: PolicyCfg,
    num_envs: int,
    action_spec: ActionSpec,
    device: str,
    image_size: int = IMAGE_SIZE,
) -> Policy:
    """The policy for ``num_envs`` environments, within the bounds of their actions; images have this size [px].

    Raises OptionError for what `PolicyCfg.check` refuses.
    """
    cfg.check(image_size)
    name, checkpoint = cfg.name, cfg.checkpoint
    if is_remote(name):
        return _remote_policy(cfg, num_envs, action_spec, observation_offer(image_size, cfg.robot))
    if cfg.is_class:
        return PolicyClass.find(name).make(
            num_envs, action_spec, device, cfg.options, observation_offer(image_size, cfg.robot)
        )
    if name == M1:
        from policy.action_bounds import within_bounds_of
        from policy.m1.checkpoint import CheckpointError, locate
        from policy.m1.policy import M1Policy

        try:
            trained = M1Policy.from_checkpoint(locate(checkpoint), device, cfg.precision, cfg.ground_every)
        except CheckpointError as error:
            raise OptionError(f"checkpoint={checkpoint}: {error}") from error
        return within_bounds_of(trained, action_spec)
    from policy.baselines import Hold, Random

    if name == "hold":
        return Hold(num_envs, action_spec, device)
    if name == "random":
        return Random(num_envs, action_spec, device)
    expert = find(cfg.task).expert
    if name == "expert":
        return expert(num_envs, action_spec, device=device)
    return expert(
        num_envs, action_spec, cfg.grounding_error_px, cfg.latency_steps, device, cfg.error_attempts
    )


def _remote_policy(cfg: PolicyCfg, num_envs: int, action_spec: ActionSpec, offer: ObservationOffer) -> Policy:
    from policy.remote_policy import RemotePolicy

    server = RemoteServer.of(cfg.name, cfg.options)
    actor, greeting = server.connected()
    try:
        return RemotePolicy(cfg.name, actor, greeting, server.mapping, num_envs, action_spec, offer)
    except BaseException:
        actor.close()
        raise


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


def action_conversion(checkpoint: str, robot_name: str = DEFAULT_ROBOT) -> dict[str, Any]:
    """How a checkpoint's actions are converted for the robot, ``{"action_bounds": ...}``; empty where they are not."""
    from policy.action_bounds import bounds_conversion
    from policy.m1.checkpoint import locate, read_config

    own = read_config(locate(checkpoint)).action_spec
    found = (bounds_conversion(own, spec) for spec in action_specs(robot_name).values())
    return next(({"action_bounds": conversion} for conversion in found if conversion), {})


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
