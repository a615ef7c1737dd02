"""Several questions in one pass teach what each would alone, and help looks where it should."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from policy.m1.config import ImageConfig
from policy.m1.training.answers import Watch, answer_losses
from policy.m1.training.batches import AnswerBatch, Asked, Marked, SceneBatch
from policy.m1.training.packing import Packer
from policy.m1.training.phases import ANSWERS, Phase
from tests.policy.m1.tiny import tiny_config, tiny_model
from tests.policy.m1.training.planted import (
    NAMES,
    PlantedSource,
    action_phase,
    scene_phase,
    small_model,
    trained,
)


def loss(model, packer, batch, **changes):
    settings = {"blur": 0.0, "attention": 0.0, "place": 0.0, "place_head": None, "layers": ()} | changes
    return answer_losses(model, packer, packer.pack(batch), **settings)


def test_packed_questions_cost_what_they_cost_alone():
    """Against the model's own loss, which knows nothing of packing: same tokens, positions and masks."""
    model, source = small_model(), PlantedSource()
    packer = Packer(model)
    pictures = torch.stack(source.pictures[:2])
    asked = [source.asked(0), source.asked(1)[:1]]
    packed = packer.pack(AnswerBatch(pictures, asked))
    ours = answer_losses(model, packer, packed, 0.0, 0.0, 0.0, None, ())["loss"]
    total, count = 0.0, 0
    for picture, some in zip(pictures, asked, strict=True):
        for one in some:
            tokens = len(model.tokenizer(one.answer).input_ids) + 1
            alone = model.answer_loss({"front": picture[None]}, [one.question], [one.answer])
            total, count = total + alone * tokens, count + tokens
    assert packed.weight == count
    assert torch.allclose(ours, total / count, rtol=1e-5)


def test_an_answer_beside_another_learns_nothing_from_it():
    model, source = small_model(), PlantedSource()
    packer = Packer(model)
    first, second = source.asked(0)
    other = Asked(second.question, "[(1, 1)]")
    rows = [packer.pack(AnswerBatch(source.pictures[0][None], [[first, x]])) for x in (second, other)]
    with Watch(model, (1,)) as watch:
        for row in rows:
            answer_losses(model, packer, row, 0.0, 0.0, 0.0, None, ())
    shared = len(packer.prefix) + len(packer._segment(first)[0])
    a, b = (output[:, :shared] for output in watch.outputs)
    assert torch.allclose(a, b, atol=1e-6)


def test_soft_labels_forgive_near_misses():
    """With blur, a number one off costs less than one far off; without, both are wrong alike."""
    model, source = small_model(), PlantedSource()
    packer = Packer(model)
    batch = AnswerBatch(source.pictures[0][None], [[Asked("locate the red cube", "[(20, 20)]")]])
    packed = packer.pack(batch)
    numbers = list(packer.number_of)

    class Said(torch.nn.Module):
        def __init__(self, number):
            super().__init__()
            self.number = number

        def forward(self, hidden):
            logits = torch.zeros(*hidden.shape[:-1], model.config.language.vocab_size)
            logits[..., numbers[self.number]] = 5.0
            return logits

    costs = {}
    for blur in (0.0, 2.0):
        for number in (21, 50):
            model.vlm.model.lm_head = Said(number)
            costs[blur, number] = float(
                answer_losses(model, packer, packed, blur, 0, 0, None, ())["loss"].detach()
            )
    assert costs[0.0, 21] == pytest.approx(costs[0.0, 50])
    assert costs[2.0, 21] < costs[2.0, 50] - 0.1


def test_attention_is_drawn_to_the_token_that_holds_the_place():
    model, source = small_model(), PlantedSource()
    packer = Packer(model)
    batch = AnswerBatch(source.pictures[0][None], [source.asked(0)[:1]])
    packed = packer.pack(batch)
    known = ~packed.looks.isnan().any(-1)
    assert int(known.sum()) == 4, "a box has four coordinates"
    assert torch.equal(known, packed.coordinate >= 0)
    optimizer = torch.optim.Adam(model.vlm.parameters(), 1e-2)
    course = []
    for _ in range(20):
        found = loss(model, packer, batch, attention=1.0, layers=(0, 1))
        optimizer.zero_grad()
        found["attention"].backward()
        optimizer.step()
        course.append(float(found["attention"].detach()))
    assert course[-1] < 0.2 * course[0], f"attention loss {course[0]:.2f} to {course[-1]:.2f}"


def test_words_that_the_tokenizer_does_not_know_cannot_be_taught():
    model, source = small_model(), PlantedSource()
    batch = AnswerBatch(source.pictures[0][None], [[Asked("locate the red cube", "a zebra")]])
    with pytest.raises(ValueError, match="words that the tokenizer does not know"):
        Packer(model).pack(batch)


