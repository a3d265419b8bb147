"""Relying: what the console is to an OpenID Connect provider, and what a user's groups mean here."""

from collections.abc import Mapping
from ipaddress import ip_address
from pathlib import Path
from typing import NamedTuple
from urllib.parse import urlsplit

from fluvial.accounts import Scope
from fluvial.errors import ConfigError
from fluvial.people import ROLES
from fluvial.settings import Settings


class Relying(NamedTuple):
    """What we are to the provider, and what its claims mean here: ``roles`` maps a group to a scope."""

    issuer: str
    client: str
    secret: str
    roles: Mapping[str, Scope]
    name_claim: str = "preferred_username"
    groups_claim: str = "groups"


def relying(settings: Settings) -> Relying | None:
    """What the settings say of a provider; None where they name none. Raises ConfigError."""
    if not settings.oidc_issuer:
        return None
    parts = urlsplit(settings.oidc_issuer)
    if parts.scheme != "https" and not (parts.scheme == "http" and _is_here(parts.hostname or "")):
        raise ConfigError("FLUVIAL_OIDC_ISSUER: write https://…; only on this machine http:// will do")
    if not settings.oidc_client:
        raise ConfigError("FLUVIAL_OIDC_CLIENT: a provider was named and no client: set it")
    if settings.oidc_secret_file is None:
        raise ConfigError("FLUVIAL_OIDC_SECRET_FILE: a provider was named and no secret: set it")
    roles = parsed(settings.oidc_roles)
    secret = _secret(settings.oidc_secret_file)
    claims = settings.oidc_name, settings.oidc_groups
    return Relying(settings.oidc_issuer, settings.oidc_client, secret, roles, *claims)


def parsed(text: str) -> dict[str, Scope]:
    """Groups and their scopes, such as ``ml=operator,staff=viewer:flights+cards``. Raises ConfigError."""
    found = dict(_mapped(part.strip()) for part in text.split(",") if part.strip())
    if not found:
        raise ConfigError("FLUVIAL_OIDC_ROLES: without a group's role nobody can sign in: set it")
    return found


def _mapped(part: str) -> tuple[str, Scope]:
    group, _, given = part.rpartition("=")
    name, _, pipelines = given.partition(":")
    role = next((one for one in ROLES if one == name), None)
    if not group or role is None:
        raise ConfigError(f"FLUVIAL_OIDC_ROLES: {part!r}: write GROUP=ROLE; roles are {', '.join(ROLES)}")
    return group, Scope(role, tuple(pipelines.split("+")) if pipelines else None)


def _secret(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f"FLUVIAL_OIDC_SECRET_FILE: {error}") from None


def _is_here(host: str) -> bool:
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
