"""What is configured is read from file, environment and command line, and what is wrong is named there."""

import secrets
from pathlib import Path

import pytest

from authrim.settings import BadSettings, Settings, load

KEY = secrets.token_urlsafe(32)
MINIMUM = f'issuer = "https://login.example.com"\nmaster_keys = ["{KEY}"]\n'


@pytest.fixture(autouse=True)
def _clean_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """No setting of the machine that runs the tests reaches them."""
    for key in Settings.model_fields:
        monkeypatch.delenv(f"AUTHRIM_{key.upper()}", raising=False)


def config(tmp_path: Path, text: str) -> Path:
    path = tmp_path / "authrim.toml"
    path.write_text(text, "utf-8")
    return path


def problems_of(path: Path | None) -> list[str]:
    with pytest.raises(BadSettings) as caught:
        load(path)
    return caught.value.problems


def test_issuer_and_master_key_are_enough(tmp_path: Path) -> None:
    """A file with an issuer and a master key is a whole configuration, on the embedded store."""
    settings = load(config(tmp_path, MINIMUM))
    assert settings.issuer == "https://login.example.com"
    assert settings.database.get_secret_value() == "authrim.db"
    assert settings.postgres_dsn is None
    assert settings.master_key_texts == (KEY,)


def test_command_line_over_environment_over_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The environment wins over the file, and an option of the command line over both."""
    path = config(tmp_path, MINIMUM + 'port = 1\nhost = "file"\nlog_level = "debug"\n')
    monkeypatch.setenv("AUTHRIM_PORT", "2")
    monkeypatch.setenv("AUTHRIM_HOST", "environment")
    settings = load(path, {"port": 3})
    assert (settings.port, settings.host, settings.log_level) == (3, ("environment",), "debug")


def test_lists_in_the_environment_have_commas(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A list is written with commas in an environment variable, keys included."""
    monkeypatch.setenv("AUTHRIM_TRUSTED_PROXIES", "10.0.0.0/8, fd00::/8")
    settings = load(config(tmp_path, MINIMUM))
    assert [str(network) for network in settings.trusted_proxies] == ["10.0.0.0/8", "fd00::/8"]


