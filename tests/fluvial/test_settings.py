"""Settings: read from the environment alone; what is wrong is named by its variable and never shown."""

import ssl
import stat
from collections.abc import Callable
from pathlib import Path

import pytest

from fluvial.errors import ConfigError
from fluvial.secrets import console_token
from fluvial.settings import Settings, settings
from tests.fluvial.racing import race

Set = Callable[..., Settings]


@pytest.fixture
def given(monkeypatch: pytest.MonkeyPatch) -> Set:
    """Reads the settings of an environment with these variables."""

    def read(**variables: str) -> Settings:
        for name in Settings.model_fields:
            monkeypatch.delenv(f"FLUVIAL_{name.upper()}", raising=False)
        for name, value in variables.items():
            monkeypatch.setenv(f"FLUVIAL_{name.upper()}", value)
        return settings()

    return read


def test_without_any_variable_everything_is_in_one_folder(given: Set) -> None:
    found = given()
    assert found.log_path == Path(".fluvial/log.db")
    assert found.store_url.database == ".fluvial/store.db"
    assert (found.key_path, found.token_path) == (Path(".fluvial/key"), Path(".fluvial/token"))
    assert found.bootstrap is None
    assert found.worker_name


def test_a_variable_that_is_empty_counts_as_not_set(given: Set) -> None:
    assert given(home="", log="", store="", key_file="", token_file="", worker="") == given()


def test_the_log_is_a_file_or_a_broker(given: Set) -> None:
    assert given(log="embedded:/data/log.db").log_path == Path("/data/log.db")
    assert given(log="embedded:/data/log.db").bootstrap is None
    assert given(log="kafka://a:9092,b:9092").bootstrap == "a:9092,b:9092"


@pytest.mark.parametrize("home", ["/a b", "/a?b", "/a#b", "/a%20b", "/a@b:c", "/\N{SNOWMAN}"])
def test_a_home_may_have_any_name(given: Set, home: str) -> None:
    assert given(home=home).store_url.database == f"{home}/store.db"


def test_the_password_of_the_store_comes_from_a_file(given: Set, tmp_path: Path) -> None:
    (tmp_path / "password").write_text("p@ss w/rd\n")
    found = given(store="postgresql://ann@db/fluvial", store_password_file=str(tmp_path / "password"))
    assert found.store_url.password == "p@ss w/rd"
    assert found.store_url.drivername == "postgresql+psycopg"
    assert "p@ss" not in str(found.store_url)


@pytest.mark.parametrize(
    ("variables", "said"),
    [
        (
            {"log": "localhost:9092"},
            "FLUVIAL_LOG is 'localhost:9092': write kafka://HOST:PORT or embedded:PATH",
        ),
        ({"log": "kafka://"}, "FLUVIAL_LOG"),
        ({"log": "embedded:"}, "FLUVIAL_LOG"),
        ({"worker": "the left one"}, "FLUVIAL_WORKER: 'the left one': a name has up to 249 letters"),
        ({"worker": ".."}, "FLUVIAL_WORKER"),
        ({"session_timeout": "0"}, "FLUVIAL_SESSION_TIMEOUT"),
        ({"stuck_timeout": "soon"}, "FLUVIAL_STUCK_TIMEOUT"),
        ({"leave_at_stop": "perhaps"}, "FLUVIAL_LEAVE_AT_STOP"),
        ({"kafka_security": "tls"}, "FLUVIAL_KAFKA_SECURITY"),
        ({"kafka_sasl_mechanism": "GSSAPI"}, "FLUVIAL_KAFKA_SASL_MECHANISM"),
        ({"home": "/\udcff"}, "FLUVIAL_HOME: it holds bytes that are no UTF-8 text"),
        ({"store": "postgresql://ann:hunter2@\udcff/db"}, "FLUVIAL_STORE: it holds bytes"),
        ({"store": "mysql://ann:hunter2@db/fluvial"}, "FLUVIAL_STORE: mysql is no store"),
        ({"store": "ann:hunter2"}, "FLUVIAL_STORE: this is no database URL"),
        ({"store": "sqlite://"}, "FLUVIAL_STORE: a store in memory would forget"),
        ({"store_password_file": "password"}, "FLUVIAL_STORE_PASSWORD_FILE: SQLite takes no password"),
        ({"store": "postgresql://db/x", "store_password_file": "/no/file"}, "FLUVIAL_STORE_PASSWORD_FILE"),
    ],
)
def test_a_value_that_cannot_work_is_named_by_its_variable(
    given: Set, variables: dict[str, str], said: str
) -> None:
    with pytest.raises(ConfigError) as raised:
        given(**variables).store_url  # noqa: B018
    assert said in str(raised.value)
    assert "hunter2" not in str(raised.value)


def test_a_password_that_is_no_text_is_refused(given: Set, tmp_path: Path) -> None:
    (tmp_path / "password").write_bytes(b"\xff\xfe")
    found = given(store="postgresql://db/x", store_password_file=str(tmp_path / "password"))
    with pytest.raises(ConfigError, match="FLUVIAL_STORE_PASSWORD_FILE"):
        found.store_url  # noqa: B018


