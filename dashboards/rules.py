"""Rules: what Prometheus computes and watches, as the file it reads."""

from __future__ import annotations

import yaml

from dashboards.alerts import ALERTS
from dashboards.recorded import RECORDED


def as_yaml() -> str:
    """The rules as Prometheus reads them; in a group each sees what those before it have recorded."""
    rules = [*(one.as_rule() for one in RECORDED), *(one.as_rule() for one in ALERTS)]
    return yaml.safe_dump(
        {"groups": [{"name": "fluvial", "rules": rules}]}, sort_keys=False, width=10_000, allow_unicode=True
    )
