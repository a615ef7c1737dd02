"""A picture that is laid under the scene: it is seen where the scene is not, through the same lens and sensor."""

import numpy as np
import pytest
import torch
from PIL import Image

from tasks.camera_spec import CameraSpec
from tasks.imaging.backgrounds import background, chart, number_of
from tasks.imaging.pipeline import Backdrop, ImagePipeline

SIZE = 32
CAMERA = CameraSpec("front", SIZE, SIZE, 40.0)


def backdrop(shown):
    """The chart in both environments, shown in the second where ``shown``."""
    picture = background(number_of("chart"), (SIZE, SIZE), 1.0)
    where = torch.stack((torch.zeros_like(shown), shown))
    return Backdrop(picture.repeat(2, 1, 1, 1), where)


def test_it_takes_the_place_of_what_is_behind_and_of_nothing_else():
    rgb = torch.randint(0, 256, (2, SIZE, SIZE, 3), dtype=torch.uint8)
    shown = torch.zeros(SIZE, SIZE, dtype=torch.bool)
    shown[:10] = True

    image = ImagePipeline(2, CAMERA).apply(rgb, backdrop=backdrop(shown))

    assert torch.equal(image[0], rgb[0])
    assert torch.equal(image[1, 10:], rgb[1, 10:])
    assert torch.equal(image[1, :10], torch.from_numpy(chart(SIZE))[:10])


def test_the_sensor_sees_it_as_the_rest():
    rgb = torch.full((2, SIZE, SIZE, 3), 128, dtype=torch.uint8)
    pipeline = ImagePipeline(2, CAMERA)
    pipeline.set("exposure", [0, 1], [2.0, 2.0])

    image = pipeline.apply(rgb, backdrop=backdrop(torch.ones(SIZE, SIZE, dtype=torch.bool)))

    assert (image[1].int() > torch.from_numpy(chart(SIZE)).int()).float().mean() > 0.99


def test_the_lens_sees_it_where_it_sees_the_rest():
    overscan = 1.25
    pipeline = ImagePipeline(1, CAMERA, overscan=overscan)
    picture = background(number_of("chart"), (SIZE, SIZE), overscan)
    whole = torch.ones(1, SIZE, SIZE, dtype=torch.bool)

    image = pipeline.apply(
        torch.zeros(1, SIZE, SIZE, 3, dtype=torch.uint8), backdrop=Backdrop(picture[None], whole)
    )

    # Through the nominal lens it is the picture again, but for twice interpolated codes.
    off = (image[0].int() - torch.from_numpy(chart(SIZE)).int()).abs()
    assert off[2:-2, 2:-2].max() <= 3


def test_a_picture_is_read_from_its_file_and_resized(tmp_path):
    path = tmp_path / "lab.png"
    Image.fromarray(np.full((64, 64, 3), (10, 20, 30), np.uint8)).save(path)

    read = background(number_of(str(path)), (SIZE, SIZE), 1.0)

    assert read.shape == (SIZE, SIZE, 3)
    assert read[5, 5].tolist() == [10, 20, 30]


def test_a_number_stays_a_pictures():
    assert number_of("none") == 0
    assert number_of("chart") == number_of("chart") == 1


@pytest.mark.parametrize("overscan", [1.0, 1.1])
def test_beyond_its_border_a_picture_goes_on(overscan):
    drawn = background(number_of("chart"), (SIZE, SIZE), overscan).int()

    assert (drawn[0, 0] - torch.from_numpy(chart(SIZE))[0, 0].int()).abs().max() <= 1
