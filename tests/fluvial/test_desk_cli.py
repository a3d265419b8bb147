"""The desk in a terminal: what the verbs print, and how they end."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing
from importlib.metadata import version
from pathlib import Path
from typing import Any

import pytest

from consumers.embedded import EmbeddedLog
from fluvial.calls import Call, Calls
from fluvial.incidents import Incidents
from fluvial.journal import Journal
from fluvial.review_feed import ReviewFeed
from fluvial.reviews import Request, counts, history, register, review
from fluvial.secrets import load_key
from fluvial.store import Store
from fluvial.wiring import create_topics, facts
from monitors.alarm import Alarm
from tests.fluvial.commandline import Commandline, Said
from tests.fluvial.world import coins

HOSTILE = "\x1b[31mred\x1b[0m \x9b2J [bold]loud[/bold] \u202eback\nDone: a second line\a"
ALARM = Alarm("loss", "worse", 1_700_000_000.0, 1_699_999_000.0, 1000, 0.1, 0.4, 500, 500)


@pytest.fixture
def desk(
    command: Commandline, store_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Store]:
    """The store of a pipeline with one incident, which is where the commands look."""
    monkeypatch.setenv("FLUVIAL_STORE", store_url)
    with closing(Store(store_url, key=lambda: load_key(tmp_path / "key"))) as store:
        register(store, "coins", 1, facts(coins()))
        Incidents(store).record("coins", 0, [("a1", ALARM)])
        yield store


def decide(store: Store, action: Any, who: str = "ann", **more: Any) -> None:
    subject = {} if "pipeline" in more else {"incident": "a1"}
    review(store, Request(action=action, who=who, **subject, **more), "cli")


def assert_harmless(said: Said) -> None:
    """No control character but line ends, nothing that turns text round, and markup as it was written."""
    text = said.out + said.err
    assert [character for character in text if not character.isprintable() and character != "\n"] == []
    assert "[bold]loud[/bold]" in text
    assert not any(line.startswith("Done: a second line") for line in text.splitlines())


def test_pipelines_are_listed_with_their_question_and_course(command: Commandline, desk: Store) -> None:
    said = command("pipelines")
    assert said.code == 0
    assert "Does the coin show heads?" in said.out
    assert command("pipelines", "--json").json[0]["paused"] is False
    decide(desk, "pause", pipeline="coins")
    assert "paused by ann" in command("pipelines").out


def test_a_new_store_has_nothing_to_show(command: Commandline) -> None:
    for verb in ("pipelines", "incidents", "reviews"):
        assert command(verb).code == 0
        assert command(verb, "--json").json == []


def test_status_shows_every_shard_and_ends_with_three_where_one_is_halted(
    command: Commandline, desk: Store
) -> None:
    journal = Journal(desk, "coins")
    epoch = journal.acquire(0, f"worker {HOSTILE}").epoch
    said = command("status", "coins")
    assert (said.code, said.out[:7]) == (0, "shard 0")
    journal.report(0, epoch, a_status())
    said = command("status", "coins")
    assert "7 events = 5 learned + 2 waiting" in said.out
    assert "rocauc undefined" in said.out
    assert "monitors: 1 alarm, 2 quiet (loss alarm)" in said.out
    journal.halt(0, epoch, f"a gap {HOSTILE}")
    said = command("status", "coins")
    assert said.code == 3
    assert "HALTED: a gap" in said.out
    assert_harmless(said)
    said = command("status", "coins", "--json")
    assert (said.code, said.json[0]["owner"]) == (3, f"worker {HOSTILE}")


def a_status() -> dict[str, Any]:
    goal = {
        "metric": "rocauc",
        "goal": "at least",
        "level": 0.8,
        "value": float("nan"),
        "status": "too early",
    }
    counts: dict[str, Any] = {"events": 7, "waiting": 2, "outcomes": {"learned": 5}}
    counts["monitors"] = {"loss": ("alarm", 0.4), "field:x": ("quiet", 0.1), "field:y": ("quiet", None)}
    return {**counts, "success": goal, "paused": False, "watermark": 1_700_000_000.0}


def test_a_firing_incident_ends_the_list_with_three(command: Commandline, desk: Store) -> None:
    said = command("incidents")
    assert said.code == 3
    assert "a1" in said.out
    assert command("incidents", "--json").json[0]["state"] == "firing"
    assert command("incidents", "--state", "resolved").code == 0
    assert command("incidents", "--pipeline", "dice").code == 0
    decide(desk, "acknowledge")
    assert command("incidents").code == 0
    assert command("incidents", "--state", "acknowledged", "--json").json[0]["acknowledged_by"] == "ann"


def test_an_incident_shows_its_evidence_its_reviews_and_what_can_be_done(
    command: Commandline, desk: Store
) -> None:
    decide(desk, "acknowledge", reason="on it")
    said = command("incident", "a1")
    assert said.code == 0
    told = (
        "page, worse: loss rose from 0.100 to 0.400 (+300 %) since 14 Nov 2023, 21:56 UTC, seen on 500 labels"
    )
    assert told in said.out
    assert "ann: acknowledge (on it)" in said.out
    assert "fluvial review ACTION a1 --reason WHY" in said.out
    shown = command("incident", "a1", "--json").json
    assert (shown["state"], shown["evidence"][0]["after"]) == ("acknowledged", 0.4)
    assert shown["reviews"][0]["reason"] == "on it"


def test_the_list_tells_a_change_that_is_over_from_one_that_eased(command: Commandline, desk: Store) -> None:
    for n, phase in enumerate(("eased", "recovered"), start=2):
        later = ALARM._replace(time=ALARM.time + n, direction="better", severity="info", phase=phase)
        Incidents(desk).record("coins", 0, [(f"a{n}", later)])
        assert f"firing, {phase}" in command("incidents").out


def test_an_incident_says_how_sure_it_is_what_is_behind_it_and_what_else_moved(
    command: Commandline, desk: Store
) -> None:
    sure = {"low": 0.2, "high": 0.35, "score": 6.2, "needed": 4.5, "dependence": 3.0, "season": 0.02}
    slice_ = ALARM._replace(monitor="loss:town", part=f"town={HOSTILE}", **sure)
    behind = {"cause": "feed", "because": f"The events of {HOSTILE} stopped."}
    field = ALARM._replace(monitor="field:x", direction="changed", severity="info", part=HOSTILE)
    over = ALARM._replace(time=ALARM.time + 9, direction="better", severity="info", phase="eased")
    named = zip(("a2", "a3", "a4"), (slice_._replace(**behind), field, over), strict=True)
    Incidents(desk).record("coins", 0, list(named))
    said = command("incident", "a1")
    assert_harmless(said)
    for told in (
        "Likely cause: a feed. The events of",
        "loss where town is",
        "change is +0.200 to +0.350. The evidence is 6.2 standard errors; 4.5 were needed.",
        "as if only one in 3 observations counted. A rhythm of 0.020 was taken out first.",
        "info, better, eased: loss",
        "What else moved, without calling anybody:",
        "field x (",
    ):
        assert told in said.out, told
    listed = command("incidents")
    assert "feed" in listed.out.splitlines()[1]
    (shown,) = command("incidents", "--json").json
    assert (shown["severity"], shown["cause"], shown["phase"], len(shown["evidence"])) == (
        "page",
        "feed",
        "first",
        4,
    )
    assert shown["evidence"][0]["low"] is None
    assert command("incident", "a1", "--json").json["because"].startswith("The events of")


def test_a_review_says_what_it_does_and_a_repetition_that_it_did_nothing(
    command: Commandline, desk: Store
) -> None:
    words = ("review", "reset", "a1", "--who", "ann", "--reason", "new mint")
    first, second = command(*words), command(*words)
    assert (first.code, first.out) == (
        0,
        "Done: With the next batch the model starts afresh and its monitors warm up again.\n",
    )
    assert (second.code, second.out.split(":")[0]) == (0, "Already so")
    assert command(*words, "--json").json["repeated"] is True
    assert [(taken.who, taken.reason, taken.channel) for taken in history(desk)] == [
        ("ann", "new mint", "cli")
    ]


def test_a_conflict_ends_with_four_and_names_who_was_first(command: Commandline, desk: Store) -> None:
    decide(desk, "acknowledge")
    said = command("review", "acknowledge", "a1", "--who", "bob")
    assert (said.code, said.out, said.err) == (4, "", "fluvial: ann has acknowledged a1\n")


def test_a_pipeline_is_paused_and_resumed_by_name(command: Commandline, desk: Store) -> None:
    for action in ("pause", "resume", "reset"):
        assert command("review", action, "--pipeline", "coins", "--who", "ann").code == 0
    assert [decision.action for decision in Journal(desk, "coins").pending(0)] == ["pause", "resume", "reset"]


def test_who_decides_is_whoever_is_logged_in(
    command: Commandline, desk: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LOGNAME", "eve")
    assert command("review", "acknowledge", "a1").code == 0
    assert Incidents(desk).get("a1").acknowledged_by == "eve"


def test_where_nobody_is_logged_in_a_name_is_asked_for(
    command: Commandline, desk: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    def nobody() -> str:
        raise KeyError("getpwuid(): uid not found: 1234")

    monkeypatch.setattr("getpass.getuser", nobody)
    said = command("review", "acknowledge", "a1")
    assert (said.code, said.err) == (2, "fluvial: who decides? Say it with --who NAME\n")


def test_reviews_are_listed_the_newest_first(command: Commandline, desk: Store) -> None:
    decide(desk, "acknowledge")
    decide(desk, "resolve", who="bob")
    assert [taken["who"] for taken in command("reviews", "--json").json] == ["bob", "ann"]
    assert command("reviews", "--pipeline", "dice", "--json").json == []
    listed = command("reviews").out.splitlines()
    assert ("bob" in listed[1], "ann" in listed[2]) == (True, True)


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        (("incident", "a9"), 1, "no incident has the id 'a9'"),
        (("status", "dice"), 1, "no pipeline 'dice' has run here"),
        (("review", "reset", "a9", "--who", "ann"), 1, "no incident has the id 'a9'"),
        (("review", "reset", "--pipeline", "dice", "--who", "ann"), 1, "no pipeline is called 'dice'"),
        (("review", "resume", "--pipeline", "coins", "--who", "ann"), 1, "nothing to resume"),
        (("review", "resolve", "--pipeline", "coins", "--who", "ann"), 1, "is about an incident"),
        (("review", "promote", "a1"), 2, "no action is called 'promote': there are acknowledge"),
        (("review", "reset"), 2, "name either an incident or a --pipeline"),
        (("review", "reset", "a1", "--pipeline", "coins"), 2, "name either an incident or a --pipeline"),
        (("review", "reset", "a1", "--who", "x" * 201), 2, "who: String should have at most 200 characters"),
        (("review", "reset", "a1", "--who", "\udc80"), 2, "who: Input should be a valid string"),
        (("incidents", "--state", "open"), 2, "there are pending, firing, acknowledged, snoozed, resolved"),
        (("review", "reset", "a1", "--topic", "coins.reviews"), 2, "there is no key at"),
        (("incidents", "--nonsense"), 2, "No such option"),
        (("incidnets",), 2, "No such command"),
        (("incident",), 2, "Missing argument"),
    ],
)
def test_a_mistake_is_one_sentence_and_never_a_traceback(
    command: Commandline, desk: Store, words: tuple[str, ...], code: int, said: str
) -> None:
    found = command(*words)
    assert found.code == code
    assert found.out == ""
    assert said in " ".join(found.err.replace("\N{BOX DRAWINGS LIGHT VERTICAL}", " ").split())
    assert "Traceback" not in found.err
    assert sum(counts(desk, "coins").values()) == 0


@pytest.mark.parametrize(
    ("name", "value", "code", "said"),
    [
        ("FLUVIAL_STORE", "mysql://ann:hunter2@db/x", 2, "FLUVIAL_STORE: mysql is no store"),
        ("FLUVIAL_STORE", "postgresql://ann:hunter2@127.0.0.1:1/x", 5, "nobody answers; start the server"),
        ("FLUVIAL_STORE", "sqlite:////dev/null/store.db", 5, "check the path and its rights"),
        ("FLUVIAL_STORE_PASSWORD_FILE", "/nowhere", 2, "FLUVIAL_STORE_PASSWORD_FILE"),
        ("FLUVIAL_LOG", "localhost:9092", 2, "write kafka://HOST:PORT or embedded:PATH"),
        ("FLUVIAL_WORKER", "\udcff", 2, "FLUVIAL_WORKER: it holds bytes that are no UTF-8 text"),
    ],
)
def test_a_setting_that_cannot_work_is_one_sentence_too(
    command: Commandline, monkeypatch: pytest.MonkeyPatch, name: str, value: str, code: int, said: str
) -> None:
    monkeypatch.setenv(name, value)
    found = command("incidents")
    assert (found.code, found.out) == (code, "")
    assert said in found.err
    assert "hunter2" not in found.err
    assert len(found.err.splitlines()) == 1


def test_text_that_comes_from_elsewhere_cannot_take_the_terminal_over(
    command: Commandline, desk: Store
) -> None:
    decide(desk, "acknowledge", who=f"ann {HOSTILE}", reason=f"because {HOSTILE}")
    for words in (
        ("incident", "a1"),
        ("incidents",),
        ("reviews",),
        ("review", "acknowledge", "a1", "--who", "bob"),
    ):
        assert_harmless(command(*words))


def test_a_row_is_a_line_where_a_program_reads_it(command: Commandline, desk: Store) -> None:
    decide(desk, "acknowledge", reason="long " * 100)
    assert len(command("reviews").out.splitlines()) == 2


def test_a_review_through_the_topic_is_signed_and_taken_by_the_worker(
    command: Commandline, desk: Store, tmp_path: Path
) -> None:
    key = load_key(tmp_path / "key")
    with closing(EmbeddedLog(tmp_path / "log.db")) as log:
        create_topics(coins(), log)
        words = (
            "review",
            "reset",
            "a1",
            "--who",
            "ann",
            "--reason",
            "J\N{LATIN SMALL LETTER O WITH DIAERESIS}rg says so",
        )
        said = command(*words, "--topic", "coins.reviews", "--id", "r1")
        assert (said.code, said.out) == (0, "sent to coins.reviews as r1\n")
        ReviewFeed(coins(), log, desk, key).take_in()
    (taken,) = history(desk)
    assert (taken.id, taken.who, taken.channel) == ("r1", "ann", "topic")
    assert taken.reason.endswith("rg says so")


def test_a_review_for_a_topic_that_does_not_exist_says_so(
    command: Commandline, desk: Store, tmp_path: Path
) -> None:
    load_key(tmp_path / "key")
    said = command("review", "reset", "a1", "--topic", "nowhere")
    assert (said.code, said.out) == (1, "")
    assert "nowhere" in said.err


def test_the_version_is_told(command: Commandline) -> None:
    assert command("--version") == (0, f"fluvial {version('fluvial')}\n", "")


def test_without_words_the_verbs_are_listed_as_after_a_mistake(command: Commandline) -> None:
    said = command()
    assert said.code == 2
    assert "incidents" in said.out + said.err


def test_it_runs_as_a_module_and_its_exit_code_reaches_the_shell(desk: Store, tmp_path: Path) -> None:
    words = [sys.executable, "-W", "error::ResourceWarning", "-m", "fluvial", "incidents", "--json"]
    done = subprocess.run(
        words, env=os.environ.copy(), capture_output=True, text=True, check=False, timeout=60
    )
    assert (done.returncode, done.stderr) == (3, "")
    assert json.loads(done.stdout)[0]["id"] == "a1"


def test_an_alert_s_incident_says_what_alertmanager_told_and_how_it_ended(
    command: Commandline, desk: Store
) -> None:
    labels = {"alertname": "FluvialLagGrows", "pipeline": "coins"}
    for over in (False, True):
        Calls(desk).take_in(Call(labels, f"{HOSTILE} is behind.", 1_700_000_000.0, over=over))
    (found,) = [one for one in Incidents(desk).listing() if one.id != "a1"]
    said = command("incident", found.id)
    assert_harmless(said)
    assert "Alertmanager told of it" in said.out
    assert "the alert was over" in said.out
    assert "alert:FluvialLagGrows" in command("incidents").out
