"""What an event holds of an image: the same small grey square, whatever file it came in."""

import hashlib
import struct
import time
import zlib

import numpy as np
import PIL.Image
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from consumers.event import REASONS
from consumers.image import Image, described, looks_like_image, mean_image, read_image
from consumers.imagefile import PNG, NoImage
from tests.consumers.pictures import chunk, header, png, png_of, ramp, saved, text

GREY, PHOTO = saved(ramp()), saved(ramp(), "JPEG")

CAMERA = (
    "/9j/4AAQSkZJRgABAQAAAQABAAD/2wBDACgcHiMeGSgjISMtKygwPGRBPDc3PHtYXUlkkYCZlo+AjIqgtObDoKrarYqMyP/L2u71////m8H////6"
    "/+b9//j/2wBDASstLTw1PHZBQXb4pYyl+Pj4+Pj4+Pj4+Pj4+Pj4+Pj4+Pj4+Pj4+Pj4+Pj4+Pj4+Pj4+Pj4+Pj4+Pj4+Pj4+Pj/wAARCAAMABQD"
    "ASIAAhEBAxEB/8QAFwAAAwEAAAAAAAAAAAAAAAAAAAEEA//EACMQAAIBAwMEAwAAAAAAAAAAAAECAwAREgQhMRMiI5FBYdH/xAAVAQEBAAAAAAAA"
    "AAAAAAAAAAABAv/EABsRAAMAAgMAAAAAAAAAAAAAAAABAhFREjEy/9oADAMBAAIRAxEAPwAUsgtMoNuSvPqmzQmwUkkj5BA91lE/nUKqpkQDiLbX"
    "qrUR9GO6u5yO+RvQsLoJwvJMdPPIS0ZGPHbvRSV1UWMUbfZH5RV8q2W7rZ//2Q=="
)
"""A JPEG of 20 times 12 coloured pixels, as it is on every machine."""


def refused(value: str) -> tuple[str, str]:
    with pytest.raises(NoImage) as caught:
        read_image(value, 8)
    return caught.value.reason, str(caught.value)


# ---- what comes out


def test_a_pixel_is_the_mean_of_its_area() -> None:
    found = read_image(png(8, 4, lambda x, y: 10 * x + y), 4)
    means = [[10 * (2 * column + 0.5) + row for column in range(4)] for row in range(4)]
    assert found.pixels == tuple(level / 255 for row in means for level in row)
    assert (found.size, found.width, found.height) == (4, 8, 4)


def test_means_are_rounded_half_up_to_256_steps() -> None:
    found = read_image(png(8, 4, lambda x, y: x % 2), 4)
    assert set(found.pixels) == {1 / 255}
    assert read_image(png(8, 4, lambda x, y: 255), 4).pixels == (1.0,) * 16
    assert read_image(png(8, 4, lambda x, y: 0), 4).pixels == (0.0,) * 16


def test_areas_cover_an_image_whose_size_is_no_multiple() -> None:
    found = read_image(png(6, 6, lambda x, y: 40 * x), 4)
    assert [round(level * 255) for level in found.pixels[:4]] == [0, 60, 120, 180]
    for width, height in ((1, 1), (1, 9), (7, 2), (5, 33), (37, 4)):
        found = read_image(png(width, height, lambda x, y: 100), 4)
        assert found.pixels == (100 / 255,) * 16


def test_an_image_smaller_than_the_square_repeats_its_pixels() -> None:
    found = read_image(png(2, 2, lambda x, y: 100 * x + 50 * y), 4)
    assert [round(level * 255) for level in found.pixels] == [0, 0, 100, 100] * 2 + [50, 50, 150, 150] * 2


def test_brightness_and_sharpness_are_those_of_the_image_as_it_came() -> None:
    board = read_image(png(6, 6, lambda x, y: 255 * ((x + y) % 2)), 4)
    assert (board.brightness, board.sharpness) == (0.5, 1.0)
    even = read_image(png(6, 6, lambda x, y: 51), 4)
    assert (even.brightness, even.sharpness) == (0.2, 0.0)
    stripes = read_image(png(3, 2, lambda x, y: 255 * (y % 2)), 4)
    assert stripes.sharpness == 3 / (3 + 4)
    assert read_image(png(1, 1, lambda x, y: 9), 4).sharpness == 0.0


