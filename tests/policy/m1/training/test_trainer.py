"""What a training keeps: its course over kills, its sum over passes, what it must not touch."""

import json
from dataclasses import replace

import pytest
import torch

from policy.m1.training.phases import AnswerHelp
from policy.m1.training.trainer import TrainingDiverged
from policy.m1.training.training_state import TrainingStateError, states
from tests.policy.m1.training.planted import (
    Memory,
    PlantedSource,
    action_phase,
    scene_phase,
    small_model,
    trained,
)


def weights(model):
    return {name: tensor.clone() for name, tensor in model.state_dict().items()}


def assert_same(a, b):
    different = [name for name in a if not torch.equal(a[name], b[name])]
    assert not different, f"{len(different)} tensors differ, as {different[:3]}"


@pytest.mark.parametrize("die_after", [7, 4, 12])
def test_a_killed_training_resumes_as_if_it_had_not_been(tmp_path, die_after):
    phases = [scene_phase(4), action_phase(8)]
    whole, told = trained(tmp_path / "whole", phases, average_decay=0.9)
    log = Memory(die_after)
    settings = {"average_decay": 0.9, "save_every": 3}
    with pytest.raises(KeyboardInterrupt):
        trained(tmp_path / "killed", phases, log=log, **settings)
    log.die_after = None
    resumed, _ = trained(tmp_path / "killed", phases, log=log, **settings)
    assert json.dumps(log.lines) == json.dumps(told.lines)
    assert_same(weights(whole.learner), weights(resumed.learner))


def test_a_finished_training_run_again_changes_nothing(tmp_path):
    first, _ = trained(tmp_path, [action_phase(3)], average_decay=0.9)
    again, log = trained(tmp_path, [action_phase(3)], average_decay=0.9)
    assert log.lines == []
    assert_same(weights(first.learner), weights(again.learner))


def test_only_the_latest_states_are_kept(tmp_path):
    trained(tmp_path, [scene_phase(6)], save_every=2, keep=2)
    assert [path.name for path in states(tmp_path)] == ["step-0-00000004", "step-0-00000006"]


def test_passes_that_add_up_equal_a_larger_batch(tmp_path):
    """Some chunks are shorter than others, so that a mean of means would differ."""
    source = PlantedSource()
    source.valid[::2, 2:] = False
    exact = {"dropout": 0.0}
    one, _ = trained(tmp_path / "1", [action_phase(3, 4)], source, small_model(**exact))
    two, _ = trained(tmp_path / "2", [action_phase(3, 2)], source, small_model(**exact), accumulation=2)
    for (name, a), (_, b) in zip(one.learner.named_parameters(), two.learner.named_parameters(), strict=True):
        assert torch.allclose(a, b, atol=2e-4), name
    start = dict(small_model(**exact).named_parameters())
    moved = dict(one.learner.model.named_parameters())["action_head.transformer.output.weight"]
    assert not torch.allclose(moved, start["action_head.transformer.output.weight"], atol=2e-3)


def test_frozen_parts_do_not_move(tmp_path):
    model = small_model()
    before = weights(model)
    rates = {"action_head": 1e-2, "qformer": 1e-2}
    trained(tmp_path, [replace(action_phase(3), rates=rates, objectives={"action": 1.0})], model=model)
    moved = {
        name.split(".")[0]
        for name, value in model.state_dict().items()
        if not torch.equal(value, before[name])
    }
    assert moved == {"action_head", "qformer"}


def test_what_stands_past_the_end_of_an_episode_changes_nothing(tmp_path):
    runs = [
        trained(tmp_path / str(padding), [action_phase(3)], PlantedSource(short=3, padding=padding))[0]
        for padding in (0.0, 0.7)
    ]
    assert_same(*(weights(run.learner) for run in runs))


