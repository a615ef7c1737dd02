"""Policies behind servers: ``policy=remote:openpi://host:port policy.mapping=FILE``.

The server is greeted before the simulator starts, so that one that is not there, speaks otherwise or takes what the
task does not have is a sentence then and not after minutes.
"""

from __future__ import annotations

import dataclasses
import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from policy.m1.strict import ConfigError
from workbench.cli.options import OptionError, option, parse_options
from workbench.rollout.policy_names import REMOTE
from workbench.runs.fingerprints import file_fingerprint

if TYPE_CHECKING:
    from policy.action import ActionSpec
    from policy.observation_spec import ObservationOffer
    from policy.serve.client.actor import Actor
    from policy.serve.client.address import Address
    from policy.serve.client.settings import Settings
    from policy.serve.exchange import Greeting
    from policy.serve.mapping.mapping import Mapping as WireMapping

LONGEST_METADATA = 2000
"""How much a run keeps of what a server said of itself [characters]."""


@dataclass
class RemoteOptions:
    """Options ``policy.NAME=value`` of a policy behind a server."""

    mapping: str = option("", "what the dialect leaves open: a YAML file, or the name of one that ships")
    statistics: str = option(
        "", "dataset_statistics.json, for a mapping that leaves its statistics to a file"
    )
    timeout_s: float = option(60.0, "an answer that takes longer is given up", "s")
    connect_s: float = option(10.0, "the same of a greeting", "s")
    patience_s: float = option(60.0, "for so long a server that went away is waited for", "s")
    attempts: int = option(3, "how often a question is asked whose answers come too late")
    connections: int = option(8, "requests under way at once")
    batch: int = option(0, "environments in a request, where the dialect has room for many; 0 for all")
    token_file: str = option("", "file with the token that the server wants to be shown")

    def settings(self) -> Settings:
        """How patient the client is, and how much it asks at once."""
        from policy.serve.client.settings import Settings

        names = {f.name for f in dataclasses.fields(Settings)} - {"token"}
        return Settings(token=self._token(), **{name: getattr(self, name) for name in names})

    def _token(self) -> str:
        if not self.token_file:
            return ""
        try:
            return Path(self.token_file).read_text("utf-8").strip()
        except (OSError, UnicodeDecodeError) as problem:
            raise OptionError(f"policy.token_file={self.token_file} cannot be read: {problem}") from None


def is_remote(name: str) -> bool:
    """Whether a policy's name says that it is behind a server."""
    return name.startswith(REMOTE)