def test_an_image_is_nothing_but_numbers_and_shows_its_size_alone() -> None:
    found = read_image(text(GREY), 8)
    assert hash(found) == hash(read_image(text(GREY), 8))
    assert f"{found} {found!r} {[found]}" == "image 40x30 image 40x30 [image 40x30]"
    assert {type(level) for level in found.pixels} == {float}
    assert [type(part) for part in found] == [tuple, float, float, int, int]


def test_pixels_are_the_same_on_every_machine() -> None:
    found = read_image(CAMERA, 4)
    assert [round(level * 255) for level in found.pixels] == [
        140, 139, 132, 108, 91, 161, 167, 103, 116, 129, 114, 121, 126, 131, 134, 123,
    ]  # fmt: skip
    assert found[1:] == (0.4983986928104575, 0.13820028011204483, 20, 12)
    board = read_image(png(61, 43, lambda x, y: x * x + 3 * y), 16)
    assert (
        hashlib.sha256(struct.pack("<258d", *board.pixels, *board[1:3])).hexdigest()[:16]
        == "ab50d447d2538269"
    )


def test_a_mean_image_lies_between() -> None:
    black, white = (read_image(png(5, 5, lambda x, y, level=level: level), 4) for level in (0, 255))
    assert mean_image([black, white]) == Image((0.5,) * 16, 0.5, 0.0, 5, 5)


# ---- every way to say the same

SAME = {
    "data url": "data:image/png;base64," + text(GREY),
    "capitals": "DATA:image/PNG;base64," + text(GREY),
    "colour": text(saved(ramp(mode="RGB"))),
    "alpha": text(saved(ramp(mode="RGBA"))),
    "grey alpha": text(saved(ramp(mode="LA"))),
    "palette": text(saved(ramp(mode="P"))),
    "unpacked": text(saved(ramp(), compress_level=0)),
}


@pytest.mark.parametrize("value", SAME.values(), ids=SAME)
def test_the_same_picture_in_another_png_is_the_same_image(value: str) -> None:
    assert tuple(read_image(value, 8)) == tuple(read_image(text(GREY), 8))


LIKE = {
    "grey": PHOTO,
    "colour": saved(ramp(mode="RGB"), "JPEG"),
    "cmyk": saved(ramp(mode="CMYK"), "JPEG"),
    "progressive": saved(ramp(mode="RGB"), "JPEG", progressive=True),
    "restarts": saved(ramp(mode="RGB"), "JPEG", restart_marker_blocks=1),
}


@pytest.mark.parametrize("raw", LIKE.values(), ids=LIKE)
def test_the_same_picture_in_a_jpeg_is_nearly_the_same_image(raw: bytes) -> None:
    found, exact = read_image(text(raw), 8), read_image(text(GREY), 8)
    assert max(abs(a - b) for a, b in zip(found.pixels, exact.pixels, strict=True)) <= 2 / 255


def test_sixteen_bits_keep_their_upper_eight() -> None:
    deep = np.asarray(ramp()).astype(np.uint16) * 256 + 255
    assert tuple(read_image(text(saved(PIL.Image.fromarray(deep))), 8)) == tuple(read_image(text(GREY), 8))
    colour = PNG + header(1, 1, 16, 2) + chunk(b"IDAT", zlib.compress(b"\0" + b"\x80\xff" * 3))
    assert read_image(text(colour + chunk(b"IEND", b"")), 4).pixels[0] == 128 / 255


def test_one_bit_is_black_or_white() -> None:
    found = read_image(text(saved(ramp(mode="L").point(lambda level: 255 * (level > 127), "1"))), 4)
    assert found.pixels[:4] == (0.0, 0.0, 1.0, 1.0)


def test_what_is_transparent_is_white_and_what_is_half_so_is_half_white() -> None:
    picture = PIL.Image.new("RGBA", (4, 4), (0, 0, 0, 0))
    picture.putpixel((0, 0), (0, 0, 0, 255))
    picture.putpixel((1, 0), (0, 0, 0, 128))
    found = read_image(text(saved(picture)), 4)
    assert [round(level * 255) for level in found.pixels[:4]] == [0, 127, 255, 255]


