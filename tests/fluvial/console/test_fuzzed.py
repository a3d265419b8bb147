"""The API does what its description says, whatever is sent: nothing that is thought up breaks it."""

from __future__ import annotations

import pytest
import schemathesis
from fastapi import FastAPI
from hypothesis import HealthCheck, Phase, settings
from schemathesis import Case
from schemathesis.checks import not_a_server_error

from tests.fluvial.console.visitors import TOKEN


@pytest.fixture
def described(app: FastAPI) -> schemathesis.BaseSchema:
    """The API by its own description."""
    return schemathesis.openapi.from_asgi("/api/v1/openapi.json", app, headers=SHOWN)


SHOWN = {"Authorization": f"Bearer {TOKEN}"}

api = schemathesis.pytest.from_fixture("described")


@api.parametrize()
@settings(
    max_examples=25,
    deadline=None,
    derandomize=True,
    database=None,
    phases=[Phase.explicit, Phase.generate],
    suppress_health_check=list(HealthCheck),
)
def test_nothing_that_is_sent_to_the_api_breaks_it(case: Case) -> None:
    answer = case.call(headers=SHOWN)
    case.validate_response(answer, checks=[not_a_server_error])
