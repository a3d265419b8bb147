"""users, tokens, sessions: who is let in, in which role and on which pipelines, and with what."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Annotated, Any

import typer

from fluvial.accounts import Accounts, Scope, Wanted
from fluvial.commands.common import AsJson, print_json, print_table, say
from fluvial.commands.desk import day, opened_store
from fluvial.commands.review import login
from fluvial.errors import ConfigError
from fluvial.people import ROLES, Role
from fluvial.sessions import Ending, Sessions

Name = Annotated[str, typer.Argument(help="The user's name: it stands beside every decision of theirs.")]
WhichRole = Annotated[str, typer.Option(help=", ".join(ROLES))]
UpTo = Annotated[str | None, typer.Option("--role", help=f"Up to this role: {', '.join(ROLES)}.")]
Pipelines = Annotated[
    list[str] | None, typer.Option("--pipeline", help="On this pipeline only; repeat it for several.")
]
Days = Annotated[float, typer.Option(min=0.001, help="Days until it expires.")]
Never = Annotated[bool, typer.Option("--never-expires", help="It is good until it is revoked.")]
ToSign = Annotated[bool, typer.Option("--signing", help="A key that signs reviews for the reviews topic.")]
Note = Annotated[str, typer.Option(help="What it is for.")]
Whose = Annotated[str | None, typer.Option("--user", help="Only this user's.")]
TokenId = Annotated[str, typer.Argument(help="The token's id; see `fluvial tokens list`.")]


def add_to(app: typer.Typer) -> None:
    """Hang the verbs of this file into the command line."""
    people = typer.Typer(help="The users who are let in, and their roles.", no_args_is_help=True)
    people.command("add")(add)
    people.command("list")(users)
    people.command("disable")(disable)
    app.add_typer(people, name="users")
    held = typer.Typer(help="What users show to the console, or sign reviews with.", no_args_is_help=True)
    held.command("create")(create)
    held.command("list")(tokens)
    held.command("revoke")(revoke)
    app.add_typer(held, name="tokens")
    browsers = typer.Typer(help="Browsers that were let in, and how to end that.", no_args_is_help=True)
    browsers.command("list")(sessions)
    browsers.command("revoke")(end_sessions)
    app.add_typer(browsers, name="sessions")


@contextmanager
def _accounts() -> Iterator[Accounts]:
    with opened_store() as store:
        yield Accounts(store, login())


def add(name: Name, role: WhichRole = "viewer", pipeline: Pipelines = None, json: AsJson = False) -> None:
    """Add a user, or change the role and the pipelines of one; who was disabled is let in again."""
    with _accounts() as accounts:
        accounts.add(name, Scope(_role(role), _only(pipeline)))
        _tell(json, {"user": name, "role": role, "pipelines": pipeline}, f"{name} is {role} now")


def users(json: AsJson = False) -> None:
    """List the users."""
    with _accounts() as accounts:
        found = accounts.users()
    if json:
        print_json(found)
        return
    rows = [(u["name"], u["role"], _names(u), u["source"], day(u["disabled_at"])) for u in found]
    print_table(("name", "role", "pipelines", "known from", "disabled"), rows)


def disable(name: Name, json: AsJson = False) -> None:
    """Let a user in no more; their sessions and tokens open nothing from now on."""
    with _accounts() as accounts:
        accounts.disable(name)
        _tell(json, {"user": name, "disabled": True}, f"{name} is let in no more")


def create(
    user: Annotated[str, typer.Argument(help="Whose it is.")],
    role: UpTo = None,
    pipeline: Pipelines = None,
    days: Days = 90.0,
    never: Never = False,
    signing: ToSign = False,
    note: Note = "",
    json: AsJson = False,
) -> None:
    """Make a token, or a signing key; it is shown once."""
    scope = Scope(_role(role) if role else None, _only(pipeline))
    wanted = Wanted(user, "topic" if signing else "console", scope, None if never else days, note)
    with _accounts() as accounts:
        token = accounts.make(wanted)
        _tell(json, {"user": user, "id": token.split("_")[1], "token": token}, token)
    say("Keep it: it is not shown again.", err=True)


def tokens(user: Whose = None, json: AsJson = False) -> None:
    """List the tokens, the newest first, without what would open anything."""
    with _accounts() as accounts:
        found = accounts.tokens(user)
    if json:
        print_json(found)
        return
    columns = ("id", "user", "for", "role", "pipelines", "made", "expires", "revoked", "last used", "note")
    print_table(columns, [_row(one) for one in found])


def _row(one: dict[str, Any]) -> tuple[object, ...]:
    moments = (day(one[f"{what}_at"]) for what in ("made", "expires", "revoked", "used"))
    return one["id"], one["person"], one["use"], one["role"] or "", _names(one), *moments, one["note"]


def revoke(token: TokenId, json: AsJson = False) -> None:
    """Make a token open nothing, nor the sessions it opened."""
    with _accounts() as accounts:
        accounts.revoke(token)
        _tell(json, {"id": token, "revoked": True}, f"{token} opens nothing now")


def sessions(user: Whose = None, json: AsJson = False) -> None:
    """List the sessions that go on, the newest first."""
    with opened_store() as store:
        found = Sessions(store).going_on(user)
    if json:
        print_json([one._asdict() for one in found])
        return
    rows = [
        (one.id, one.person, one.token or "a provider", day(one.made_at), day(one.expires_at))
        for one in found
    ]
    print_table(("id", "user", "opened by token", "since", "until"), rows)


def end_sessions(
    user: Annotated[str, typer.Argument(help="Whose sessions.")],
    session: Annotated[str | None, typer.Option(help="Only the one with this id.")] = None,
    json: AsJson = False,
) -> None:
    """End the sessions of a user: their browsers have to sign in again; tokens stay good."""
    with opened_store() as store:
        ended = Sessions(store).revoke(Ending(user, session, login()))
    _tell(json, {"user": user, "ended": ended}, f"{ended} of {user}'s sessions ended")


def _tell(json: bool, told: dict[str, Any], sentence: str) -> None:
    if json:
        print_json(told)
    else:
        say(sentence)


def _role(name: str) -> Role:
    found = next((role for role in ROLES if role == name), None)
    if found is None:
        raise ConfigError(f"--role {name}: there are {', '.join(ROLES)}")
    return found


def _only(pipelines: list[str] | None) -> tuple[str, ...] | None:
    return tuple(pipelines) if pipelines else None


def _names(row: dict[str, Any]) -> str:
    return "all" if row["pipelines"] is None else ", ".join(row["pipelines"])
