"""Outbox: the incidents topic says everything that the desk knows about an incident."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import closing
from math import nan
from pathlib import Path
from typing import Any

import pytest

from fluvial.outputs import Outbox
from fluvial.reviews import register
from fluvial.shard import Raised
from monitors.alarm import Alarm
from tests.fluvial.world import World, coins, embedded_world

ALARM = Alarm(
    "loss:town", "worse", 1.7e9, 1.7e9 - 60, 1000, 0.1, 0.4, 500, 500, score=6.0, part='town="\u202e\0'
)


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    world = embedded_world(tmp_path, coins())
    with closing(world.store), closing(world.log):
        register(world.store, "coins", 1, {})
        yield world


def announced(world: World, *alarms: Alarm) -> list[dict[str, Any]]:
    """What the topic holds after one more delivery."""
    outbox = Outbox(world.pipeline, world.log, world.store)
    outbox.put(0, [Raised(f"a{number}", alarm) for number, alarm in enumerate(alarms)])
    outbox.deliver()
    outbox.announce()
    return [
        json.loads(record.value or b"", parse_constant=pytest.fail) for record in world.records("incidents")
    ]


def test_the_topic_says_how_severe_it_is_what_is_behind_it_and_where_it_stands(world: World) -> None:
    behind = ALARM._replace(cause="feed", because="Events stopped.", low=nan)
    (told,) = announced(world, behind)
    wanted = {
        "state": "firing",
        "severity": "page",
        "phase": "first",
        "cause": "feed",
        "because": "Events stopped.",
    }
    assert {name: told[name] for name in wanted} == wanted
    (said,) = told["evidence"]
    assert (said["score"], said["low"], said["part"]) == (6.0, None, 'town="\u202e\ufffd')


def test_a_signal_beside_an_incident_is_announced_and_one_alone_is_not(world: World) -> None:
    signal = ALARM._replace(monitor="field:x", severity="info", direction="changed")
    assert announced(world, signal) == []
    told = announced(world, signal, ALARM, signal._replace(time=ALARM.time + 9, monitor="field:y"))
    assert [said["monitor"] for said in told[-1]["evidence"]] == ["field:x", "loss:town", "field:y"]
    assert told[-1]["alarms"] == 1
