from pathlib import Path

import pytest

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
