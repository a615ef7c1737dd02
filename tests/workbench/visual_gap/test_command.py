"""``workbench gap visual``: what cannot be compared is a sentence, and nothing is drawn for it."""

import io

import numpy as np
import pytest
from PIL import Image

from workbench.cli.main import main
from workbench.visual_gap.pairs import compressed
from workbench.visual_gap.real_frames import RealFrames, jpeg_quality, jpeg_sampling


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        ([], "gap visual takes at least one log"),
        (["nowhere"], "there is no log nowhere"),
        (["nowhere", "lens=wide"], "lens=wide: choose fit or known"),
        (["nowhere", "frames=1"], "frames must be from 2 to 500"),
        (["nowhere", "frame=3"], "did you mean frames="),
    ],
)
def test_wrong_input_is_a_sentence(words, sentence, capsys):
    assert main(["gap", "visual", *words]) == 2
    assert sentence in capsys.readouterr().err


def test_a_folder_that_is_no_log_is_refused(tmp_path, capsys):
    assert main(["gap", "visual", str(tmp_path)]) == 2
    assert "is no log with pictures" in capsys.readouterr().err


def test_simulated_pictures_are_of_fixed_values():
    from workbench.cli.options import OptionError
    from workbench.visual_gap.gather import fixed_looks

    assert fixed_looks("none").factors
    with pytest.raises(OptionError, match=r"simulated=mild draws \w+\.\w+"):
        fixed_looks("mild")


@pytest.mark.parametrize("sampling", [0, 1, 2])
@pytest.mark.parametrize("quality", [30, 60, 92])
def test_a_simulated_picture_is_compressed_as_the_log_was(quality, sampling):
    picture = np.random.default_rng(0).integers(0, 256, (16, 16, 3), np.uint8)
    held = io.BytesIO()
    Image.fromarray(picture).save(held, "JPEG", quality=quality, subsampling=sampling)
    data = held.getvalue()

    assert abs(jpeg_quality(data) - quality) <= 2
    assert jpeg_sampling(data) == sampling
    np.testing.assert_array_equal(compressed(picture, quality, sampling), np.asarray(Image.open(held)))


def test_slow_pictures_are_taken_first_and_evenly():
    speed = np.array([0.0, 9.0, 0.1, 9.0, 0.2, 0.3, 0.4, 0.5, 0.6])
    count = len(speed)
    frames = RealFrames(
        "front", "log", np.zeros((count, 8, 8, 3), np.uint8), np.arange(count)[:, None].astype(float), np.zeros(count),
        body_pose=np.zeros((count, 0, 7)), speed=speed,
    )  # fmt: skip

    taken = frames.rows(frames.evenly(3)).joint_pos[:, 0].tolist()

    assert len(taken) == 3
    assert not {1.0, 3.0} & set(taken)
    assert taken == sorted(taken)
