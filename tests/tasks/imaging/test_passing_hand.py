"""A hand that crosses the view: where it is, how wide, and that it hides nothing else."""

import pytest
import torch

from tasks.imaging.passing_hand import TONES, draw_hand, hand_mask

SIZE = (90, 120)
SEEDS = range(20)


def masks(way, width=0.3, seeds=SEEDS):
    n = len(seeds)
    return hand_mask(torch.full((n,), way), torch.full((n,), width), seeds, SIZE)


@pytest.mark.parametrize("way", [0.0, 1.0])
def test_it_begins_and_ends_beyond_the_border(way):
    """The palm does; a forearm that leans may still be seen by its elbow."""
    assert not masks(way)[:, :20].any()


def test_half_way_it_stands_in_the_middle_and_reaches_the_lower_border():
    for mask in masks(0.5):
        assert mask[-1].any()
        top = mask.any(1).nonzero()[0, 0]
        column = mask[top].nonzero().float().mean()
        assert column / SIZE[1] == pytest.approx(0.5, abs=0.03)


def test_its_palm_is_as_wide_as_asked_for():
    for mask in masks(0.5, 0.4):
        assert mask[:55].sum(1).max() / SIZE[1] == pytest.approx(0.4, abs=0.06)


def test_a_hand_of_no_width_hides_nothing():
    assert not masks(0.5, 0.0).any()


def test_it_comes_from_either_side():
    early = masks(0.3)
    left = [bool(mask[:, :40].sum() > mask[:, 80:].sum()) for mask in early]
    assert {True, False} <= set(left)


def test_an_episode_has_a_hand_of_its_own_whatever_stands_beside_it():
    together, alone = masks(0.4), masks(0.4, seeds=[7])
    assert torch.equal(together[7], alone[0])


def test_pixels_that_it_does_not_hide_stay_as_they_are():
    image = torch.randint(0, 255, (20, *SIZE, 3), dtype=torch.uint8)
    mask = masks(0.5)
    drawn = draw_hand(image, mask, SEEDS)
    assert torch.equal(drawn[~mask], image[~mask])
    tones = {tuple(round(255 * c) for c in tone) for tone in TONES}
    assert {tuple(pixel) for pixel in drawn[mask].unique(dim=0).tolist()} <= tones
