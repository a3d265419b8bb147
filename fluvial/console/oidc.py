"""Provider: who vouches for users by OpenID Connect; the only door to it.

The authorisation code flow with PKCE (RFC 7636), ``state`` and ``nonce``, as OpenID Connect Core 1.0
(section 3.1) and RFC 9700 want it. Authlib speaks the protocol, joserfc checks signatures.
"""

import hashlib
import hmac
import json
import secrets
import time
from collections.abc import Mapping
from typing import Any, NamedTuple
from urllib.parse import parse_qs, urlsplit

from authlib.common.errors import AuthlibBaseError
from authlib.integrations.requests_client import OAuth2Session
from authlib.oidc.core import CodeIDToken
from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import KeySet
from requests import RequestException

from fluvial.accounts import Scope
from fluvial.console.relying import Relying
from fluvial.people import ROLES

ALGORITHMS = ("RS256", "PS256", "ES256", "EdDSA", "RS384", "RS512", "PS384", "PS512", "ES384", "ES512")
"""Signatures that are taken: those that need the provider's own private key."""

PATIENCE = 10.0
"""Seconds that an answer of the provider may take, and that clocks may differ by."""

LASTS = 600.0
"""Seconds that somebody may take to sign in with the provider."""


class NotVouched(Exception):
    """Why the provider's answer lets nobody in."""


class Vouched(NamedTuple):
    """Whom the provider vouches for; ``source`` is the same for the same person, whatever their name."""

    name: str
    scope: Scope
    source: str
    next: str


class Provider:
    """The provider that ``relying`` names; ``key`` seals what a browser keeps while it is there."""

    def __init__(self, relying: Relying, key: bytes) -> None:
        self.relying, self._key = relying, key or secrets.token_bytes(32)

    @property
    def name(self) -> str:
        """What people know it by."""
        return urlsplit(self.relying.issuer).hostname or self.relying.issuer

    def begin(self, back: str, to: str) -> tuple[str, str]:
        """Where to send a browser that signs in, and the cookie it keeps meanwhile. Raises NotVouched.

        ``back`` is our address to come back to, ``to`` the page that was asked for.
        """
        kept = {"state": secrets.token_urlsafe(32), "nonce": secrets.token_urlsafe(32)}
        kept |= {"verifier": secrets.token_urlsafe(48), "back": back, "to": to}
        with self._client(back) as client:
            address, _ = client.create_authorization_url(
                self._told()["authorization_endpoint"],
                state=kept["state"],
                code_verifier=kept["verifier"],
                nonce=kept["nonce"],
            )
        return str(address), self._sealed(json.dumps(kept | {"until": time.time() + LASTS}))

    def finish(self, cookie: str, answer: str) -> Vouched:
        """Whom the provider's answer, an address with a code in it, is about. Raises NotVouched."""
        kept = self._opened(cookie)
        given = {name: values[0] for name, values in parse_qs(urlsplit(answer).query).items()}
        if not hmac.compare_digest(given.get("state", "").encode(), kept["state"].encode()):
            raise NotVouched("the answer is not to what this browser asked")
        if given.get("iss", self.relying.issuer) != self.relying.issuer:
            raise NotVouched("the answer comes from another provider")
        if "code" not in given:
            raise NotVouched(f"{self.name} says: {given.get('error', 'nothing')}")
        claims = self._claims(given["code"], kept)
        return self._vouched(claims, kept["to"])

    def _claims(self, code: str, kept: Mapping[str, str]) -> dict[str, Any]:
        told = self._told()
        try:
            with self._client(kept["back"]) as client:
                token = client.fetch_token(
                    told["token_endpoint"],
                    grant_type="authorization_code",
                    code=code,
                    code_verifier=kept["verifier"],
                    allow_redirects=False,
                )
                keys = KeySet.import_key_set(self._get(client, told["jwks_uri"]))
            found = jwt.decode(str(token.get("id_token", "")), keys, algorithms=list(ALGORITHMS))
            params = {"nonce": kept["nonce"], "client_id": self.relying.client}
            params["access_token"] = token.get("access_token")
            claims = CodeIDToken(found.claims, found.header, self._options(), params)
            claims.validate(leeway=PATIENCE)
        except (AuthlibBaseError, JoseError, RequestException, ValueError, KeyError, TypeError) as error:
            raise NotVouched(f"{self.name} vouches for nobody: {error}") from None
        return dict(found.claims)

    def _options(self) -> dict[str, dict[str, Any]]:
        issuer, client = self.relying.issuer, self.relying.client
        wanted = {"iss": {"essential": True, "value": issuer}, "aud": {"essential": True, "value": client}}
        return wanted | {"nonce": {"essential": True}}

    def _vouched(self, claims: Mapping[str, Any], to: str) -> Vouched:
        name, groups = claims.get(self.relying.name_claim), claims.get(self.relying.groups_claim)
        if not isinstance(name, str) or not name:
            raise NotVouched(f"{self.name} does not say who you are: no {self.relying.name_claim}")
        held = [groups] if isinstance(groups, str) else groups if isinstance(groups, list) else []
        scope = highest([self.relying.roles[one] for one in map(str, held) if one in self.relying.roles])
        if scope is None:
            raise NotVouched(f"none of the groups of {name} has a role here")
        return Vouched(name, scope, f"{self.relying.issuer} {claims['sub']}", to)

    def _client(self, back: str) -> Any:
        return OAuth2Session(
            self.relying.client,
            self.relying.secret,
            scope="openid profile email",
            redirect_uri=back,
            code_challenge_method="S256",
            default_timeout=PATIENCE,
        )

    def _told(self) -> dict[str, Any]:
        """What the provider says about itself. Raises NotVouched."""
        address = f"{self.relying.issuer.rstrip('/')}/.well-known/openid-configuration"
        try:
            with self._client("") as client:
                told = self._get(client, address)
            if told["issuer"] != self.relying.issuer:
                raise NotVouched(f"{address} speaks for another issuer")
            return {name: str(told[name]) for name in NEEDED}
        except (RequestException, ValueError, KeyError, TypeError) as error:
            raise NotVouched(f"{self.name} does not answer as a provider does: {error!r}") from None

    def _get(self, client: Any, address: str) -> Any:
        answer = client.get(address, withhold_token=True, allow_redirects=False)
        answer.raise_for_status()
        return answer.json()

    def _sealed(self, text: str) -> str:
        return f"{text.encode().hex()}.{hmac.new(self._key, text.encode(), hashlib.sha256).hexdigest()}"

    def _opened(self, cookie: str) -> dict[str, str]:
        text, _, _ = cookie.partition(".")
        try:
            plain = bytes.fromhex(text).decode()
        except ValueError:
            plain = ""
        if not plain or not hmac.compare_digest(cookie.encode(), self._sealed(plain).encode()):
            raise NotVouched("this browser did not begin here: begin again")
        kept: dict[str, Any] = json.loads(plain)
        if kept["until"] < time.time():
            raise NotVouched("that took too long: begin again")
        return kept


NEEDED = ("authorization_endpoint", "token_endpoint", "jwks_uri")
"""What has to be known of a provider."""


def highest(scopes: list[Scope]) -> Scope | None:
    """The scope of the highest role among several; where several groups give it, on the pipelines of all."""
    if not scopes:
        return None
    role = max((one.role or ROLES[0] for one in scopes), key=ROLES.index)
    held = [one.pipelines for one in scopes if one.role == role]
    names = [name for pipelines in held if pipelines is not None for name in pipelines]
    return Scope(role, None if None in held else tuple(dict.fromkeys(names)))
