"""What the hand is told against how wide it stands."""

import numpy as np
import pytest

from workbench.data.validation.checks.evidence import Gripper
from workbench.data.validation.checks.motion import _gripper

OPEN, SHUT = 0.08, 0.0


def said_of(closed: bool, *widths: float) -> list[str]:
    """Findings on a hand that is always told the same and goes from width to width [m]."""
    width = np.interp(np.linspace(0, len(widths) - 1, 41), range(len(widths)), widths)
    told = np.full(41, closed)
    hand = Gripper(
        command_field="action", width_field="gripper_width", closed=told, width=width, late=0.0, holding=None
    )
    return [str(finding.message) for finding in _gripper(hand)]


@pytest.mark.parametrize(
    ("closed", "widths"), [(True, (OPEN, SHUT, SHUT)), (False, (SHUT, OPEN)), (True, (SHUT, SHUT))]
)
def test_a_hand_may_go_once_to_where_it_is_told_to_stay(closed, widths):
    assert said_of(closed, *widths) == []


@pytest.mark.parametrize(
    ("closed", "widths", "said"),
    [
        (True, (OPEN, 0.04, OPEN), "says closed in every row, and gripper_width opens by 0.040 m"),
        (False, (OPEN, 0.04, OPEN), "says open in every row, and gripper_width closes by 0.040 m"),
        (False, (OPEN, SHUT), "says open in every row, and gripper_width closes by 0.080 m"),
    ],
)
def test_a_hand_that_comes_back_was_told_something_else(closed, widths, said):
    assert said_of(closed, *widths) == [said]