def test_a_variable_in_small_letters_counts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A variable sets what it names in letters of either case."""
    monkeypatch.setenv("authrim_port", "2")
    assert load(config(tmp_path, MINIMUM)).port == 2


@pytest.mark.parametrize(
    ("line", "problem"),
    [
        ("code_lifetime = 61", "code_lifetime: must be less than or equal to 60"),
        ("refresh_grace_seconds = 61", "refresh_grace_seconds: must be less than or equal to 60"),
        ('workers = "two"', "workers: must be a whole number"),
        ("workers = 2", "workers: SQLite has one server process"),
        ('metrics_listen = "9464"', "metrics_listen: must be host:port, such as 127.0.0.1:9464, or the path"),
        ('metrics_listen = "localhost:99999"', "metrics_listen: must be host:port"),
        ("development = true", "development: is for this machine only"),
        ('log_format = "xml"', "log_format: must be 'json', 'ecs' or 'pretty'"),
        ('trusted_proxies = ["10.0.0.1/8"]', "trusted_proxies number 1: must be a network without host bits"),
        ('signing_algorithms = ["none"]', "signing_algorithms number 1: must be"),
        ('sesion_lifetime = 600', "sesion_lifetime: is not a setting: did you mean session_lifetime?"),
        ('database = "host=db dbname=x"', "database: reads like PostgreSQL and is not its address: write host=…"),
        ('database = " dbname = x"', "database: reads like PostgreSQL and is not its address: write host=…"),
        ('database = "postgresql:x"', "database: reads like PostgreSQL and is not its address: write host=…"),
        ('database = "postgresql://h/x y"', "database: must be an address"),
        ('database = "sqlite:///x.db"', "database: must be a file name alone (SQLite) or begin with postgresql://"),
        ('database = "file:x.db"', "database: must be a file name alone"),
        ('database = ":memory:"', "database: must be a file name alone"),
        ('database_listen = "x.db"', "database_listen: must be the address of a PostgreSQL database"),
        ('database_replica = "postgresql://db/a"', "database_replica: SQLite has no standby"),
        ('database = "mysql://h/x"', "database: must be a file name alone (SQLite) or begin with postgresql://"),
        ('default_locale = "../x"', "default_locale: must be a language tag"),
    ],
)  # fmt: skip
def test_bad_value_names_file_and_key(tmp_path: Path, line: str, problem: str) -> None:
    """A value that cannot be used is one line: the file, the key, what is wrong and what to do."""
    path = config(tmp_path, MINIMUM + line)
    assert problems_of(path)[0].startswith(f"{path}: {problem}")


MISSPELLED = "must be spelled as browsers spell it, or no page would work: write it as "


@pytest.mark.parametrize(
    ("issuer", "problem"),
    [
        ("http://login.example.com", "must begin with https://"),
        ("http://localhost:8080", "must begin with https://"),
        ("https://login.example.com/", "must not end with a slash"),
        ("https://login.example.com?", "must have no query"),
        ("https://login.example.com#a", "must have no query and no fragment"),
        ("https://me:pw@login.example.com", "must hold no user name"),
        ("login.example.com", "must be an absolute URL"),
        ("https://login.example.com:99999", "must name a host, and a port"),
        ("https://login.example.com:x", "must name a host, and a port"),
        ("https://login example.com", "must name a host, and a port"),
        ("https://127.1", "must name a host, and a port"),
        ("https://login.example.com/a//b", "must have a path of plain segments"),
        ("https://login.example.com/a/../b", "must have a path of plain segments"),
        ("https://login.example.com/%7Ea", "must have a path of plain segments"),
        ("https://login.example.com/{a}", "must have a path of plain segments"),
        ("https://login.example.com:443", MISSPELLED + "https://login.example.com"),
        ("https://login.example.com:0443/a", MISSPELLED + "https://login.example.com/a"),
        ("https://login.example.com:", MISSPELLED + "https://login.example.com"),
        ("https://login.example.com:08443", MISSPELLED + "https://login.example.com:8443"),
        ("https://Login.Example.COM/A", MISSPELLED + "https://login.example.com/A"),
        ("HTTPS://login.example.com", MISSPELLED + "https://login.example.com"),
        (" https://login.example.com", MISSPELLED + "https://login.example.com"),
        ("https://login.example.com ", MISSPELLED + "https://login.example.com"),
        ("https://bücher.example", MISSPELLED + "https://xn--bcher-kva.example"),
        ("https://[0:0::1]:8443", MISSPELLED + "https://[::1]:8443"),
    ],
)
def test_issuer_that_is_none(tmp_path: Path, issuer: str, problem: str) -> None:
    """An issuer identifier is an https URL without query and fragment (RFC 8414 §2)."""
    path = config(tmp_path, MINIMUM.replace("https://login.example.com", issuer))
    [said] = problems_of(path)
    assert said.startswith(f"{path}: issuer: {problem}")


@pytest.mark.parametrize(
    "issuer",
    ["https://a.example:8443/t/one", "https://[::1]", "https://192.0.2.1", "https://xn--bcher-kva.example"],
)
def test_issuers_as_browsers_spell_them(tmp_path: Path, issuer: str) -> None:
    """A port that is not the usual one, an address, a path and a name in ASCII stay as they are."""
    assert load(config(tmp_path, MINIMUM.replace("https://login.example.com", issuer))).issuer == issuer


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ('mtls_url = "https://MTLS.example.com"', f"mtls_url: {MISSPELLED}https://mtls.example.com"),
        ('tls_names = ["Login.example.com"]', "tls_names number 1: must be spelled as browsers spell it"),
        ('tls_names = ["login.example.com:8443"]', "tls_names number 1: must be host names without port"),
        ('tls_names = ["login.example.com/a"]', "tls_names number 1: must be host names without port"),
        ('registration_scope = ["openid profile"]', "registration_scope: must be single scope values"),
        ('registration_scope = [" openid"]', "registration_scope: must be single scope values"),
        (f'client_cert_secret = " {32 * "x"}"', "client_cert_secret: must be printable ASCII"),
        (f'client_cert_secret = "{32 * "ü"}"', "client_cert_secret: must be printable ASCII"),
    ],
)
def test_what_no_client_could_ever_send(tmp_path: Path, text: str, problem: str) -> None:
    """A setting that is compared with what a browser, a client or a proxy sends is one that it can send."""
    path = config(tmp_path, f"{MINIMUM}{text}\n")
    assert any(said.startswith(f"{path}: {problem}") for said in problems_of(path)), problems_of(path)


def test_development_is_this_machine_only(tmp_path: Path) -> None:
    """Plain HTTP needs the development switch, and issuer and listener on this machine."""
    local = MINIMUM.replace("https://login.example.com", "http://localhost:8080") + "development = true\n"
    assert load(config(tmp_path, local)).development
    assert problems_of(config(tmp_path, local + 'host = "0.0.0.0"'))


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ('client_cert_proxies = ["10.0.0.0/8"]', "client_cert_proxies: is set without client_cert_secret"),
        ('client_cert_secret = "' + 32 * "x" + '"', "client_cert_secret: is set without client_cert_proxies"),
        ("trusted_proxy_socket = true", "trusted_proxy_socket: is set without listen_socket"),
    ],
)
def test_trust_is_said_in_full(tmp_path: Path, text: str, problem: str) -> None:
    """A091: a proxy is trusted by the settings that belong together, and half of them is an error."""
    [said] = problems_of(config(tmp_path, f"{MINIMUM}{text}\n"))
    assert said.partition(": ")[2].startswith(problem)


def test_environment_variable_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A bad value in the environment is named by its variable."""
    monkeypatch.setenv("AUTHRIM_PORT", "http")
    assert problems_of(config(tmp_path, MINIMUM)) == ["AUTHRIM_PORT: port: must be a whole number"]


