"""An OpenID Connect provider on loopback: it signs people in at once, and lies where a test wants it to."""

from __future__ import annotations

import base64
import hashlib
import json
import secrets
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

from joserfc import jwt
from joserfc.jwk import KeySet, RSAKey

CLIENT, SECRET = "fluvial", "the client's secret"


class IdentityProvider:
    """What it knows and says. ``claims`` are of whoever signs in; ``twisted`` changes an ID token's."""

    def __init__(self) -> None:
        self.key = RSAKey.generate_key(2048, {"kid": "one", "use": "sig", "alg": "RS256"})
        self.signs_with, self.algorithm = self.key, "RS256"
        self.claims: dict[str, Any] = {"sub": "4711", "preferred_username": "ann", "groups": ["ml"]}
        self.twisted: dict[str, Any] = {}
        self.issuer = self.says_issuer = ""
        self._codes: dict[str, dict[str, str]] = {}

    def metadata(self) -> dict[str, str]:
        """What it says about itself."""
        here = self.issuer
        return {
            "issuer": self.says_issuer or here,
            "authorization_endpoint": f"{here}/authorize",
            "token_endpoint": f"{here}/token",
            "jwks_uri": f"{here}/keys",
        }

    def authorize(self, query: str) -> str:
        """Sign whoever is there in; the address to go back to."""
        asked = {name: values[0] for name, values in parse_qs(query).items()}
        assert asked["code_challenge_method"] == "S256"
        assert (asked["client_id"], asked["response_type"]) == (CLIENT, "code")
        code = secrets.token_urlsafe(16)
        self._codes[code] = asked
        return f"{asked['redirect_uri']}?{urlencode({'code': code, 'state': asked['state']})}"

    def token(self, body: str, authorization: str) -> tuple[int, dict[str, Any]]:
        """Exchange a code, once, by the client that holds its verifier."""
        given = {name: values[0] for name, values in parse_qs(body).items()}
        asked = self._codes.pop(given.get("code", ""), None)
        wanted = base64.b64encode(f"{CLIENT}:{SECRET}".encode()).decode()
        if asked is None or authorization != f"Basic {wanted}":
            return 400, {"error": "invalid_grant"}
        digest = hashlib.sha256(given.get("code_verifier", "").encode()).digest()
        fits = base64.urlsafe_b64encode(digest).decode().rstrip("=") == asked["code_challenge"]
        if not fits or given.get("redirect_uri") != asked["redirect_uri"]:
            return 400, {"error": "invalid_grant"}
        claims = {"iss": self.issuer, "aud": CLIENT, "nonce": asked["nonce"], **self.claims}
        claims |= {"iat": int(time.time()), "exp": int(time.time()) + 300} | self.twisted
        said = {name: value for name, value in claims.items() if value is not None}
        id_token = jwt.encode({"alg": self.algorithm, "kid": "one"}, said, self.signs_with)
        return 200, {"access_token": "opens nothing here", "token_type": "Bearer", "id_token": id_token}

    def keys(self) -> Any:
        """The public half of its key."""
        return KeySet([self.key]).as_dict(private=False)


@contextmanager
def served() -> Iterator[IdentityProvider]:
    """A provider on a port of its own."""
    provider = IdentityProvider()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            parts = urlsplit(self.path)
            if parts.path == "/authorize":
                self.send_response(303)
                self.send_header("Location", provider.authorize(parts.query))
                self.send_header("Content-Length", "0")
                self.end_headers()
                return
            known = {"/.well-known/openid-configuration": provider.metadata, "/keys": provider.keys}
            self._say(200, known[parts.path]())

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"])).decode()
            self._say(*provider.token(body, self.headers.get("Authorization", "")))

        def _say(self, status: int, value: Any) -> None:
            text = json.dumps(value).encode()
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(text)))
            self.end_headers()
            self.wfile.write(text)

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    provider.issuer = f"http://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    try:
        yield provider
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
