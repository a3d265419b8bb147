"""docker-compose.yml brings everything up: what it says fits together and fits the code it starts."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Mapping
from importlib import metadata
from itertools import chain
from pathlib import Path
from types import MappingProxyType
from typing import Any

import jsonschema  # type: ignore[import-untyped]
import pytest
import yaml
from typer.main import get_command

from fluvial.cli import commandline
from fluvial.config import load
from fluvial.notify.channels import channels_of
from fluvial.settings import Settings

ROOT = Path(__file__).parent.parent
FILE = ROOT / "docker-compose.yml"
KEYS = {
    *("image", "build", "command", "environment", "volumes", "ports", "depends_on", "healthcheck", "restart"),
    *(
        "secrets",
        "hostname",
        "read_only",
        "tmpfs",
        "cap_drop",
        "security_opt",
        "network_mode",
        "stop_grace_period",
    ),
}
CONDITIONS = {"service_healthy", "service_completed_successfully"}


class Strict(yaml.SafeLoader):
    """Refuses a key that stands twice in one mapping, as Compose does and YAML's loader does not."""

    def construct_mapping(self, node: Any, deep: bool = False) -> Any:
        """The mapping, unless one of its keys is there twice."""
        keys = [key.value for key, _ in node.value]
        assert len(keys) == len(set(keys)), f"line {node.start_mark.line + 1}: {keys}"
        return super().construct_mapping(node, deep=deep)


COMPOSE: dict[str, Any] = yaml.load(FILE.read_text(), Strict)
SERVICES: dict[str, dict[str, Any]] = COMPOSE["services"]
OURS = {name: service for name, service in SERVICES.items() if service["image"].startswith("fluvial:")}
NOTICES = dict(
    re.findall(r"^#(FLUVIAL_\w+)=(.*)$", (ROOT / "deploy" / "notices.env").read_text(), re.MULTILINE)
)
ONCE = {name for name, service in SERVICES.items() if service["restart"] == "no"}


def needs(name: str) -> dict[str, dict[str, str]]:
    """What a service waits for."""
    found: dict[str, dict[str, str]] = SERVICES[name].get("depends_on", {})
    return found


def argv(service: dict[str, Any]) -> list[str]:
    """The command of a service."""
    command = service.get("command", [])
    assert isinstance(command, list), "a command is a list: a shell would split it anew"
    return command


def filled(value: str, given: Mapping[str, str] = MappingProxyType({})) -> str:
    """A value as Compose fills it in: ``${NAME:-default}`` and ``${NAME:+instead}``, and nothing else."""

    def fill(match: re.Match[str]) -> str:
        name, way, text = match.groups()
        there = given.get(name, "")
        return (there or text) if way == "-" else (text if there else "")

    made = re.sub(r"\$\{(\w+):([-+])([^}]*)\}", fill, value)
    assert "$" not in made, value
    return made


def environment(name: str, given: Mapping[str, str] = MappingProxyType({})) -> dict[str, str]:
    """The environment of a service where Compose is ``given`` some variables."""
    return {key: filled(value, given) for key, value in SERVICES[name].get("environment", {}).items()}


def mounts(name: str) -> list[tuple[str, str, str]]:
    """What a service mounts: source, target, mode."""
    split = [mount.split(":") for mount in SERVICES[name].get("volumes", [])]
    return [(source, target, mode[0] if mode else "rw") for source, target, *mode in split]


def test_it_has_every_part_of_the_system() -> None:
    parts = "kafka postgres topics producer worker console prometheus alertmanager grafana secrets"
    assert set(SERVICES) == set(parts.split())


def test_it_fits_the_schema_of_compose() -> None:
    files = [file for file in _schema_files() if file.name == "compose-spec.json"]
    if not files:
        pytest.skip("no compose-spec.json: it comes with the package check-jsonschema")
    schema = json.loads(Path(str(files[0].locate())).read_text())
    validator = jsonschema.validators.validator_for(schema)(schema)
    assert [f"{list(error.path)}: {error.message}" for error in validator.iter_errors(COMPOSE)] == []


def _schema_files() -> list[metadata.PackagePath]:
    try:
        return metadata.files("check-jsonschema") or []
    except metadata.PackageNotFoundError:
        return []


@pytest.mark.parametrize("name", SERVICES)
def test_a_service_has_only_keys_that_are_meant(name: str) -> None:
    assert set(SERVICES[name]) <= KEYS
    assert SERVICES[name]["restart"] in ("no", "unless-stopped")
    for value in SERVICES[name].get("environment", {}).values():
        assert isinstance(value, str), "YAML would turn it into something else"


