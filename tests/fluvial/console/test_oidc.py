"""Signing in with a provider: a real one on loopback vouches for users, and lies are seen through."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from fastapi import FastAPI
from joserfc.jwk import OctKey, RSAKey
from playwright.sync_api import Page, expect

from fluvial import trail
from fluvial.accounts import Accounts, Scope
from fluvial.console.app import SignIn, create
from fluvial.console.oidc import Provider, highest
from fluvial.console.relying import Relying, parsed, relying
from fluvial.console.server import ConsoleServer
from fluvial.errors import ConfigError
from fluvial.settings import Settings
from fluvial.store import Store
from tests.fluvial.console.provider import CLIENT, SECRET, IdentityProvider, served
from tests.fluvial.console.visitors import ORIGIN, TOKEN, Client, field

ROLES = {"ml": Scope("operator"), "staff": Scope("viewer", ("intent",)), "boss": Scope("admin")}


@pytest.fixture(scope="module")
def running() -> Iterator[IdentityProvider]:
    """A provider that runs as long as these tests do."""
    with served() as provider:
        yield provider


@pytest.fixture
def idp(running: IdentityProvider) -> IdentityProvider:
    """It, without what other tests made it say."""
    running.signs_with, running.algorithm, running.twisted, running.says_issuer = running.key, "RS256", {}, ""
    running.claims = {"sub": "4711", "preferred_username": "ann", "groups": ["ml"]}
    return running


def provider(idp: IdentityProvider) -> Provider:
    return Provider(Relying(idp.issuer, CLIENT, SECRET, ROLES), b"k" * 32)


@pytest.fixture
def app(store: Store, idp: IdentityProvider) -> FastAPI:
    """A console whose users the provider vouches for; its own token opens nothing."""
    return create(store, token=TOKEN, sign_in=SignIn(local=False, provider=provider(idp)))


def browser(app: FastAPI) -> Client:
    return Client(app, base_url=ORIGIN, headers={"Origin": ORIGIN}, follow_redirects=False)


def go(client: Client, idp: IdentityProvider, to: str = "/") -> Any:
    """The answer of the console to a browser that was at the provider and comes back."""
    sent = client.get("/signin/provider", params={"to": to})
    assert sent.headers["location"].startswith(f"{idp.issuer}/authorize?")
    return client.get(idp.authorize(sent.headers["location"].partition("?")[2]))


def test_whom_the_provider_vouches_for_is_let_in_under_their_name(
    app: FastAPI, idp: IdentityProvider, store: Store
) -> None:
    client = browser(app)
    answer = go(client, idp, "/incidents/0f1e2d3c4b5a")
    assert (answer.status_code, answer.headers["refresh"]) == (200, "0; url=/incidents/0f1e2d3c4b5a")
    assert "samesite=strict" in answer.headers["set-cookie"].lower()
    page = client.get("/incidents/0f1e2d3c4b5a")
    assert "You decide as" in page.text
    wish = {"action": "acknowledge", "csrf": field(page.text, "csrf"), "id": "r1", "reason": "mine"}
    assert client.post("/incidents/0f1e2d3c4b5a/reviews", data=wish).status_code == 303
    entry = trail.entries(store, limit=1)[0]
    assert (entry.who, entry.told["shown"]) == ("ann", f"signed in by {idp.issuer} 4711")
    assert trail.entries(store, limit=2)[1].event == "signin"


def test_groups_say_role_and_pipelines_and_are_read_anew_each_time(
    app: FastAPI, idp: IdentityProvider
) -> None:
    client = browser(app)
    idp.claims["groups"] = ["nobody knows", "staff"]
    go(client, idp)
    assert "flights" not in client.get("/").text
    assert client.get("/pipelines/flights").status_code == 404
    idp.claims["groups"] = ["boss", "staff"]
    go(client, idp)
    assert client.get("/pipelines/flights").status_code == 200


@pytest.mark.parametrize("groups", [None, [], ["others"], {"ml": 1}, "mls", 5])
def test_without_a_group_that_has_a_role_nobody_gets_in(
    app: FastAPI, idp: IdentityProvider, store: Store, groups: Any
) -> None:
    idp.claims["groups"] = groups
    client = browser(app)
    answer = go(client, idp)
    assert answer.status_code == 403
    assert client.get("/").status_code == 401
    assert trail.entries(store, limit=1)[0].event == "signin.refused"


def another_key(idp: IdentityProvider) -> None:
    idp.signs_with = RSAKey.generate_key(2048, {"kid": "one"})


def a_secret_that_others_know(idp: IdentityProvider) -> None:
    idp.signs_with, idp.algorithm = OctKey.import_key(SECRET * 3), "HS256"


LIES: list[Any] = [
    another_key,
    a_secret_that_others_know,
    {"iss": "http://127.0.0.1:1"},
    {"iss": None},
    {"aud": "somebody else"},
    {"aud": None},
    {"aud": [CLIENT, "another"], "azp": "another"},
    {"nonce": "of another time"},
    {"nonce": None},
    {"exp": 1},
    {"exp": None},
    {"iat": None},
    {"sub": None},
    {"preferred_username": None},
    {"preferred_username": ""},
    {"preferred_username": "a\nb"},
    {"preferred_username": 5},
]


@pytest.mark.parametrize("lie", LIES, ids=lambda lie: getattr(lie, "__name__", str(lie)))
def test_a_word_that_is_not_the_providers_own_or_not_for_us_lets_nobody_in(
    app: FastAPI, idp: IdentityProvider, lie: Any
) -> None:
    if callable(lie):
        lie(idp)
    else:
        idp.twisted = lie
    client = browser(app)
    assert go(client, idp).status_code == 403
    assert client.get("/").status_code == 401


def test_an_answer_to_another_browser_or_a_second_time_lets_nobody_in(
    app: FastAPI, idp: IdentityProvider
) -> None:
    mine, theirs = browser(app), browser(app)
    sent = theirs.get("/signin/provider").headers["location"]
    back = idp.authorize(sent.partition("?")[2])
    assert mine.get(back).status_code == 403, "this browser did not begin"
    mine.get("/signin/provider")
    assert mine.get(back).status_code == 403, "it began something else"
    assert theirs.get(back).status_code == 200
    assert theirs.get(back).status_code == 403, "the code is used up"


@pytest.mark.parametrize("change", ["", "00", "x" * 200, "7b7d.0"])
def test_what_the_browser_keeps_meanwhile_cannot_be_made_up(
    app: FastAPI, idp: IdentityProvider, change: str
) -> None:
    client = browser(app)
    sent = client.get("/signin/provider").headers["location"]
    kept = client.cookies.get("fluvial_signin")
    client.cookies.delete("fluvial_signin")
    client.cookies.set("fluvial_signin", change + str(kept), path="/signin") if change else None
    assert client.get(idp.authorize(sent.partition("?")[2])).status_code == 403


def test_a_provider_that_speaks_for_another_issuer_or_not_at_all_is_not_asked(
    store: Store, idp: IdentityProvider
) -> None:
    idp.says_issuer = "https://elsewhere.example"
    app = create(store, token=TOKEN, sign_in=SignIn(provider=provider(idp)))
    assert browser(app).get("/signin/provider").status_code == 503
    away = Provider(Relying("http://127.0.0.1:1", CLIENT, SECRET, ROLES), b"k")
    app = create(store, token=TOKEN, sign_in=SignIn(provider=away))
    assert browser(app).get("/signin/provider").status_code == 503


def test_a_refusal_of_the_provider_is_told(app: FastAPI, idp: IdentityProvider) -> None:
    client = browser(app)
    sent = client.get("/signin/provider").headers["location"]
    state = sent.partition("state=")[2].partition("&")[0]
    answer = client.get(f"/signin/back?error=access_denied&state={state}")
    assert (answer.status_code, "access_denied" in answer.text) == (403, True)


def test_a_name_that_another_user_has_is_not_given_away(
    app: FastAPI, idp: IdentityProvider, store: Store
) -> None:
    Accounts(store).add("root", Scope("admin"))
    idp.claims["preferred_username"] = "root"
    assert go(browser(app), idp).status_code == 403, "a user of ours"
    idp.claims["preferred_username"] = "ann"
    assert go(browser(app), idp).status_code == 200
    idp.claims["sub"] = "somebody else"
    assert go(browser(app), idp).status_code == 403, "a name that was taken over"


def test_who_is_disabled_stays_out_whoever_vouches(app: FastAPI, idp: IdentityProvider, store: Store) -> None:
    client = browser(app)
    go(client, idp)
    assert client.get("/").status_code == 200
    Accounts(store).disable("ann")
    assert client.get("/").status_code == 401, "the session has ended"
    assert go(browser(app), idp).status_code == 403


def test_a_real_browser_goes_to_the_provider_and_comes_back_signed_in(
    page: Page, store: Store, idp: IdentityProvider
) -> None:
    server = ConsoleServer(store, sign_in=SignIn(local=False, provider=provider(idp)))
    server.start()
    try:
        page.goto(server.url)
        page.get_by_role("link", name="Sign in with 127.0.0.1").click()
        expect(page.get_by_role("heading", name="flights")).to_be_visible()
        page.get_by_role("button", name="Sign out ann").click()
        expect(page.get_by_role("heading", name="Sign in")).to_be_visible()
        page.goto(f"{server.address}/incidents")
        expect(page.get_by_role("heading", name="Who is there?")).to_be_visible()
    finally:
        server.stop()


@pytest.mark.parametrize(
    ("text", "roles"),
    [
        ("ml=operator", {"ml": Scope("operator")}),
        (
            "a=b=viewer:flights+cards, x=admin",
            {"a=b": Scope("viewer", ("flights", "cards")), "x": Scope("admin")},
        ),
    ],
)
def test_what_groups_mean_is_read_from_the_settings(text: str, roles: dict[str, Scope]) -> None:
    assert parsed(text) == roles


@pytest.mark.parametrize("text", ["", " , ", "ml", "ml=", "=admin", "ml=root"])
def test_nonsense_about_groups_is_refused(text: str) -> None:
    with pytest.raises(ConfigError, match="FLUVIAL_OIDC_ROLES"):
        parsed(text)


def test_of_several_groups_the_highest_role_counts() -> None:
    assert highest([]) is None
    found = [Scope("viewer"), Scope("operator", ("a",)), Scope("operator", ("b", "a"))]
    assert highest(found) == Scope("operator", ("a", "b"))
    assert highest([*found, Scope("operator")]) == Scope("operator", None)


@pytest.mark.parametrize(
    ("given", "wrong"),
    [
        ({"oidc_issuer": "http://elsewhere.example"}, "FLUVIAL_OIDC_ISSUER"),
        ({"oidc_issuer": "ftp://x"}, "FLUVIAL_OIDC_ISSUER"),
        ({"oidc_issuer": "https://x"}, "FLUVIAL_OIDC_CLIENT"),
        ({"oidc_issuer": "https://x", "oidc_client": "c"}, "FLUVIAL_OIDC_SECRET_FILE"),
        (
            {
                "oidc_issuer": "https://x",
                "oidc_client": "c",
                "oidc_secret_file": "/nowhere",
                "oidc_roles": "a=admin",
            },
            "FLUVIAL_OIDC_SECRET_FILE",
        ),
    ],
)
def test_settings_that_miss_something_name_the_variable(given: dict[str, Any], wrong: str) -> None:
    with pytest.raises(ConfigError, match=wrong):
        relying(Settings(**given))
    assert relying(Settings()) is None
