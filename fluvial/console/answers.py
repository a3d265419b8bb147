"""Answers: pages from templates, and refusals as a page or as JSON, whichever was asked for."""

import hashlib
import re
import time
from collections.abc import Callable, Mapping
from importlib.resources import files
from pathlib import Path
from typing import Any
from urllib.parse import unquote

from jinja2 import Environment, PackageLoader, StrictUndefined
from pydantic import BaseModel
from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, Response

from fluvial import rate
from fluvial.console import cards, claims, phrases
from fluvial.console.models import Problem
from fluvial.console.visits import visit_of
from fluvial.evidence import Said

WHO = "fluvial_who"
"""The cookie that remembers the name a visitor decides under."""

SILENT = 60.0
"""Seconds without a report after which a running pipeline counts as silent."""

_STATIC = Path(str(files("fluvial.console"))) / "static"

_NAMES = ("console.css", "card.css", "console.js", "charts.js", "inbox.js", "plotly.css", "icon.svg")

ASSETS = {name: _STATIC / name for name in _NAMES}
"""What the pages load, by name; all of it comes from here."""

ASSETS["plotly.min.js"] = Path(str(files("plotly"))) / "package_data" / "plotly.min.js"

_GUARD = re.compile(rb'document\.getElementById\("([0-9a-f]{64})"\)')
"""How a library inside Plotly asks whether its style sheet, known by its hash, is there already."""

TITLES = {
    400: "This address does not work",
    401: "Who is there?",
    403: "That was not allowed",
    404: "Nothing is here",
    422: "That was not understood",
    503: "The store does not answer",
}

HELP = {
    401: "Open the address that was printed where the console was started; it ends in ?token=…. "
    "Programs send the token in an “Authorization: Bearer” header.",
    503: "Nothing was changed. The page works again as soon as the store does.",
}
"""What to do next, where the refusal alone does not say it."""


class Answers:
    """Makes every page; what comes from events is escaped and made visible in one place, here."""

    def __init__(self) -> None:
        self._pages = Environment(
            loader=PackageLoader("fluvial.console"),
            autoescape=True,
            undefined=StrictUndefined,
            finalize=phrases.visible,
            trim_blocks=True,
            lstrip_blocks=True,
        )
        bodies = {name: path.read_bytes() for name, path in ASSETS.items()}
        versions = {name: hashlib.sha256(body).hexdigest()[:12] for name, body in bodies.items()}
        self._pages.globals["asset"] = lambda name: f"/static/{name}?v={versions[name]}"
        self._pages.globals["guards"] = [found.decode() for found in _GUARD.findall(bodies["plotly.min.js"])]
        for phrase in (
            phrases.number,
            phrases.metric,
            phrases.count,
            phrases.moment,
            phrases.iso,
            phrases.ago,
            phrases.span,
            claims.observed,
        ):
            self._pages.filters[phrase.__name__] = phrase
        for word in cards.FILTERS:
            self._pages.filters[word.__name__] = word
        self._pages.filters["how_often"] = rate.told
        self._pages.globals |= {word.__name__: word for word in cards.WORDS}
        self._pages.globals |= {"MEASURES": cards.MEASURES, "VERDICTS": cards.VERDICTS}
        self._pages.globals["CAUSES"] = claims.CAUSES
        for claim in (claims.gap, claims.moved, claims.interval, claims.caveats):
            self._pages.filters[claim.__name__] = _of_model(claim)
        self._pages.globals |= {"LABELS": phrases.ACTIONS, "DEEDS": phrases.DEEDS, "silent": _silent}
        self._pages.globals |= {"PHASES": claims.PHASES, "STATES": claims.MONITOR_STATES}
        self._pages.globals |= {"subject": claims.subject, "lead": claims.lead, "likely": claims.likely}
        self._pages.globals |= {"differed": claims.differed}

    def page(
        self, request: Request, template: str, context: Mapping[str, Any], status: int = 200
    ) -> Response:
        """A page for a visitor who has been let in."""
        visit = visit_of(request)
        who = visit.person.name or phrases.visible(unquote(request.cookies.get(WHO, ""))[:200])
        shared = {"path": request.scope["path"], "csrf": visit.csrf or "", "who": who}
        shared |= {"person": visit.person, "session": visit.cookie != ""}
        return HTMLResponse(self._pages.get_template(template).render({**shared, **context}), status)

    def message(self, request: Request, title: str, detail: str, status: int = 200) -> Response:
        """A page with one sentence on it, and what to do next."""
        shown = {"title": title, "detail": detail, "help": HELP.get(status), "status": status}
        page = self._pages.get_template("message.html").render(shown | {"path": request.scope["path"]})
        return HTMLResponse(page, status, _headers(status))

    def refuse(self, request: Request, status: int, detail: str) -> Response:
        """Say why a request was not answered, and what to do."""
        if request.scope["path"].startswith("/api/"):
            problem = Problem(detail=" ".join(filter(None, (detail, HELP.get(status)))))
            return JSONResponse(problem.model_dump(), status, _headers(status))
        title = TITLES.get(status, "That did not work")
        sentence = detail[:1].upper() + detail[1:]
        return self.message(request, title, sentence, status)


def _headers(status: int) -> dict[str, str] | None:
    return {401: {"WWW-Authenticate": "Bearer"}, 503: {"Retry-After": "5"}}.get(status)


def _of_model(claim: Callable[[Said], str]) -> Callable[[BaseModel], str]:
    return lambda one: claim(one.model_dump())


def _silent(status_at: float | None) -> bool:
    return status_at is not None and time.time() - status_at > SILENT
