"""Which evidence is gathered, and when enough is known: with evaluations that are made up."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console

from tests.workbench.verdict.made import record
from workbench.validate.options import ValidateOptions
from workbench.validate.requirements import Requirements, load_requirements
from workbench.validate.runs import Evaluated, NotPossible
from workbench.validate.validation import Validation
from workbench.verdict.decide import GO, NO_GO, RESTRICTED, Decision, decide
from workbench.verdict.line import FAIL, NOT_EVALUATED, PASS, Evidence

EVERYTHING = """
checks:
  contract: {not_evaluated: no_go}
  latency:
  grounding:
  delay: {episodes: 16}
  time:
  factors: {episodes: 16}
  disturbed: {episodes: 16}
  engine: {episodes: 16}
  success: {episodes: 16}
  calibration:
"""


class MadeUp:
    """Stands in for `Runs`: every evaluation succeeds in as many episodes as it is told to."""

    def __init__(self, folder: Path, **successes: int) -> None:
        self.folder, self.successes, self.ran = folder, successes, list[str]()
        self.contradictions: list[dict[str, str]] = []
        self.ms = 10.0

    def check(self) -> tuple[dict[str, Any], Evidence]:
        times = {"p99": self.ms, "least": self.ms, "load_per_core": 0.5}
        found = {"verdicts": self.contradictions, "decisions": 88, "execute_steps": 1, "privileged": False}
        return found | {"decision_ms": times}, Evidence("workbench policy check", "contract.json")

    def profile(self) -> tuple[dict[str, Any], Evidence]:
        raise NotPossible("not here")

    def evaluate(self, name: str, episodes: int, **changes: str) -> Evaluated:
        self.ran.append(name)
        good = self.successes.get(name, episodes)
        if good < 0:
            raise NotPossible(f"{name} cannot be had")
        records = [record(i, i < good, duration_s=15.0) for i in range(episodes)]
        if name == "factors":
            clean = [record(i, condition="clean") for i in range(episodes)]
            dark = [record(16 + i, i < good, condition="camera.exposure low 1") for i in range(episodes)]
            records = clean + dark
        return Evaluated(tuple(records), self.folder, Evidence("workbench eval", name))


@pytest.fixture
def asked(tmp_path: Path) -> Requirements:
    file = tmp_path / "req.yaml"
    file.write_text(EVERYTHING)
    return load_requirements(str(file))


def validated(
    asked: Requirements, runs: MadeUp, **changes: Any
) -> tuple[dict[str, str], Decision, Validation]:
    options = ValidateOptions(dr="none", physics="ovphysx", device="cpu", **changes)
    validation = Validation(options, asked, runs, Console(file=io.StringIO()))  # type: ignore[arg-type]
    lines = validation.run()
    return {x.name: x.state for x in lines}, decide(lines, [one.demand for one in asked.all]), validation


def test_a_sound_policy_is_tried_in_everything_and_only_what_has_no_evidence_restricts(
    asked, tmp_path
) -> None:
    runs = MadeUp(tmp_path)
    states, decision, validation = validated(asked, runs)
    assert runs.ran == ["success", "factors", "disturbed", "engine"], "it needs no delay and no more time"
    assert [name for name, state in states.items() if state != PASS] == ["calibration"]
    assert (decision.word, dict(decision.restrictions)) == (RESTRICTED, {"speed": 0.3})
    assert validation.scope()["episodes"] == 16 * 5, "a ladder of two conditions counts twice"


def test_a_contradiction_ends_it_before_anything_moves(asked, tmp_path) -> None:
    runs = MadeUp(tmp_path)
    runs.contradictions = [{"channel": "gripper", "result": "contradictory", "sentence": "it is reversed"}]
    states, decision, validation = validated(asked, runs)
    assert runs.ran == []
    assert decision.reasons == ("contract: gripper: it is reversed",)
    assert states["success"] == NOT_EVALUATED
    assert "not tried, since contract decides" in validation.lines["success"].sentence
    assert validation.scope()["episodes"] == 0


def test_all_goes_on_and_the_cause_is_still_the_first_reason(asked, tmp_path) -> None:
    runs = MadeUp(tmp_path, success=0, engine=0)
    runs.contradictions = [{"channel": "gripper", "result": "contradictory", "sentence": "it is reversed"}]
    _, decision, _ = validated(asked, runs, all=True)
    assert runs.ran == ["success", "longer", "factors", "disturbed", "engine"]
    assert [reason.split(":")[0] for reason in decision.reasons][:2] == ["contract", "time"]


def test_success_that_falls_short_for_want_of_time_is_too_slow(asked, tmp_path) -> None:
    runs = MadeUp(tmp_path, success=0)
    states, decision, _ = validated(asked, runs)
    assert runs.ran == ["success", "longer"]
    assert (decision.word, decision.first) == (NO_GO, "time")
    assert states["factors"] == NOT_EVALUATED


def test_success_that_falls_short_under_one_factor_is_that_factor(asked, tmp_path) -> None:
    runs = MadeUp(tmp_path, success=9, longer=9, factors=1)
    _, decision, _ = validated(asked, runs)
    assert runs.ran == ["success", "longer", "factors"], "the engine is no cause of it"
    assert decision.first == "factors"
    assert decision.reasons[0].startswith("factors: camera.exposure low 1: 1 of 16")


def test_a_policy_that_is_just_bad_fails_for_success(asked, tmp_path) -> None:
    _, decision, _ = validated(asked, MadeUp(tmp_path, success=9, longer=9))
    assert decision.first == "success"


@pytest.mark.parametrize(("name", "first"), [("engine", "engine"), ("disturbed", "disturbed")])
def test_what_fails_alone_is_the_reason(asked, tmp_path, name: str, first: str) -> None:
    _, decision, _ = validated(asked, MadeUp(tmp_path, **{name: 0}))
    assert (decision.word, decision.first) == (NO_GO, first)


def test_an_engine_that_cannot_be_had_is_no_go(asked, tmp_path) -> None:
    states, decision, _ = validated(asked, MadeUp(tmp_path, engine=-1))
    assert states["engine"] == NOT_EVALUATED
    assert decision.reasons == ("engine: engine cannot be had",)


def test_a_policy_that_thinks_long_is_tried_with_its_delay(asked, tmp_path) -> None:
    runs = MadeUp(tmp_path)
    runs.ms = 120.0
    states, decision, _ = validated(asked, runs, all=True)
    assert "delay" in runs.ran
    assert (states["latency"], states["delay"], decision.first) == (FAIL, PASS, "latency")


def test_with_few_episodes_nothing_is_shown_and_it_is_no_go(asked, tmp_path) -> None:
    _, decision, _ = validated(asked, MadeUp(tmp_path), episodes=3)
    assert (decision.word, decision.first) == (NO_GO, "success")
    assert "0.8 is not shown" in decision.reasons[0]


def test_with_everything_shown_it_is_a_go(asked, tmp_path) -> None:
    from dataclasses import replace

    without = replace(asked, all=tuple(one for one in asked.all if one.name != "calibration"))
    _, decision, _ = validated(without, MadeUp(tmp_path))
    assert decision.word == GO


def test_a_delay_is_not_blamed_for_what_fails_without_it(asked, tmp_path) -> None:
    runs = MadeUp(tmp_path, success=9, longer=9, delay=8)
    runs.ms = 120.0
    states, decision, _ = validated(asked, runs, all=True)
    assert states["delay"] == NOT_EVALUATED
    assert decision.reasons[1].startswith("success: 9 of 16")
