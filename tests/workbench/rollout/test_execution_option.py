"""`execute=`, `horizon=`, `gripper_hold=` and `realtime=`: how chunks are carried out."""

from types import SimpleNamespace

import pytest

from policy.execution import ADAPTIVE, OPEN_LOOP
from workbench.cli.options import OptionError
from workbench.evaluation.evaluate import summary_meta
from workbench.evaluation.options import EvalOptions

KEYS = ("execute", "horizon", "gripper_hold", "realtime")
POLICY = SimpleNamespace(execute_steps=8)


def resolved(**words):
    options = EvalOptions(physics="ovphysx", device="cpu", **words)
    options.resolve()
    return options


def test_a_policy_says_how_many_actions_of_a_chunk_are_carried_out_unless_told_otherwise():
    execution = resolved().execution(POLICY)
    assert (execution.mode, execution.horizon, execution.gripper_hold) == (OPEN_LOOP, 8, 0)
    told = resolved(execute="adaptive", horizon=2, gripper_hold=5).execution(POLICY)
    assert (told.mode, told.horizon, told.gripper_hold) == (ADAPTIVE, 2, 5)


def test_what_is_as_it_always_was_is_no_part_of_a_runs_configuration():
    config = resolved().config("eval")
    assert not set(KEYS) & set(config), "runs from before there was a choice go on"
    told = resolved(execute="receding", realtime=True).config("eval")
    assert (told["execute"], told["realtime"]) == ("receding", True)


def test_the_summary_says_how_chunks_were_carried_out_where_it_is_not_the_policys_way():
    assert "execution" not in summary_meta(resolved(), 4)
    told = summary_meta(resolved(execute="receding", horizon=3), 4)
    assert told["execution"] == {"execute": "receding", "horizon": 3}


@pytest.mark.parametrize(
    ("words", "says"),
    [
        ({"execute": "closed"}, "there is no execute 'closed': choose one of auto, open_loop, receding"),
        ({"horizon": -1}, "horizon must be at least 0"),
        ({"gripper_hold": -3}, "gripper_hold must be at least 0"),
        ({"execute": "real_time"}, "policy=expert does not: execute=blended does it with finished chunks"),
        ({"execute": "real_time", "policy": "remote:openpi://h:1"}, "policy=remote:openpi://h:1 does not"),
    ],
)
def test_what_cannot_be_carried_out_is_refused(words, says):
    with pytest.raises(OptionError, match=says):
        resolved(**words)
