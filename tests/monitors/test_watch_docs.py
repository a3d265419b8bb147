"""Every monitor a shard can have is explained to whoever is called by it, and no other."""

from __future__ import annotations

import re
from pathlib import Path

from monitors.spec import MonitorSpec
from monitors.watch import Watch
from tests.monitors.faults import WHAT

MANUAL = Path(__file__).parents[2] / "docs" / "operating.md"


def test_the_manual_says_of_each_monitor_what_to_do() -> None:
    text = MANUAL.read_text(encoding="utf-8")
    section = text.partition("### What each monitor means")[2].partition("\n## ")[0]
    told = set(re.findall(r"^\| `([^`]+)` \|", section, re.MULTILINE))
    kinds = {"loss:town": "loss:FIELD", "field:x": "field:NAME", "field:town": "field:NAME"}
    assert told == {kinds.get(name, name) for name in Watch(MonitorSpec(), WHAT).standings}
