"""The phase in which the head acts on numbers alone: what it teaches, what it leaves alone, how it resumes."""

import json
from dataclasses import replace

import pytest
import torch

from policy.m1.actions import decode_actions
from policy.m1.diffusion import ActionDiffusion
from policy.m1.dit import ActionTransformer, ConditionReading
from policy.m1.model import PerturbedHands
from policy.m1.strict import ConfigError
from policy.m1.training.batches import NumbersBatch
from policy.m1.training.phases import ACTION, NUMBERS, READING, Phase
from tests.policy.m1.tiny import tiny_config, tiny_model
from tests.policy.m1.training.planted import Memory, PlantedSource, action_phase, trained

RATES = {"qformer": 2e-3, "action_head": 2e-3}


class Told(PlantedSource):
    """Hand and places decide the chunk."""

    def __init__(self, count=10):
        super().__init__(count)
        generator = torch.Generator().manual_seed(0)
        self.hands = torch.rand((count, 5), generator=generator) * 0.1 + torch.tensor(
            [0.4, 0.0, 0.2, 0.0, 0.0]
        )
        self.places = torch.rand((count, 6, 2), generator=generator) * 56

    def stream(self, objective, phase):
        found = super().stream(objective, phase)
        if objective in (READING, NUMBERS):
            found.batch = self.numbers
        elif objective == ACTION:
            pictures = found.batch
            found.batch = lambda rows: replace(pictures(rows), hand=self.hands[[row for row, _ in rows]])
        return found

    def numbers(self, rows):
        some = [row for row, _ in rows]
        return NumbersBatch(self.hands[some], self.places[some], self.actions[some], self.valid[some])


def told_model(seed=0):
    base = tiny_config()
    qformer = replace(base.qformer, told_numbers=True, number_places=6, dropout=0.0)
    diffusion = replace(base.diffusion, condition_dropout=0.0)
    action_head = replace(base.action_head, reads_condition=True)
    return tiny_model(replace(base, qformer=qformer, diffusion=diffusion, action_head=action_head), seed)


def numbers_phase(steps, **changes):
    phase = Phase("numbers", steps, RATES, {READING: 1.0, NUMBERS: 1.0}, {READING: 10, NUMBERS: 5}, warmup=3)
    return replace(phase, **changes)


@pytest.mark.long
def test_ten_chunks_are_learned_from_numbers_alone(tmp_path):
    source, model = Told(), told_model()
    _, log = trained(tmp_path, [numbers_phase(500)], source, model)
    assert log.lines[-1][READING] < 1e-3
    condition = model.condition_of_numbers(source.hands, source.places)
    noise = torch.randn((10, 6, 7), generator=torch.Generator().manual_seed(1))
    sampled = model.action_head.sample(condition, noise, guidance_scale=1.0)
    acted = decode_actions(sampled, model.config)
    error = (acted - source.actions)[..., :6].square().mean(dim=(0, 1))
    variance = source.actions[..., :6].var(dim=(0, 1))
    assert (error < 0.1 * variance).all(), error / variance
    assert torch.equal(acted[..., 6], source.actions[..., 6])


def test_pictures_and_words_are_left_alone(tmp_path):
    model = told_model()
    before = {name: value.clone() for name, value in model.state_dict().items()}
    trained(tmp_path, [numbers_phase(3)], Told(), model)
    moved = {n.split(".")[0] for n, value in model.state_dict().items() if not torch.equal(value, before[n])}
    assert moved == {"qformer", "numbers", "action_head"}


def test_killed_in_either_phase_it_resumes_as_if_it_had_not_been(tmp_path):
    phases = [numbers_phase(5), action_phase(4, rates=RATES, objectives={ACTION: 1.0}, read_actions=1.0)]
    whole, told = trained(tmp_path / "whole", phases, Told(), told_model(), average_decay=0.9)
    for die_after in (3, 7):
        log, folder = Memory(die_after), tmp_path / str(die_after)
        settings = {"average_decay": 0.9, "save_every": 2}
        with pytest.raises(KeyboardInterrupt):
            trained(folder, phases, Told(), told_model(), log, **settings)
        log.die_after = None
        resumed, _ = trained(folder, phases, Told(), told_model(), log, **settings)
        assert json.dumps(log.lines) == json.dumps(told.lines)
        pairs = zip(whole.learner.state_dict().values(), resumed.learner.state_dict().values(), strict=True)
        assert all(torch.equal(a, b) for a, b in pairs)


def test_reading_is_logged_beside_the_loss_and_counts_in_it(tmp_path):
    phase = action_phase(2, rates=RATES, objectives={ACTION: 1.0}, read_actions=0.5)
    _, log = trained(tmp_path, [phase], Told(), told_model(), log_every=1)
    for line in log.lines:
        assert line[ACTION] == pytest.approx(line["action/denoise"] + 0.5 * line["action/read"])
    assert log.lines[0]["action/read"] > 0


