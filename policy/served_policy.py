"""`ServedPolicy`: a policy as a server runs it. Here torch begins; all of `policy.serve` is numpy."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

import numpy as np
import torch

from policy.contract import Observation, Policy
from policy.grounding import Grounding
from policy.serve.exchange import MEASURED
from policy.serve.server.batcher import Answer
from policy.serve.server.rows import Row


class ServedPolicy:
    """See `policy.serve.server.batcher.Acting`."""

    def __init__(self, policy: Policy, device: str) -> None:
        self._policy, self._device = policy, device
        self._on_cpu = torch.device(device).type == "cpu"
        self._mode = torch.inference_mode()  # takes longer to make than to enter

    def reset(self, slots: Sequence[int], seeds: Sequence[int]) -> None:
        """See the protocol."""
        self._policy.reset(list(slots), list(seeds))

    def act(self, slots: Sequence[int], steps: Sequence[int], rows: Sequence[Row]) -> list[Answer]:
        """See the protocol."""
        measured = {name: self._rows([row.measured[name] for row in rows]) for name in MEASURED}
        images = {name: self._rows([row.images[name] for row in rows]) for name in rows[0].images}
        observation = Observation(
            env_ids=list(slots),
            step=self._placed(np.array(steps, np.int64)),
            instruction=[row.instruction for row in rows],
            images=images,
            **measured,
        )
        with self._mode:
            decision = self._policy.act(observation)
        actions = decision.actions.cpu().numpy()
        return list(zip(actions, map(said, decision.grounding), strict=True))

    def _rows(self, arrays: Sequence[np.ndarray]) -> torch.Tensor:
        # A single row is copied only where it is a view of what nobody may write to, or turned.
        rows = np.stack(arrays) if len(arrays) > 1 else arrays[0][None]
        return self._placed(rows if rows.flags.carray else rows.copy())

    def _placed(self, array: np.ndarray) -> torch.Tensor:
        tensor = torch.from_numpy(array)
        return tensor if self._on_cpu else tensor.to(self._device)


def said(grounding: Grounding | None) -> dict[str, Any] | None:
    """A claim as plain types, pixels to the last bit; `Grounding.from_dict` is the inverse."""
    if grounding is None:
        return None
    plain = asdict(grounding)
    return {
        "camera": plain["camera"],
        "image_size": list(plain["image_size"]),
        "boxes": [{"label": b["label"], "xyxy": [float(x) for x in b["xyxy"]]} for b in plain["boxes"]],
        "points": [{"label": p["label"], "uv": [float(x) for x in p["uv"]]} for p in plain["points"]],
        "trace": [[float(u), float(v)] for u, v in plain["trace"]],
    }
