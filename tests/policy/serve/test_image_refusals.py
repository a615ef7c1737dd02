"""Images that are none, or too large, or cannot be kept, are errors in a sentence."""

import io
import zlib

import numpy as np
import pytest
from PIL import Image, PngImagePlugin

from policy.serve.images import EncodedImage
from policy.serve.limits import Limits
from tests.policy.serve.messages import pack
from tests.policy.serve.refusal import VLA_EVAL, refusal


def image(data: bytes, shape: list[int], form: object = "png") -> bytes:
    return pack({"cam": {"__image__": True, "format": form, "data": data, "shape": shape}})


def saved(mode: str, form: str = "PNG", size: tuple[int, int] = (5, 4), **options: object) -> bytes:
    buffer = io.BytesIO()
    Image.new(mode, size).save(buffer, form, **options)
    return buffer.getvalue()


def with_chunk(name: bytes, content: bytes) -> bytes:
    file = saved("RGB")
    chunk = len(content).to_bytes(4) + name + content + zlib.crc32(name + content).to_bytes(4)
    return file[:33] + chunk + file[33:]


BOMB = zlib.compress(bytes(50 << 20))


@pytest.mark.parametrize(
    ("message", "sentence"),
    [
        (image(b"junk", [1, 1, 3]), "its data is no png"),
        (image(saved("RGB"), [4, 5, 3], "gif"), "its format 'gif' is neither png nor jpeg"),
        (image(saved("RGB"), [4, 5, 3], "raw"), "its format 'raw' is neither"),
        (image(saved("RGB"), [4, 5, 3], ["png"]), "its format ['png'] is neither"),
        (image(saved("RGB"), [4, 5, 3], "jpeg"), "its data is no jpeg that can be read"),
        (image(saved("RGB", "JPEG"), [4, 5, 3]), "its data is no png"),
        (image(saved("RGB"), [5, 4, 3]), "holds pixels of shape (4, 5, 3), and it announces (5, 4, 3)"),
        (image(saved("RGB"), [4, 5]), "and it announces (4, 5)"),
        (image(saved("P"), [4, 5]), "holds a chunk b'PLTE', which a camera image does not need"),
        (image(saved("I;16"), [4, 5]), "its pixels are I;16, not 8 bits of grey, RGB or RGBA"),
        (image(saved("1"), [4, 5]), "its pixels are 1"),
        (image(saved("CMYK", "JPEG"), [4, 5, 4], "jpeg"), "its pixels are CMYK"),
        (image(saved("RGB")[:-20], [4, 5, 3]), "its data is no"),
        (image(saved("RGB", "JPEG")[:-200], [4, 5, 3], "jpeg"), "its data is no jpeg"),
        (image(with_chunk(b"zTXt", b"x\0\0" + BOMB), [4, 5, 3]), "holds a chunk b'zTXt'"),
        (image(with_chunk(b"iCCP", b"x\0\0" + BOMB), [4, 5, 3]), "holds a chunk b'iCCP'"),
        (image(with_chunk(b"acTL", bytes(8)), [4, 5, 3]), "holds a chunk b'acTL'"),
    ],
    ids=lambda value: str(value)[:50],
)
def test_an_image_that_is_none_is_refused(message, sentence):
    said = refusal(VLA_EVAL, message)
    assert said.startswith("vla-eval message['cam']: ")
    assert sentence in said


def test_images_beyond_the_limit_are_refused_before_they_are_decompressed():
    large = saved("RGB", size=(600, 400))
    message = pack([{"__image__": True, "format": "png", "data": large, "shape": [400, 600, 3]}] * 4)
    assert len(message) < 20_000
    assert len(VLA_EVAL.decode(message, Limits(image_bytes=2_880_000))) == 4
    said = refusal(VLA_EVAL, message, Limits(image_bytes=2_400_000))
    assert said.startswith("vla-eval message[3]: with it the images take more than the 2400000 bytes")


def test_pictures_that_have_no_file_are_refused():
    for picture, form in (
        (np.zeros((4, 5, 2), np.uint8), "png"),
        (np.zeros((4, 5, 1), np.uint8), "jpeg"),
        (np.zeros((4, 5, 3), np.float32), "png"),
        (np.zeros((0, 5, 3), np.uint8), "png"),
    ):
        with pytest.raises(ValueError, match="takes uint8"):
            EncodedImage.of(picture, form)


def test_what_stands_in_a_png_beside_its_pixels_is_no_obstacle():
    text = PngImagePlugin.PngInfo()
    text.add_text("Software", "camera")
    assert VLA_EVAL.decode(image(saved("RGB", pnginfo=text, dpi=(72, 72)), [4, 5, 3]))[
        "cam"
    ].pixels.shape == (4, 5, 3)
