"""users, tokens: who is let in, managed in a terminal; what is secret is shown once."""

import time
from contextlib import closing
from pathlib import Path

import pytest

from fluvial.accounts import Accounts
from fluvial.cli import exit_code
from fluvial.people import NotAllowed
from fluvial.secrets import load_key
from fluvial.store import Store
from tests.fluvial.commandline import Commandline


def opened(folder: Path) -> Store:
    return Store(f"sqlite:///{folder / 'store.db'}", key=lambda: load_key(folder / "key"))


def test_a_user_is_added_changed_disabled_and_let_in_again(command: Commandline) -> None:
    assert (
        command("users", "add", "ann", "--role", "operator", "--pipeline", "a", "--pipeline", "b").code == 0
    )
    [ann] = command("users", "list", "--json").json
    assert (ann["name"], ann["role"], ann["pipelines"], ann["source"]) == (
        "ann",
        "operator",
        ["a", "b"],
        "local",
    )
    assert command("users", "add", "ann", "--role", "viewer", "--json").json["role"] == "viewer"
    assert command("users", "disable", "ann").code == 0
    assert command("tokens", "create", "ann").code == 2
    assert command("users", "list", "--json").json[0]["disabled_at"] is not None
    assert command("users", "add", "ann").code == 0
    assert command("tokens", "create", "ann").code == 0
    events = [one["event"] for one in command("audit", "list", "--json").json]
    assert events == ["token.made", "user.changed", "user.disabled", "user.changed", "user.added"]


def test_a_token_opens_until_it_is_revoked_and_is_shown_once(command: Commandline, tmp_path: Path) -> None:
    command("users", "add", "ann", "--role", "operator")
    made = command("tokens", "create", "ann", "--role", "reviewer", "--days", "7", "--note", "ci")
    token = made.out.strip()
    assert "not shown again" in made.err
    [row] = command("tokens", "list", "--json").json
    assert (row["person"], row["role"], row["note"], row["use"]) == ("ann", "reviewer", "ci", "console")
    assert 6.9 < (row["expires_at"] - time.time()) / 86_400 < 7.1
    shown = command("tokens", "list").out + command("audit", "export").out
    assert token.split("_")[2] not in shown
    with closing(opened(tmp_path)) as store:
        admitted = Accounts(store).admit(token)
        assert admitted is not None
        assert (admitted[1].name, admitted[1].role) == ("ann", "reviewer")
        assert Accounts(store).admit(token[:-1]) is None
        assert command("tokens", "revoke", row["id"]).code == 0
        assert Accounts(store).admit(token) is None
    assert command("tokens", "list", "--user", "bob", "--json").json == []


def test_the_hashes_are_worth_nothing_without_the_key(command: Commandline, tmp_path: Path) -> None:
    command("users", "add", "ann")
    token = command("tokens", "create", "ann", "--never-expires").out.strip()
    with closing(Store(f"sqlite:///{tmp_path / 'store.db'}", key=lambda: b"another" * 5)) as store:
        assert Accounts(store).admit(token) is None


@pytest.mark.parametrize(
    "token", ["", "x", "fluvial__", "fluvial_\ud800_x", "a" * 10_000, "fluvial_'--_x", "fluvial_\0_x"]
)
def test_nonsense_opens_nothing(tmp_path: Path, token: str) -> None:
    with closing(opened(tmp_path)) as store:
        assert Accounts(store).admit(token) is None


@pytest.mark.parametrize(
    ("words", "code", "says"),
    [
        (("users", "add", "ann", "--role", "root"), 2, "there are viewer, reviewer, operator, admin"),
        (("users", "add", " ann"), 2, "is no name"),
        (("users", "add", "a\x1bnn"), 2, "is no name"),
        (("users", "disable", "ann"), 2, "no user is called 'ann'"),
        (("tokens", "create", "ann"), 2, "no user 'ann' is let in"),
        (("tokens", "revoke", "ff"), 2, "no token has the id 'ff'"),
    ],
)
def test_what_is_wrong_is_said_and_ends_with_two(
    command: Commandline, words: tuple[str, ...], code: int, says: str
) -> None:
    said = command(*words)
    assert (said.code, says in said.err) == (code, True), said.err
    assert "\x1b" not in said.err


def test_what_is_not_allowed_ends_with_four() -> None:
    assert exit_code(NotAllowed("no")) == 4
