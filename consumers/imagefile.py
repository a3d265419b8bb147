"""The file of an image, read as bytes only: what it is, how large it says it is, and the parts that paint it.

Size is judged here, before a decoder takes memory, and whether all rows of a PNG are there. Only the
parts that pixels are made of are handed on: comments, profiles, thumbnails and cameras' notes never
reach a decoder, which therefore has less to fail on.
"""

import zlib
from collections.abc import Iterator
from typing import Literal, NamedTuple

LONGEST = 700_000
"""Characters of base64 at most: with them, an event still fits into Kafka's usual megabyte."""

MOST_PIXELS = 1 << 21
"""Pixels at most, a full HD picture: decoded and as numbers they take some 30 MB and 0.1 s."""

MOST_SCANS = 64
"""Scans of a progressive JPEG at most: each costs a walk over all pixels, however few bytes it has."""

PNG, JPEG = b"\x89PNG\r\n\x1a\n", b"\xff\xd8\xff"

OTHERS = {b"GIF8": "a GIF", b"RIFF": "a WebP", b"BM": "a BMP", b"II*\0": "a TIFF", b"MM\0*": "a TIFF"}

_CHANNELS = {0: 1, 2: 3, 3: 1, 4: 2, 6: 4}
"""Numbers that make a pixel, by the colour type of a PNG."""

_PASSES = ((0, 0, 8, 8), (4, 0, 8, 8), (0, 4, 4, 8), (2, 0, 4, 4), (0, 2, 2, 4), (1, 0, 2, 2), (0, 1, 1, 2))
"""First column and row, and steps, of the seven images that an interlaced PNG is made of."""

_PAINTED_BY = (b"IHDR", b"PLTE", b"tRNS", b"IDAT")
_END = b"\0\0\0\0IEND\xaeB`\x82"

_FRAMES, _NO_FRAMES = range(0xC0, 0xD0), (0xC4, 0xC8, 0xCC)
_PLAIN_FRAMES = (0xC0, 0xC1, 0xC2)
"""Baseline, extended and progressive; decoders may lack the others, which nobody writes."""

_SCAN, _JFIF, _ADOBE = 0xDA, 0xE0, 0xEE
_TABLES = (0xC4, 0xDB, 0xDD)


class NoImage(ValueError):
    """Why a text is no image that is let in, in a sentence; ``reason`` as in a Rejection."""

    def __init__(self, reason: Literal["bad_image", "out_of_range"], sentence: str) -> None:
        super().__init__(sentence)
        self.reason = reason


class ImageFile(NamedTuple):
    """What is known of an image before it is decoded; ``content`` is a whole file of the parts that count."""

    kind: str
    width: int
    height: int
    content: bytes


def image_file(raw: bytes) -> ImageFile:
    """What a file holds. Raises NoImage where it is none of ours, too large, cut short or damaged."""
    if raw.startswith(PNG):
        found = _png(raw)
    elif raw.startswith(JPEG):
        found = _jpeg(raw)
    else:
        other = next((name for start, name in OTHERS.items() if raw.startswith(start)), "something else")
        raise NoImage("bad_image", f"is {other} and neither a PNG nor a JPEG")
    if not found.width or not found.height:
        raise NoImage("bad_image", "has no pixels")
    if found.width * found.height > MOST_PIXELS:
        said = f"is {found.width} x {found.height} pixels large; at most {MOST_PIXELS:,} are decoded"
        raise NoImage("out_of_range", said)
    if found.kind == "PNG":
        _check_rows(found)
    return found


# ---- PNG: https://www.w3.org/TR/png/#5DataRep


def _png(raw: bytes) -> ImageFile:
    parts, size = [PNG], None
    for name, chunk in _chunks(raw):
        if (size is None) != (name == b"IHDR") or (name == b"IHDR" and len(chunk) != 25):
            raise NoImage("bad_image", "is a PNG without its one header")
        size = size or (int.from_bytes(chunk[8:12]), int.from_bytes(chunk[12:16]))
        if name in _PAINTED_BY:
            parts.append(chunk)
    if size is None:
        raise NoImage("bad_image", "is a PNG without its one header")
    return ImageFile("PNG", *size, b"".join([*parts, _END]))


def _chunks(raw: bytes) -> Iterator[tuple[bytes, bytes]]:
    """Name and bytes of each chunk before the end."""
    at = len(PNG)
    while (name := raw[at + 4 : at + 8]) != b"IEND":
        end = at + 12 + int.from_bytes(raw[at : at + 4])
        if len(name) < 4 or end > len(raw):
            raise NoImage("bad_image", "is a PNG that was cut short")
        if zlib.crc32(raw[at + 4 : end - 4]) != int.from_bytes(raw[end - 4 : end]):
            raise NoImage("bad_image", "is a PNG with a part whose checksum is wrong")
        yield name, raw[at:end]
        at = end


def _check_rows(file: ImageFile) -> None:
    """Raise NoImage unless a PNG unpacks to all its rows; a decoder would leave the others black."""
    depth, colour, _, _, interlaced = file.content[24:29]
    bits = depth * _CHANNELS.get(colour, 0)
    passes = _PASSES if interlaced else ((0, 0, 1, 1),)
    size = sum(_bytes_of(file, bits, *one) for one in passes)
    packed = b"".join(chunk[8:-4] for name, chunk in _chunks(file.content) if name == b"IDAT")
    try:
        found = len(zlib.decompressobj().decompress(packed, size)) if bits else 0
    except zlib.error:
        found = 0
    if found < size or not size:
        raise NoImage("bad_image", "is a PNG that is damaged or was cut short")


def _bytes_of(file: ImageFile, bits: int, left: int, top: int, step_right: int, step_down: int) -> int:
    columns = (file.width - left + step_right - 1) // step_right
    rows = (file.height - top + step_down - 1) // step_down
    return rows * (1 + (columns * bits + 7) // 8) if columns > 0 and rows > 0 else 0


# ---- JPEG: ITU-T T.81, annex B


def _jpeg(raw: bytes) -> ImageFile:
    parts, size = [raw[:2]], None
    for marker, segment in _segments(raw):
        if marker in _FRAMES and marker not in _NO_FRAMES:
            if size is not None or marker not in _PLAIN_FRAMES or len(segment) < 9:
                raise NoImage("bad_image", "is a JPEG of a kind that is not read")
            size = int.from_bytes(segment[7:9]), int.from_bytes(segment[5:7])
        if marker in (*_PLAIN_FRAMES, *_TABLES, _JFIF, _ADOBE, _SCAN):
            parts.append(segment)
    if size is None:
        raise NoImage("bad_image", "is a JPEG without its header")
    if parts[-1].count(bytes([0xFF, _SCAN])) > MOST_SCANS:
        raise NoImage("out_of_range", f"is a JPEG of more than {MOST_SCANS} scans")
    return ImageFile("JPEG", *size, b"".join(parts))


def _segments(raw: bytes) -> Iterator[tuple[int, bytes]]:
    """Marker and bytes of each segment; the last one is the first scan with all that follows."""
    at = 2
    while True:
        while raw[at : at + 2] == b"\xff\xff":  # fill bytes
            at += 1
        marker, length = raw[at + 1 : at + 2], int.from_bytes(raw[at + 2 : at + 4])
        if raw[at : at + 1] != b"\xff" or not marker or length < 2 or at + 2 + length > len(raw):
            raise NoImage("bad_image", "is a JPEG that was cut short or damaged")
        if marker[0] == _SCAN:
            yield _SCAN, raw[at:]
            return
        yield marker[0], raw[at : at + 2 + length]
        at += 2 + length