def test_misspelled_variable_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A misspelled variable is named with the right one; a platform's own variables are not ours to judge."""
    monkeypatch.setenv("AUTHRIM_SERVICE_HOST", "10.0.0.1")
    assert load(config(tmp_path, MINIMUM))
    monkeypatch.setenv("AUTHRIM_ISSUR", "https://login.example.com")
    assert problems_of(None) == ["AUTHRIM_ISSUR: is not a setting: did you mean AUTHRIM_ISSUER?"]


def test_missing_settings_are_named() -> None:
    """Without an issuer the message says how to set it, and how to name a file that may have it."""
    said = "issuer: is needed: set AUTHRIM_ISSUER, or name a file of settings with --config"
    assert said in problems_of(None)


def test_missing_master_key_is_named(tmp_path: Path) -> None:
    """A server never starts on a key that it made up."""
    [said] = problems_of(config(tmp_path, 'issuer = "https://login.example.com"'))
    assert said.startswith("master_keys: is needed")


def test_master_keys_from_a_file(tmp_path: Path) -> None:
    """A key file has one key per line, the current one first, and does not go with keys in the settings."""
    older = secrets.token_urlsafe(32)
    keys = tmp_path / "master.keys"
    keys.write_text(f"{KEY}\n{older}\n", "ascii")
    only_file = f'issuer = "https://login.example.com"\nmaster_key_file = "{keys}"\n'
    assert load(config(tmp_path, only_file)).master_key_texts == (KEY, older)
    keys.write_text("hunter2\n", "ascii")
    [said] = problems_of(config(tmp_path, only_file))
    assert said.startswith(f"{keys}: master_keys number 1: must be 32 random bytes")
    [said] = problems_of(config(tmp_path, MINIMUM + f'master_key_file = "{keys}"\n'))
    assert "is set beside" in said


