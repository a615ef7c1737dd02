"""When a hand took and let go, from the actions that were sent."""

from __future__ import annotations

from collections.abc import Sequence

from policy.grounding import GRASP, PLACE


def hand_moments(closing: Sequence[bool]) -> dict[str, int]:
    """Steps at which the hand first begins to close (`GRASP`) and last begins to open (`PLACE`), as far as it does.

    The last, since a hand that missed opens where it was, and tries again.
    """
    grasp = next((step for step, closes in enumerate(closing) if closes), None)
    if grasp is None:
        return {}
    openings = [step for step in range(grasp + 1, len(closing)) if closing[step - 1] and not closing[step]]
    return {GRASP: grasp} | ({PLACE: openings[-1]} if openings else {})