def test_without_a_word_about_security_kafka_is_spoken_to_in_the_open(given: Set) -> None:
    assert given().kafka_options == {"security_protocol": "PLAINTEXT"}


def test_the_password_for_kafka_comes_from_a_file(given: Set, tmp_path: Path) -> None:
    (tmp_path / "password").write_text("p@ss w/rd\n")
    found = given(
        kafka_security="sasl_ssl",
        kafka_sasl_mechanism="SCRAM-SHA-512",
        kafka_user="ann",
        kafka_password_file=str(tmp_path / "password"),
    )
    options = found.kafka_options
    assert isinstance(options.pop("ssl_context"), ssl.SSLContext)
    assert options == {
        "security_protocol": "SASL_SSL",
        "sasl_mechanism": "SCRAM-SHA-512",
        "sasl_plain_username": "ann",
        "sasl_plain_password": "p@ss w/rd",
    }
    assert "p@ss" not in repr(found)


SASL = {"kafka_security": "sasl_plaintext", "kafka_user": "ann"}


@pytest.mark.parametrize(
    ("variables", "said"),
    [
        ({"kafka_security": "sasl_ssl"}, "FLUVIAL_KAFKA_USER: sasl_ssl needs a user"),
        (SASL, "FLUVIAL_KAFKA_PASSWORD_FILE: sasl_plaintext needs a password"),
        (SASL | {"kafka_password_file": "/no/file"}, "FLUVIAL_KAFKA_PASSWORD_FILE: "),
        ({"kafka_user": "ann"}, "FLUVIAL_KAFKA_USER: it is of no use with FLUVIAL_KAFKA_SECURITY=plaintext"),
        (
            {"kafka_security": "ssl", "kafka_password_file": "x"},
            "FLUVIAL_KAFKA_PASSWORD_FILE: it is of no use",
        ),
        ({"kafka_ca_file": "/ca.pem"}, "FLUVIAL_KAFKA_CA_FILE: it is of no use"),
        ({"kafka_cert_file": "/c.pem"}, "FLUVIAL_KAFKA_CERT_FILE: it is of no use"),
        ({"kafka_security": "ssl", "kafka_ca_file": "/no/file"}, "FLUVIAL_KAFKA_CA_FILE: "),
        ({"kafka_security": "ssl", "kafka_ca_file": __file__}, "FLUVIAL_KAFKA_CA_FILE: "),
        ({"kafka_security": "ssl", "kafka_cert_file": __file__}, "FLUVIAL_KAFKA_CERT_FILE: "),
        (
            {"kafka_security": "ssl", "kafka_cert_key_file": "/k.pem"},
            "FLUVIAL_KAFKA_CERT_FILE: a key was given",
        ),
    ],
)
def test_security_that_cannot_work_is_named_by_its_variable(
    given: Set, variables: dict[str, str], said: str
) -> None:
    with pytest.raises(ConfigError) as raised:
        given(**variables).kafka_options  # noqa: B018
    assert str(raised.value).startswith(said)


def test_a_token_is_made_once_and_only_its_owner_can_read_it(tmp_path: Path) -> None:
    path = tmp_path / "new folder" / "token"
    (token, *others) = race(*[lambda: console_token(path)] * 8)
    assert others == [token] * 7
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert len(console_token(path)) == 32


def test_a_token_that_a_person_wrote_is_taken_without_its_line_end(tmp_path: Path) -> None:
    (tmp_path / "token").write_text("sixteen-letters!\n")
    assert console_token(tmp_path / "token") == "sixteen-letters!"


@pytest.mark.parametrize("content", [b"", b"\n", b"short", b"\xff" * 32])
def test_a_token_that_would_let_anybody_in_is_refused(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "token").write_bytes(content)
    with pytest.raises(ConfigError, match="token"):
        console_token(tmp_path / "token")


@pytest.mark.parametrize("address", ["alertmanager:9093", "ftp://a", "http://ann:secret@a:9093", "http://"])
def test_an_alertmanager_has_an_address_without_a_user(monkeypatch: pytest.MonkeyPatch, address: str) -> None:
    monkeypatch.setenv("FLUVIAL_ALERTMANAGER", address)
    with pytest.raises(ConfigError, match="FLUVIAL_ALERTMANAGER: write http") as refused:
        settings()
    assert "secret" not in str(refused.value)


def test_alertmanager_s_user_and_password_belong_together(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    assert settings().alertmanager_login == ("", "")
    monkeypatch.setenv("FLUVIAL_ALERTMANAGER_USER", "ann")
    with pytest.raises(ConfigError, match="FLUVIAL_ALERTMANAGER_PASSWORD_FILE: a user"):
        _ = settings().alertmanager_login
    (tmp_path / "password").write_text("sesame\n")
    monkeypatch.setenv("FLUVIAL_ALERTMANAGER_PASSWORD_FILE", str(tmp_path / "password"))
    assert settings().alertmanager_login == ("ann", "sesame")
    monkeypatch.delenv("FLUVIAL_ALERTMANAGER_USER")
    with pytest.raises(ConfigError, match="FLUVIAL_ALERTMANAGER_USER: a password"):
        _ = settings().alertmanager_login
