"""Splits: drawn disjoint, over thousands of episodes of each task, and with everything else as without a split."""

from __future__ import annotations

from dataclasses import replace
from functools import cache

import pytest

from domain_rand.episode import draw_episode, redraw_looks
from domain_rand.factor import TASK
from domain_rand.factors.scene import Distractors
from domain_rand.sets import FactorSetError, load_set
from domain_rand.splits import in_split
from tasks.episode import EpisodeSpec
from tasks.registry import SHIPPED, find
from tasks.splits import SEEN, SPLITS, UNSEEN_LOOK, UNSEEN_OBJECT, UNSEEN_WORDING
from tasks.tabletop.held_out import WHAT

TASKS = tuple(SHIPPED)
DRAWN = 500
"""Episodes of each task, split and factor set whose draws are looked at."""
COMPOSED = 4
"""Episodes of which whole scenes are made, which takes longer."""


def narrowed(task, split, dr="heavy", overrides=None):
    return in_split(load_set(dr, overrides, task), task, split)


def objects(values):
    """Colours and shapes on the table, the target first."""
    names = [n.rpartition("_")[0].split(" ") for n in values["scene.distractors"]]
    return [(values["scene.target_color"], values["scene.target_shape"]), *map(tuple, names)]


@cache
def drawn(task, split, dr="heavy"):
    """The values of many episodes, of the factors that a split concerns and those that they build on."""
    held = find(task).held_out
    concerned = {
        *held.wording,
        *held.looks,
        "scene.target_shape",
        "scene.target_color",
        *Distractors.needs,
        Distractors.name,
    }
    factors, found = [f for f in narrowed(task, split, dr).factors if f.name in concerned], []
    for index in range(DRAWN):
        spec, values = EpisodeSpec(task, index, 5), {TASK: task, "scene.distractor_count": 2}
        for factor in factors:
            values[factor.name] = factor.value(spec.generator(factor.name), values)
        found.append(values)
    return found


@pytest.mark.parametrize("dr", ["heavy", "mild"])
@pytest.mark.parametrize("task", TASKS)
def test_what_is_held_out_is_in_its_own_split_alone(task, dr):
    held = find(task).held_out
    for split in SPLITS:
        for values in drawn(task, split, dr):
            found = held.in_(values)
            assert set(found) == ({WHAT[split]} if split != SEEN else set()), (split, found)


@pytest.mark.parametrize("task", TASKS)
def test_no_object_is_in_two_splits(task):
    """Said of the objects themselves, whatever `HeldOut` makes of them."""
    held = find(task).held_out
    seen = {thing for values in drawn(task, SEEN) for thing in objects(values)}
    targets = set()
    for values in drawn(task, UNSEEN_OBJECT):
        target, *others = objects(values)
        targets.add(target)
        beside = {thing for thing in others if thing[1] != target[1]}
        assert not {c for c, s in beside if s in held.shapes}, (
            "only the target may have a shape that is held out"
        )
    assert not seen & targets
    of_shapes = {(c, s) for c, s in targets if s in held.shapes}
    assert targets - of_shapes == set(held.pairs), "every pair is asked for"
    assert {s for _, s in of_shapes} == set(held.shapes), "and every shape"
    assert len(seen) == len({(c, s) for c, s in seen if s not in held.shapes and (c, s) not in held.pairs})


@pytest.mark.parametrize("task", TASKS)
def test_no_wording_and_no_look_is_in_two_splits(task):
    held = find(task).held_out
    for split, factors in ((UNSEEN_WORDING, held.wording), (UNSEEN_LOOK, held.looks)):
        of_seen = {name: {v.get(name) for v in drawn(task, SEEN)} for name in factors}
        of_unseen = {name: {v.get(name) for v in drawn(task, split)} for name in factors}
        for name in factors:
            assert of_seen[name]
            assert not of_seen[name] & of_unseen[name], name
            if isinstance(next(iter(of_unseen[name])), float):
                assert min(of_seen[name]) > max(of_unseen[name]), name


@pytest.mark.parametrize("split", SPLITS)
@pytest.mark.parametrize("task", TASKS)
def test_episodes_of_a_split_are_whole_and_say_what_is_held_out(task, split):
    factor_set = narrowed(task, split)
    for index in range(COMPOSED):
        episode = draw_episode(EpisodeSpec(task, index, 5), factor_set)
        assert episode.split == split
        assert bool(episode.held_out) == (split != SEEN)
        if split == UNSEEN_OBJECT:
            (name,) = episode.held_out
            target = episode.scene.target
            shape = target.slot.rpartition("_")[0]
            assert name in (shape, f"{target.color} {shape}")


