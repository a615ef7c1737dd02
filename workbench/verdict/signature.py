"""Signing a verdict, so that what the bridge is shown is what `workbench validate` found.

HMAC-SHA256 (RFC 2104) with a secret that both machines hold: the robot computer needs no package for it. Whoever can
read the key can sign; a person makes it, once:

    openssl rand -hex 32 > verdict.key && chmod 600 verdict.key
"""

from __future__ import annotations

import hashlib
import hmac
import json
import stat
from collections.abc import Mapping
from pathlib import Path
from typing import Any

ALGORITHM = "HMAC-SHA256"
LEAST_KEY = 32
"""Bytes of a key's file, white space around them aside."""


class SignatureError(ValueError):
    """A key that cannot be used, or a verdict that is not what was signed; one sentence."""


def read_key(path: Path) -> bytes:
    """The key in a file; SignatureError for one that is too short, or that others may read."""
    try:
        key, mode = path.read_bytes().strip(), path.stat().st_mode
    except OSError as problem:
        raise SignatureError(f"key={path} cannot be read: {problem.strerror}") from None
    if len(key) < LEAST_KEY:
        raise SignatureError(
            f"key={path} holds {len(key)} bytes, and a key has at least {LEAST_KEY}: openssl rand -hex 32 > {path}"
        )
    if mode & (stat.S_IRWXG | stat.S_IRWXO):
        raise SignatureError(f"key={path} can be read by others: chmod 600 {path}")
    return key


def signed(content: Mapping[str, Any], key: bytes | None) -> dict[str, Any]:
    """The content with its ``signature``: null without a key."""
    bare = {name: value for name, value in content.items() if name != "signature"}
    if key is None:
        return bare | {"signature": None}
    return bare | {"signature": {"algorithm": ALGORITHM, "value": _code(bare, key)}}


def check_signature(content: Mapping[str, Any], key: bytes) -> None:
    """SignatureError unless the content is what was signed with this key."""
    signature = content.get("signature")
    if not isinstance(signature, Mapping):
        raise SignatureError("the verdict is not signed: workbench validate key=FILE signs it")
    if signature.get("algorithm") != ALGORITHM:
        raise SignatureError(f"the verdict is signed by {signature.get('algorithm')}, and not by {ALGORITHM}")
    bare = {name: value for name, value in content.items() if name != "signature"}
    if not hmac.compare_digest(str(signature.get("value")).encode(), _code(bare, key).encode()):
        raise SignatureError("the verdict was changed after it was signed, or signed with another key")


def _code(bare: Mapping[str, Any], key: bytes) -> str:
    text = json.dumps(bare, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False)
    return hmac.new(key, text.encode("utf-8", "backslashreplace"), hashlib.sha256).hexdigest()
