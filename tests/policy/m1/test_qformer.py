"""The Q-Former reads tokens, never padding."""

import pytest
import torch

from policy.m1.config import QFormerConfig
from policy.m1.qformer import LayerwiseQFormer


@pytest.fixture(scope="module")
def qformer():
    torch.manual_seed(0)
    return LayerwiseQFormer(QFormerConfig(1, 3, hidden_size=32, num_queries=4, num_heads=4), 16).eval()


def test_padding_changes_nothing(qformer):
    hidden = [torch.randn(2, 10, 16) for _ in range(2)]
    mask = torch.ones(2, 10, dtype=torch.bool)
    mask[0, :4] = False
    with torch.no_grad():
        condition = qformer(hidden, mask)
        noisy = [torch.where(mask[..., None], h, torch.randn_like(h) * 100) for h in hidden]
        torch.testing.assert_close(qformer(noisy, mask), condition)
        shorter = qformer([h[:1, 4:] for h in hidden], mask[:1, 4:])
        torch.testing.assert_close(shorter[0], condition[0])


def test_every_token_that_is_not_padding_is_read(qformer):
    hidden = [torch.randn(1, 10, 16, requires_grad=True) for _ in range(2)]
    mask = torch.ones(1, 10, dtype=torch.bool)
    mask[0, :3] = False
    qformer(hidden, mask).square().sum().backward()
    for h in hidden:
        read = h.grad.abs().sum(dim=-1)[0] > 0
        assert torch.equal(read, mask[0])


def test_one_block_reads_one_hidden_state(qformer):
    with pytest.raises(ValueError, match="2 blocks for 1 hidden states"):
        qformer([torch.randn(1, 3, 16)], torch.ones(1, 3, dtype=torch.bool))


def test_a_row_of_nothing_but_padding_is_refused(qformer):
    with pytest.raises(ValueError, match="not padding"):
        qformer([torch.randn(1, 3, 16)] * 2, torch.zeros(1, 3, dtype=torch.bool))
