"""The diffusion: what the loss counts, what guidance and seeds do."""

import pytest
import torch

from policy.m1.config import ActionHeadConfig, DiffusionConfig
from policy.m1.diffusion import ActionDiffusion, Held, make_scheduler, row_noise
from policy.m1.dit import ActionTransformer, sinusoid
from policy.m1.noise_levels import noise_levels

T, A, Q, D = 6, 3, 5, 16


def make_head(**settings):
    torch.manual_seed(0)
    transformer = ActionTransformer(ActionHeadConfig(2, D, 2), A, T, Q)
    torch.nn.init.normal_(transformer.output.weight, std=0.5)
    return ActionDiffusion(transformer, DiffusionConfig(**settings))


def batch(count=4):
    generator = torch.Generator().manual_seed(1)
    actions = torch.randn(count, T, A, generator=generator)
    return actions, torch.ones(count, T, dtype=torch.bool), torch.randn(count, Q, D, generator=generator)


def loss_of(head, actions, valid, condition, seed=0):
    return head.loss(actions, valid, condition, torch.Generator().manual_seed(seed))


def test_an_untrained_head_predicts_no_noise():
    head = ActionDiffusion(ActionTransformer(ActionHeadConfig(2, D, 2), A, T, Q), DiffusionConfig())
    actions, _, condition = batch()
    assert not head.transformer(actions, torch.tensor([0, 10, 50, 99]), condition).any()


def test_the_loss_of_a_perfect_prediction_is_zero(monkeypatch):
    head = make_head(condition_dropout=0.0, draws_per_sample=1)
    actions, valid, condition = batch()
    monkeypatch.setattr(head, "q_sample", lambda actions, t, noise: noise)
    monkeypatch.setattr(head.transformer, "forward", lambda noisy, t, condition, valid: noisy)
    assert loss_of(head, actions, valid, condition) == 0.0


def test_steps_that_an_episode_did_not_have_count_for_nothing():
    """Neither their error counts, nor does their number dilute the error of the others."""
    head = make_head(condition_dropout=0.0)
    actions, valid, condition = batch()
    valid[:, 4:] = False
    valid[0] = False
    seen = []
    head.transformer.register_forward_hook(lambda module, args, output: seen.append(output))
    loss = loss_of(head, actions, valid, condition)
    generator = torch.Generator().manual_seed(0)
    noise = torch.randn(16, T, A, generator=generator)
    error = (seen[0] - noise).square().reshape(4, 4, T, A)[1:, :, :4]
    torch.testing.assert_close(loss, error.mean())


def test_a_batch_without_any_valid_step_is_refused():
    head = make_head()
    actions, valid, condition = batch()
    with pytest.raises(ValueError, match="nothing to learn"):
        head.loss(actions, valid & False, condition)


def test_each_sample_is_drawn_several_times():
    head = make_head(draws_per_sample=3)
    levels = []
    head.transformer.register_forward_hook(lambda module, args, output: levels.append(args[1]))
    loss_of(head, *batch(2))
    assert levels[0].shape == (6,)
    assert len(set(levels[0].tolist())) > 1


def test_dropped_conditions_are_the_null_condition_at_the_configured_rate():
    head = make_head(condition_dropout=0.25, draws_per_sample=1)
    actions, valid, condition = batch(2000)
    conditions = []
    head.transformer.register_forward_hook(lambda module, args, output: conditions.append(args[2]))
    loss_of(head, actions, valid, condition)
    dropped = (conditions[0] == head.transformer.null_condition).all(dim=(1, 2))
    kept = (conditions[0] == condition).all(dim=(1, 2))
    assert (dropped ^ kept).all()
    assert abs(dropped.float().mean() - 0.25) < 0.04  # four standard errors of 2,000 draws


def test_an_evaluated_loss_drops_no_condition():
    head = make_head(condition_dropout=0.9).eval()
    actions, valid, condition = batch()
    conditions = []
    head.transformer.register_forward_hook(lambda module, args, output: conditions.append(args[2]))
    loss_of(head, actions, valid, condition)
    assert torch.equal(conditions[0], condition.repeat_interleave(4, 0))


