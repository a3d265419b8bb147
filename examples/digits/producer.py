"""Pictures of digits, one every two seconds on a made-up clock; what each shows follows a minute later.

``records()`` yields ``(stream, key, value, timestamp_ms)``. Nothing is read and nothing downloaded: each
digit is drawn from dots, shifted, thickened, lit and made noisy by draws that hang on its number alone.
"""

import heapq
import json
import struct
import zlib
from base64 import b64encode
from collections.abc import Iterator
from datetime import UTC, datetime
from random import Random

Record = tuple[str, bytes, bytes, int]

START = int(datetime(2024, 1, 1, tzinfo=UTC).timestamp())
COUNT, PACE, LABEL_DELAY = 4_000, 2, 60
WIDTH, HEIGHT, DOT = 24, 32, 4

DOTS = """
.###. ..#.. .###. .###. ...#. ##### .###. ##### .###. .###.
#...# .##.. #...# #...# ..##. #.... #.... ....# #...# #...#
#...# ..#.. ....# ....# .#.#. #.... #.... ...#. #...# #...#
#...# ..#.. ...#. ..##. #..#. ####. ####. ...#. .###. .####
#...# ..#.. ..#.. ....# ##### ....# #...# ..#.. #...# ....#
#...# ..#.. .#... #...# ...#. #...# #...# ..#.. #...# ....#
.###. .###. ##### .###. ...#. .###. .###. ..#.. .###. .###.
"""
"""The ten digits in dots, side by side."""


def records(limit: int | None = None) -> Iterator[Record]:
    """Yield events and labels in time order: the first ``limit`` events and all their labels.

    At the same instant the label follows the event.
    """
    count = COUNT if limit is None else min(limit, COUNT)
    return heapq.merge(_events(count), _labels(count), key=_when)


def _events(count: int) -> Iterator[Record]:
    for number in range(count):
        seen = START + number * PACE
        event = {"id": _identity(number), "seen": _clock(seen), "picture": _picture(number)}
        yield _record("events", number, seen, event)


def _labels(count: int) -> Iterator[Record]:
    for number in range(count):
        known = START + number * PACE + LABEL_DELAY
        label = {"id": _identity(number), "label": str(_digit(number)), "time": _clock(known)}
        yield _record("labels", number, known, label)


def _digit(number: int) -> int:
    return Random(number).randrange(10)


def _picture(number: int) -> str:
    """A digit as a grey PNG in base64, as a browser's canvas gives one."""
    draw = Random(number)
    digit, ink, paper = draw.randrange(10), draw.randrange(60), draw.randrange(150, 230)
    right, down, bold = draw.randrange(5), draw.randrange(5), draw.randrange(2)
    dots = [row.split()[digit] for row in DOTS.split("\n") if row]
    rows = bytearray()
    for y in range(HEIGHT):
        rows.append(0)  # each row of a PNG says first how it is filtered
        for x in range(WIDTH):
            inked = any(_inked(dots, x - right - thick, y - down) for thick in range(bold + 1))
            rows.append(min(255, (ink if inked else paper) + draw.randrange(25)))
    header = struct.pack(">IIBBBBB", WIDTH, HEIGHT, 8, 0, 0, 0, 0)
    parts = (b"IHDR", header), (b"IDAT", zlib.compress(bytes(rows))), (b"IEND", b"")
    png = b"\x89PNG\r\n\x1a\n" + b"".join(_chunk(name, data) for name, data in parts)
    return "data:image/png;base64," + b64encode(png).decode()


def _inked(dots: list[str], x: int, y: int) -> bool:
    column, row = x // DOT, y // DOT
    return 0 <= column < 5 and 0 <= row < 7 and dots[row][column] == "#"


def _chunk(name: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))


def _record(stream: str, number: int, seconds: int, value: dict[str, object]) -> Record:
    text = json.dumps(value, separators=(",", ":"))
    return stream, _identity(number).encode(), text.encode(), seconds * 1000


def _when(record: Record) -> tuple[int, str]:
    stream, _, _, timestamp = record
    return timestamp, stream  # "events" sorts before "labels"


def _identity(number: int) -> str:
    return f"digit-{number:04}"


def _clock(seconds: int) -> str:
    return datetime.fromtimestamp(seconds, UTC).isoformat()
