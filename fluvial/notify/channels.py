"""Channels: what the settings name, ready to tell people."""

from collections.abc import Iterator
from pathlib import Path

from fluvial.errors import ConfigError
from fluvial.notify.grafana import Grafana
from fluvial.notify.mail import Mail, Server
from fluvial.notify.notice import Channel
from fluvial.notify.webhook import Webhook
from fluvial.settings import Settings

SHORTEST = 16
"""Characters that the key of a webhook has at least."""


def channels_of(here: Settings) -> list[Channel]:
    """The channels that the settings name. Raises ConfigError naming the variable that is wrong."""
    return [*_webhook(here), *_mail(here), *_grafana(here)]


def _webhook(here: Settings) -> Iterator[Channel]:
    if here.notify_webhook:
        key = _secret("FLUVIAL_NOTIFY_WEBHOOK_KEY_FILE", here.notify_webhook_key_file)
        if len(key) < SHORTEST:
            raise ConfigError(f"FLUVIAL_NOTIFY_WEBHOOK_KEY_FILE: a key has at least {SHORTEST} characters")
        yield Webhook(here.notify_webhook, key.encode())
    elif here.notify_webhook_key_file:
        raise ConfigError("FLUVIAL_NOTIFY_WEBHOOK: a key was given and no address: set it")


def _mail(here: Settings) -> Iterator[Channel]:
    if not here.smtp:
        for name in ("smtp_user", "smtp_password_file", "smtp_ca_file", "mail_from", "mail_to"):
            if getattr(here, name):
                raise ConfigError(f"FLUVIAL_{name.upper()}: it is of no use without FLUVIAL_SMTP: set it")
        return
    receivers = tuple(filter(None, map(str.strip, here.mail_to.split(","))))
    if not here.mail_from or not receivers:
        raise ConfigError("FLUVIAL_SMTP: say whom mail is from (FLUVIAL_MAIL_FROM) and for (FLUVIAL_MAIL_TO)")
    yield Mail(_server(here), here.mail_from, receivers)


def _server(here: Settings) -> Server:
    host, _, port = here.smtp.rpartition(":")
    password = ""
    if here.smtp_user:
        password = _secret("FLUVIAL_SMTP_PASSWORD_FILE", here.smtp_password_file)
        if here.smtp_security == "none":
            raise ConfigError("FLUVIAL_SMTP_SECURITY: a password is not sent where anybody can read it")
    elif here.smtp_password_file:
        raise ConfigError("FLUVIAL_SMTP_USER: a password was given and no user: set it")
    if here.smtp_ca_file and not here.smtp_ca_file.is_file():
        raise ConfigError(f"FLUVIAL_SMTP_CA_FILE: there is no file {here.smtp_ca_file}")
    ca_file = str(here.smtp_ca_file) if here.smtp_ca_file else None
    return Server(host.strip("[]"), int(port), here.smtp_security, here.smtp_user, password, ca_file)


def _grafana(here: Settings) -> Iterator[Channel]:
    if here.grafana:
        yield Grafana(here.grafana, _secret("FLUVIAL_GRAFANA_TOKEN_FILE", here.grafana_token_file))
    elif here.grafana_token_file:
        raise ConfigError("FLUVIAL_GRAFANA: a token was given and no address: set it")


def _secret(name: str, path: Path | None) -> str:
    if path is None:
        raise ConfigError(f"{name}: it is needed here: set it")
    try:
        return path.read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f"{name}: {error}") from None
