"""What a check finds: nothing wrong with a sound policy, and every planted mistake by its channel."""

from __future__ import annotations

import io
from dataclasses import replace

import numpy as np
import pytest
from rich.console import Console

from policy.observation_spec import StateInput
from workbench.policy_check.changes import Seen
from workbench.policy_check.examine import examine
from workbench.policy_check.examined import Examined
from workbench.policy_check.report import print_end, print_said, print_verdicts
from workbench.policy_check.sides import declared_contradictions, what_they_say
from workbench.policy_check.verdict import CONSISTENT, NOT_READ, READ, UNKNOWN, Verdict, contradictions

from .analytic import SPEC, AnalyticPolicy, DeclaredPolicy, DeclaredScenes, Noise, Scenes, Still, sides
from .planted import ACTIONS, CHUNKS, PICTURES, STATES, TWO, TWO_SEEN, Mistake

ALL = {**ACTIONS, **CHUNKS, **PICTURES, **STATES, **TWO, **TWO_SEEN}


class Mistaken(AnalyticPolicy):
    """A sound policy behind a mistake."""

    def __init__(self, mistake: Mistake, noise: float = 0.0) -> None:
        super().__init__(noise)
        self._mistake = mistake

    def act(self, seen: Seen) -> np.ndarray:
        return self._mistake.steps(super().act(self._mistake.sees(seen)), seen)


def verdicts(policy: AnalyticPolicy, seed: int = 0, **others) -> list[Verdict]:
    return examine(Examined(sides(policy, **others), Scenes(policy, seed)))


def named(found: list[Verdict]) -> set[tuple[str, str]]:
    return {(verdict.channel, verdict.about) for verdict in contradictions(found)}


def result(found: list[Verdict], channel: str, about: str) -> str:
    (verdict,) = [v for v in found if (v.channel, v.about) == (channel, about)]
    return verdict.result


@pytest.fixture(scope="module")
def sound() -> list[Verdict]:
    return verdicts(AnalyticPolicy())


@pytest.mark.parametrize(("seed", "noise"), [(1, 0.0), (2, 0.01)])
def test_nothing_is_wrong_with_a_sound_policy(seed, noise):
    assert named(verdicts(AnalyticPolicy(noise), seed)) == set()


def test_a_sound_policy_is_consistent_in_all_that_can_be_told(sound):
    told = [
        ("dx", "axis and sign"),
        ("dy", "axis and sign"),
        ("dz", "axis and sign"),
        ("drot_x", "axis and sign"),
    ]
    told += [("drot_z", "axis and sign"), ("dx..z", "frame"), ("drot_x..z", "frame"), ("dx..z", "reference")]
    told += [("dx..z", "unit"), ("gripper", "sign"), ("gripper", "range"), ("chunk", "order")]
    told += [("front picture", "colour order"), ("front picture", "crop"), ("tool position", "unit")]
    assert {about: result(sound, *about) for about in told} == dict.fromkeys(told, CONSISTENT)


def test_what_it_reads_and_what_not(sound):
    read = {v.channel: v.result for v in sound if v.about == "read"}
    assert {channel for channel, found in read.items() if found == READ} == {
        "tool position",
        "tool rotation",
        "gripper width",
        "front picture",
        "instruction",
    }
    assert read["joint positions"] == read["joint velocities"] == NOT_READ


SEVERAL = (
    "gripper flipped",
    "gripper from 0.1 to 0.9",
    "dy flipped",
    "dx and dy exchanged",
    "drot_z flipped",
    "moves in the tool's frame",
    "turns in the tool's frame",
    "positions and not steps",
    "millimetres",
    "degrees",
    "backwards",
    "at half the rate",
    "red and blue exchanged",
    "cropped",
    "black",
    "quaternion w first",
    "mirrored, and gripper flipped",
)
"""One of each kind: `ALL` takes a minute."""


