"""What a verdict is bound to by content: the policy, and the files that it was judged by."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from typing import Any

SERVED = "fingerprint"
"""Key under which a server of the bench says in its greeting which policy it serves."""


def policy_fingerprint(provenance: Mapping[str, Any], name: str) -> str:
    """Hash of what a run keeps of what acts (`PolicyCfg.provenance`): every file of a checkpoint, or of a class.

    Of policies that ship with the bench nothing is kept but their ``name``. `workbench serve` says the same of the
    policy behind it, so that the bridge can tell which checkpoint it asks.
    """
    return content_hash(provenance or {"policy": name})


def served_fingerprint(contract: Mapping[str, Any] | None) -> str | None:
    """What a server's greeting says of the policy behind it; None where it says nothing."""
    said = (contract or {}).get(SERVED)
    return said if isinstance(said, str) and said else None


def content_hash(content: Any) -> str:
    """SHA-256 of plain JSON types, whatever the order of keys."""
    return hashlib.sha256(json.dumps(content, sort_keys=True, default=repr).encode()).hexdigest()
