"""Tensors of a published checkpoint from whatever file they are in, checked to be weights and nothing else.

A ``.pt`` or ``.bin`` file is a pickle, which can run any program when it is opened: ``weights_only`` opens none that
would. Safetensors hold no programs.
"""

from __future__ import annotations

import json
import pickle
import zipfile
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open

from policy.m1.mixtures import PublishedError
from policy.m1.strict import shown

SAFETENSORS, INDEX = ".safetensors", ".index.json"


def read_tensors(path: Path) -> dict[str, torch.Tensor]:
    """The tensors of a file, or of the shards of an index, mapped into memory where possible. PublishedError."""
    if path.name.endswith(INDEX):
        return _of_shards(path)
    return _of_safetensors(path) if path.suffix == SAFETENSORS else _of_pickle(path)


def _of_pickle(path: Path) -> dict[str, torch.Tensor]:
    try:
        content = torch.load(path, map_location="cpu", weights_only=True, mmap=zipfile.is_zipfile(path))
    except pickle.UnpicklingError as error:
        first = str(error).strip().splitlines()[0]
        raise PublishedError(f"{path} holds more than tensors and was not opened: {first}") from error
    except Exception as error:  # the library raises whatever its parser meets
        first = (str(error).strip().splitlines() or [type(error).__name__])[0]
        raise PublishedError(f"{path} cannot be read: {first}") from error
    if not isinstance(content, dict):
        raise PublishedError(f"{path} holds a {type(content).__name__}, not a dictionary of tensors")
    odd = [shown(name) for name, value in content.items() if not _is_plain(name, value)]
    if odd:
        raise PublishedError(
            f"{path} holds more than tensors: {', '.join(odd[:5]).replace(chr(39), '')}; it must be one flat "
            "dictionary from names to dense tensors, as torch.save(model.state_dict(), ...) writes"
        )
    return content


def _of_safetensors(path: Path) -> dict[str, torch.Tensor]:
    try:
        with safe_open(path, framework="pt", device="cpu") as file:
            return {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118 - not a mapping
    except (OSError, SafetensorError, ValueError, KeyError, AttributeError) as error:
        raise PublishedError(f"{path} cannot be read: {error}") from error


def _of_shards(index: Path) -> dict[str, torch.Tensor]:
    try:
        content = json.loads(index.read_text("utf-8"))
    except (OSError, ValueError, RecursionError) as error:
        raise PublishedError(f"{index} cannot be read: {error}") from error
    places = content.get("weight_map") if isinstance(content, dict) else None
    if not isinstance(places, dict) or not places:
        raise PublishedError(f"{index} has no weight_map from names of tensors to files")
    for name in places.values():
        # A shard lies beside its index: a path elsewhere is none.
        if not isinstance(name, str) or Path(name).name != name or not name.endswith(SAFETENSORS):
            raise PublishedError(f"{index} names a shard {shown(name)}, which is no file beside it")
    tensors: dict[str, torch.Tensor] = {}
    for name in dict.fromkeys(places.values()):
        shard = _of_safetensors(index.parent / name)
        wanted = {tensor for tensor, file in places.items() if file == name}
        if wanted != shard.keys():
            odd = sorted(wanted ^ shard.keys())
            raise PublishedError(
                f"{index.parent / name} does not hold what {index.name} says of it: {', '.join(odd[:5])}"
            )
        tensors |= shard
    return tensors


def _is_plain(name: Any, value: Any) -> bool:
    return isinstance(name, str) and isinstance(value, torch.Tensor) and value.layout == torch.strided