def test_a_new_head_begins_with_the_published_spread():
    """0.02 for what embeds, Xavier for the rest; a head that reads its condition has Xavier throughout."""
    torch.manual_seed(0)
    published, own = (
        ActionTransformer(ActionHeadConfig(2, 128, 2, reads), 7, 16, 64) for reads in (False, True)
    )

    def embedders(head):
        levels = head.noise_level_embedder
        layers = (head.condition_embedder, head.action_embedder, head.history_embedder, levels[0], levels[2])
        return [weight.detach() for weight in (*(layer.weight for layer in layers), head.null_condition)]

    assert all(0.018 < float(weight.std()) < 0.022 for weight in embedders(published))
    assert all(float(weight.std()) > 0.05 for weight in embedders(own))
    xavier = (2 / (128 + 3 * 128)) ** 0.5
    for head in (published, own):
        assert float(head.blocks[0].attn.qkv.weight.detach().std()) == pytest.approx(xavier, rel=0.05)
        assert float(head.positions.detach().std()) == pytest.approx(128**-0.5, rel=0.05)
        assert not head.output.weight.any()


def test_the_null_condition_learns():
    head = make_head(condition_dropout=0.5)
    loss_of(head, *batch()).backward()
    assert head.transformer.null_condition.grad.abs().sum() > 0


def test_guidance_extrapolates_from_the_null_condition():
    """One step from the last noise level: the action is linear in the predicted noise, so in the guidance scale."""
    head = make_head(train_steps=100)
    _, _, condition = batch()
    noise = row_noise([1, 2, 3, 4], [0] * 4, (T, A))
    none, half, full = (head.sample(condition, noise, 1, scale) for scale in (1.0, 1.5, 2.0))
    torch.testing.assert_close(half, (none + full) / 2, rtol=1e-4, atol=1e-5)
    null = head.transformer.null_condition.expand_as(condition)
    torch.testing.assert_close(head.sample(condition, noise, 10, 0.0), head.sample(null, noise, 10, 1.0))


def test_the_number_of_steps_may_change_between_calls():
    head = make_head()
    _, _, condition = batch()
    noise = row_noise([1, 2, 3, 4], [0] * 4, (T, A))
    first = head.sample(condition, noise, 10)
    head.sample(condition, noise, 5)
    assert torch.equal(head.sample(condition, noise, 10), first)
    with pytest.raises(ValueError, match="40 sampling steps do not go evenly into 100: take 34 or 50"):
        head.sample(condition, noise, 40)


def two_ways(head, monkeypatch):
    """A head that has learned two chunks perfectly: 1 throughout, or -1 throughout."""
    kept = make_scheduler(head.config.train_steps).alphas_cumprod

    def predict(noisy, t, condition):
        share = kept[t][:, None, None]
        clean = torch.tanh(share**0.5 / (1 - share) * noisy.sum((1, 2), keepdim=True)).expand_as(noisy)
        return (noisy - share**0.5 * clean) / (1 - share) ** 0.5

    monkeypatch.setattr(head.transformer, "forward", predict)


@pytest.mark.parametrize("way", [-1.0, 1.0])
def test_a_sample_goes_on_from_what_is_held(way, monkeypatch):
    """Of two ways it takes the one that was begun, to its end; no mean of finished chunks can do that."""
    head = make_head(train_steps=100)
    two_ways(head, monkeypatch)
    noise = row_noise(range(32), [0] * 32, (T, A))
    condition = torch.zeros(32, Q, D)
    free = head.sample(condition, noise, 10, 1.0)
    taken = free.sign()
    torch.testing.assert_close(free, taken, atol=1e-3, rtol=0)
    assert 8 <= int((taken[:, 0, 0] == way).sum()) <= 24, "left alone it takes either"
    weight = torch.zeros(32, T)
    weight[:, :3] = torch.tensor([1.0, 1.0, 0.5])
    held = head.sample(condition, noise, 10, 1.0, Held(torch.full((32, T, A), way), weight))
    assert (held[:, :2] == way).all(), "what can no longer change is as it was"
    assert float((held.sign() == way).all((1, 2)).float().mean()) >= 0.95


def test_what_is_held_without_weight_changes_nothing_and_rows_are_apart():
    head = make_head()
    actions, _, condition = batch()
    noise = row_noise([1, 2, 3, 4], [0] * 4, (T, A))
    free = head.sample(condition, noise, 10)
    none = head.sample(condition, noise, 10, held=Held(actions, torch.zeros(4, T)))
    torch.testing.assert_close(none, free, rtol=1e-4, atol=1e-4)
    weight = torch.zeros(4, T)
    weight[1, :2] = 1.0
    one = head.sample(condition, noise, 10, held=Held(actions, weight))
    torch.testing.assert_close(one[[0, 2, 3]], free[[0, 2, 3]], rtol=1e-4, atol=1e-4)
    torch.testing.assert_close(one[1, :2], actions[1, :2])
    assert not torch.allclose(one[1, 2:], free[1, 2:], atol=1e-2), "the rest of the chunk goes along"


