"""PNG and JPEG files inside a message, decompressed only once their size is known and allowed."""

from __future__ import annotations

import io
import struct
import zlib
from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np
from PIL import Image, JpegImagePlugin, PngImagePlugin

from policy.serve.errors import Path, ProtocolError, shown

READERS = {"png": PngImagePlugin.PngImageFile, "jpeg": JpegImagePlugin.JpegImageFile}
CHANNELS = {"L": 1, "RGB": 3, "RGBA": 4}
"""Pillow's name for a layout of 8-bit pixels -> its channels."""
PNG_SIGNATURE = b"\x89PNG\r\n\x1a\n"
PNG_CHUNKS = {b"IHDR", b"IDAT", b"IEND", b"pHYs", b"gAMA", b"sRGB", b"cHRM", b"sBIT", b"tIME", b"tEXt"}
"""Pixels and what says how to show them. The others hold more compressed data, whose size nothing announces, or
more pictures."""
DECODER_ERRORS = (
    OSError,
    EOFError,
    SyntaxError,
    ValueError,
    IndexError,
    KeyError,
    TypeError,
    struct.error,
    zlib.error,
)
"""What Pillow raises at damaged files."""


@dataclass(frozen=True)
class EncodedImage:
    """A picture together with the file that it travelled in, so that it can be passed on unchanged."""

    form: str
    """``png`` or ``jpeg``."""
    data: bytes
    """The file."""
    pixels: np.ndarray = field(compare=False, repr=False)
    """``[H, W]`` or ``[H, W, C]`` uint8 with 1, 3 or 4 channels."""

    @classmethod
    def read(
        cls, form: object, data: object, shape: tuple[int, ...], path: Path, account: Callable[[int], None]
    ) -> EncodedImage:
        """The picture in the file `data`, which must have the announced `shape`.

        `account` is told the size of the pixels [bytes] before they are decompressed, and may refuse it.

        Raises:
            ProtocolError: Another format, a damaged file, another shape, or pixels that are not 8 bits of grey, RGB or
                RGBA.
        """
        if not isinstance(form, str) or form not in READERS:
            raise ProtocolError(path, f"its format {shown(form)} is neither png nor jpeg")
        if isinstance(data, memoryview):
            data = bytes(data)
        if not isinstance(data, bytes):
            raise ProtocolError(path, "its data is not bytes")
        if form == "png":
            check_png_chunks(data, path)
        try:
            file = READERS[form](io.BytesIO(data))
            expected = file_shape(file, shape, path)
            account(file.size[0] * file.size[1] * CHANNELS[file.mode])
            pixels = np.asarray(file).reshape(expected)
        except ProtocolError:
            raise
        except DECODER_ERRORS as problem:
            raise ProtocolError(
                path, f"its data is no {form} that can be read ({shown(str(problem))})"
            ) from None
        pixels.flags.writeable = False
        return cls(form, data, pixels)

    @classmethod
    def of(cls, pixels: np.ndarray, form: str = "png") -> EncodedImage:
        """A file of a picture, ``[H, W, C]`` uint8: PNG, without loss, or JPEG at quality 95 as vla-eval's own.

        Raises:
            ValueError: The shape, the type or the number of channels has no such file.
        """
        channels = {"png": (1, 3, 4), "jpeg": (3,)}[form]
        if pixels.dtype != np.uint8 or pixels.ndim != 3 or pixels.shape[2] not in channels or not pixels.size:
            raise ValueError(
                f"{form} takes uint8 [H, W, C] with C of {channels}, not {pixels.dtype} {pixels.shape}"
            )
        buffer = io.BytesIO()
        Image.fromarray(pixels[..., 0] if pixels.shape[2] == 1 else pixels).save(buffer, form, quality=95)
        return cls(form, buffer.getvalue(), pixels)


def file_shape(file: Image.Image, announced: tuple[int, ...], path: Path) -> tuple[int, ...]:
    """The shape of a file's pixels, which is the announced one; grey may be ``[H, W]`` or ``[H, W, 1]``.

    Raises:
        ProtocolError: It is another, or the pixels are of a kind not allowed.
    """
    if file.mode not in CHANNELS:
        raise ProtocolError(path, f"its pixels are {file.mode}, not 8 bits of grey, RGB or RGBA")
    width, height = file.size
    channels = CHANNELS[file.mode]
    allowed = [(height, width, channels)] + [(height, width)] * (channels == 1)
    if announced not in allowed:
        raise ProtocolError(
            path, f"its file holds pixels of shape {allowed[0]}, and it announces {shown(announced)}"
        )
    return announced


def check_png_chunks(data: bytes, path: Path) -> None:
    """Let nothing but the pixels of one picture reach the decompressor.

    Raises:
        ProtocolError: The file is no sequence of PNG chunks, or holds one that is not in `PNG_CHUNKS`.
    """
    if not data.startswith(PNG_SIGNATURE):
        raise ProtocolError(path, "its data is no png: it begins otherwise")
    at = len(PNG_SIGNATURE)
    while at < len(data):
        length, name = int.from_bytes(data[at : at + 4]), data[at + 4 : at + 8]
        at += 12 + length
        if at > len(data):
            raise ProtocolError(path, "its data is no whole png: a chunk ends after it")
        if name not in PNG_CHUNKS:
            raise ProtocolError(
                path, f"its png holds a chunk {shown(name)}, which a camera image does not need"
            )
