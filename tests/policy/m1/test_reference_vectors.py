"""The Q-Former and the action head compute what the public model computes."""

import os
from pathlib import Path

import numpy as np
import pytest
import torch

from policy.m1.config import ActionHeadConfig, DiffusionConfig, QFormerConfig
from policy.m1.diffusion import ActionDiffusion
from policy.m1.dit import ActionTransformer
from policy.m1.published_names import own_name
from policy.m1.qformer import LayerwiseQFormer

FILE = Path(os.environ.get("WORKBENCH_TEST_DATA", "/nowhere")) / "m1_reference_vectors.npz"
pytestmark = pytest.mark.skipif(
    not FILE.is_file(), reason="WORKBENCH_TEST_DATA holds no m1_reference_vectors.npz"
)
TOLERANCE = 1e-4
"""Relative error, against the largest value of the reference."""


@pytest.fixture(scope="module")
def vectors():
    return {name: torch.from_numpy(value) for name, value in np.load(FILE).items()}


def weights(vectors, published, own):
    """The published tensors below one prefix, under the names of one of our modules."""
    prefix = f"weights/{published}."
    found = {own_name(n.removeprefix("weights/")): v for n, v in vectors.items() if n.startswith(prefix)}
    return {name.removeprefix(own + "."): v for name, v in found.items()}


@pytest.fixture(scope="module")
def head(vectors):
    diffusion = ActionDiffusion(ActionTransformer(ActionHeadConfig(2, 64, 4), 7, 16, 64), DiffusionConfig())
    diffusion.load_state_dict(weights(vectors, "action_model", "action_head"))
    return diffusion.eval()


def assert_close(found, expected):
    error = float((found - expected).abs().max() / expected.abs().max())
    assert error < TOLERANCE, f"relative error {error:.1e}"


def test_condition_tokens(vectors):
    qformer = LayerwiseQFormer(QFormerConfig(36, 37, 64, 64, 8), 96).eval()
    qformer.load_state_dict(weights(vectors, "layer_qformer", "qformer"))
    tokens = vectors["in/tokens"]
    with torch.no_grad():
        condition = qformer([tokens], torch.ones(tokens.shape[:2], dtype=torch.bool))
    assert_close(condition, vectors["out/condition"])


def test_predicted_noise(vectors, head):
    with torch.no_grad():
        eps = head.transformer(vectors["in/x"], vectors["in/t"], vectors["out/condition"])
    assert_close(eps, vectors["out/eps"])


def test_forward_diffusion(vectors, head):
    noised = head.q_sample(vectors["in/x"], vectors["in/t"], torch.ones_like(vectors["in/x"]))
    assert_close(noised, vectors["out/q_sample_of_ones"])


@pytest.mark.parametrize("guidance", [1.0, 1.5, 4.0])
@pytest.mark.parametrize("steps", [5, 10, 20])
def test_sampled_actions(vectors, head, steps, guidance):
    actions = head.sample(vectors["out/condition"], vectors[f"in/noise_{steps}"], steps, guidance)
    assert_close(actions, vectors[f"out/actions_ddim{steps}_cfg{guidance}"])
