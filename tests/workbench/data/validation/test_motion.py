"""What the hand is told against how wide it stands."""

import numpy as np
import pytest

from workbench.data.validation.checks.evidence import Gripper, Motion
from workbench.data.validation.checks.lag import lag, rows_late
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


def _arrived(sent: np.ndarray) -> np.ndarray:
    """Two rows late; one in ten is lost, as the factors say."""
    found = np.concatenate((np.zeros((2, 3)), sent[:-2]))
    found[np.random.default_rng(5).random(len(sent)) < 0.1] = 0
    return found


@pytest.mark.parametrize("late", [-2, 0, 1, 3])
def test_actions_in_other_rows_are_told_though_commands_are_lost(late):
    """Lost commands leave marks in what arrives that hide a lag."""
    way = np.cumsum(np.random.default_rng(4).normal(size=(206, 3)), 0)
    smooth = np.stack([np.convolve(column, np.hanning(9), "valid") for column in way.T], 1) * 1e-3
    sent = smooth[3:-3] if late == 0 else np.roll(smooth, late, 0)[3:-3]
    reached = _arrived(smooth[3:-3])

    def moved(rows: int) -> np.ndarray:
        found = sent.copy()
        if rows > 0:
            found[:-rows] = sent[rows:]
        else:
            found[-rows:] = sent[:rows]
        return _arrived(found)

    motion = Motion(("actions",), _arrived(sent), reached, 0.0, exact=False, moved=moved)
    assert abs(lag(motion.sent, reached)) < 0.5 or abs(late) > 1, "what arrived seems to be in its rows"
    assert rows_late(motion, slice(0, 3)) == late
