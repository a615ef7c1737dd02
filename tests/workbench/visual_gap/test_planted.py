"""What was planted in drawn pictures is told, and where nothing was, nothing is."""

from dataclasses import replace

import numpy as np
import pytest

from domain_rand.sets import load_set
from tools.planted_pictures import COLORS, pairs
from tools.visual_gap_study import Planted
from workbench.visual_gap.camera_fit import fit_camera, motion_axes, projected
from workbench.visual_gap.color import color_gap
from workbench.visual_gap.covering import covering, write_set
from workbench.visual_gap.findings import findings
from workbench.visual_gap.measures import measure
from workbench.visual_gap.noise import noise_gap
from workbench.visual_gap.sharpness import sharpness_gap

NONE = np.zeros(8)
TAKES_OTHER_EDGES = 219
"""Seed of a planted camera that is off by more than the search reaches."""
MANY = [0, pytest.param(1, marks=pytest.mark.long), pytest.param(2, marks=pytest.mark.long)]


def planted_camera(seed):
    """A camera off by about 1 cm and 0.6 degrees, with a lens 1 % off."""
    random = np.random.default_rng(seed)
    return np.concatenate((random.normal(0, 0.01, 6), random.normal(0, 0.01, 1), [0.0]))


def colors_of(one):
    return color_gap(one, one.real.astype(np.float32), np.ones(one.labels.shape, bool))


@pytest.mark.parametrize("seed", MANY)
def test_where_there_is_no_gap_no_interval_leaves_it_out(seed):
    found = findings(measure(pairs(read=0.001, seed=seed), seed=seed), COLORS)

    assert [f.measure for f in found if f.differs] == []
    assert covering(found) == {}
    assert {"camera.front_position", "camera.exposure", "camera.read_noise", "camera.defocus"} <= {
        f.factor for f in found
    }


@pytest.mark.parametrize("seed", MANY)
def test_a_camera_that_is_off_is_found(seed):
    truth = planted_camera(seed)
    one = pairs(truth, read=0.003, seed=seed)

    fit = fit_camera(one, seed=seed)

    assert fit.before_px > 1.0
    assert fit.after_px < 0.35
    assert ((fit.low <= truth) & (truth <= fit.high)).all(), (truth, fit.low, fit.high)
    # What is told of single numbers is less than what is told of the picture.
    point = np.array(((0.0, 0.0, 1.1), (0.15, 0.1, 1.0), (-0.15, -0.1, 1.2)))
    axes = np.repeat(motion_axes(one)[:1], len(point), 0)
    seen, true = (projected(point, v, one.intrinsics, axes) for v in (fit.values, truth))
    assert np.abs(seen - true).max() < 0.6


def test_with_a_known_lens_a_step_along_the_view_is_told():
    truth = np.array((0.02, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0))

    fit = fit_camera(pairs(truth), lens_known=True)

    assert fit.values[0] == pytest.approx(0.02, abs=0.006)
    assert fit.low[0] <= 0.02 <= fit.high[0]
    assert abs(fit.values[6]) < 0.002


@pytest.mark.parametrize("seed", MANY)
def test_gains_and_offset_are_told(seed):
    gain = np.random.default_rng(seed).uniform(0.7, 0.95, 3)

    found = colors_of(pairs(gain=tuple(gain), offset=0.02, read=0.004, seed=seed))

    assert found.gain == pytest.approx(gain, abs=0.02)
    assert found.offset == pytest.approx(0.02, abs=0.004)
    assert ((found.gain_low <= gain) & (gain <= found.gain_high)).all()
    assert found.error_after < 0.2 * found.error_before


def test_a_table_of_another_colour_does_not_pass_for_light():
    found = colors_of(pairs(repaint={"table": (0.3, 0.5, 0.6)}))

    assert found.gain == pytest.approx(1.0, abs=0.03)
    assert found.surfaces["table"].ratio[0] < 0.4
    assert found.surfaces["floor"].ratio == pytest.approx(1.0, abs=0.05)


@pytest.mark.parametrize("seed", MANY)
def test_noise_is_told_by_brightness(seed):
    found = noise_gap(pairs(read=0.008, shot=0.02, quality=None, seed=seed))

    assert found.read == pytest.approx(0.008, rel=0.1)
    assert found.shot == pytest.approx(0.02, rel=0.1)
    assert found.read_interval[0] <= 0.008 <= found.read_interval[1]
    assert found.shot_interval[0] <= 0.02 <= found.shot_interval[1]


def test_noise_that_compression_hides_is_told_of_middle_tones():
    found = noise_gap(pairs(read=0.01, shot=0.03, quality=92))

    middle = 0.2  # light of a middle tone
    assert np.hypot(found.read, found.shot * middle**0.5) == pytest.approx(
        np.hypot(0.01, 0.03 * middle**0.5), rel=0.25
    )
    assert found.hidden > 1.05


@pytest.mark.parametrize(
    "blur", [0.6, pytest.param(1.2, marks=pytest.mark.long), pytest.param(2.0, marks=pytest.mark.long)]
)
def test_blur_is_told(blur):
    found = sharpness_gap(pairs(blur=blur, read=0.003), NONE)

    assert found.blur == pytest.approx(blur, abs=0.2)
    assert found.interval[0] <= blur <= found.interval[1]
    assert found.energy < 0.95


def test_the_factor_set_holds_what_was_planted_and_is_read_as_dr_reads_it(tmp_path):
    one = pairs((0.0, 0.02, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0), gain=(0.8, 0.8, 0.8), shot=0.04, blur=0.9)
    found = findings(measure(one), COLORS)
    path = tmp_path / "visual.yaml"

    write_set(found, path, ["drawn"])

    held = {f.name: f.distribution for f in load_set(str(path)).factors}
    for name, value in (("camera.exposure", 0.8), ("camera.defocus", 0.9), ("camera.shot_noise", 0.04)):
        assert held[name].lo <= value <= held[name].hi, name
    assert held["camera.front_position"].hi >= 0.015
    assert "camera.white_balance" not in held


def test_pictures_without_outlines_say_why_and_noise_is_still_measured():
    one = pairs(read=0.008, shot=0.02, quality=None)
    bare = measure(replace(one, labels=np.full_like(one.labels, one.names.index("table"))))

    assert bare.fit is None
    assert any("outlines" in reason for reason in bare.reasons)
    assert bare.noise.shot == pytest.approx(0.02, rel=0.1)
    # What has to lie on each other is not compared where it does not.
    assert (bare.color, bare.sharpness, bare.background) == (None, None, None)
    assert any("colours, sharpness and background" in reason for reason in bare.reasons)


def test_a_camera_that_took_other_edges_for_the_outlines_is_refused():
    planted = Planted.drawn(TAKES_OTHER_EDGES)

    with pytest.raises(ValueError, match=r"holds \d+ % of the outlines' points, and 45 % are needed"):
        fit_camera(planted.pairs(TAKES_OTHER_EDGES), seed=TAKES_OTHER_EDGES)
