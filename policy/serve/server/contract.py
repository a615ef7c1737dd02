"""`Contract`: what a server says of its policy, under `policy.serve.exchange.WORKBENCH`."""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict, dataclass
from typing import Any

from policy.action import ActionSpec
from policy.observation_spec import ObservationSpec
from policy.serve.exchange import PROTOCOL


@dataclass(frozen=True)
class Contract:
    """All that a client must agree with."""

    policy: str
    """Its name."""
    action_spec: ActionSpec
    cameras: tuple[str, ...]
    """Those of the task that it looks through, in order."""
    execute_steps: int
    observation_spec: ObservationSpec | None = None
    """What it makes of what it is sent; the server converts."""
    fingerprint: str = ""
    """Of the files that decide how it acts."""
    stateless: bool = False
    """Whether an answer depends on nothing but its question, seed and step."""

    def message(self) -> dict[str, Any]:
        """Plain types, as they are sent."""
        spec = self.observation_spec
        return {
            "protocol": PROTOCOL,
            "policy": self.policy,
            "action_spec": _plain(asdict(self.action_spec)),
            "observation_spec": _plain(spec.to_dict()) if spec else None,
            "cameras": list(self.cameras),
            "execute_steps": self.execute_steps,
            "statistics_sha256": statistics_hash(self.action_spec),
            "fingerprint": self.fingerprint,
            "stateless": self.stateless,
        }


def statistics_hash(spec: ActionSpec) -> str | None:
    """SHA-256 of the statistics of normalisation, as JSON with sorted keys; None where there are none."""
    if spec.normalisation is None:
        return None
    plain = json.dumps(_plain(asdict(spec.normalisation)), sort_keys=True)
    return hashlib.sha256(plain.encode()).hexdigest()


def _plain(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _plain(v) for key, v in value.items()}
    return [_plain(v) for v in value] if isinstance(value, list | tuple) else value
