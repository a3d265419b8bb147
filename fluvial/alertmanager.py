"""Alertmanager: what is asked of its API (version 2), and the only door to it."""

import base64
import json
import urllib.request
from collections.abc import Mapping
from datetime import UTC, datetime
from http.client import HTTPException
from typing import Any, NamedTuple

OWNER = "fluvial"
"""Who our silences say has made them: those of people are left alone."""

PATIENCE = 5.0
"""Seconds that an answer may take."""

Labels = frozenset[tuple[str, str]]
"""Names and values: of an alert, or what a silence asks of one."""


class Unanswered(Exception):
    """Alertmanager is away, or says something that is not understood."""


class Silence(NamedTuple):
    """A silence for alerts that have all of ``labels``, until the clock time ``ends_at`` (s since 1970 UTC).

    ``comment`` is what people read; ``id`` and ``starts`` are Alertmanager's, empty for a new one.
    """

    labels: Labels
    ends_at: float
    comment: str
    id: str = ""
    starts: str = ""


class Alertmanager:
    """One Alertmanager at ``url``, by its name and password where it asks for them.

    Every method raises Unanswered.
    """

    def __init__(self, url: str, user: str = "", password: str = "") -> None:
        self.url = url.rstrip("/")
        self._headers = {"Content-Type": "application/json"}
        if user:
            secret = base64.b64encode(f"{user}:{password}".encode()).decode()
            self._headers["Authorization"] = f"Basic {secret}"

    def silences(self) -> list[Silence]:
        """Our silences that have not ended."""
        found = self._ask("GET", "silences")
        try:
            ours = [one for one in found if one["createdBy"] == OWNER and one["status"]["state"] != "expired"]
            return [_silence(one) for one in ours]
        except (KeyError, TypeError, ValueError) as error:
            raise Unanswered(f"{self.url} lists silences in another way: {error!r}") from None

    def alerts(self) -> set[Labels]:
        """The labels of all alerts that it holds, silenced ones included."""
        found = self._ask("GET", "alerts")
        try:
            return {frozenset(one["labels"].items()) for one in found}
        except (AttributeError, KeyError, TypeError) as error:
            raise Unanswered(f"{self.url} lists alerts in another way: {error!r}") from None

    def keep(self, silence: Silence) -> None:
        """Make a silence, or give the one of this id another end."""
        matchers = [
            {"name": name, "value": value, "isRegex": False, "isEqual": True}
            for name, value in sorted(silence.labels)
        ]
        body: dict[str, Any] = {"matchers": matchers, "createdBy": OWNER, "comment": silence.comment}
        now = datetime.now(UTC).isoformat()
        body |= {"startsAt": silence.starts or now}
        body |= {"endsAt": datetime.fromtimestamp(silence.ends_at, UTC).isoformat()}
        self._ask("POST", "silences", body | ({"id": silence.id} if silence.id else {}))

    def end(self, silence: Silence) -> None:
        """End a silence."""
        self._ask("DELETE", f"silence/{silence.id}")

    def _ask(self, method: str, path: str, body: Mapping[str, Any] | None = None) -> Any:
        url = f"{self.url}/api/v2/{path}"
        data = None if body is None else json.dumps(body).encode()
        try:
            request = urllib.request.Request(url, data, self._headers, method=method)
            with urllib.request.urlopen(request, timeout=PATIENCE) as answer:
                said = answer.read()
            return json.loads(said) if said.strip() else None
        except (OSError, HTTPException, ValueError) as error:  # a status of failure is an OSError as well
            raise Unanswered(f"{method} {url}: {error}") from None


def _silence(told: Mapping[str, Any]) -> Silence:
    labels = frozenset((one["name"], one["value"]) for one in told["matchers"])
    ends_at = datetime.fromisoformat(told["endsAt"]).timestamp()
    return Silence(labels, ends_at, told["comment"], told["id"], told["startsAt"])
