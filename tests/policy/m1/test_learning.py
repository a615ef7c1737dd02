"""The pieces learn together: what is shown in training is done when acting, in physical units."""

from dataclasses import replace

import torch

from policy.m1.actions import decode_actions
from policy.m1.diffusion import row_noise
from tests.policy.m1.tiny import HIGH, LONG, LOW, SHORT, random_images, rows, tiny_config, tiny_model


def adam(model, rate):
    return torch.optim.Adam([p for p in model.parameters() if p.requires_grad], lr=rate)


def test_two_demonstrations_are_acted_out_each_on_its_own_instruction():
    """One image, two instructions, opposite motions: only the words tell which."""
    base = tiny_config()
    config = tiny_config(
        qformer=replace(base.qformer, dropout=0.0), diffusion=replace(base.diffusion, draws_per_sample=16)
    )
    model = tiny_model(config)
    images = {view: image[[0, 0]] for view, image in random_images(config, 1).items()}
    steps = torch.linspace(0.2, 1.0, config.chunk_length)[:, None]
    motion = torch.tensor([0.02, -0.02, 0.01, 0.05, 0.05, -0.05])
    actions = torch.stack(
        [torch.cat([s * motion * steps, s * torch.ones_like(steps)], dim=1) for s in (0.5, -0.5)]
    )
    valid = torch.ones(2, config.chunk_length, dtype=torch.bool)
    optimizer, generator = adam(model, 2e-3), torch.Generator().manual_seed(0)
    model.train()
    for _ in range(200):
        loss = model.action_loss(images, [SHORT, LONG], actions, valid, generator)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    model.eval()
    noise = row_noise([7, 8], [0, 0], (config.chunk_length, 7))
    done = decode_actions(model.decide(images, [SHORT, LONG], noise)[0], config)
    assert done[..., 6].sign().tolist() == actions[..., 6].sign().tolist()
    span = torch.tensor(HIGH[:6]) - torch.tensor(LOW[:6])
    errors = [((done - shown)[..., :6].abs() / span).mean(dim=(1, 2)) for shown in (actions, actions.flip(0))]
    assert (errors[0] < 0.08).all(), f"mean error {errors[0].tolist()} of the range of the statistics"
    assert (errors[1] > 2 * errors[0]).all(), "the instruction makes no difference"


def test_an_answer_is_learned_and_said_to_the_letter():
    config = tiny_config()
    model = tiny_model(config)
    images = random_images(config, 2)
    answers = ["[[1, 20, 30, 55]]", '[{"bbox_2d": [3, 4, 50, 56], "label": "red cube"}]']
    questions = [config.prompt.grounding.replace("{instruction}", text) for text in (SHORT, LONG)]
    optimizer = adam(model.vlm, 3e-3)
    for _ in range(60):
        loss = model.answer_loss(images, questions, answers)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    assert model.answer(images, [SHORT, LONG], 24) == answers
    assert model.answer(rows(images, 1), [LONG], 24) == answers[1:]