def test_file_that_is_not_toml_or_not_there(tmp_path: Path) -> None:
    """A file that cannot be read or parsed is named, with the line, and nothing of it is repeated."""
    path = config(tmp_path, 'issuer = "https://login.example.com"\nhost = hunter2\n')
    assert problems_of(path) == [f"{path}: is not TOML: line 2, column 8: texts stand in quotes"]
    absent = tmp_path / "absent.toml"
    assert problems_of(absent) == [f"{absent}: cannot be read: No such file or directory"]


def test_no_value_is_ever_repeated(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Neither a message nor a printed settings value shows what was written (A226)."""
    path = config(
        tmp_path,
        'issuer = "hunter2"\nmaster_keys = ["hunter2"]\ndatabase = "mysql://u:hunter2@h"\nport = "hunter2"\n'
        'trusted_proxies = ["hunter2"]\nhost = 2\ndefault_locale = "hunter2-"\n',
    )
    monkeypatch.setenv("AUTHRIM_WORKERS", "hunter2")
    assert "hunter2" not in "\n".join(problems_of(path))
    monkeypatch.delenv("AUTHRIM_WORKERS")
    settings = load(config(tmp_path, MINIMUM + 'database = "postgresql://u:hunter2@h/x"'))
    assert "hunter2" not in repr(settings)
    assert KEY not in repr(settings)
    assert settings.postgres_dsn == "postgresql://u:hunter2@h/x"


#: What Kubernetes sets for services called ``authrim``, ``authrim-db`` and ``authrim-mtls``.
KUBERNETES = {
    "AUTHRIM_PORT": "tcp://10.96.0.17:8080",
    "AUTHRIM_SERVICE_HOST": "10.96.0.17",
    "AUTHRIM_SERVICE_PORT": "8080",
    "AUTHRIM_SERVICE_PORT_HTTP": "8080",
    "AUTHRIM_PORT_8080_TCP": "tcp://10.96.0.17:8080",
    "AUTHRIM_PORT_8080_TCP_PROTO": "tcp",
    "AUTHRIM_PORT_8080_TCP_PORT": "8080",
    "AUTHRIM_PORT_8080_TCP_ADDR": "10.96.0.17",
    "AUTHRIM_DB_PORT": "tcp://[fd00::17]:5432",
    "AUTHRIM_DB_PORT_5432_TCP_ADDR": "fd00::17",
    "AUTHRIM_DB_SERVICE_HOST": "fd00::17",
    "AUTHRIM_MTLS_PORT": "tcp://10.96.0.18:8444",
    "AUTHRIM_PORT_53_UDP": "udp://10.96.0.17:53",
}


def test_variables_of_a_container_platform_are_passed_over(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What Kubernetes makes for services of our name is no setting; where it has the name of one that is said."""
    for name, value in KUBERNETES.items():
        monkeypatch.setenv(name, value)
    settings = load(config(tmp_path, MINIMUM + "port = 9000\n"))
    assert (settings.port, settings.mtls_port) == (9000, None)
    assert settings.passed_over == ("AUTHRIM_MTLS_PORT", "AUTHRIM_PORT")


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("AUTHRIM_PORT", "http://10.96.0.17:8080"),
        ("AUTHRIM_PORT", "tcp://login.example.com:8080"),
        ("AUTHRIM_PORT", "tcp://10.96.0.17"),
        ("AUTHRIM_PORT", "10.96.0.17:8080"),
        ("AUTHRIM_HOSTS", "tcp://10.96.0.17:8080"),
        ("AUTHRIM_MTLS_PORTS", "8444"),
        ("AUTHRIM_WORKERS", "tcp://10.96.0.17:8080"),
    ],
)
def test_what_a_person_may_have_meant_is_an_error(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, value: str
) -> None:
    """Only what a platform makes is passed over, by name and value; anything else is still named."""
    monkeypatch.setenv(name, value)
    assert problems_of(config(tmp_path, MINIMUM))[0].startswith(f"{name}: ")
