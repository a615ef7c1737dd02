"""What is remembered of a frozen model is what it would say again."""

from dataclasses import replace

import pytest
import torch

from policy.m1.training.feed import Feed
from policy.m1.training.learner import Learner
from policy.m1.training.memory import BLOCK, Memory
from tests.policy.m1.training.planted import (
    Memory as Log,
)
from tests.policy.m1.training.planted import (
    PlantedSource,
    action_phase,
    small_model,
    trained,
)

HEAD = replace(
    action_phase(6),
    name="head",
    rates={"dino": 2e-3, "qformer": 2e-3, "action_head": 2e-3},
    objectives={"action": 1.0},
)


def weights(trainer):
    return {name: value.clone() for name, value in trainer.learner.state_dict().items()}


def test_a_row_is_remembered_as_it_was_read():
    model, stream = small_model().eval(), PlantedSource(BLOCK + 3).stream("action", "head")
    rows = [BLOCK + 1, 0, 5]
    batch = stream.batch([(row, 0) for row in rows])
    fresh = model.read(batch.images, batch.instructions)
    known = Memory(model, stream).reading(rows)
    assert torch.equal(known.mask, fresh.mask)
    for then, now in zip(known.states, fresh.states, strict=True):
        assert torch.allclose(then[known.mask], now[fresh.mask], atol=5e-3)


def test_what_is_remembered_does_not_depend_on_what_was_asked_before():
    model, stream = small_model().eval(), PlantedSource(2 * BLOCK).stream("action", "head")
    one, other = Memory(model, stream), Memory(model, stream)
    other.reading([BLOCK + 2])
    other.reading([3, BLOCK])
    assert all(map(torch.equal, one.reading([1, 4]).states, other.reading([1, 4]).states))


def test_remembering_changes_nothing_but_time(tmp_path):
    runs = [trained(tmp_path / str(on), [replace(HEAD, remember=on)])[0] for on in (False, True)]
    for (name, forgotten), remembered in zip(
        weights(runs[0]).items(), weights(runs[1]).values(), strict=True
    ):
        assert torch.allclose(forgotten, remembered, atol=5e-3), name


def test_a_killed_training_that_remembers_resumes_as_if_it_had_not_been(tmp_path):
    phases = [replace(HEAD, remember=True)]
    whole, told = trained(tmp_path / "whole", phases)
    log = Log(die_after=5)
    with pytest.raises(KeyboardInterrupt):
        trained(tmp_path / "killed", phases, log=log, save_every=2)
    log.die_after = None
    resumed, _ = trained(tmp_path / "killed", phases, log=log, save_every=2)
    assert log.lines == told.lines
    assert all(map(torch.equal, weights(whole).values(), weights(resumed).values()))


def test_a_stream_too_large_to_remember_is_read_each_time():
    model, stream = small_model(), PlantedSource(2).stream("action", "head")
    assert Memory.has_room_for(model, stream)
    stream.size = 10**9
    assert not Memory.has_room_for(model, stream)


def test_rows_that_come_but_once_are_not_remembered():
    """A block is read for each of its rows; a phase that ends within the first epoch would pay for all of them."""
    source, model = PlantedSource(24), small_model()
    learner = Learner(model, 3, 3, 0, 0)
    for steps, remembers in ((6, False), (7, True)):
        with Feed(learner, source, replace(HEAD, steps=steps, remember=True), 0, 1) as feed:
            assert (feed.portions(0)["action"][0].reading is not None) == remembers


def test_what_is_trained_cannot_be_remembered():
    assert not replace(HEAD, remember=True).problems()
    assert "can only remember" in replace(action_phase(1), remember=True).problems()[0]
