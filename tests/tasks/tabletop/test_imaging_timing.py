"""What changes about a camera's images while an episode runs: latency, and what settles."""

import itertools
import math

import pytest
import torch

from tasks.tabletop.action_spaces import CONTROL_DT
from tasks.tabletop.imaging import BURST_STEPS, SETTLING_S, Imaging
from tasks.tabletop.workspace import front_camera, wrist_camera

CAMERAS = {"front": front_camera(32), "wrist": wrist_camera(32)}


def imaging_of(n=1, seed=0, **values):
    """Cameras of ``n`` environments that begin an episode, all with these settings."""
    imaging = Imaging(n, "cpu", CAMERAS, 3, {})
    for name, value in values.items():
        imaging.set(name, range(n), [value] * n)
    begin(imaging, range(n), [seed + row for row in range(n)], values)
    return imaging


def begin(imaging, rows, seeds, changed):
    imaging.begin(list(rows), seeds)
    imaging.commit(list(rows), set(changed))


def ages(imaging, steps):
    """Age of the image after each of so many steps ``[T, N]``."""
    found = []
    for _ in range(steps):
        imaging.advance()
        found.append(imaging.ages)
    return torch.stack(found)


def test_nominally_no_image_is_late():
    imaging = imaging_of()
    assert not ages(imaging, 50).any()
    assert not imaging.late


@pytest.mark.parametrize("most", [1, 2, 4])
def test_jitter_comes_on_top_of_the_latency_and_every_age_comes_up(most):
    imaging = imaging_of(latency_jitter=most, frame_latency=1)
    assert imaging.late
    found = ages(imaging, 400)[10:, 0]
    assert found.unique().tolist() == list(range(1, most + 2))


def test_no_image_is_shown_again_after_a_newer_one():
    found = ages(imaging_of(latency_jitter=4), 400)[:, 0]
    taken = torch.arange(400) - found
    assert (taken.diff() >= 0).all()


def test_a_burst_holds_images_up_for_its_time():
    found = ages(imaging_of(latency_burst=0.02), 1000)[:, 0]
    peaks = [int(a) for a, b in itertools.pairwise(found) if a > 0 and b == 0]
    assert len(peaks) > 5
    assert min(peaks) == BURST_STEPS
    assert peaks.count(BURST_STEPS) > len(peaks) / 2


def exposures(imaging, steps):
    found = [imaging.pipelines["front"].get("exposure").clone()]
    for _ in range(steps):
        imaging.advance()
        found.append(imaging.pipelines["front"].get("exposure").clone())
    return torch.stack(found)


def test_exposure_settles_exponentially_on_what_was_asked_for():
    found = exposures(imaging_of(exposure=0.8, exposure_settling=1.5), 60)[:, 0]
    left = torch.exp(-torch.arange(61) * CONTROL_DT / SETTLING_S)
    torch.testing.assert_close(found, 0.8 * 1.5**left)
    assert found[-1] == pytest.approx(0.8, rel=math.log(1.5) * math.exp(-6) * 1.1)


def test_white_balance_settles_colour_by_colour_in_all_cameras():
    imaging = imaging_of(white_balance=[1.1, 0.9], white_balance_settling=[0.9, 1.2])
    for pipeline in imaging.pipelines.values():
        torch.testing.assert_close(pipeline.get("white_balance"), torch.tensor([[1.1 * 0.9, 0.9 * 1.2]]))


def test_after_an_episode_that_settled_the_next_is_nominal_to_the_last_bit():
    imaging = imaging_of(2, exposure_settling=1.5)
    exposures(imaging, 7)
    imaging.set("exposure_settling", [1], [1.0])
    begin(imaging, [1], [9], {"exposure_settling"})
    assert exposures(imaging, 5)[:, 1].eq(1.0).all()
    imaging.set("exposure_settling", [0], [1.0])
    begin(imaging, [0], [9], {"exposure_settling"})
    assert exposures(imaging, 5).eq(1.0).all()


def test_what_the_neighbour_does_changes_nothing():
    both = imaging_of(2, exposure_settling=1.3, latency_jitter=3, latency_burst=0.1)
    begin(both, [1], [5], ())
    alone = imaging_of(1, exposure_settling=1.3, latency_jitter=3, latency_burst=0.1)
    assert torch.equal(ages(both, 100)[:, 0], ages(alone, 100)[:, 0])
    assert torch.equal(exposures(both, 3)[:, 0], exposures(alone, 3)[:, 0])
