"""What ships can be used by its name alone, is small enough for a repository, and says where it comes from."""

import pytest
import torch

from policy import Observation
from policy.m1.checkpoint import SHIPPED, load_checkpoint, locate
from policy.m1.policy import M1Policy

MOST_BYTES = 40e6
CARD = ("## Data", "## Training", "## What it reaches", "## What it cannot")
NAMES = sorted(folder.name for folder in SHIPPED.iterdir())


@pytest.mark.parametrize("name", NAMES)
def test_a_checkpoint_that_ships_is_small_and_has_a_card(name):
    folder = locate(name)
    assert sum(path.stat().st_size for path in folder.rglob("*")) <= MOST_BYTES
    card = (folder / "README.md").read_text()
    assert [title for title in CARD if title not in card] == []


@pytest.mark.parametrize("name", NAMES)
def test_a_checkpoint_that_ships_was_trained_and_decides(name):
    model = load_checkpoint(locate(name), "cpu", torch.float32)
    provenance = model.config.provenance
    assert provenance.origin == "trained"
    assert provenance.steps > 0
    assert provenance.datasets

    policy = M1Policy(model)
    policy.reset([0], [7])
    image = torch.full((1, 240, 320, 3), 128, dtype=torch.uint8)
    pose = torch.tensor([[0.4, 0.0, 0.3, 1.0, 0.0, 0.0, 0.0]])
    still = torch.zeros(1, 7)
    told = ["put the red cube in the blue bowl"]
    images = dict.fromkeys(policy.cameras, image)
    seen = Observation([0], torch.tensor([0]), told, still, still, torch.tensor([0.08]), pose, images)
    decision = policy.act(seen)
    assert decision.actions.isfinite().all()
    (grounding,) = decision.grounding
    assert {point.label for point in grounding.points} == {"grasp", "contact", "place"}
    assert grounding.image_size == (320, 240)
