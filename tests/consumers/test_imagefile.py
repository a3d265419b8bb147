"""The file of an image before it is decoded: what it is, how large, and which of its parts go on."""

import struct
import zlib

import pytest

from consumers.imagefile import MOST_PIXELS, MOST_SCANS, PNG, NoImage, image_file
from tests.consumers.pictures import chunk, header, png_of, ramp, saved

GREY = png_of(5, 3, lambda x, y: 40 * x + y)
PHOTO = saved(ramp(), "JPEG")


def refused(raw: bytes) -> tuple[str, str]:
    with pytest.raises(NoImage) as caught:
        image_file(raw)
    return caught.value.reason, str(caught.value)


def claiming(width: int, height: int) -> bytes:
    rows = bytes((width + 1) * height) if width * height <= MOST_PIXELS else b""
    return PNG + header(width, height) + chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b"")


def frame(height: int, width: int) -> bytes:
    """Where a JPEG says how large it is."""
    return b"\xff\xc0\x00\x0b\x08" + struct.pack(">HH", height, width)


def test_the_size_is_read_from_the_header() -> None:
    assert image_file(GREY)[:3] == ("PNG", 5, 3)
    assert image_file(PHOTO)[:3] == ("JPEG", 40, 30)
    assert image_file(saved(ramp(33, 7), "JPEG", progressive=True))[:3] == ("JPEG", 33, 7)


def test_an_image_of_the_largest_size_is_let_in_and_one_row_more_is_not() -> None:
    assert image_file(claiming(2048, MOST_PIXELS // 2048)).height == MOST_PIXELS // 2048
    reason, said = refused(claiming(2048, MOST_PIXELS // 2048 + 1))
    assert (reason, said) == ("out_of_range", "is 2048 x 1025 pixels large; at most 2,097,152 are decoded")


@pytest.mark.parametrize(("width", "height"), [(2**31 - 1, 2**31 - 1), (60_000, 60_000), (1, 2**31)])
def test_a_bomb_is_refused_by_what_it_says_of_itself(width: int, height: int) -> None:
    assert refused(claiming(width, height))[0] == "out_of_range"
    assert refused(PHOTO.replace(frame(30, 40), frame(65_535, 65_535)))[0] == "out_of_range"


@pytest.mark.parametrize(("width", "height"), [(0, 5), (5, 0)])
def test_an_image_without_pixels_is_none(width: int, height: int) -> None:
    assert refused(claiming(width, height)) == ("bad_image", "has no pixels")


@pytest.mark.parametrize(
    ("raw", "said"),
    [
        (saved(ramp(), "GIF"), "a GIF"),
        (saved(ramp(), "WEBP"), "a WebP"),
        (saved(ramp(), "BMP"), "a BMP"),
        (saved(ramp(), "TIFF"), "a TIFF"),
        (saved(ramp(), "JPEG2000"), "something else"),
        (b"<svg xmlns='http://www.w3.org/2000/svg'/>", "something else"),
        (b"%!PS-Adobe-3.0 EPSF-3.0", "something else"),
        (b"", "something else"),
    ],
)
def test_what_is_neither_png_nor_jpeg_is_called_by_its_name(raw: bytes, said: str) -> None:
    assert refused(raw) == ("bad_image", f"is {said} and neither a PNG nor a JPEG")


@pytest.mark.parametrize("raw", [GREY, PHOTO], ids=["png", "jpeg"])
def test_a_file_that_ends_anywhere_in_its_parts_was_cut_short(raw: bytes) -> None:
    scan = raw.index(b"\xff\xda") + 4 if raw is PHOTO else len(raw) - 4
    for end in range(4, scan):
        assert refused(raw[:end])[0] == "bad_image"


def test_a_part_that_was_changed_on_the_way_is_noticed() -> None:
    at = GREY.index(b"IDAT") + 8
    changed = GREY[:at] + bytes([GREY[at] ^ 1]) + GREY[at + 1 :]
    assert refused(changed) == ("bad_image", "is a PNG with a part whose checksum is wrong")


@pytest.mark.parametrize(
    "raw",
    [
        PNG + chunk(b"IEND", b""),
        PNG + chunk(b"IDAT", b"") + header(1, 1) + chunk(b"IEND", b""),
        PNG + header(1, 1) + header(9, 9) + chunk(b"IEND", b""),
        PNG + chunk(b"IHDR", b"\0\0\0\1") + chunk(b"IEND", b""),
    ],
    ids=["none", "late", "two", "short"],
)
def test_a_png_has_one_header_and_has_it_first(raw: bytes) -> None:
    assert refused(raw) == ("bad_image", "is a PNG without its one header")


def test_a_jpeg_has_one_frame_of_a_kind_that_everybody_reads() -> None:
    segment = PHOTO[PHOTO.index(b"\xff\xc0") : PHOTO.index(b"\xff\xc0") + 13]
    assert refused(PHOTO.replace(segment, segment * 2))[0] == "bad_image"
    assert refused(PHOTO.replace(segment, b"\xff\xc9" + segment[2:]))[0] == "bad_image"
    assert refused(PHOTO.replace(segment, b"")) == ("bad_image", "is a JPEG without its header")


def test_a_jpeg_of_endless_scans_is_refused() -> None:
    scan = PHOTO[PHOTO.index(b"\xff\xda") :]
    assert image_file(PHOTO + scan * (MOST_SCANS - 1)).kind == "JPEG"
    assert refused(PHOTO + scan * MOST_SCANS) == ("out_of_range", "is a JPEG of more than 64 scans")


def test_only_what_pixels_are_made_of_goes_on() -> None:
    notes = [chunk(b"tEXt", b"Comment\0secret"), chunk(b"zTXt", b"a\0\0" + zlib.compress(b"secret" * 999))]
    notes += [chunk(b"eXIf", b"secret"), chunk(b"iCCP", b"secret"), chunk(b"acTL", b"\0" * 8)]
    assert image_file(png_of(5, 3, lambda x, y: 40 * x + y, *notes)).content == GREY
    exif = b"\xff\xe1" + struct.pack(">H", 14) + b"Exif\0\0secret"
    comment = b"\xff\xfe" + struct.pack(">H", 8) + b"secret"
    noted = PHOTO[:2] + exif + comment + b"\xff\xff" + PHOTO[2:]
    assert image_file(noted) == image_file(PHOTO)


def test_what_follows_the_end_of_a_png_is_left_behind() -> None:
    assert image_file(GREY + b"secret" * 1000).content == GREY