def test_the_average_is_what_a_training_ends_with(tmp_path):
    plain, averaged = small_model(), small_model()
    trained(tmp_path / "plain", [action_phase(2)], model=plain)
    trainer, _ = trained(tmp_path / "averaged", [action_phase(2)], model=averaged, average_decay=0.9)
    name = "qformer.query_tokens"
    assert torch.equal(averaged.state_dict()[name], trainer.average.weights[f"model.{name}"])
    assert not torch.equal(averaged.state_dict()[name], plain.state_dict()[name])


def test_a_state_of_another_model_is_refused(tmp_path):
    trained(tmp_path, [scene_phase(1)])
    other = PlantedSource()
    other.colors = 5
    with pytest.raises(TrainingStateError, match=r"of another model: .*aids\.scene"):
        trained(tmp_path, [scene_phase(2)], other)


def test_alignment_is_logged_where_both_objectives_are(tmp_path):
    _, log = trained(
        tmp_path, [scene_phase(2), action_phase(2)], alignment_every=1, alignment_batch=6, log_every=1
    )
    measured = [line.get("alignment/similarity") for line in log.lines]
    assert measured[:2] == [None, None]
    assert all(0 <= value <= 1 for value in measured[2:])


def test_an_average_does_not_reach_back_into_the_phase_before(tmp_path):
    """The language model was trained on the vision tower as it is, not as it was on average."""
    runs = {}
    for decay in (0.0, 0.99):
        language = replace(action_phase(3), rates={"language": 1e-3}, objectives={"answers": 1.0})
        runs[decay], _ = trained(tmp_path / str(decay), [scene_phase(4), language], average_decay=decay)
    plain, averaged = (weights(run.learner.model) for run in runs.values())
    tower = [name for name in plain if ".visual." in name]
    assert tower
    assert all(torch.equal(plain[name], averaged[name]) for name in tower)
    assert not torch.equal(*(w["vlm.model.model.language_model.norm.weight"] for w in (plain, averaged)))


def test_recomputing_activations_changes_nothing_but_memory(tmp_path):
    helped = AnswerHelp(1.0, 1.0, (0, 1), (2.0, 0.6), 0.5)
    kept, recomputed = (
        weights(trained(tmp_path / str(on), [action_phase(2, help=helped)], recompute=on)[0].learner)
        for on in (False, True)
    )
    assert all(torch.allclose(kept[name], recomputed[name], atol=1e-4) for name in kept)


def test_mixed_precision_keeps_weights_whole(tmp_path):
    trainer, log = trained(tmp_path, [scene_phase(2), action_phase(2)], bfloat16=True, log_every=1)
    assert {p.dtype for p in trainer.learner.parameters()} == {torch.float32}
    _, told = trained(tmp_path / "plain", [scene_phase(2), action_phase(2)], log_every=1)
    assert log.lines[0]["scene"] == pytest.approx(told.lines[0]["scene"], rel=0.05)
    assert log.lines[0]["scene"] != told.lines[0]["scene"], "nothing was computed in bfloat16"


def test_a_training_whose_losses_are_no_numbers_stops_and_leaves_its_last_good_state(tmp_path):
    source, log = PlantedSource(), Memory(None)
    trained(tmp_path, [action_phase(4)], source, log=log, save_every=2)
    lines = len(log.lines)
    source.actions[:] = float("nan")
    with pytest.raises(
        TrainingDiverged, match=r"stopped at step 5 of phase action: the loss action.* is nan"
    ):
        trained(tmp_path, [action_phase(8)], source, log=log, save_every=2)
    assert [path.name for path in states(tmp_path)][-1] == "step-0-00000004"
    json.loads(json.dumps(log.lines[lines:], allow_nan=False))


def test_weights_that_are_no_numbers_are_not_saved(tmp_path):
    model = small_model()

    class Spoil(Memory):
        def step(self, phase, total):
            super().step(phase, total)
            if total == 3:
                next(model.action_head.parameters()).data.fill_(float("nan"))

    with pytest.raises(TrainingDiverged, match=r"(weights are no numbers|is nan)"):
        trained(tmp_path, [action_phase(4)], model=model, log=Spoil(None), save_every=3)
    assert states(tmp_path) == []
