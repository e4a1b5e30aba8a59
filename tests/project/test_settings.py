from pathlib import Path

import pytest

from backend import settings as module
from backend.cli.options import database_url_of
from backend.model.errors import InvalidInput
from backend.settings import Settings


@pytest.fixture(autouse=True)
def bare(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Neither the environment nor the directory of whoever runs the tests says anything."""
    monkeypatch.chdir(tmp_path)
    for name in Settings.model_fields:
        monkeypatch.delenv(name.upper(), raising=False)


def test_the_environment_wins_over_the_file_and_options_over_both(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / ".env").write_text(
        "DATABASE_URL=sqlite:///file.db\nSERVER_PORT=1\nRESERVATION_TTL=60\nSERVER_HOST=\nOTHER_PROGRAM=1\n"
    )
    monkeypatch.setenv("SERVER_PORT", "2")
    monkeypatch.setenv("RESERVATION_TTL", "61")
    settings = Settings.load(reservation_ttl=62)
    assert settings.database_url == "sqlite:///file.db"
    assert (settings.server_port, settings.reservation_ttl, settings.server_host) == (2, 62, "127.0.0.1")


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("SERVER_PORT", "http"),
        ("SERVER_PORT", "65536"),
        ("RESERVATION_TTL", "0"),
        ("LOG_LEVEL", "loud"),
        ("JWT_SECRET", "change-me"),
        ("JWT_SECRET", "a" * 40),
        ("DATABASE_DRIVER", "oracle"),
        ("DATABASE_DRIVER", "postgres"),
        ("LOG_FORMAT", "xml"),
        ("TRUSTED_PROXIES", "10.0.0.0/8, balancer"),
        ("CORS_ORIGINS", "*"),
        ("CORS_ORIGINS", "https://shop.example/"),
    ],
)
def test_a_wrong_variable_is_named_in_one_sentence(monkeypatch: pytest.MonkeyPatch, name: str, value: str) -> None:
    monkeypatch.setenv("DATABASE_URL", "sqlite:///x.db")
    monkeypatch.setenv(name, value)
    with pytest.raises(InvalidInput, match=rf"^{name} is wrong: .*\.$") as refused:
        Settings.load()
    assert refused.value.field == name
    assert "\n" not in refused.value.message


def test_a_file_that_is_no_text_is_named(tmp_path: Path) -> None:
    (tmp_path / ".env").write_bytes(b"\xff\xfeD\x00")
    with pytest.raises(InvalidInput, match=r"^The file \.env"):
        Settings.load()


def test_a_missing_variable_is_named() -> None:
    with pytest.raises(InvalidInput, match=r"^DATABASE_URL is not set; .*\.env"):
        Settings.load()


def test_secrets_are_not_shown() -> None:
    settings = Settings.load(database_url="postgresql://me:hunter2@db/x", nats_password="hunter2")
    assert "hunter2" not in repr(settings)


def test_terminals_are_told_another_address_of_nats_if_there_is_one() -> None:
    settings = Settings.load(database_url="sqlite:///x.db", nats_url="nats://inside:4222")
    assert settings.live_url == "nats://inside:4222"
    assert settings.model_copy(update={"nats_client_url": "nats://outside:4222"}).live_url == "nats://outside:4222"


def test_the_example_file_is_valid_and_names_every_setting(tmp_path: Path) -> None:
    text = (Path(__file__).parents[2] / ".env.example").read_text("utf-8")
    lines = [line.removeprefix("# ") for line in text.splitlines()]
    named = {line.partition("=")[0] for line in lines if "=" in line and line.partition("=")[0].isupper()}
    assert named == {name.upper() for name in Settings.model_fields}
    (tmp_path / ".env").write_text(text, "utf-8")
    assert Settings.load().database_url.startswith("postgresql://")


@pytest.mark.parametrize(
    ("given", "url"),
    [
        ({"DATABASE_DRIVER": "sqlite", "SQLITE_PATH": "/data/shop.db"}, "sqlite:////data/shop.db"),
        ({"SQLITE_PATH": "shop.db"}, "sqlite:///shop.db"),
        ({"DATABASE_URL": "postgresql://me@db/x", "SQLITE_PATH": "shop.db"}, "postgresql://me@db/x"),
        (
            {"DATABASE_DRIVER": "sqlite", "DATABASE_URL": "postgresql://me@db/x", "SQLITE_PATH": "shop.db"},
            "sqlite:///shop.db",
        ),
        (
            {"DATABASE_DRIVER": "postgres", "DATABASE_URL": "postgresql+asyncpg://me@db/x"},
            "postgresql+asyncpg://me@db/x",
        ),
        ({"DATABASE_URL": "postgresql://me@db/x", "DATABASE_PASSWORD": "a/b"}, "postgresql://me:a%2Fb@db/x"),
        ({"DATABASE_URL": "postgresql://me:own@db/x", "DATABASE_PASSWORD": "other"}, "postgresql://me:own@db/x"),
    ],
)
def test_server_and_tools_mean_the_same_database(
    monkeypatch: pytest.MonkeyPatch, given: dict[str, str], url: str
) -> None:
    for name, value in given.items():
        monkeypatch.setenv(name, value)
    assert Settings.load().database_url == url
    assert database_url_of(None, None) == url
    # What an option names is not asked for again.
    assert Settings.load(database_url="sqlite:///other.db", database_driver="").database_url == "sqlite:///other.db"


def test_other_programs_words_for_logs_are_understood(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LOG_LEVEL", "WARN")
    monkeypatch.setenv("LOG_FORMAT", "text")
    settings = Settings.load(database_url="sqlite:///x.db")
    assert (settings.log_level, settings.log_format) == ("warning", "console")


def test_a_secret_may_come_from_a_file(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(module, "SECRETS", tmp_path)
    (tmp_path / "nats_password").write_text("from a file\n")
    (tmp_path / "jwt_secret").write_text("0123456789abcdef0123456789abcdef\n")
    (tmp_path / "database_password").write_text("hunter2\n")
    monkeypatch.setenv("DATABASE_URL", "postgresql://me@db/x")
    settings = Settings.load()
    assert (settings.nats_password, settings.jwt_secret[:4]) == ("from a file", "0123")
    assert settings.database_url == "postgresql://me:hunter2@db/x"
    monkeypatch.setenv("NATS_PASSWORD", "from the environment")
    settings = Settings.load()
    assert settings.nats_password == "from the environment"
    assert "hunter2" not in repr(settings)
    assert "0123" not in repr(settings)


@pytest.mark.parametrize(
    ("nats_url", "told"),
    [
        ("", ""),
        ("nats://localhost:4222", "nats://localhost:4222"),
        ("server:secret@one:4222", "one:4222"),
        ("nats://server:secret@one:4222, tls://server:secret@two:4222", "nats://one:4222,tls://two:4222"),
    ],
)
def test_terminals_are_told_no_password_of_ours(nats_url: str, told: str) -> None:
    assert Settings.load(_env_file=None, database_url="sqlite:///x", nats_url=nats_url).live_url == told
