"""What a training does beside its phases."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Settings:
    """How any training runs."""

    seed: int = 0
    """Fixes the order of samples, noise, dropout, and the first weights."""
    accumulation: int = 1
    """Passes whose gradients add up to one optimizer step; equals a batch so many times as large."""
    clip: float = 1.0
    """Greatest norm of a step's gradient."""
    average_decay: float = 0.0
    """Of the running average of the weights, which then is the final model; 0 for none."""
    bfloat16: bool = False
    """Whether the two backbones compute in bfloat16; weights stay in float32."""
    recompute: bool = False
    """Gradient checkpointing: half the memory of activations for a third more time."""
    log_every: int = 10
    """Steps between two lines of losses."""
    save_every: int = 500
    """Steps between two states to resume from."""
    keep: int = 2
    """States kept; older ones are removed."""
    alignment_every: int = 0
    """Steps between two measurements of how the gradients of both objectives align; 0 for never."""
    alignment_batch: int = 64
    """Samples of each objective in such a measurement."""
