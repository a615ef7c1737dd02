"""Which noise levels a sampler visits: those of the DDIM paper (arXiv 2010.02502), at an even stride from 0.

The published code's choice: the smallest stride whose multiples below the length of the schedule are as many as wanted.
So seven of a hundred are 0, 15, ... 90. A single level is the middle one: at level 0 there is no noise to take away.
"""

from __future__ import annotations


def noise_levels(train_steps: int, count: int) -> list[int]:
    """``count`` levels of a schedule of ``train_steps``, the noisiest first.

    Raises ValueError where no even stride visits so many, naming the next counts that one does.
    """
    if count == 1:
        return [train_steps // 2]
    for stride in range(1, train_steps):
        levels = range(0, train_steps, stride)
        if len(levels) == count:
            return list(reversed(levels))
        if len(levels) < count:
            break
    possible = {len(range(0, train_steps, stride)) for stride in range(1, train_steps)} | {1}
    below = max((n for n in possible if n < count), default=None)
    above = min((n for n in possible if n > count), default=None)
    near = " or ".join(str(n) for n in (below, above) if n is not None)
    raise ValueError(f"{count} sampling steps do not go evenly into {train_steps}: take {near}")