LEVELS = {  # of the published code, for a schedule of 100
    1: [50],
    2: [50, 0],
    3: [68, 34, 0],
    7: [90, 75, 60, 45, 30, 15, 0],
    8: [91, 78, 65, 52, 39, 26, 13, 0],
    10: list(range(90, -1, -10)),
    100: list(range(99, -1, -1)),
}


@pytest.mark.parametrize("steps", LEVELS)
def test_the_levels_that_are_visited_are_the_published_ones(steps):
    head = make_head()
    seen = []
    head.transformer.register_forward_hook(lambda module, args, output: seen.append(int(args[1][0])))
    head.sample(batch()[2], torch.zeros(4, T, A), steps)
    assert seen == LEVELS[steps]


def test_counts_that_no_even_stride_makes_are_refused_by_the_next_ones():
    made = {len(range(0, 100, stride)) for stride in range(1, 101)}
    for count in range(1, 102):
        if count in made:
            assert len(noise_levels(100, count)) == count
        else:
            with pytest.raises(ValueError, match=f"{count} sampling steps do not go evenly into 100: take"):
                noise_levels(100, count)
    for count in (0, -3):
        with pytest.raises(ValueError, match="take 1"):
            noise_levels(100, count)


@pytest.mark.parametrize("target", ["noise", "sample"])
@pytest.mark.parametrize("steps", [2, 5, 10, 50])
def test_where_steps_divide_the_schedule_diffusers_gives_the_same(steps, target):
    head = make_head(target=target)
    condition, noise = batch()[2], row_noise([1, 2, 3, 4], [0] * 4, (T, A))
    scheduler = make_scheduler(100, target)
    scheduler.set_timesteps(steps)
    actions = noise
    with torch.no_grad():
        for level in scheduler.timesteps:
            predicted = head.transformer(actions, level.expand(4), condition)
            actions = scheduler.step(predicted, level, actions, eta=0.0).prev_sample
    assert torch.equal(head.sample(condition, noise, steps, 1.0), actions)


def test_noise_depends_on_seed_and_step_alone():
    together = row_noise([11, 12, 13], [0, 8, 8], (T, A))
    assert torch.equal(row_noise([13, 11], [8, 0], (T, A)), together[[2, 0]])
    assert not torch.equal(row_noise([11], [8], (T, A))[0], together[0])


def test_noise_is_standard_normal():
    noise = row_noise(range(2000), [3] * 2000, (T, A))
    assert abs(noise.mean()) < 0.02
    assert abs(noise.std() - 1.0) < 0.02


def test_noise_levels_are_cosines_before_sines():
    code = sinusoid(torch.tensor([0, 3]), 8)
    assert code[0].tolist() == [1.0] * 4 + [0.0] * 4
    expected = torch.cat(
        [torch.cos(3 * 10_000.0 ** -(torch.arange(4) / 4)), torch.sin(3 * 10_000.0 ** -(torch.arange(4) / 4))]
    )
    torch.testing.assert_close(code[1], expected)


@pytest.mark.parametrize("target", ["noise", "sample"])
def test_a_head_that_knows_the_actions_has_no_loss_and_samples_them(target, monkeypatch):
    head = make_head(condition_dropout=0.0, draws_per_sample=1, target=target)
    actions, valid, condition = batch()
    kept = make_scheduler(head.config.train_steps).alphas_cumprod

    def knows(noisy, t, condition, valid=None):
        if target == "sample":
            return actions
        share = kept[t][:, None, None]
        return (noisy - share.sqrt() * actions) / (1 - share).sqrt()

    monkeypatch.setattr(head.transformer, "forward", knows)
    assert loss_of(head, actions, valid, condition) < 1e-10
    for steps in (1, 3, 5, 7, 20):
        sampled = head.sample(condition, torch.randn(actions.shape), steps=steps, guidance_scale=1.0)
        torch.testing.assert_close(sampled, actions, atol=1e-4, rtol=0)
