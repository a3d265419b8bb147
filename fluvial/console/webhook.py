"""Webhook: where Alertmanager tells the console of alerts."""

from datetime import datetime
from typing import Annotated, Literal

import structlog
from fastapi import APIRouter, Depends
from pydantic import BaseModel, Field

from fluvial.calls import Call, Calls, Taken
from fluvial.console.api import DECIDING, Stored, may_change
from fluvial.console.auth import WEBHOOK
from fluvial.console.needs import needs

logger = structlog.get_logger()

MOST = 1000
"""Alerts in one notification: Alertmanager sends a group at a time."""

Name = Annotated[str, Field(max_length=200)]
Value = Annotated[str, Field(max_length=2000)]


class ToldAlert(BaseModel):
    """One alert, as Alertmanager's webhook writes it; what it says beyond this is not looked at."""

    status: Literal["firing", "resolved"]
    labels: dict[Name, Value] = Field(max_length=100)
    annotations: dict[Name, Value] = Field(default={}, max_length=100)
    starts_at: datetime = Field(alias="startsAt")


class Notification(BaseModel):
    """What Alertmanager's webhook sends (version 4)."""

    alerts: list[ToldAlert] = Field(max_length=MOST)


class TakenIn(BaseModel):
    """What became of a notification's alerts, in their order."""

    alerts: list[Taken]


router = APIRouter(tags=["v1"], responses=DECIDING)


@router.post(WEBHOOK, dependencies=[Depends(may_change)])
@needs("operator")
def told(body: Notification, store: Stored) -> TakenIn:
    """Take in what Alertmanager tells; repeating it changes nothing."""
    calls = Calls(store)
    taken = [calls.take_in(_call(alert)) for alert in body.alerts]
    for alert, what in zip(body.alerts, taken, strict=True):
        logger.info("told by Alertmanager", labels=alert.labels, status=alert.status, taken=what)
    return TakenIn(alerts=taken)


def _call(alert: ToldAlert) -> Call:
    summary = alert.annotations.get("summary", alert.labels.get("alertname", ""))
    return Call(alert.labels, summary, alert.starts_at.timestamp(), alert.status == "resolved")