def marked(source, i, *lost):
    """The prompt about picture i: to be grasped in its rectangle's middle, placed at a corner; the way is known."""
    u0, v0, u1, v1 = map(int, source.boxes[i][0])
    way = [((u0 + u1) // 2, v) for v in (v0, v0 + 3, v0 + 6, v1)]
    places = [((u0 + u1) // 2, (v0 + v1) // 2), (u1, v1), *way]
    known = tuple(None if n in lost else (float(u), float(v)) for n, (u, v) in enumerate(places))
    return Marked(f"put the {NAMES[source.kinds[i]]} on the plate", known)


def test_a_prompts_slots_stand_for_its_places_and_nothing_else_is_taught():
    model, source = small_model(), PlantedSource()
    packer = Packer(model)
    told = marked(source, 0, 2)
    packed = packer.pack(AnswerBatch(source.pictures[0][None], [[source.asked(0)[0], told]]))
    words = model.tokenizer.convert_ids_to_tokens(packed.input_ids[packed.row, packed.column])
    numbers = [int(x) for pair in told.places if pair is not None for x in pair]
    assert words[-10:] == ["u", "v"] * 5
    assert packed.coordinate[-10:].tolist() == numbers
    assert packed.weight == len(packed.target)
    wanted = torch.tensor([place for place in told.places if place is not None]).repeat_interleave(2, 0)
    assert torch.allclose(packed.looks[-10:] * 56, wanted)


def test_a_slots_word_in_the_instruction_is_no_slot():
    model, source = small_model(), PlantedSource()
    told = replace(marked(source, 0), instruction="put u and v on the red cube u")
    packed = Packer(model).pack(AnswerBatch(source.pictures[0][None], [[told]]))
    assert len(packed.target) == 12
    said = model.tokenizer("grasp u v", add_special_tokens=False).input_ids
    at = packed.column[0]
    assert packed.input_ids[0, at - 1 : at + 2].tolist() == said


@pytest.mark.long
@pytest.mark.slow
def test_what_slots_were_taught_is_what_a_decision_claims(tmp_path):
    """Ten pictures by heart, trained packed beside questions, read back by the model that acts."""
    source = PlantedSource()
    ask = source.asked
    source.asked = lambda i: [*ask(i)[:1], marked(source, i)]
    model = tiny_model(tiny_config(images=ImageConfig(("front",), size=56)))
    phase = Phase(
        "language",
        250,
        {"vision": 2e-3, "language": 2e-3},
        {ANSWERS: 1.0},
        {ANSWERS: 10},
        warmup=3,
        hold=0.3,
    )
    trained(tmp_path, [phase], source, model, log_every=50)
    told = [marked(source, i) for i in range(10)]
    noise = torch.zeros(10, 6, 7)
    _, places = model.decide(
        {"front": torch.stack(source.pictures)}, [one.instruction for one in told], noise
    )
    true = torch.tensor([one.places for one in told])
    right = (places - true).abs().amax(-1) <= 1
    assert right.float().mean() >= 0.95, f"{int(right.sum())} of {right.numel()} places within a pixel"


def test_the_scene_head_learns_what_stands_where(tmp_path):
    source = PlantedSource()
    trainer, log = trained(tmp_path, [scene_phase(60, 10)], source, log_every=20)
    rows = [(i, 0) for i in range(10)]
    batch = source.stream("scene", "vision").batch(rows)
    assert isinstance(batch, SceneBatch)
    tokens = trainer.learner.model.vlm.image_tokens(batch.pictures.permute(0, 3, 1, 2)[:, None])
    read = trainer.learner.aids["scene"](tokens).detach()
    side = read.shape[1]
    where = read[..., 0].flatten(1).argmax(1).numpy()
    middles = np.concatenate(batch.boxes)
    true = ((middles[:, :2] + middles[:, 2:]) / 2 // (56 / side)).astype(int)
    right = np.mean(where == true[:, 1] * side + true[:, 0])
    assert right >= 0.9, f"{right:.0%} of the things found; losses {[line['scene'] for line in log.lines]}"


@pytest.mark.long
@pytest.mark.slow
def test_ten_samples_are_learned_by_heart(tmp_path):
    """Near-zero error of actions and the exact text of answers, after a minute's worth of a much larger training."""
    from policy.m1.actions import decode_actions
    from policy.m1.diffusion import row_noise

    source = PlantedSource()
    model = small_model(dropout=0.0, draws=8)
    phase = action_phase(260, 10, objectives={"action": 1.0, "answers": 1.0}, hold=0.3)
    trainer, _ = trained(tmp_path, [phase], source, model, log_every=50)
    rows = [(i, 0) for i in range(10)]
    batch = source.stream("action", "").batch(rows)
    noise = row_noise(range(10), [0] * 10, (6, 7))
    done = decode_actions(
        model.decide(batch.images, batch.instructions, noise, guidance_scale=1.0)[0], model.config
    )
    span = torch.tensor(model.config.action_spec.normalisation.high) - torch.tensor(
        model.config.action_spec.normalisation.low
    )
    error = ((done - batch.actions).abs() / span)[..., :6].mean()
    assert error < 0.03, f"mean error {error:.3f} of the range"
    assert torch.equal(done[..., 6], batch.actions[..., 6])
    right = 0
    for i in range(10):
        for one in source.asked(i):
            said = model.answer(
                {"front": source.pictures[i][None]}, [one.question], 16, question="{instruction}"
            )
            right += said == [one.answer]
    assert right == 20, f"{right} of 20 answers exact"
    assert trainer.place.total == 260
