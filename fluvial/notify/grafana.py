"""Grafana: incidents and decisions as annotations, by Grafana's own API, with who and why.

The marks that dashboards make of Prometheus know monitors and actions only; these know the sentence.
"""

import json
from html import escape
from typing import Any

from fluvial.notify.notice import CALLS, Kind, Notice
from fluvial.notify.posting import post


class Grafana:
    """Tells the Grafana at ``url`` by an API token that may write annotations."""

    name = "grafana"
    kinds: tuple[Kind, ...] = (*CALLS, "decided", "test")

    def __init__(self, url: str, token: str) -> None:
        self._url, self._token = url.rstrip("/"), token

    def send(self, notice: Notice) -> None:
        """Return when Grafana has the annotation. Raises NotSent."""
        headers = {"Authorization": f"Bearer {self._token}"}
        post(f"{self._url}/api/annotations", json.dumps(annotation(notice)).encode(), headers)


def annotation(notice: Notice) -> dict[str, Any]:
    """An annotation at the clock time of the change; dashboards find it by its tags."""
    body = notice.body
    what = "decision" if notice.kind == "decided" else "incident"
    said = "\n".join(filter(None, (body["title"], body["text"], body["link"])))
    text = escape(said, quote=False)  # Grafana shows annotations as HTML, and values of events are in it
    return {
        "time": int(body["at"] * 1000),
        "tags": ["fluvial", what, notice.kind, notice.pipeline],
        "text": text,
    }
