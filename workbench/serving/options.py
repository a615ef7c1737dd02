"""Options of ``workbench serve``, and what makes them impossible."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from policy.serve.client.address import PORTS, VERSIONS
from policy.serve.server.access import is_loopback
from robots import registry as robots
from tasks.registry import DEFAULT as DEFAULT_TASK
from workbench.cli.options import OptionError, option, words
from workbench.rollout.options import ACTION_SPACES, at_least, at_most, check_robot, check_task, choose
from workbench.rollout.policies import PolicyCfg
from workbench.rollout.policy_names import M1, M1_MINI, POLICIES, PRECISIONS, STORED
from workbench.rollout.policy_names import PREFIX as POLICY_PREFIX

if TYPE_CHECKING:
    from policy.serve.mapping.mapping import Mapping

PROTOCOLS = tuple(name for name in PORTS if name != "dreamzero")
LOOPBACK = "127.0.0.1"


@dataclass
class ServeOptions:
    """Options of ``workbench serve``."""

    policy: str = option(M1, f"who acts: {', '.join(POLICIES)}, or a class of yours, as eval has it")
    policy_options: dict[str, str] = field(
        default_factory=dict,
        metadata=words(POLICY_PREFIX, f"{POLICY_PREFIX}NAME", "as eval has them: policy.gain=0.5"),
    )
    checkpoint: str = option("", f"m1: folder of its checkpoint; none: {M1_MINI}, which ships")
    ground_every: int = option(0, "m1: decisions between two at which it says where things are; 0 for never")
    precision: str = option(STORED, f"m1: what its weights are converted to: {', '.join(PRECISIONS)}")
    protocol: str = option("openpi", f"what is spoken: {', '.join(PROTOCOLS)}")
    version: str = option("n1.7", f"protocol=gr00t: {', '.join(VERSIONS)}")
    host: str = option(LOOPBACK, "address to listen at; one that other machines reach needs token_file=")
    port: int = option(0, "port to listen at; 0: the protocol's own")
    token_file: str = option("", "file with the token that clients must show")
    mapping: str = option(
        "",
        "how clients name and mean what they send and get, as policy.mapping= of eval; none: as the bench does",
    )
    statistics: str = option(
        "", "dataset_statistics.json, for a mapping that leaves its statistics to a file"
    )
    task: str = option(DEFAULT_TASK, "for policies that ask: what is asked")
    robot: str = option(robots.DEFAULT, f"which robot: {', '.join(robots.names())}")
    action_space: str = option("delta_eef", f"what actions mean: {', '.join(ACTION_SPACES)}")
    image_size: int = option(224, "width and height of the pictures that clients send", "px")
    device: str = option("auto", "cpu or cuda:N; auto: a GPU if there is one")
    threads: int = option(
        0, "cores that PyTorch uses on device=cpu; 0: all; 1: to the digits of evaluation in one process"
    )
    slots: int = option(64, "episodes under way at once; the one asked longest ago makes room")
    batch: int = option(64, "environments that the policy decides for at once")
    clients: int = option(64, "connections at once")
    message_mb: int = option(64, "longest message that is read", "MiB")
    seed: int = option(0, "from which the seeds of clients' episodes follow that name none")
    metrics_port: int = option(
        0, "protocol=gr00t: port for /healthz and /metrics, on the same address; 0: none"
    )

    def resolve(self) -> None:
        """Replace ``auto`` by what it means here; OptionError for what cannot be."""
        choose("protocol", self.protocol, PROTOCOLS)
        choose("version", self.version, VERSIONS)
        choose("action_space", self.action_space, ACTION_SPACES)
        check_task(self.task)
        check_robot(self.robot)
        for name, most in (("slots", 4096), ("batch", 4096), ("clients", 4096), ("message_mb", 1024)):
            at_least(name, getattr(self, name), 1)
            at_most(name, getattr(self, name), most)
        for name, most in (
            ("port", 65535),
            ("metrics_port", 65535),
            ("seed", 2**32 - 1),
            ("ground_every", 10**6),
            ("threads", 4096),
        ):
            at_least(name, getattr(self, name), 0)
            at_most(name, getattr(self, name), most)
        at_least("image_size", self.image_size, 16)
        at_most("image_size", self.image_size, 4096)
        if self.metrics_port and self.protocol != "gr00t":
            raise OptionError(
                f"metrics_port= is for protocol=gr00t: {self.protocol} has /metrics on its own port"
            )
        if not is_loopback(self.host) and not self.token_file:
            raise OptionError(
                f"host={self.host} can be reached by other machines, so token_file= must name a file with a token that "
                "clients have to show"
            )
        _ = self.token
        if self.policy == M1:
            self.checkpoint = self.checkpoint or M1_MINI
        elif self.checkpoint:
            raise OptionError(f"checkpoint={self.checkpoint} is for policy={M1}, not policy={self.policy}")
        if self.policy in ("expert", "noisy_expert"):
            raise OptionError(f"policy={self.policy} sees the simulator's state, which no client has")
        self.port = self.port or PORTS[self.protocol]
        self.policy_cfg.check(self.image_size)
        _ = self.wire_mapping
        if self.device == "auto":
            from workbench.rollout.launch import default_device

            self.device = default_device()
        self.policy_cfg.check_precision(self.device)

    @property
    def token(self) -> str:
        """What clients must show; empty for nothing. OptionError for a file that holds none."""
        if not self.token_file:
            return ""
        try:
            token = Path(self.token_file).read_text("utf-8").strip()
        except (OSError, UnicodeDecodeError) as problem:
            raise OptionError(f"token_file={self.token_file} cannot be read: {problem}") from None
        if len(token) < 16 or not token.isascii() or any(c.isspace() for c in token):
            raise OptionError(
                f"token_file={self.token_file} must hold one word of 16 characters or more, in ASCII"
            )
        return token

    @property
    def wire_mapping(self) -> Mapping | None:
        """How clients name and mean things; None for the bench's own way. OptionError for what is none."""
        from policy.m1.strict import ConfigError
        from policy.serve.mapping.mapping import load_mapping

        if not self.mapping:
            return None
        try:
            mapping = load_mapping(self.mapping)
            if mapping.dialect != self.protocol and (mapping.dialect, self.protocol) != (
                "openpi",
                "roboarena",
            ):
                raise ConfigError(f"it is for {mapping.dialect}, not protocol={self.protocol}")
            return mapping.with_statistics(Path(self.statistics) if self.statistics else None)
        except ConfigError as problem:
            raise OptionError(f"mapping={self.mapping}: {problem}") from None

    @property
    def policy_cfg(self) -> PolicyCfg:
        """Which policy acts."""
        return PolicyCfg(
            self.policy,
            self.checkpoint,
            self.ground_every,
            options=dict(self.policy_options),
            task=self.task,
            robot=self.robot,
            precision=self.precision,
        )
