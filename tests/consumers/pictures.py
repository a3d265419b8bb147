"""Pictures in base64, painted without Pillow or by it."""

import base64
import io
import struct
import zlib
from collections.abc import Callable
from typing import Any

import numpy as np
import PIL.Image

SIGNATURE = b"\x89PNG\r\n\x1a\n"


def text(raw: bytes) -> str:
    """Bytes as an event carries them."""
    return base64.b64encode(raw).decode()


def chunk(name: bytes, data: bytes) -> bytes:
    """A part of a PNG."""
    return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))


def header(width: int, height: int, depth: int = 8, colour: int = 0) -> bytes:
    """The first part of a PNG; grey unless it says otherwise."""
    return chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, depth, colour, 0, 0, 0))


def png_of(width: int, height: int, level: Callable[[int, int], int], *more: bytes) -> bytes:
    """A grey PNG of what ``level`` says of column and row, with more parts before the pixels."""
    rows = b"".join(b"\0" + bytes([level(x, y) % 256 for x in range(width)]) for y in range(height))
    pixels = chunk(b"IDAT", zlib.compress(rows))
    return b"".join((SIGNATURE, header(width, height), *more, pixels, chunk(b"IEND", b"")))


def png(width: int, height: int, level: Callable[[int, int], int]) -> str:
    """The same in base64."""
    return text(png_of(width, height, level))


def saved(picture: Any, kind: str = "PNG", **how: Any) -> bytes:
    """A file as Pillow writes it."""
    buffer = io.BytesIO()
    picture.save(buffer, kind, **how)
    return buffer.getvalue()


def ramp(width: int = 40, height: int = 30, mode: str = "L") -> Any:
    """A picture that gets brighter to the right, from 0 to 255."""
    row = (np.arange(width) * 255 // (width - 1)).astype(np.uint8)
    return PIL.Image.fromarray(np.tile(row, (height, 1))).convert(mode)