@pytest.mark.parametrize("name", SERVICES)
def test_an_image_is_pinned_to_a_full_version(name: str) -> None:
    tag = SERVICES[name]["image"].rpartition(":")[2]
    assert re.match(r"v?\d+\.\d+", tag), tag
    assert (ROOT / SERVICES[name].get("build", ".") / "Dockerfile").is_file()


@pytest.mark.parametrize("name", SERVICES)
def test_a_service_waits_for_what_can_come_about(name: str) -> None:
    for other, wait in needs(name).items():
        assert other in SERVICES
        assert wait["condition"] in CONDITIONS
        if wait["condition"] == "service_healthy":
            assert other not in ONCE
            assert "test" in SERVICES[other].get("healthcheck", {}), f"{other} has no health"
        else:
            assert other in ONCE, f"{other} never ends"


def test_no_service_waits_for_itself() -> None:
    for name in SERVICES:
        seen, found = set[str](), {name}
        while found - seen:
            seen |= found
            found = set(chain.from_iterable(needs(one) for one in seen))
            assert name not in found


def test_whoever_uses_the_log_or_the_store_waits_for_it() -> None:
    for name in ("worker", "producer"):
        assert "topics" in needs(name)
    assert {"kafka", "secrets"} <= set(needs("topics"))
    for name in ("worker", "console"):
        assert needs(name)["postgres"] == {"condition": "service_healthy"}


@pytest.mark.parametrize("name", sorted(set(SERVICES) - ONCE - {"worker"}))
def test_what_stays_up_says_whether_it_is_well(name: str) -> None:
    check = SERVICES[name]["healthcheck"]
    assert check["test"][0] == "CMD"
    assert {"interval", "timeout", "retries"} <= set(check)


@pytest.mark.parametrize("name", sorted(ONCE))
def test_what_ends_has_no_health(name: str) -> None:
    assert SERVICES[name]["healthcheck"] == {"disable": True}


def test_every_port_is_on_this_machine_only_and_taken_once() -> None:
    ports = [port for service in SERVICES.values() for port in service.get("ports", [])]
    assert all(re.fullmatch(r"127\.0\.0\.1:\d+:\d+", port) for port in ports), ports
    assert len({port.split(":")[1] for port in ports}) == len(ports)
    assert "ports" not in SERVICES["worker"], "several workers cannot share a port of this machine"


def test_volumes_are_declared_and_files_are_there_and_read_only() -> None:
    named = set()
    for name in SERVICES:
        for source, target, mode in mounts(name):
            assert target.startswith("/")
            if source.startswith("."):
                assert (ROOT / source).exists(), source
                assert mode == "ro"
            else:
                named.add(source)
    assert named == set(COMPOSE["volumes"])


def test_secrets_come_from_files_that_one_service_writes() -> None:
    for volume in ("secrets", "webhook"):
        writers = [
            name for name in SERVICES for source, _, mode in mounts(name) if (source, mode) == (volume, "rw")
        ]
        assert writers == ["secrets"]
    script = argv(SERVICES["secrets"])[-1]
    for name in SERVICES:
        for variable, value in environment(name, NOTICES).items():
            if variable == "FLUVIAL_SMTP_PASSWORD_FILE":
                assert value == "/run/secrets/smtp-password"
            elif re.search(r"PASSWORD|KEY|TOKEN", variable) and variable.startswith(("FLUVIAL", "POSTGRES")):
                assert variable.endswith("_FILE"), f"{name}: {variable}"
                folder, _, file = value.rpartition("/")
                assert folder in ("/run/fluvial", "/run/webhook")
                assert f'"{file}"' in script
    assert "@" not in " ".join(chain.from_iterable(map(argv, SERVICES.values())))


def test_the_script_of_the_secrets_makes_each_of_them_once(tmp_path: Path) -> None:
    script = argv(SERVICES["secrets"])[-1].replace("/run/", f"{tmp_path}/")
    exec(script, {})
    files = [file for file in tmp_path.rglob("*") if file.is_file()]
    first = {str(file.relative_to(tmp_path)): file.read_bytes() for file in files}
    exec(script, {})
    assert {str(file.relative_to(tmp_path)): file.read_bytes() for file in files} == first
    ours = {"store-password", "key", "token", "notify-webhook-key"}
    assert set(first) == {"webhook/token", *(f"fluvial/{name}" for name in ours)}
    modes = {file.parent.name: file.stat().st_mode & 0o777 for file in files}
    assert modes == {"fluvial": 0o600, "webhook": 0o644}


