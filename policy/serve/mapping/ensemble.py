"""Actions decided anew at every step, and made one of the last decisions' for the same moment."""

from __future__ import annotations

from collections import deque

import numpy as np

from policy.serve.mapping.mapping import Ensemble


class Ensembler:
    """Keeps one environment's last chunks; see `policy.serve.mapping.mapping.Ensemble` for the weights."""

    def __init__(self, options: Ensemble) -> None:
        self._alpha = options.alpha
        self._chunks: deque[np.ndarray] = deque(maxlen=options.horizon)

    def reset(self) -> None:
        """An episode begins."""
        self._chunks.clear()

    def now(self, chunk: np.ndarray) -> np.ndarray:
        """The action for now, as a chunk of one step ``[1, D]``; `chunk` is the newest decision ``[H, D]``."""
        self._chunks.append(chunk)
        newest_first = list(self._chunks)[::-1]
        aligned = np.stack([c[age] for age, c in enumerate(newest_first) if age < len(c)]).astype(float)
        norms = np.linalg.norm(aligned, axis=1) * np.linalg.norm(aligned[0])
        cosines = aligned @ aligned[0] / np.maximum(norms, 1e-7)
        weights = np.exp(self._alpha * cosines)
        return np.asarray((weights[:, None] * aligned).sum(0, keepdims=True) / weights.sum())
