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

    def reset(self, slots: Sequence[int], seeds: Sequence[int]) -> None:
        """See the protocol."""
        self._policy.reset(list(slots), list(seeds))

    def act(self, slots: Sequence[int], steps: Sequence[int], rows: Sequence[Row]) -> list[Answer]:
        """See the protocol."""
        measured = {name: self._tensor([row.measured[name] for row in rows]) for name in MEASURED}
        images = {name: self._tensor([row.images[name] for row in rows]) for name in rows[0].images}
        observation = Observation(
            env_ids=list(slots),
            step=torch.tensor(list(steps), dtype=torch.long, device=self._device),
            instruction=[row.instruction for row in rows],
            images=images,
            **measured,
        )
        with torch.inference_mode():
            decision = self._policy.act(observation)
        actions = decision.actions.cpu().numpy()
        return list(zip(actions, map(said, decision.grounding), strict=True))

    def _tensor(self, arrays: Sequence[np.ndarray]) -> torch.Tensor:
        # A copy in any case: arrays are views of messages, which nobody may write to.
        rows = arrays[0][None].copy() if len(arrays) == 1 else np.stack(arrays)
        return torch.from_numpy(rows).to(self._device)


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
