"""The last admin stays one: by the command line, at once from two sides, in both databases."""

from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path

from fluvial.accounts import Accounts, Scope
from fluvial.people import AccountError
from fluvial.secrets import load_key
from fluvial.sessions import Sessions
from fluvial.store import Store
from tests.fluvial.commandline import Commandline


def test_of_two_admins_who_give_the_role_up_at_once_one_stays(store: Store) -> None:
    accounts = Accounts(store)

    def give_up(name: str) -> bool:
        try:
            accounts.add(name, Scope("viewer"))
        except AccountError:
            return False
        return True

    for turn in range(10):
        accounts.add("ann", Scope("admin"))
        accounts.add("ben", Scope("admin"))
        with ThreadPoolExecutor(2) as pool:
            assert sorted(pool.map(give_up, ["ann", "ben"])) == [False, True], turn


def test_the_command_line_lets_the_last_admin_go_no_more_than_the_console(command: Commandline) -> None:
    command("users", "add", "ann", "--role", "admin")
    for words in (
        ("users", "add", "ann", "--role", "operator"),
        ("users", "add", "ann", "--role", "admin", "--pipeline", "flights"),
        ("users", "disable", "ann"),
    ):
        said = command(*words)
        assert (said.code, "last admin" in said.err) == (2, True)
    command("users", "add", "ben", "--role", "admin")
    assert command("users", "disable", "ann").code == 0


def test_what_a_provider_says_of_the_last_admin_holds(store: Store) -> None:
    accounts = Accounts(store)
    accounts.vouched("ann", Scope("admin"), "https://login.example")
    accounts.vouched("ann", Scope("viewer"), "https://login.example")
    assert accounts.users()[0]["role"] == "viewer"


def test_sessions_are_listed_and_ended_in_a_terminal(command: Commandline, tmp_path: Path) -> None:
    command("users", "add", "ann")
    token = command("tokens", "create", "ann").out.strip().split("_")[1]
    with closing(
        Store(f"sqlite:///{tmp_path / 'store.db'}", key=lambda: load_key(tmp_path / "key"))
    ) as store:
        cookies = [Sessions(store).open("ann", token) for _ in range(3)]
        found = command("sessions", "list", "--user", "ann", "--json").json
        assert {one["id"] for one in found} == {Sessions(store).id(cookie) for cookie in cookies}
        first = Sessions(store).id(cookies[0])
        assert command("sessions", "revoke", "ann", "--session", first, "--json").json == {
            "user": "ann",
            "ended": 1,
        }
        assert [Sessions(store).person(cookie) is not None for cookie in cookies] == [False, True, True]
        assert command("sessions", "revoke", "ann", "--session", first).code == 2
        assert command("audit", "list", "--json").json[0]["event"] == "session.revoked"
        command("tokens", "revoke", token)
        assert Sessions(store).going_on() == [], "their token opens nothing any more"
    assert command("sessions", "revoke", "ann", "--json").json["ended"] == 2