@pytest.mark.parametrize("task", TASKS)
def test_other_factors_are_drawn_as_without_a_split(task):
    spec = EpisodeSpec(task, 7, 5)
    whole = draw_episode(spec, load_set("heavy", task=task))
    assert whole.split == ""
    assert whole.held_out == ()
    for split in SPLITS:
        part = draw_episode(spec, narrowed(task, split)).factors
        free = [n for n in whole.factors if n.split(".")[0] in ("dynamics", "control", "sensing", "camera")]
        assert {n: part[n] for n in free} == {n: whole.factors[n] for n in free}


def test_renderings_keep_to_the_looks_of_their_split():
    held = find("pick_place").held_out
    for split in (SEEN, UNSEEN_LOOK):
        factor_set = narrowed("pick_place", split)
        episode = draw_episode(EpisodeSpec("pick_place", 3, 1), factor_set)
        for render in range(60):
            found = held.in_(redraw_looks(episode, factor_set, render).factors)
            assert ("look" in found) == (split == UNSEEN_LOOK)


@pytest.mark.parametrize("task", TASKS)
def test_other_wordings_of_an_episode_keep_to_its_split(task):
    spec = find(task)
    scene = draw_episode(EpisodeSpec(task, 2, 1), load_set("none", task=task)).scene
    texts = {split: set(spec.paraphrases(scene, 12, 3, split)) for split in SPLITS}
    assert texts[SEEN].isdisjoint(texts[UNSEEN_WORDING])
    assert texts[SEEN] == texts[UNSEEN_OBJECT] == texts[UNSEEN_LOOK]
    verbs = spec.held_out.wording["language.verb"]
    past = {spec.phrasing.WORDING.verbs[verb][0] for verb in verbs}
    assert not [t for t in texts[SEEN] if {*verbs, *past} & set(t.lower().split())]


@pytest.mark.parametrize(
    ("split", "overrides", "said"),
    [
        (
            SEEN,
            {"scene.target_shape": {"value": "cone"}},
            "split=seen: no seen object has one of the shapes cone",
        ),
        (
            UNSEEN_OBJECT,
            {"scene.target_shape": {"value": "brick"}},
            "split=unseen_object: no held-out object",
        ),
        (
            SEEN,
            {"language.verb": {"value": "deposit"}},
            "language.verb=deposit is held out, and the set fixes it",
        ),
        (
            UNSEEN_WORDING,
            {"language.verb": {"value": "put"}},
            "language.verb=put is seen, and the set fixes it",
        ),
        (SEEN, {"language.verb": {"options": ["deposit"]}}, "everything that the set draws of is held out"),
        (
            SEEN,
            {"appearance.light_intensity": {"lo": 0.4, "hi": 2.0}},
            "reaches over both ends of what is held out",
        ),
        (SEEN, {"appearance.light_intensity": {"lo": 0.55, "hi": 0.6}}, "lies within what is held out"),
    ],
)
def test_a_set_that_contradicts_a_split_is_refused_in_a_sentence(split, overrides, said):
    with pytest.raises(FactorSetError) as refusal:
        narrowed("pick_place", split, "none", overrides)
    assert said in str(refusal.value)
    assert "\n" not in str(refusal.value)


def test_what_only_shows_when_it_is_drawn_is_refused_then():
    factor_set = narrowed(
        "pick_place", SEEN, "none", {"scene.distractors": {"value": ["red cone_small", "blue dome_small"]}}
    )
    with pytest.raises(
        FactorSetError, match=r"split=seen: of episode 0 as dr=none fixes it, .* holds out object: cone"
    ):
        draw_episode(EpisodeSpec("pick_place", 0, 0), factor_set)


def test_a_task_without_splits_refuses_them_in_a_sentence(monkeypatch):
    bare = replace(find("pick_place"), held_out=None)
    monkeypatch.setattr("domain_rand.splits.find", lambda name: bare)
    with pytest.raises(
        FactorSetError, match="split=seen: task 'pick_place' holds nothing out, so it has no split"
    ):
        narrowed("pick_place", SEEN)
