"""Mail: handed over encrypted, to a server that is known, with a password that nobody reads on the way."""

from __future__ import annotations

import ssl
from pathlib import Path

import pytest

from fluvial.errors import ConfigError
from fluvial.notify.channels import channels_of
from fluvial.notify.mail import Mail, Security, Server
from fluvial.notify.notice import Notice, NotSent
from fluvial.settings import Settings
from tests.fluvial.notify.receivers import MailReceiver, certificate, serving

BODY = {
    "title": "flights: got worse\r\nBcc: all@example.org",
    "text": "The loss rose — see below.",
    "link": "http://c/i",
}
NOTICE = Notice(1, "mail/worse/a1/", "mail", "flights", "worse", "a1", BODY, 0.0, 0)
TO = ("ann@example.org", "ben@example.org")


@pytest.fixture(scope="module")
def known(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, ssl.SSLContext]:
    return certificate(tmp_path_factory.mktemp("tls"))


def mail(receiver: MailReceiver, security: Security, ca: Path | None = None, password: str = "") -> Mail:
    user = "fluvial" if password else ""
    server = Server("localhost", receiver.port, security, user, password, str(ca) if ca else None)
    return Mail(server, "desk@example.org", TO)


def test_mail_is_handed_over_encrypted_with_a_password(known: tuple[Path, ssl.SSLContext]) -> None:
    with serving(MailReceiver(known[1], ("fluvial", "secret"))) as receiver:
        mail(receiver, "starttls", known[0], "secret").send(NOTICE)
    (sent,) = receiver.mails
    assert sent["Subject"] == "flights: got worse Bcc: all@example.org"
    assert sent["Bcc"] is None
    assert (sent["From"], sent["To"]) == ("desk@example.org", "ann@example.org, ben@example.org")
    assert sent.get_content().splitlines() == ["The loss rose — see below.", "", "http://c/i"]
    assert sent["Message-ID"] == f"<{NOTICE.id}@fluvial>"
    assert len(receiver.receivers[0]) == 2


def test_a_server_that_is_not_known_gets_neither_mail_nor_password(
    known: tuple[Path, ssl.SSLContext],
) -> None:
    with serving(MailReceiver(known[1])) as receiver, pytest.raises(NotSent, match="certificate"):
        mail(receiver, "starttls", None, "secret").send(NOTICE)
    assert receiver.mails == []


def test_a_server_that_cannot_encrypt_gets_nothing() -> None:
    with serving(MailReceiver()) as receiver, pytest.raises(NotSent, match="STARTTLS"):
        mail(receiver, "starttls").send(NOTICE)
    assert receiver.mails == []


def test_mail_goes_unencrypted_where_somebody_wants_that() -> None:
    with serving(MailReceiver()) as receiver:
        mail(receiver, "none").send(NOTICE)
    assert len(receiver.mails) == 1


@pytest.mark.parametrize("trouble", ["busy", "password", "nobody", "away"])
def test_what_was_not_taken_is_not_sent(known: tuple[Path, ssl.SSLContext], trouble: str) -> None:
    with serving(MailReceiver(known[1], ("fluvial", "secret"))) as receiver:
        receiver.busy = 1 if trouble == "busy" else 0
        receiver.refused = TO if trouble == "nobody" else ()
        password = "wrong" if trouble == "password" else "secret"
        way = mail(receiver, "starttls", known[0], password)
        if trouble != "away":
            with pytest.raises(NotSent):
                way.send(NOTICE)
    if trouble == "away":
        with pytest.raises(NotSent, match="refused"):
            way.send(NOTICE)
    assert receiver.mails == []


def test_who_has_it_is_not_told_again_because_another_address_is_wrong() -> None:
    with serving(MailReceiver()) as receiver:
        receiver.refused = TO[:1]
        mail(receiver, "none").send(NOTICE)
    assert len(receiver.mails) == 1


# ---- settings


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"smtp": "mail:25"}, "FLUVIAL_MAIL_FROM"),
        ({"mail_to": "a@b"}, "FLUVIAL_MAIL_TO: it is of no use without FLUVIAL_SMTP"),
        ({"notify_webhook": "http://h/"}, "FLUVIAL_NOTIFY_WEBHOOK_KEY_FILE: it is needed"),
        ({"notify_webhook": "http://h/", "notify_webhook_key_file": "SHORT"}, "at least 16"),
        ({"notify_webhook_key_file": "KEY"}, "FLUVIAL_NOTIFY_WEBHOOK: a key was given"),
        ({"grafana": "http://g"}, "FLUVIAL_GRAFANA_TOKEN_FILE"),
        ({"grafana_token_file": "KEY"}, "FLUVIAL_GRAFANA: a token was given"),
        ({"smtp": "m:25", "mail_from": "a@b", "mail_to": "c@d", "smtp_user": "u"}, "SMTP_PASSWORD_FILE: it is"),
        ({"smtp": "m:25", "mail_from": "a@b", "mail_to": "c@d", "smtp_user": "u", "smtp_password_file": "KEY", "smtp_security": "none"}, "anybody can read"),
        ({"smtp": "m:25", "mail_from": "a@b", "mail_to": "c@d", "smtp_ca_file": "none.pem"}, "there is no file"),
    ],
)  # fmt: skip
def test_settings_that_make_no_sense_are_refused_by_name(
    tmp_path: Path, given: dict[str, str], said: str
) -> None:
    (tmp_path / "SHORT").write_text("short")
    (tmp_path / "KEY").write_text("a key that is long enough")
    files = {
        name: str(tmp_path / value) if name.endswith("_file") else value for name, value in given.items()
    }
    with pytest.raises(ConfigError, match=said):
        channels_of(Settings.model_validate(files))


def test_settings_name_every_channel(tmp_path: Path) -> None:
    (tmp_path / "key").write_text("a key that is long enough\n")
    key = str(tmp_path / "key")
    given = {"notify_webhook": "http://h/x", "notify_webhook_key_file": key, "grafana": "http://g/"}
    given |= {"grafana_token_file": key, "smtp": "m:25", "mail_from": "a@b", "mail_to": "c@d, e@f"}
    assert [one.name for one in channels_of(Settings.model_validate(given))] == ["webhook", "mail", "grafana"]
    assert channels_of(Settings()) == []
