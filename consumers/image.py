"""Image: a picture as an event holds it: small, grey, and the same on every machine.

The only door to Pillow, which decodes and turns to grey; both are integer arithmetic. What comes after
is whole numbers too: sums over areas, and one division at the end.
"""

import re
import struct
import zlib
from base64 import b64decode
from binascii import Error as NotBase64
from collections.abc import Sequence
from io import BytesIO
from math import isqrt
from typing import Any, NamedTuple

import numpy as np
import PIL.Image
from PIL.JpegImagePlugin import JpegImageFile
from PIL.PngImagePlugin import PngImageFile

from consumers.imagefile import ImageFile, NoImage, image_file

SMALLEST, LARGEST, USUAL = 4, 32, 8
"""Pixels along an edge that an image can be standardised to."""

_PREFIX = re.compile(r"data:image/[a-z+.-]{1,20};base64,", re.IGNORECASE)
_STARTS = ("data:image/", "iVBORw0KGgo", "/9j/", "R0lGOD")
"""How PNG, JPEG and GIF begin in base64."""

# Unlike Image.open they warn of nothing, and no setting of the process changes what they take.
_PLUGINS: dict[str, Any] = {"PNG": PngImageFile, "JPEG": JpegImageFile}

_LEVELS = tuple([level / 255 for level in range(256)])
"""All values a pixel can have; one object each, however many events wait for their label."""

_BROKEN = (
    *(ArithmeticError, AssertionError, AttributeError, EOFError, LookupError, OSError, RuntimeError),
    *(SyntaxError, TypeError, ValueError, struct.error, zlib.error),
)
"""What Pillow raises over a file that is damaged. Not MemoryError, which another machine would not raise."""


class Image(NamedTuple):
    """A picture in grey, standardised to a square.

    ``pixels`` are its rows one after another, top left first, each the mean of its area from 0 (black)
    to 1 (white) in 256 steps. ``brightness`` is the mean of the picture as it came, ``sharpness`` the
    mean absolute difference of its neighbouring pixels, both from 0 to 1; ``width`` and ``height`` are
    those it came with. As a text it says no more than those two: its pixels are for models alone.

    >>> print(Image((0.0, 1.0, 1.0, 0.0), 0.5, 1.0, 640, 480))
    image 640x480
    """

    pixels: tuple[float, ...]
    brightness: float
    sharpness: float
    width: int
    height: int

    @property
    def size(self) -> int:
        """Pixels along an edge."""
        return isqrt(len(self.pixels))

    def __str__(self) -> str:
        return f"image {self.width}x{self.height}"

    def __repr__(self) -> str:
        return str(self)


def read_image(text: str, size: int) -> Image:
    """The image that a base64 text holds, standardised to ``size`` times ``size``. Raises NoImage."""
    file = image_file(_bytes(text))
    grid = _grey(file)
    total, differences, pairs = int(grid.sum(dtype=np.int64)), 0, 0
    for axis in (0, 1):
        steps = np.abs(np.diff(grid.astype(np.int16), axis=axis))
        differences, pairs = differences + int(steps.sum(dtype=np.int64)), pairs + steps.size
    return Image(
        _pixels(grid, size),
        total / (255 * grid.size),
        differences / (255 * pairs) if pairs else 0.0,
        file.width,
        file.height,
    )


def looks_like_image(text: str) -> bool:
    """Whether a text begins as a picture in base64 does, whatever it is declared as."""
    return text.lstrip().startswith(_STARTS)


def described(text: str) -> str:
    """What may be shown of a text that should be an image: its size, never what it shows.

    >>> described("aGVsbG8=")
    '8 characters that are no image'
    """
    try:
        file = image_file(_bytes(text))
    except NoImage:
        return f"{len(text):,} characters that are no image"
    return f"image {file.width}x{file.height}"


def mean_image(images: Sequence[Image]) -> Image:
    """The mean of images of one standardised size, as large as the first; there must be one."""
    count, first = len(images), images[0]
    return Image(
        tuple([sum(levels) / count for levels in zip(*(one.pixels for one in images), strict=True)]),
        sum(one.brightness for one in images) / count,
        sum(one.sharpness for one in images) / count,
        first.width,
        first.height,
    )


def _bytes(text: str) -> bytes:
    start = found.end() if (found := _PREFIX.match(text)) else 0
    try:
        return b64decode(text[start:], validate=True)
    except (NotBase64, ValueError):  # ValueError: letters beyond ASCII
        raise NoImage("bad_image", "is no base64 without line breaks") from None


def _grey(file: ImageFile) -> Any:
    """The brightness of each pixel from 0 to 255; rows of bytes. Raises NoImage."""
    try:
        return _decoded(file)
    except _BROKEN:
        raise NoImage("bad_image", f"is a {file.kind} that is damaged or was cut short") from None


def _decoded(file: ImageFile) -> Any:
    picture = _PLUGINS[file.kind](BytesIO(file.content))
    if picture.size != (file.width, file.height):
        raise ValueError("the decoder would take memory for another size")
    picture.load()
    if picture.mode.startswith("I;16"):
        return np.asarray(picture).astype(np.uint16) >> 8
    if picture.has_transparency_data:
        paper = PIL.Image.new("RGBA", picture.size, "white")
        picture = PIL.Image.alpha_composite(paper, picture.convert("RGBA"))
    plain = picture if picture.mode in ("L", "RGB") else picture.convert("RGB")
    return np.asarray(plain.convert("L"))


def _pixels(grid: Any, size: int) -> tuple[float, ...]:
    """The rounded means of ``size`` times ``size`` areas; an image with fewer pixels repeats them."""
    sums, counts = grid, np.ones(grid.shape, np.uint8)
    for axis, length in enumerate(grid.shape):
        starts = [step * length // size for step in range(size)]  # a start that comes twice stands alone
        sums = np.add.reduceat(sums, starts, axis=axis, dtype=np.uint32)  # 255 * MOST_PIXELS fits
        counts = np.add.reduceat(counts, starts, axis=axis, dtype=np.uint32)
    means = (2 * sums + counts) // (2 * counts)
    return tuple([_LEVELS[level] for level in means.ravel().tolist()])
