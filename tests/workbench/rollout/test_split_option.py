"""``split=`` of `eval` and `generate`: part of what a run is, and nothing of one that does not have it."""

from __future__ import annotations

from dataclasses import replace

import pytest

from domain_rand.sets import FactorSetError
from tasks.registry import find
from workbench.cli.options import OptionError, parse_options
from workbench.data.generate.options import GenerateOptions
from workbench.evaluation.options import EvalOptions

HERE = ("device=cpu", "physics=ovphysx", "dr=mild")


def resolved(cls, *words):
    options = parse_options(cls, [*HERE, *words])
    options.resolve()
    return options


@pytest.mark.parametrize("cls", [EvalOptions, GenerateOptions])
def test_a_run_without_a_split_has_no_trace_of_one(cls):
    options = resolved(cls)
    assert "split" not in options.config("x")
    assert options.factor_set().split == ""
    assert not options.out.endswith("none")


@pytest.mark.parametrize("cls", [EvalOptions, GenerateOptions])
def test_a_split_is_part_of_what_a_run_is_and_of_where_it_goes(cls):
    options = resolved(cls, "split=unseen_object")
    assert options.config("x")["split"] == "unseen_object"
    assert options.out == resolved(cls).out + "-unseen_object"
    assert options.factor_set().split == "unseen_object"
    assert options.factor_set().describe() != resolved(cls).factor_set().describe()


@pytest.mark.parametrize("cls", [EvalOptions, GenerateOptions])
def test_a_split_that_there_is_not_is_refused(cls):
    with pytest.raises(
        OptionError, match="there is no split 'unheard': choose one of none, seen, unseen_object"
    ):
        resolved(cls, "split=unheard")


def test_a_task_that_holds_nothing_out_refuses_in_a_sentence(monkeypatch):
    bare = replace(find("pick_place"), held_out=None)
    monkeypatch.setattr("domain_rand.splits.find", lambda name: bare)
    with pytest.raises(FactorSetError, match="split=seen: task 'pick_place' holds nothing out"):
        resolved(EvalOptions, "split=seen")


def test_a_ladder_from_nominal_is_not_on_episodes_that_are_never_nominal():
    ladder = ("attribute=ladder", "factors=control.action_delay", "split=unseen_wording")
    with pytest.raises(OptionError, match="add attribute_base=set"):
        resolved(EvalOptions, *ladder)
    assert resolved(EvalOptions, *ladder, "attribute_base=set").chosen_split == "unseen_wording"