def test_a_palette_may_have_transparent_colours() -> None:
    picture = PIL.Image.new("P", (4, 4), 1)
    picture.putpalette([0, 0, 0, 100, 100, 100])
    assert read_image(text(saved(picture)), 4).pixels[0] == 100 / 255
    assert read_image(text(saved(picture, transparency=1)), 4).pixels[0] == 1.0
    assert read_image(text(saved(picture, transparency=bytes([255, 0]))), 4).pixels[0] == 1.0


def test_an_interlaced_png_is_read() -> None:
    level = bytes([200])
    for width, height in ((1, 1), (3, 9), (9, 3)):
        rows = [b"\0" + level * columns for columns, count in passes(width, height) for _ in range(count)]
        head = chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 1))
        start, end = PNG + head, chunk(b"IEND", b"")
        whole = start + chunk(b"IDAT", zlib.compress(b"".join(rows))) + end
        assert read_image(text(whole), 4).pixels == (200 / 255,) * 16
        assert (
            refused(text(start + chunk(b"IDAT", zlib.compress(b"".join(rows)[:-1])) + end))[0] == "bad_image"
        )


def passes(width: int, height: int) -> list[tuple[int, int]]:
    """Columns and rows of the images that an interlaced one is made of, by counting."""
    steps = [(0, 0, 8, 8), (4, 0, 8, 8), (0, 4, 4, 8), (2, 0, 4, 4), (0, 2, 2, 4), (1, 0, 2, 2), (0, 1, 1, 2)]
    sizes = [(len(range(x, width, dx)), len(range(y, height, dy))) for x, y, dx, dy in steps]
    return [(columns, rows) for columns, rows in sizes if columns]


def test_of_a_moving_picture_the_first_counts() -> None:
    first, second = ramp(), ramp().transpose(PIL.Image.Transpose.FLIP_LEFT_RIGHT)
    moving = saved(first, save_all=True, append_images=[second])
    assert b"acTL" in moving
    assert tuple(read_image(text(moving), 8)) == tuple(read_image(text(GREY), 8))


# ---- what is refused


@pytest.mark.parametrize(
    "value",
    ["picture.png", "https://example.org/a.png", "ä" * 8, text(GREY)[:-1], text(GREY) + "=", " " + text(GREY),
     text(GREY)[:76] + "\n" + text(GREY)[76:], text(GREY).replace("+", "-").replace("/", "_") + "-___"],
)  # fmt: skip
def test_what_is_no_base64_is_refused(value: str) -> None:
    assert refused(value) == ("bad_image", "is no base64 without line breaks")


@pytest.mark.parametrize("value", ["", "data:image/png;base64,", text(b"hello"), text(saved(ramp(), "GIF"))])
def test_what_is_no_png_or_jpeg_is_refused_whatever_it_calls_itself(value: str) -> None:
    assert refused(value)[1].endswith("neither a PNG nor a JPEG")
    assert refused("data:image/png;base64," + text(saved(ramp(), "GIF")))[1].startswith("is a GIF")


def test_pixels_that_are_not_there_are_refused() -> None:
    short = PNG + header(9, 9) + chunk(b"IDAT", zlib.compress(b"\0" * 30)) + chunk(b"IEND", b"")
    none = PNG + header(9, 9) + chunk(b"IEND", b"")
    for raw in (short, none, PHOTO[:-20], PHOTO[: PHOTO.index(b"\xff\xda") + 14]):
        assert refused(text(raw))[0] == "bad_image"
        assert refused(text(raw))[1].endswith("that is damaged or was cut short")


def test_pixels_that_are_too_many_are_left_behind() -> None:
    rows = (b"\0" + bytes(9)) * 9
    bomb = PNG + header(9, 9) + chunk(b"IDAT", zlib.compress(rows + bytes(50_000_000))) + chunk(b"IEND", b"")
    assert read_image(text(bomb), 4).pixels == (0.0,) * 16