@dataclass(frozen=True)
class RemoteServer:
    """A policy behind a server, before it is asked anything."""

    name: str
    """As it was asked for: ``remote:openpi://host:port``."""
    given: tuple[tuple[str, str], ...]
    """Options as typed, by name."""

    @classmethod
    def of(cls, name: str, given: Mapping[str, str]) -> RemoteServer:
        """The server that ``policy=name`` with these options means."""
        return cls(name, tuple(sorted(given.items())))

    @property
    def address(self) -> Address:
        """Where it is; RemoteError for what is no address."""
        from policy.serve.client.address import Address

        return Address.read(self.name.removeprefix(REMOTE))

    @property
    def options(self) -> RemoteOptions:
        """Its options; OptionError for wrong ones."""
        try:
            return parse_options(RemoteOptions, [f"{key}={value}" for key, value in self.given])
        except OptionError as problem:
            raise OptionError(f"policy={self.name}, options policy.NAME=: {problem}") from None

    @property
    def mapping(self) -> WireMapping | None:
        """Its mapping with its statistics; None where none is named. OptionError for what is none."""
        from policy.serve.mapping.mapping import load_mapping

        options, _ = self.options, self.address
        if not options.mapping:
            return None
        try:
            mapping = load_mapping(options.mapping)
            if mapping.dialect != self.address.dialect:
                raise ConfigError(f"it is for {mapping.dialect}://, not {self.address.dialect}://")
            return mapping.with_statistics(Path(options.statistics) if options.statistics else None)
        except ConfigError as problem:
            raise OptionError(f"policy.mapping={options.mapping}: {problem}") from None

    @property
    def greeting(self) -> Greeting:
        """What the server says of itself; RemoteError if there is none to be had."""
        return _greeted(self)

    def check(self, offer: ObservationOffer) -> None:
        """OptionError or RemoteError unless it is there, speaks the dialect, and sees nothing that there is not."""
        mapping, contract = self.mapping, self.greeting.contract
        if mapping is None and contract is None:
            from policy.serve.mapping.mapping import shipped

            raise OptionError(
                f"policy={self.name} needs policy.mapping=, since its server does not say what it takes and gives: a "
                f"YAML file, or one that ships: {', '.join(shipped())}"
            )
        from policy.serve.client.translation import beyond

        unfit = mapping.problems(offer) + beyond(mapping, self.greeting.limits, offer) if mapping else []
        unfit += [
            f"it looks through camera {c}; the task has {', '.join(offer.cameras)}"
            for c in self.cameras
            if c not in offer.cameras
        ]
        if unfit:
            raise OptionError(f"policy={self.name} does not fit the task: {'; '.join(unfit)}")

    def check_actions(self, offered: ActionSpec) -> None:
        """OptionError if its actions do not mean what the task's do, and are not converted."""
        from policy.action import ActionSpec
        from policy.serve.mapping.actions import problems

        mapping, contract = self.mapping, self.greeting.contract
        if mapping is not None:
            unfit = problems(mapping.actions, offered)
        else:
            unfit = offered.mismatches(ActionSpec.from_dict(contract["action_spec"])) if contract else []
        if unfit:
            raise OptionError(
                f"policy={self.name}: its actions do not mean what the task's do: {'; '.join(unfit)}"
            )

    def check_environments(self, count: int) -> None:
        """OptionError if the server cannot keep so many episodes apart."""
        greeting, mapping = self.greeting, self.mapping
        if count > 1 and mapping is not None and not mapping.stateless and greeting.past == "server":
            raise OptionError(f"policy={self.name}: {self._actor().one_past(count)}")

    @property
    def cameras(self) -> tuple[str, ...]:
        """Cameras of the task that it looks through."""
        mapping = self.mapping
        if mapping is not None:
            return mapping.seen.sources
        return tuple(map(str, (self.greeting.contract or {}).get("cameras", ())))

    def conversions(self, offer: ObservationOffer, spec: ActionSpec) -> list[str]:
        """What is done to the task's observations and to the server's actions, a line each."""
        from policy.serve.mapping.actions import conversions

        mapping = self.mapping
        return [*mapping.seen.conversions(offer), *conversions(mapping.actions, spec)] if mapping else []

    def connected(self) -> tuple[Actor, Greeting]:
        """Who asks it, and what it said of itself: what it said before, or OptionError."""
        actor = self._actor()
        try:
            greeting = actor.connect()
            if greeting.contract != self.greeting.contract:
                raise OptionError(
                    f"policy={self.name}: its server has had another policy since this command began"
                )
            return actor, greeting
        except BaseException:
            actor.close()
            raise

    def provenance(self) -> dict[str, Any]:
        """What a run keeps of it: fingerprints of what decides how it acts, as far as that is known, and its words."""
        from policy.serve.mapping.mapping import mapping_file

        options, greeting = self.options, self.greeting
        named = {"mapping": mapping_file(options.mapping)} if options.mapping else {}
        named |= {"statistics": Path(options.statistics)} if options.statistics else {}
        try:
            files = {f"policy.{name}": file_fingerprint(path) for name, path in named.items()}
        except OSError as problem:
            raise OptionError(
                f"policy={self.name}: {problem.filename} cannot be read: {problem.strerror}"
            ) from None
        if greeting.contract is not None:
            plain = json.dumps(greeting.contract, sort_keys=True, default=repr)
            files["server's contract"] = hashlib.sha256(plain.encode()).hexdigest()
        if isinstance(path := greeting.metadata.get("ckpt_path"), str):
            files["server's ckpt_path"] = path
        said = json.dumps(greeting.metadata, sort_keys=True, default=repr)[:LONGEST_METADATA]
        return {"files": files, "server_says": said}

    def _actor(self) -> Actor:
        from policy.serve.client.actor import Actor

        mapping = self.mapping
        return Actor(
            self.address,
            self.options.settings(),
            mapping.unnorm_key if mapping else "",
            mapping.stateless if mapping else True,  # servers of the bench keep sessions apart by their names
        )


@lru_cache
def _greeted(server: RemoteServer) -> Greeting:
    actor = server._actor()
    try:
        return actor.connect()
    finally:
        actor.close()