@pytest.mark.parametrize("name", SEVERAL)
def test_a_planted_mistake_is_named_by_its_channel_and_no_other_is(name):
    found = verdicts(Mistaken(ALL[name]))
    assert named(found) == ALL[name].named, [v.sentence for v in contradictions(found)]


@pytest.mark.long
@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("name", ALL)
def test_so_is_every_mistake_in_other_scenes(name, seed):
    found = verdicts(Mistaken(ALL[name]), seed)
    assert named(found) == ALL[name].named, [v.sentence for v in contradictions(found)]


@pytest.mark.long
@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("name", ALL)
def test_a_policy_that_sees_badly_is_never_blamed_for_another_channel(name, seed):
    assert named(verdicts(Mistaken(ALL[name], noise=0.02), seed)) <= ALL[name].named


def test_a_policy_that_does_nothing_is_neither_right_nor_wrong():
    found = verdicts(Still())
    assert named(found) == set()
    assert {v.result for v in found if v.part == "action" and v.channel != "chunk"} == {UNKNOWN}
    assert {v.result for v in found if v.about == "read"} == {NOT_READ}


@pytest.mark.parametrize("seed", range(2))
def test_a_policy_of_mere_noise_is_not_wrong_in_any_axis(seed):
    found = verdicts(Noise(), seed)
    assert named(found) == set()
    axes = [v.result for v in found if v.about in ("axis and sign", "frame", "sign")]
    assert set(axes) == {UNKNOWN}


def test_more_steps_than_a_chunk_has():
    assert named(verdicts(AnalyticPolicy(), execute_steps=16)) == {("chunk", "length")}


def test_an_answer_that_is_no_number_is_named():
    def broken(chunk, seen):
        return np.where(np.arange(7) == 1, np.nan, chunk)

    assert ("dy", "finite") in named(verdicts(Mistaken(Mistake(frozenset(), broken))))


POSITION, ROTATION, HAND = DeclaredPolicy.trained


@pytest.mark.parametrize(
    ("declared", "wrong"),
    [
        (DeclaredPolicy.trained, set()),
        ((POSITION, StateInput("ee_rotation", "quaternion_wxyz"), HAND), {("tool rotation", "form")}),
        ((StateInput("ee_position", "mm"), ROTATION, HAND), {("tool position", "unit")}),
        ((POSITION, ROTATION, StateInput("gripper", "mm")), {("gripper width", "form")}),
    ],
)
def test_a_state_that_is_declared_in_another_form_than_it_is_read_in(declared, wrong):
    policy = DeclaredPolicy(declared)
    found = examine(Examined(sides(policy, observation_spec=policy.observation_spec), DeclaredScenes(policy)))
    assert {channel for channel, _ in named(found)} == {channel for channel, _ in wrong}


def test_what_specs_say_otherwise_is_contradictory_before_anything_is_asked():
    other = replace(SPEC, gripper_sign="+1 closes", control_hz=10.0)
    found = declared_contradictions(sides(AnalyticPolicy(), own=other))
    assert {verdict.channel for verdict in found} == {"gripper_sign", "control_hz"}
    lines = {line.channel: line for line in what_they_say(sides(AnalyticPolicy(), own=other))}
    assert not lines["gripper sign"].agrees
    assert lines["dx"].agrees
    assert (lines["rate"].policy, lines["rate"].task) == ("10 Hz", "20 Hz")


def test_a_terminal_of_a_hundred_columns_shows_it_all(sound):
    console = Console(width=100, file=io.StringIO(), record=True)
    said = sides(AnalyticPolicy())
    print_said(what_they_say(said), ["prompt: 'do {instruction}'"], console)
    print_verdicts(sound, console)
    print_end(said, sound, console)
    text = console.export_text()
    assert max(map(len, text.splitlines())) <= 100
    flat = " ".join(text.split())
    assert "analytic reads tool position, tool rotation, gripper width, front picture, instruction" in flat
    assert "0 contradictory" in flat
