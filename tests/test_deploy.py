"""The image and the configuration files name only what is there, and the tools they are for take them."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from fluvial.console.auth import WEBHOOK
from tests.services.prometheus import Promtool
from tests.test_compose import COMPOSE, SERVICES, argv, mounts

ROOT = Path(__file__).parent.parent
DEPLOY = ROOT / "deploy"
DOCKERFILE = (ROOT / "Dockerfile").read_text().replace("\\\n", " ")
LINES = [line.strip() for line in DOCKERFILE.splitlines() if line.strip() and not line.startswith("#")]
GRAFANA = DEPLOY / "grafana" / "provisioning"


def read(path: Path) -> Any:
    """A YAML file."""
    return yaml.safe_load(path.read_text())


def told(word: str) -> list[str]:
    """What follows an instruction of the Dockerfile, each time it is given."""
    return [line.removeprefix(word).strip() for line in LINES if line.startswith(f"{word} ")]


def test_the_base_image_is_slim_pinned_and_the_same_twice() -> None:
    bases = {base.split(" AS ")[0] for base in told("FROM")}
    assert len(bases) == 1
    assert re.fullmatch(r"python:3\.\d+\.\d+-slim-\w+", bases.pop())


def test_the_image_installs_only_what_is_pinned_by_hash() -> None:
    installs = [part for run in told("RUN") for part in run.split("&&") if "pip install" in part]
    assert len(installs) == 3
    for install in installs:
        assert ("--require-hashes" in install) != ("--no-deps ." in install), install


def test_the_image_runs_as_nobody_in_particular_and_says_whether_it_is_well() -> None:
    assert told("USER") == ["10001:10001"]
    assert LINES.index("USER 10001:10001") < LINES.index(
        next(line for line in LINES if line.startswith("CMD"))
    )
    (health,) = told("HEALTHCHECK")
    port = next(word for word in argv(SERVICES["worker"]) if word.startswith("--metrics-port="))
    assert f":{port.partition('=')[2]}/ready" in health
    assert told("ADD") == []


def test_everything_the_image_copies_is_there_and_not_ignored() -> None:
    ignored = (ROOT / ".dockerignore").read_text().splitlines()
    sources = [source for copy in told("COPY") if "--from" not in copy for source in copy.split()[:-1]]
    assert sources
    for source in sources:
        assert (ROOT / source).exists(), source
        assert f"!{source}" in ignored
    assert "*" in ignored
    assert len([line for line in ignored if line.startswith("!")]) == len(sources)


def test_the_image_holds_the_folder_that_is_mounted_for_secrets() -> None:
    # a new volume takes the owner of the folder it covers: without it nobody but root could write there
    (secrets,) = (target for source, target, _ in mounts("secrets") if source == "secrets")
    (webhook,) = (target for source, target, _ in mounts("secrets") if source == "webhook")
    assert re.search(rf"install -d -o fluvial .*{secrets}", DOCKERFILE)
    assert re.search(rf"install -d -o fluvial -g fluvial -m 0755 {webhook}", DOCKERFILE)


def test_prometheus_takes_its_configuration_with_the_rules(promtool: Promtool, tmp_path: Path) -> None:
    shutil.copy(DEPLOY / "prometheus.yml", tmp_path)
    shutil.copytree(ROOT / "dashboards" / "out" / "prometheus", tmp_path / "rules")
    said = promtool("check", "config", tmp_path / "prometheus.yml")
    assert "1 rule files found" in said


def test_alertmanager_takes_its_configuration() -> None:
    if not (tool := shutil.which("amtool")):
        pytest.skip("no amtool on the PATH: install prometheus-alertmanager, as Debian calls it")
    command = [tool, "check-config", str(DEPLOY / "alertmanager.yml")]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=30)
    assert done.returncode == 0, done.stdout + done.stderr


def test_prometheus_scrapes_the_worker_and_tells_alertmanager() -> None:
    config = read(DEPLOY / "prometheus.yml")
    jobs = {job["job_name"]: job for job in config["scrape_configs"]}
    (found,) = jobs["fluvial"]["dns_sd_configs"]  # the job that FluvialWorkerGone asks for
    assert found["names"] == ["worker"]
    assert f"--metrics-port={found['port']}" in argv(SERVICES["worker"])
    (manager,) = config["alerting"]["alertmanagers"][0]["static_configs"][0]["targets"]
    assert manager.split(":")[0] in SERVICES
    assert ("./dashboards/out/prometheus", "/etc/prometheus/rules", "ro") in mounts("prometheus")
    assert config["rule_files"] == ["rules/*.yml"]


def test_alertmanager_tells_the_console_with_the_token_it_may_see() -> None:
    config = read(DEPLOY / "alertmanager.yml")
    (webhook,) = next(one for one in config["receivers"] if one["name"] == "console")["webhook_configs"]
    address = re.fullmatch(r"http://(\w+):(\d+)(/.+)", webhook["url"])
    assert address
    assert f"--port={address[2]}" in argv(SERVICES[address[1]])
    assert address[3] == WEBHOOK
    shown = webhook["http_config"]["authorization"]["credentials_file"]
    assert shown == SERVICES["console"]["environment"]["FLUVIAL_WEBHOOK_TOKEN_FILE"]
    assert SERVICES["console"]["environment"]["FLUVIAL_ALERTMANAGER"] == "http://alertmanager:9093"


def test_what_a_worker_sees_is_in_the_console_within_15_seconds() -> None:
    prometheus, alertmanager = (read(DEPLOY / f"{name}.yml") for name in ("prometheus", "alertmanager"))
    (route,) = [one for one in alertmanager["route"]["routes"] if one["receiver"] == "console"]
    waits = [prometheus["global"][f"{name}_interval"] for name in ("scrape", "evaluation")]
    assert sum(int(wait.removesuffix("s")) for wait in (*waits, route["group_wait"])) <= 12


def test_grafana_finds_its_sources_and_the_dashboard() -> None:
    sources = read(GRAFANA / "datasources" / "fluvial.yml")["datasources"]
    assert [source["type"] for source in sources] == ["prometheus", "alertmanager"]
    for source in sources:
        assert re.fullmatch(r"http://(\w+):\d+", source["url"])[1] in SERVICES  # type: ignore[index]
    interval = read(DEPLOY / "prometheus.yml")["global"]["scrape_interval"]
    assert sources[0]["jsonData"]["timeInterval"] == interval
    (provider,) = read(GRAFANA / "dashboards" / "fluvial.yml")["providers"]
    folder = provider["options"]["path"]
    assert ("./dashboards/out/grafana", folder, "ro") in mounts("grafana")
    home = SERVICES["grafana"]["environment"]["GF_DASHBOARDS_DEFAULT_HOME_DASHBOARD_PATH"]
    assert (ROOT / "dashboards" / "out" / "grafana" / home.removeprefix(f"{folder}/")).is_file()


def test_grafana_is_of_the_version_the_dashboard_is_made_for() -> None:
    assert SERVICES["grafana"]["image"].startswith("grafana/grafana:11.6.")
    assert "grafana-foundation-sdk==1769699379!11.6.0" in (ROOT / "pyproject.toml").read_text()


def test_the_dashboards_link_leads_to_the_console_of_the_stack() -> None:
    board = json.loads((ROOT / "dashboards" / "out" / "grafana" / "fleet.json").read_text())
    console = next(v["query"] for v in board["templating"]["list"] if v["name"] == "console")
    assert read(DEPLOY / "prometheus.yml")["global"]["external_labels"] == {"console": console}
    port = SERVICES["console"]["ports"][0].rpartition(":")[0]
    assert console == f"http://{port}"
    assert COMPOSE["name"] == "fluvial"