def test_numbers_alone_are_the_condition_of_a_model_that_sees_nothing_else():
    model, source = told_model(), Told(2)
    condition = model.condition_of_numbers(source.hands, source.places)
    assert condition.shape == (2, 8, 48)
    other = source.places.clone()
    other[1] += 5
    moved = model.condition_of_numbers(source.hands, other)
    assert torch.equal(moved[0], condition[0])
    assert not torch.allclose(moved[1], condition[1], atol=1e-4)
    with pytest.raises(ValueError, match="tiny is not told numbers"):
        tiny_model().condition_of_numbers(source.hands, source.places)


def test_what_is_read_for_the_first_time_drowns_nothing_of_the_numbers():
    model, source = told_model(), Told(3)
    seen = source.stream(ACTION, "head").batch([(i, 0) for i in range(3)])
    told = (seen.images, seen.instructions, seen.hand)
    alone = model.condition_of_numbers(seen.hand, model.read(*told).places)
    assert torch.allclose(model.condition(*told), alone, atol=1e-6)
    block = model.qformer.layers[0].cross_attn.out_proj
    with torch.no_grad():
        block.weight.normal_(std=0.1)
    assert not torch.allclose(model.condition(*told), alone, atol=1e-3)


def test_a_perturbed_hand_is_told_among_the_numbers_alone():
    model, source = told_model(), Told(2)
    seen = source.stream(ACTION, "head").batch([(0, 0), (1, 0)])
    told = (seen.images, seen.instructions, seen.hand)
    reading = model.read(*told)
    still = PerturbedHands(seen.hand, torch.zeros(2, 2))
    plain = model.condition(*told)
    assert torch.equal(model.condition(*told, reading, still), plain)
    hands = PerturbedHands(seen.hand + torch.tensor([0.05, 0, 0, 0, 0]), torch.zeros(2, 2))
    tools = PerturbedHands(seen.hand, torch.tensor([[0.0, 0.0], [9.0, 0.0]]))
    assert not torch.allclose(model.condition(*told, reading, hands), plain, atol=1e-4)
    moved = model.condition(*told, reading, tools)
    assert torch.equal(moved[0], plain[0])
    assert not torch.allclose(moved[1], plain[1], atol=1e-4)
    # The same as if the model had thought of the tool there.
    reading.places[1, 5, 0] += 9.0
    assert torch.allclose(model.condition(*told, reading), moved)


def test_the_linear_reading_counts_valid_steps_only():
    torch.manual_seed(0)
    head = ConditionReading(8, 48, 6, 7)
    condition, targets = torch.randn(4, 8, 48), torch.randn(4, 6, 7)
    valid = torch.ones(4, 6, dtype=torch.bool)
    valid[:, 4:] = False
    loss = head.loss(condition, targets, valid)
    assert loss == head.loss(condition, targets + 100 * (~valid)[..., None], valid)
    assert loss.item() == pytest.approx((head(condition) - targets)[:, :4].square().mean().item(), rel=1e-5)


def test_a_head_that_reads_begins_with_what_it_reads():
    """Its transformer adds nothing yet, whatever the noise; so sampling gives the reading."""
    config = told_model().config
    torch.manual_seed(0)
    head = ActionTransformer(config.action_head, 7, 6, 8)
    condition, noise = torch.randn(2, 8, 48), torch.randn(2, 6, 7)
    sampled = ActionDiffusion(head, config.diffusion).sample(condition, noise, guidance_scale=1.0)
    assert torch.allclose(sampled, head.reading(condition), atol=1e-5)
    assert head.reading(condition).abs().max() > 0.1


def test_what_reads_no_condition_has_no_loss_of_it():
    model = tiny_model()
    with pytest.raises(ValueError, match="tiny reads no actions"):
        model.reading_loss(torch.zeros(1, 8, 48), torch.zeros(1, 6, 7), torch.ones(1, 6, dtype=torch.bool))
    base = model.config
    with pytest.raises(ConfigError, match="reads_condition is for diffusion"):
        replace(
            base,
            action_head=replace(base.action_head, reads_condition=True),
            diffusion=replace(base.diffusion, target="noise"),
        )


def test_what_was_seen_is_remembered_while_numbers_go_on_being_told(tmp_path):
    objectives, batch = {ACTION: 1.0, READING: 0.5, NUMBERS: 0.5}, {ACTION: 4, READING: 8, NUMBERS: 4}
    phase = replace(action_phase(4), rates=RATES, objectives=objectives, batch=batch)
    runs = [
        trained(tmp_path / str(on), [replace(phase, remember=on)], Told(), told_model())
        for on in (False, True)
    ]
    weights = [run.learner.state_dict() for run, _ in runs]
    for name, forgotten in weights[0].items():
        assert torch.allclose(forgotten, weights[1][name], atol=5e-3), name
    assert {ACTION, READING, NUMBERS} <= set(runs[0][1].lines[-1])


def test_a_token_of_the_condition_is_read_as_its_own_steps():
    torch.manual_seed(0)
    head = ConditionReading(4, 16, 6, 7)
    condition = torch.randn(2, 4, 16)
    before = head(condition)
    assert before.shape == (2, 6, 7)
    condition[:, 1] += 1.0
    moved = (head(condition) - before).abs().amax(dim=(0, 2)) > 1e-6
    assert moved.tolist() == [False, False, True, True, False, False]
