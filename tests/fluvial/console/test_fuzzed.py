"""The API does what its description says, whatever is sent: nothing that is thought up breaks it."""

from __future__ import annotations

import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from schemathesis import Case

from fluvial.console.app import create
from fluvial.store import Store
from tests.fluvial.console.visitors import TOKEN

HOST = "testserver"
"""What the one who asks calls the console."""

ASKED = 12
"""Requests to each operation."""

bounded = settings(
    max_examples=ASKED,
    deadline=None,
    derandomize=True,
    database=None,
    phases=[Phase.explicit, Phase.generate],
    suppress_health_check=list(HealthCheck),
)


def test_nothing_that_is_sent_to_the_api_breaks_it(store: Store) -> None:
    app = create(store, token=TOKEN, names=[HOST])
    shown = {"Authorization": f"Bearer {TOKEN}"}
    schema = schemathesis.openapi.from_asgi("/api/v1/openapi.json", app, headers=shown)
    broken: list[str] = []
    asked = 0

    def ask(case: Case) -> None:
        nonlocal asked
        asked += 1
        answer = case.call(headers=shown)
        if answer.status_code >= 500 or answer.status_code in (401, 403):
            broken.append(f"{case.method} {case.path} {answer.status_code} {answer.text[:200]}")

    for result in schema.get_all_operations():
        operation = result.ok()
        bounded(given(case=operation.as_strategy())(ask))()
    assert broken == []
    assert asked > 12 * ASKED / 2
