"""Recorded frames: bytes of public clients and servers, each with a description of what they say.

They are not part of the project: `WORKBENCH_TEST_DATA` names the folder that holds them, and tests skip without it.
"""

import base64
import json
import os
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from policy.serve import dreamzero, gr00t, internvla_m1, openpi, roboarena, starvla, vla_eval
from policy.serve.codec import Codec
from policy.serve.images import EncodedImage
from policy.serve.modality_config import ModalityConfig

CODECS: dict[str, Codec] = {
    "openpi": openpi.CODEC,
    "roboarena": roboarena.CODEC,
    "dreamzero": dreamzero.CODEC,
    "gr00t-n15": gr00t.CODECS["n1.5"],
    "gr00t-n16": gr00t.CODECS["n1.6"],
    "gr00t-n17": gr00t.CODECS["n1.7"],
    "starvla-gr00t": gr00t.CODECS["n1.6"],
    "internvla-m1": internvla_m1.CODEC,
    "starvla": starvla.CODEC,
    "vla-eval": vla_eval.CODEC,
}
HERE = os.environ.get("WORKBENCH_TEST_DATA")
needs_frames = pytest.mark.skipif(HERE is None, reason="WORKBENCH_TEST_DATA is not set")


@dataclass(frozen=True)
class Frame:
    """One recorded message."""

    dialect: str
    name: str
    data: bytes
    description: dict[str, Any]

    def __str__(self) -> str:
        return f"{self.dialect}/{self.name}"


@cache
def frames(dialect: str) -> tuple[Frame, ...]:
    """All recorded msgpack messages of a dialect; of the folder ``malformed``, all there are."""
    if HERE is None:
        return ()
    found = []
    for path in sorted((Path(HERE) / "protocols" / dialect).glob("*.json")):
        description = json.loads(path.read_text("utf-8"))
        if dialect == "malformed" or description.get("opcode") in ("binary", "message"):
            found.append(Frame(dialect, path.stem, path.with_suffix(".bin").read_bytes(), description))
    return tuple(found)


def all_frames() -> list[Frame]:
    return [frame for dialect in CODECS for frame in frames(dialect)]


def frame(dialect: str, start: str) -> bytes:
    """The one frame of a dialect whose name begins so."""
    (found,) = [frame.data for frame in frames(dialect) if frame.name.startswith(start)]
    return found


def described(value: Any) -> Any:
    """The value that a description stands for, arrays by their base64."""
    if isinstance(value, list):
        return [described(item) for item in value]
    if not isinstance(value, dict):
        return value
    if "$ndarray" in value:
        tag = value["$ndarray"]
        return np.frombuffer(base64.b64decode(tag["base64"]), tag["dtype"]).reshape(tag["shape"])
    if "$image" in value:
        tag = value["$image"]
        pixels = tag.get("pixels") or tag["pixels_lossy"]
        raw = np.frombuffer(base64.b64decode(pixels["base64"]), pixels["dtype"]).reshape(pixels["shape"])
        return EncodedImage(tag["format"], base64.b64decode(tag["base64"]), raw)
    for mark in ("__ModalityConfig_class__", "__ModalityConfig__"):
        if mark in value:
            said = value["as_json"]
            return ModalityConfig(json.loads(said) if isinstance(said, str) else said)
    assert not any(key.startswith("$") for key in value), f"a tag that the tests do not know: {value}"
    return {key: described(item) for key, item in value.items()}


def same(left: Any, right: Any) -> bool:
    """Whether two trees say the same, types of numbers, order of keys and bits of floats included."""
    if type(left) is not type(right):
        return False
    if isinstance(left, list):
        return len(left) == len(right) and all(map(same, left, right))
    if isinstance(left, dict):
        return list(left) == list(right) and all(same(left[key], right[key]) for key in left)
    if isinstance(left, np.ndarray | np.generic):
        return left.dtype == right.dtype and left.shape == right.shape and left.tobytes() == right.tobytes()
    if isinstance(left, EncodedImage):
        # JPEG: another decoder may round its pixels otherwise by a level or two; PNG is exact.
        most = 2 if left.form == "jpeg" else 0
        apart = np.abs(left.pixels.astype(int) - right.pixels.astype(int))
        return left == right and int(apart.max()) <= most
    if isinstance(left, float):
        return np.float64(left).tobytes() == np.float64(right).tobytes()
    return bool(left == right)