def test_alertmanager_sees_the_token_of_its_webhook_and_no_other_secret() -> None:
    sources = {source for source, _, _ in mounts("alertmanager")}
    assert "webhook" in sources
    assert "secrets" not in sources
    assert SERVICES["console"]["hostname"] == "console"


@pytest.mark.parametrize("name", OURS)
def test_our_services_know_every_setting_they_are_given(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    given = environment(name)
    known = {f"FLUVIAL_{field.upper()}" for field in Settings.model_fields}
    assert set(given) <= known
    for variable in [variable for variable in os.environ if variable.startswith("FLUVIAL_")]:
        monkeypatch.delenv(variable)
    for variable, value in given.items():
        monkeypatch.setenv(variable, value)
    settings = Settings(store_password_file=None)
    assert settings.bootstrap in [one.split("://")[1] for one in _advertised()]
    assert settings.store_url.drivername == "postgresql+psycopg"
    assert (settings.store_url.host, settings.store_url.port) == ("postgres", 5432)
    postgres = SERVICES["postgres"]["environment"]
    assert settings.store_url.username == postgres["POSTGRES_USER"]
    assert settings.store_url.database == postgres["POSTGRES_DB"]


def _advertised() -> list[str]:
    listeners: str = SERVICES["kafka"]["environment"]["KAFKA_ADVERTISED_LISTENERS"]
    return listeners.split(",")


def channels(given: Mapping[str, str], folder: Path, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The channels by which the console tells people where Compose is given some variables."""
    for variable in [variable for variable in os.environ if variable.startswith("FLUVIAL_")]:
        monkeypatch.delenv(variable)
    for variable, value in environment("console", given).items():
        monkeypatch.setenv(variable, value.replace("/run/", f"{folder}/"))
    return [channel.name for channel in channels_of(Settings())]


def test_nobody_is_told_of_incidents_until_somebody_says_whom(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert channels({}, tmp_path, monkeypatch) == []


def test_what_is_said_in_the_environment_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    exec(argv(SERVICES["secrets"])[-1].replace("/run/", f"{tmp_path}/"), {})
    (tmp_path / "secrets").mkdir()
    (tmp_path / "secrets" / "smtp-password").write_text("swordfish\n")
    webhook = {"FLUVIAL_NOTIFY_WEBHOOK": NOTICES["FLUVIAL_NOTIFY_WEBHOOK"]}
    assert channels(webhook, tmp_path, monkeypatch) == ["webhook"]
    assert channels(NOTICES, tmp_path, monkeypatch) == ["webhook", "mail"]
    bare = {name: NOTICES[name] for name in ("FLUVIAL_SMTP", "FLUVIAL_MAIL_FROM", "FLUVIAL_MAIL_TO")}
    assert channels(bare, tmp_path, monkeypatch) == ["mail"], "a server that asks for no password"


def test_the_file_for_notices_names_what_compose_reads_and_sets_nothing() -> None:
    read = set(re.findall(r"\$\{(\w+):", FILE.read_text()))
    assert set(NOTICES) == read
    lines = (ROOT / "deploy" / "notices.env").read_text().splitlines()
    assert all(line.startswith("#") or not line for line in lines)
    (secret,) = SERVICES["console"]["secrets"]
    assert filled(COMPOSE["secrets"][secret]["file"]) == "/dev/null"
    assert [name for name in SERVICES if "secrets" in SERVICES[name]] == ["console"]


def test_kafka_tells_this_machine_the_port_it_publishes() -> None:
    host = next(one for one in _advertised() if one.startswith("HOST://"))
    assert f"{host.removeprefix('HOST://')}:29092" in SERVICES["kafka"]["ports"]


@pytest.mark.parametrize("name", [name for name in OURS if argv(OURS[name])[0] == "fluvial"])
def test_our_services_run_commands_that_there_are(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(ROOT)
    values = _parsed(get_command(commandline()), argv(OURS[name]))
    for value in values.values():
        if isinstance(value, Path):
            assert (ROOT / value).is_file()
            assert value.parts[0] == "examples", "the image holds no other files"


def test_the_pipeline_is_one_that_can_be_loaded() -> None:
    assert load(ROOT / argv(SERVICES["worker"])[2]).pipeline == "flights"


def _parsed(command: Any, words: list[str]) -> dict[str, Any]:
    """The parameters a command line gives to its command; wrong usage raises."""
    context = command.make_context(words[0], words[1:])
    if not hasattr(command, "resolve_command"):
        found: dict[str, Any] = context.params
        return found
    name, inner, rest = command.resolve_command(context, [*context._protected_args, *context.args])
    return _parsed(inner, [name, *rest])
