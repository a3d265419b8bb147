"""Prometheus, Alertmanager and promtool from the machine's own binaries."""

from __future__ import annotations

import subprocess
from collections.abc import Sequence
from pathlib import Path
from typing import Any, cast

from tests.services.monitoring import WebService, find, version

INTERVAL = "1s"  # the shortest that is still like production


class Prometheus(WebService):
    """A Prometheus that scrapes the given `host:port` targets each second.

    The first samples come about 6 seconds after the start, however short the interval.
    """

    def __init__(
        self,
        folder: Path,
        scrape_targets: Sequence[str] = (),
        rules: Path | None = None,
        alertmanager: str | None = None,
        job: str = "app",
    ) -> None:
        program = find("prometheus", "prometheus")
        self.description = f"Prometheus {version(program)}"
        config = _prometheus_config(scrape_targets, rules, alertmanager, job)
        super().__init__(program, config, folder, (f"--storage.tsdb.path={folder / 'data'}",))

    def query(self, expression: str) -> list[dict[str, Any]]:
        """The series an expression gives now. An unknown metric is no error: it gives none."""
        answer = cast("dict[str, Any]", self.get("/api/v1/query", query=expression))
        return cast("list[dict[str, Any]]", answer["data"]["result"])


class Alertmanager(WebService):
    """An Alertmanager that passes every alert on to a webhook at once, or follows a configuration file."""

    def __init__(self, folder: Path, webhook: str | None = None, config: Path | None = None) -> None:
        program = find("prometheus-alertmanager", "prometheus-alertmanager", "alertmanager")
        self.description = f"Alertmanager {version(program)}"
        content = config.read_text() if config else _alertmanager_config(webhook)
        # an empty cluster address: it does not look for others
        options = (f"--storage.path={folder / 'data'}", "--cluster.listen-address=")
        super().__init__(program, content, folder, options)

    def alerts(self) -> list[dict[str, Any]]:
        """The alerts it holds now."""
        return cast("list[dict[str, Any]]", self.get("/api/v2/alerts"))


class Promtool:
    """Prometheus' own checker, as in `promtool("check", "rules", path)`."""

    def __init__(self) -> None:
        self._program = find("prometheus", "promtool")
        self.description = f"promtool {version(self._program)}"

    def __call__(self, *arguments: str | Path) -> str:
        """What it prints; a complaint fails the test."""
        done = subprocess.run(
            [self._program, *map(str, arguments)], capture_output=True, text=True, check=False, timeout=60
        )
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout


def _prometheus_config(
    targets: Sequence[str], rules: Path | None, alertmanager: str | None, job: str
) -> dict[str, Any]:
    config: dict[str, Any] = {
        "global": {"scrape_interval": INTERVAL, "scrape_timeout": INTERVAL, "evaluation_interval": INTERVAL},
        "scrape_configs": [{"job_name": job, "static_configs": [{"targets": list(targets)}]}],
    }
    if rules:
        config["rule_files"] = [str(rules.resolve())]
    if alertmanager:
        target = alertmanager.removeprefix("http://")
        config["alerting"] = {"alertmanagers": [{"static_configs": [{"targets": [target]}]}]}
    return config


def _alertmanager_config(webhook: str | None) -> dict[str, Any]:
    receiver: dict[str, Any] = {"name": "hook"}
    if webhook:
        receiver["webhook_configs"] = [{"url": webhook}]
    route = {"receiver": "hook", "group_wait": "0s", "group_interval": INTERVAL}
    return {"route": route, "receivers": [receiver]}
