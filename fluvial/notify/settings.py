"""Settings of notices: where people are told of incidents; each an environment variable, secrets in files."""

import re
from pathlib import Path
from typing import Literal

from pydantic import Field, field_validator
from pydantic_settings import BaseSettings

_ADDRESS = re.compile(r"https?://[^\s/@?#]+(/[^\s@?#]*)?")
_POSTED = re.compile(r"https?://[^\s/@?#]+(/[^\s@#]*)?")
_SERVER = re.compile(r"(\[[0-9A-Fa-f:.]+\]|[^\s:/@]+):(\d{1,5})")
_MAILBOX = re.compile(r"[^\s@,<>]+@[^\s@,<>]+")


class NotifySettings(BaseSettings):
    """Where people are told of what changes about incidents; what is empty tells nobody."""

    console_url: str = Field(default="", description="the console's address, as links in notices have it")
    notify_webhook: str = Field(default="", description="URL that is told of incidents by signed JSON")
    notify_webhook_key_file: Path | None = Field(default=None, description="file with the key that signs it")
    smtp: str = Field(default="", description="HOST:PORT of the server that sends mail about incidents")
    smtp_security: Literal["starttls", "tls", "none"] = Field(
        default="starttls", description="how mail is handed over: encrypted after a greeting, at once, or not"
    )
    smtp_user: str = Field(default="", description="the user that the mail server knows")
    smtp_password_file: Path | None = Field(default=None, description="file with that user's password")
    smtp_ca_file: Path | None = Field(
        default=None, description="certificates to know the mail server by; without it those of the machine"
    )
    mail_from: str = Field(default="", description="whom mail about incidents is from")
    mail_to: str = Field(default="", description="whom it is for; several with commas between them")
    grafana: str = Field(default="", description="URL of the Grafana that draws incidents and decisions")
    grafana_token_file: Path | None = Field(default=None, description="file with its API token")

    @field_validator("console_url", "grafana")
    @classmethod
    def _is_the_address_of_a_service(cls, value: str) -> str:
        if value and not _ADDRESS.fullmatch(value):
            raise ValueError("write http://HOST:PORT or https://HOST:PORT, without a user in it")
        return value.rstrip("/")

    @field_validator("notify_webhook")
    @classmethod
    def _can_be_posted_to(cls, value: str) -> str:
        if value and not _POSTED.fullmatch(value):
            raise ValueError("write http://HOST:PORT/PATH or https://HOST:PORT/PATH, without a user in it")
        return value

    @field_validator("smtp")
    @classmethod
    def _is_a_server(cls, value: str) -> str:
        if value and not _SERVER.fullmatch(value):
            raise ValueError("write HOST:PORT, such as mail.example.org:587")
        return value

    @field_validator("mail_from", "mail_to")
    @classmethod
    def _are_mailboxes(cls, value: str) -> str:
        for part in filter(None, map(str.strip, value.split(","))):
            if not _MAILBOX.fullmatch(part):
                raise ValueError("write NAME@HOST; several receivers with commas between them")
        return value
