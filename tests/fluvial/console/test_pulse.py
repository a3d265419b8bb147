"""Browsers hear of what changes, over one connection each; the store is looked at once for all of them."""

from __future__ import annotations

import asyncio
import contextlib
import json
import threading
import time
from collections.abc import Iterator
from typing import Any

import httpx
import pytest
from fastapi import FastAPI

from fluvial.console import pulse
from fluvial.console.pulse import Crowded, Pulse, versions
from fluvial.console.server import ConsoleServer
from fluvial.incidents import Incidents
from fluvial.store import Store, StoreUnavailable
from tests.fluvial.console.counting import statements
from tests.fluvial.console.fleet import FLIGHTS_STATUS, alarm, decide, report
from tests.fluvial.console.visitors import Client
from tests.waiting import wait_until


def read_event(lines: Iterator[str]) -> dict[str, str]:
    """The next event: its fields."""
    said: dict[str, str] = {}
    for line in lines:
        if not line and "event" in said:
            return said
        name, _, value = line.partition(": ")
        said[name] = value
    raise AssertionError("the stream ended")


@contextlib.contextmanager
def listening(server: ConsoleServer, last: str = "") -> Iterator[Iterator[str]]:
    """The lines of the stream."""
    headers = {"Authorization": f"Bearer {server.token}", "Last-Event-ID": last}
    address = f"{server.address}/api/v1/stream"
    with httpx.stream("GET", address, headers=headers, timeout=20) as answer:
        assert answer.status_code == 200
        assert answer.headers["content-type"].startswith("text/event-stream")
        yield answer.iter_lines()


def test_whoever_listens_hears_what_is_true_now_and_then_what_changes(
    server: ConsoleServer, store: Store
) -> None:
    with listening(server) as lines:
        first = read_event(lines)
        before = json.loads(first["data"])
        assert set(before) == {"demand", "flights", "intent"}
        Incidents(store).record("demand", 0, [("new", alarm(300))])
        second = read_event(lines)
    after = json.loads(second["data"])
    assert first["id"] != second["id"]
    assert [name for name in after if after[name] != before[name]] == ["demand"]
    assert after["demand"]["figures"] == before["demand"]["figures"]


def test_whoever_comes_back_having_missed_nothing_hears_only_what_is_new(
    server: ConsoleServer, store: Store
) -> None:
    with listening(server) as lines:
        last = read_event(lines)["id"]
    with listening(server, last) as lines:
        report(store, FLIGHTS_STATUS, events=1)
        said = json.loads(read_event(lines)["data"])
    assert said == versions(store)


@pytest.mark.parametrize("what", ["report", "pause", "acknowledge", "alarm"])
def test_every_kind_of_change_changes_the_versions(store: Store, what: str) -> None:
    before = versions(store)["flights"]
    match what:
        case "report":
            report(store, FLIGHTS_STATUS, events=1)
        case "pause":
            decide(store, pipeline="flights", action="pause", who="Ana")
        case "acknowledge":
            decide(store, incident="0f1e2d3c4b5a", action="acknowledge", who="Ana")
        case "alarm":
            Incidents(store).record("flights", 0, [("another", alarm(900))])
    after = versions(store)["flights"]
    assert {name for name in after if after[name] != before[name]} == {
        "figures" if what == "report" else "desk"
    }


def test_a_look_at_the_store_is_three_statements(store: Store) -> None:
    with statements(store) as said:
        versions(store)
    assert len(said) == 3


def test_the_store_is_looked_at_once_however_many_listen() -> None:
    looks = 0

    def look() -> Any:
        nonlocal looks
        looks += 1
        return {"flights": {"desk": "1", "figures": "1"}}

    async def crowd() -> list[str]:
        beat = Pulse(look, every=60)
        streams = [beat.listen() for _ in range(20)]
        heard = [[await anext(one), await anext(one)][1] for one in streams]
        for one in streams:
            await one.aclose()  # type: ignore[attr-defined]
        assert beat.listeners == 0
        return heard

    heard = asyncio.run(crowd())
    assert looks == 1
    assert set(heard) == {heard[0]}


def test_more_listeners_than_the_console_serves_are_asked_to_come_back() -> None:
    async def crowd() -> None:
        beat = Pulse(dict, most=2)
        streams = [beat.listen() for _ in range(2)]
        for one in streams:
            await anext(one)
        with pytest.raises(Crowded, match="come back later"):
            beat.listen()
        await streams[0].aclose()  # type: ignore[attr-defined]
        await anext(beat.listen())

    asyncio.run(crowd())


def test_a_full_console_says_so_with_a_status(app: FastAPI, client: Client) -> None:
    app.state.pulse = Pulse(dict, most=0)
    answer = client.get("/api/v1/stream")
    assert answer.status_code == 503
    assert answer.headers["retry-after"] == "5"


def test_a_store_that_does_not_answer_is_told_and_ends_nothing() -> None:
    answers = iter([StoreUnavailable("locked"), {"flights": {"desk": "2", "figures": "1"}}])

    def look() -> Any:
        answer = next(answers)
        if isinstance(answer, Exception):
            raise answer
        return answer

    async def both() -> list[str]:
        stream = Pulse(look, every=0.001).listen()
        heard = [await anext(stream) for _ in range(3)]
        await stream.aclose()  # type: ignore[attr-defined]
        return heard[1:]

    first, second = asyncio.run(both())
    assert first.startswith("event: trouble")
    assert second.startswith("event: change")


def test_an_error_that_nobody_expected_ends_the_stream(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pulse, "HEARTBEAT", 0.01)

    def look() -> Any:
        raise ZeroDivisionError

    async def broken() -> None:
        stream = Pulse(look, every=60).listen()
        while True:
            await anext(stream)

    with pytest.raises(ZeroDivisionError):
        asyncio.run(broken())


def test_while_nothing_changes_the_connection_is_kept_alive(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pulse, "HEARTBEAT", 0.01)

    async def quiet() -> list[str]:
        stream = Pulse(dict, every=60).listen()
        heard = [await anext(stream) for _ in range(4)]
        await stream.aclose()  # type: ignore[attr-defined]
        return heard

    assert asyncio.run(quiet())[-1] == ": still here\n\n"


def test_stopping_does_not_wait_for_those_who_listen(store: Store) -> None:
    server = ConsoleServer(store)
    server.start()
    ended = threading.Event()

    def listen() -> None:
        with listening(server) as lines:
            for _ in lines:
                heard.set()
        ended.set()

    heard = threading.Event()
    thread = threading.Thread(target=listen)
    thread.start()
    assert heard.wait(10)
    began = time.monotonic()
    server.stop()
    assert ended.wait(5), "the stream ends, it is not cut off"
    assert time.monotonic() - began < 2.0, "before uvicorn's patience is over"
    thread.join()


def test_one_look_without_listening(client: Client, store: Store) -> None:
    answer = client.get("/api/v1/stream?once=true")
    assert answer.status_code == 200
    said = read_event(iter(answer.text.split("\n")))
    assert json.loads(said["data"]) == versions(store)


def test_nobody_looks_at_the_store_when_nobody_listens(server: ConsoleServer) -> None:
    beat = server._server._pulse
    with listening(server) as lines:
        read_event(lines)
        assert beat.listeners == 1
    wait_until(lambda: beat.listeners == 0 and beat._watcher is None, "the last one left", 10)
