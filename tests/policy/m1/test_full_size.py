"""The published size, for real: one decision of 4.1 B parameters, where the machine has the memory."""

import os

import pytest
import torch

from policy.m1.checkpoint import assemble, own_state, to_working_types
from policy.m1.config import TokenizerConfig
from policy.m1.diffusion import row_noise
from policy.m1.model import M1Model
from policy.m1.presets import preset
from policy.m1.tokenizer import build_tokenizer
from tests.policy.m1.tiny import SHORT, SPEC, WORDS

NEEDED_GB = 12
"""8.2 GB of weights in bfloat16, 0.8 GB in float32, and room to compute."""


def free_gb():
    return os.sysconf("SC_AVPHYS_PAGES") * os.sysconf("SC_PAGE_SIZE") / 2**30


@pytest.mark.long
@pytest.mark.skipif(free_gb() < NEEDED_GB, reason=f"needs {NEEDED_GB} GB of free memory")
def test_the_full_model_decides():
    """Random weights; the words are a small tokenizer's, since Qwen's own cannot be had without a download."""
    tokenizer = build_tokenizer(
        TokenizerConfig("words", (*WORDS, "your task is to identify the key objects for"))
    )
    config = preset("m1-3b", SPEC, ("front",))
    with torch.device("meta"):
        names = {name: tensor.shape for name, tensor in own_state(M1Model(config, tokenizer)).items()}
    generator = torch.Generator().manual_seed(0)
    small = ("action_head", "qformer", "dino_projection")
    tensors = {
        name: torch.empty(shape, dtype=torch.float32 if name.startswith(small) else torch.bfloat16).normal_(
            0.0, 0.02, generator=generator
        )
        for name, shape in names.items()
    }
    model = to_working_types(assemble(config, tokenizer, tensors, "random"), torch.bfloat16)
    del tensors
    assert 4.0e9 < sum(p.numel() for p in model.parameters()) < 4.2e9
    picture = torch.randint(0, 256, (1, 224, 224, 3), dtype=torch.uint8, generator=generator)
    noise = row_noise([0], [0], (config.chunk_length, SPEC.dim))
    actions, places = model.decide({"front": picture}, [SHORT], noise)
    assert actions.shape == (1, 16, 7)
    assert bool(actions.isfinite().all())
    assert places.shape == (1, 0, 2)