@pytest.mark.parametrize(
    "raw",
    [
        PNG + header(9, 9, 7) + chunk(b"IDAT", b"") + chunk(b"IEND", b""),
        PNG + header(9, 9, 8, 5) + chunk(b"IDAT", b"") + chunk(b"IEND", b""),
        PNG + header(9, 9, 8, 3) + chunk(b"IDAT", zlib.compress(b"\0" * 90)) + chunk(b"IEND", b""),
        PNG + header(9, 9) + chunk(b"tRNS", b"") + chunk(b"IDAT", b"x") + chunk(b"IEND", b""),
        PNG + header(9, 9) + chunk(b"PLTE", b"x") + chunk(b"IDAT", b"x") + chunk(b"IEND", b""),
    ],
    ids=["depth", "colour", "no palette", "transparency", "palette"],
)
def test_a_png_that_contradicts_itself_is_refused_or_read_but_never_raises(raw: bytes) -> None:
    check(raw)


@pytest.mark.parametrize("kind", ["PNG", "JPEG"])
def test_the_largest_image_is_read_within_a_second_or_two(kind: str) -> None:
    value, start = text(saved(PIL.Image.new("RGB", (2048, 1024), "red"), kind)), time.process_time()
    assert read_image(value, 32).width == 2048
    assert time.process_time() - start < 2


def image_or_reason(raw: bytes) -> Image | NoImage:
    try:
        return read_image(text(raw), 8)
    except NoImage as problem:
        return problem


def check(raw: bytes) -> None:
    found = image_or_reason(raw)
    if isinstance(found, NoImage):
        assert found.reason in REASONS
        assert 0 < len(str(found)) < 200
        return
    assert len(found.pixels) == 64
    assert all(0 <= level <= 1 for level in (*found.pixels, found.brightness, found.sharpness))
    assert tuple(found) == tuple(read_image(text(raw), 8))


SEEDS = [
    *(GREY, PHOTO, *LIKE.values()),
    *(saved(ramp(9, 7, mode)) for mode in ("1", "P", "LA", "RGBA", "RGB")),
    saved(PIL.Image.fromarray(np.asarray(ramp(9, 7)).astype(np.uint16) * 256)),
    saved(ramp(9, 7, "P"), transparency=3),
]


@settings(max_examples=400, deadline=None)
@given(
    st.sampled_from(SEEDS),
    st.lists(st.tuples(st.integers(0, 10**6), st.integers(0, 255)), max_size=6),
    st.booleans(),
)
def test_no_damage_makes_it_raise_anything_else(
    raw: bytes, changes: list[tuple[int, int]], mended: bool
) -> None:
    damaged = bytearray(raw)
    for at, byte in changes:
        damaged[at % len(raw)] = byte
    check(with_right_checksums(bytes(damaged)) if mended else bytes(damaged))


def with_right_checksums(raw: bytes) -> bytes:
    """A damaged PNG whose checksums hold nevertheless, as far as its parts can be told apart."""
    if not raw.startswith(PNG):
        return raw
    parts, at = [PNG], len(PNG)
    while at + 12 <= len(raw):
        end = at + 8 + int.from_bytes(raw[at : at + 4])
        parts.append(chunk(raw[at + 4 : at + 8], raw[at + 8 : end]))
        at = end + 4
    return b"".join(parts)


@settings(max_examples=200, deadline=None)
@given(st.binary(max_size=300), st.sampled_from([b"", PNG, PNG + header(3, 3), b"\xff\xd8\xff", PHOTO[:200]]))
@example(b"\xff" * 300, b"\xff\xd8\xff")
@example(b"\0" * 300, PNG)
def test_no_bytes_make_it_raise_anything_else(raw: bytes, start: bytes) -> None:
    check(start + raw)


# ---- what is shown


def test_of_a_text_with_an_image_its_size_is_shown_and_nothing_else() -> None:
    assert described(text(GREY)) == described("data:image/png;base64," + text(GREY)) == "image 40x30"
    assert described(text(png_of(9, 9, lambda x, y: 0))[:60]) == "60 characters that are no image"
    assert described("secret" * 1000) == "6,000 characters that are no image"


@pytest.mark.parametrize("raw", [GREY, PHOTO, saved(ramp(), "GIF")])
def test_an_image_is_known_by_how_its_base64_begins(raw: bytes) -> None:
    assert looks_like_image(text(raw))
    assert looks_like_image("data:image/x;base64," + text(raw))
    assert not looks_like_image("/9 of it are images")
