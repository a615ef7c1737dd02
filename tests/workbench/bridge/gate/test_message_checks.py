"""Commands are well formed, finite, fresh and in their turn, or refused with a sentence."""

import math

import numpy as np
import pytest

from workbench.bridge.gate import AgeCfg, Check, Command
from workbench.bridge.gate.message_checks import LONGEST_GAP, objection

NOW, GOOD = 10.0, np.zeros(7)


def checked(position=GOOD, last=4, **others):
    fields = {"seq": 5, "captured": NOW - 0.05, "issued": NOW} | others
    return objection(Command(position, **fields), 7, last, NOW, AgeCfg())


def test_a_command_in_order_passes():
    assert checked() is None
    assert checked(gripper=0.04) is None
    assert checked(GOOD.astype(np.float32)) is None
    assert checked(last=None) is None


@pytest.mark.parametrize(
    "wrong",
    [
        {"position": np.zeros(6)}, {"position": np.zeros((1, 7))}, {"position": [0.0] * 7}, {"position": None},
        {"position": np.zeros(7, complex)}, {"position": np.zeros(7, object)}, {"position": np.zeros(7, bool)},
        {"seq": 5.0}, {"seq": True}, {"seq": -1}, {"seq": None}, {"issued": "now"}, {"captured": None},
        {"gripper": "open"}, {"gripper": True},
    ],
)  # fmt: skip
def test_what_is_malformed_is_refused_as_such(wrong):
    assert checked(**wrong)[0] is Check.SCHEMA


@pytest.mark.parametrize("odd", [math.nan, math.inf, -math.inf])
@pytest.mark.parametrize("field", ["position", "issued", "captured", "gripper"])
def test_what_is_not_finite_is_refused_as_such(odd, field):
    value = np.where(np.arange(7) == 3, odd, 0.0) if field == "position" else odd
    check, sentence = checked(**{field: value})
    assert check is Check.FINITE
    assert str(odd) in sentence


def test_age_counts_from_the_issue_and_from_the_observation():
    assert checked(issued=NOW - 0.19, captured=NOW - 0.9) is None
    for old in ({"issued": NOW - 0.21}, {"captured": NOW - 1.01, "issued": NOW - 0.1}):
        assert checked(**({"captured": NOW - 0.3} | old))[0] is Check.AGE


def test_times_ahead_of_the_clock_or_of_their_cause_are_refused():
    assert checked(issued=NOW + 0.01)[0] is Check.AGE
    assert checked(captured=NOW - 0.01, issued=NOW - 0.05)[0] is Check.AGE


def test_numbers_have_to_rise_and_not_to_run_away():
    assert checked(seq=4)[1] == "command 4 came twice"
    assert checked(seq=3)[1] == "command 3 came after 4"
    assert checked(seq=4 + LONGEST_GAP) is None
    assert checked(seq=5 + LONGEST_GAP)[0] is Check.SEQUENCE


def test_the_first_thing_wrong_is_the_one_that_is_told():
    assert checked(np.full(6, np.nan), seq=1)[0] is Check.SCHEMA
    assert checked(np.full(7, np.nan), seq=1)[0] is Check.FINITE
    assert checked(issued=NOW - 9, captured=NOW - 9, seq=1)[0] is Check.AGE


def test_a_sentence_is_short_whatever_is_sent():
    sentences = [
        checked("x" * 10**6),
        checked(seq=-(10**4000)),
        checked(np.zeros(10**6)),
        checked(seq=10**400),
    ]
    assert max(len(found[1]) for found in sentences) < 900


def test_ages_that_make_no_sense_are_refused():
    with pytest.raises(ValueError, match="ages must be above 0"):
        AgeCfg(command=2.0, observation=1.0)
