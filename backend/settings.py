"""Everything that can be set from outside: one typed object, read from the environment, `.env` and secret files."""

import re
from collections.abc import Collection
from pathlib import Path
from typing import Annotated, Any, Literal, Self
from urllib.parse import quote, urlsplit

from pydantic import Field, IPvAnyNetwork, ValidationError, field_validator, model_validator
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

from backend.addresses import fault_of
from backend.model.commands import MAX_TTL_SECONDS
from backend.model.errors import InvalidInput
from backend.model.scans import masks_of

Origin = Annotated[str, Field(pattern=r"^https?://[a-z0-9.-]+(:[0-9]{1,5})?$")]
"""As browsers send it: no path, and nothing that stands for many."""


SECRETS = Path("/run/secrets")
"""A file in it is the setting of the same name in small letters, for what should not stand in the environment."""
_USER = re.compile(r"^([a-z]+://)?.*@")
"""What stands before the host in an address, after its scheme."""
LEAST_SECRET = 32
"""Characters of JWT_SECRET: a 256-bit key takes as many, even if all of them are random."""


class _FromEnvironment(BaseSettings):
    model_config = SettingsConfigDict(
        env_file=".env", env_file_encoding="utf-8", env_ignore_empty=True, extra="ignore", frozen=True
    )

    @classmethod
    def load(cls, **overrides: object) -> Self:
        """Returns the settings of this process; `overrides` (command-line options) win over the environment.

        Raises:
            InvalidInput: a variable is missing or wrong, or .env is; the sentence names it and says what it must be.
        """
        try:
            return cls(_secrets_dir=SECRETS if SECRETS.is_dir() else None, **overrides)  # type: ignore[call-arg]
        except ValidationError as error:
            first = error.errors()[0]
            name = str(first["loc"][0]).upper() if first["loc"] else "DATABASE_DRIVER"
            reason = first["msg"].removeprefix("Value error, ")
            raise InvalidInput(name, _sentence(name, first["type"], reason)) from error
        except UnicodeDecodeError as error:
            raise InvalidInput(".env", "The file .env, or that of a secret, is not UTF-8; save it as UTF-8.") from error


class DatabaseSettings(_FromEnvironment):
    """Which database a server or a tool works on. With none of these it is empty."""

    database_url: str = Field(default="", repr=False)
    """postgresql+asyncpg://… or sqlite+aiosqlite:///…"""
    database_password: str = Field(default="", repr=False)
    """Put into DATABASE_URL if there is none in it, so that it can come from a file of its own."""
    database_driver: Literal["", "sqlite", "postgres", "postgresql"] = ""
    """Which of DATABASE_URL and SQLITE_PATH counts, when both are set."""
    sqlite_path: Path | None = None
    """The file of a SQLite database, in place of DATABASE_URL."""

    @model_validator(mode="before")
    @classmethod
    def _one_address(cls, given: dict[str, Any]) -> dict[str, Any]:
        url, path, driver = (given.get(name) or "" for name in ("database_url", "sqlite_path", "database_driver"))
        if path and driver in (("", "sqlite") if not url else ("sqlite",)):
            url = f"sqlite:///{path}"
        if url and driver and not url.startswith(driver[: len("postgres")]):
            wanted = "SQLITE_PATH" if driver == "sqlite" else "DATABASE_URL"
            raise ValueError(f"DATABASE_DRIVER is {driver}, but {wanted} names no such database")
        parts = urlsplit(url)
        if (password := given.get("database_password")) and parts.username and parts.password is None:
            url = url.replace(f"//{parts.username}", f"//{parts.username}:{quote(password, safe='')}", 1)
        return {**given, "database_url": url} if url else given


class NatsSettings(_FromEnvironment):
    """How a server or a tool reaches NATS."""

    nats_url: str = ""
    """One address, or several of a cluster split by commas. Empty: no events are published, the outbox keeps them until
    a server with NATS sends them."""
    nats_user: str = ""
    nats_password: str = Field(default="", repr=False)
    nats_system_user: str = ""
    """A user of nats-server's system account, with the same password, by which each terminal is kept at one
    connection; empty: nobody counts them."""
    nats_tls_ca: Path | None = None
    """Certificates of the authorities that are believed when NATS speaks TLS; empty: the system's."""
    nats_tls_cert: Path | None = None
    """The certificate that this server shows NATS, if NATS asks for one."""
    nats_tls_key: Path | None = None
    nats_replicas: int = Field(default=0, ge=0, le=5)
    """Copies of each stream; 0: three on a cluster, one on a single server."""
    nats_stream_bytes: int = Field(default=512 * 1024 * 1024, ge=1024 * 1024)
    """The largest size of each stream; the oldest messages make room."""

    @field_validator("nats_url")
    @classmethod
    def _addresses_of_nats(cls, value: str) -> str:
        return _checked_nats(value)

    @property
    def nats_servers(self) -> list[str]:
        """The addresses in `nats_url`."""
        return [part.strip() for part in self.nats_url.split(",") if part.strip()]


class RuleSettings(_FromEnvironment):
    """What a chain replenishes by, and when it wants to be told of something."""

    replenish_window_days: int = Field(default=28, ge=1, le=366)
    """Sales of so many days say how fast a product sells."""
    replenish_lead_days: int = Field(default=7, ge=0, le=366)
    """From an order until its goods are on the shelf."""
    replenish_cover_days: int = Field(default=14, ge=0, le=366)
    """What is ordered lasts so long beyond that; a store that gives keeps as much."""
    alert_transfer_hours: int = Field(default=48, ge=1)
    """A transfer that is on its way so long without a step is told of."""
    alert_silent_minutes: int = Field(default=30, ge=1)
    """A terminal at which somebody is signed in and which is not heard of for so long is told of."""
    alert_refusals_an_hour: int = Field(default=5, ge=1)
    """A product of which more attempts in an hour asked for more than there was is told of."""
    alert_odd_sale_factor: int = Field(default=10, ge=2)
    """A sale with so many times the usual total or units is told of."""
    alert_held_units: int = Field(default=50, ge=1)
    """Whoever holds more units of a product is told of."""
    alert_hold_renewals: int = Field(default=20, ge=1)
    """A hold that was renewed more often is told of."""


class Settings(DatabaseSettings, NatsSettings, RuleSettings):
    """The server's settings. Each field is the environment variable of the same name in capitals."""

    database_url: str = Field(min_length=1, repr=False)
    nats_client_url: str = ""
    """Where terminals reach NATS; empty: where this server does."""
    nats_issuer_seed_file: Path | None = None
    """The nkey account seed with which this server answers NATS's questions who may listen; empty: it does not."""
    redis_url: str = Field(default="", repr=False)
    """redis://…, rediss://… or unix://…, shared by the servers of a fleet; empty: each server counts for itself."""
    rate_limit_requests: int = Field(default=6000, ge=0)
    """Requests a minute for one caller; an address may send ten times as many. 0: as many as they like."""
    server_host: str = "127.0.0.1"
    server_port: int = Field(default=8000, ge=0, le=65535)
    """0: any free port; the ready line names it."""
    drain_seconds: float = Field(default=0, ge=0, le=300)
    """How long a server that is told to stop goes on answering while it says that it is not ready."""
    max_connections: int = Field(default=10_000, ge=1)
    """Connections of clients that one process keeps; fewer if it may not open so many files."""
    max_connections_per_address: int = Field(default=2_000, ge=1)
    """Of them, those of one address that is no trusted proxy; never more than half."""
    trusted_proxies: Annotated[tuple[IPvAnyNetwork, ...], NoDecode] = ()
    """Networks of the proxies whose X-Forwarded-For and X-Forwarded-Proto are believed, split by commas."""
    cors_origins: Annotated[tuple[Origin, ...], NoDecode] = ()
    """Web sites whose pages may call the API from a browser, split by commas; empty: none."""
    signing_key_file: Path = Path("signing-key.pem")
    """Private key of the access tokens, the same on all servers of a fleet; made when it is missing."""
    jwt_secret: str = Field(default="", repr=False)
    """In place of SIGNING_KEY_FILE: the key is derived from 32 random characters or more, on all servers alike."""
    signing_keys_accepted: Annotated[tuple[Path, ...], NoDecode] = ()
    """Files with further keys, private or public, whose tokens are accepted too, split by commas: for a rotation."""
    reservation_ttl: int = Field(default=900, ge=1, le=MAX_TTL_SECONDS)
    """Seconds a hold lasts when its client names no duration."""
    require_if_match: bool = True
    """Whether PUT of stock has to say which version its client has seen (If-Match); clients of the prototype cannot."""
    in_store_codes: str = ""
    """The chain's own EAN-13 with a weight or price in them, with spaces between; see `backend.model.scans.Mask`."""
    webhook_key: str = Field(default="", repr=False)
    """What the secrets of webhooks are sealed with in the database, 32 random characters or more, on all servers alike;
    empty: the signing key."""
    webhook_keys_accepted: Annotated[tuple[str, ...], NoDecode] = Field(default=(), repr=False)
    """Former values of WEBHOOK_KEY that may have sealed secrets, split by commas: for a rotation."""
    webhooks_allow_private: bool = False
    """Whether webhooks may also go over http, and to addresses that are not on the public internet."""
    enable_metrics: bool = False
    """Whether Prometheus is answered, at http://METRICS_HOST:METRICS_PORT/metrics."""
    metrics_host: str = "127.0.0.1"
    metrics_port: int = Field(default=9464, ge=0, le=65535)
    """Not the public port. 0: any free one; the log names it."""
    otel_exporter_otlp_endpoint: str = ""
    """The collector that traces are sent to, http://host:4318; empty: none are recorded."""
    otel_traces_sampler_arg: float = Field(default=1.0, ge=0, le=1)
    """The share of traces that is recorded."""
    log_level: Literal["debug", "info", "warning", "error"] = "info"
    log_format: Literal["json", "console"] = "json"

    @field_validator("in_store_codes")
    @classmethod
    def _masks(cls, value: str) -> str:
        try:
            masks_of(value)
        except InvalidInput as error:
            raise ValueError(error.message.removesuffix(".")) from error
        return value

    @field_validator("nats_client_url")
    @classmethod
    def _addresses_for_terminals(cls, value: str) -> str:
        return _checked_nats(value)

    @field_validator("redis_url")
    @classmethod
    def _address_of_redis(cls, value: str) -> str:
        return _checked(value, ("redis", "rediss", "unix"), "redis://host:6379/0")

    @field_validator("otel_exporter_otlp_endpoint")
    @classmethod
    def _address_of_the_collector(cls, value: str) -> str:
        return _checked(value, ("http", "https"), "http://host:4318")

    @field_validator("jwt_secret", "webhook_key")
    @classmethod
    def _hard_to_guess(cls, value: str) -> str:
        if value and (len(value) < LEAST_SECRET or len(set(value)) < LEAST_SECRET // 3):
            raise ValueError(f"it must be {LEAST_SECRET} random characters or more, such as: openssl rand -base64 32")
        return value

    @field_validator("log_level", "log_format", mode="before")
    @classmethod
    def _usual_words(cls, value: str) -> str:
        return {"warn": "warning", "text": "console"}.get(value.lower(), value.lower())

    @field_validator("trusted_proxies", "cors_origins", "signing_keys_accepted", "webhook_keys_accepted", mode="before")
    @classmethod
    def _split(cls, value: object) -> object:
        return [part.strip() for part in value.split(",") if part.strip()] if isinstance(value, str) else value

    @property
    def live_url(self) -> str:
        """The NATS address that terminals are told, without a password of ours in it; empty when there is none."""
        return ",".join([_USER.sub(r"\1", part.strip()) for part in (self.nats_client_url or self.nats_url).split(",")])


def _checked(url: str, schemes: Collection[str], example: str, default_scheme: str = "") -> str:
    """Returns `url`, if a client could connect to it; a wrong one would only fail for ever, later."""
    if url and (fault := fault_of(url, schemes, example, default_scheme)):
        raise ValueError(fault)
    return url


def _checked_nats(urls: str) -> str:
    for url in urls.split(","):
        _checked(url.strip(), ("nats", "tls", "ws", "wss"), "nats://host:4222", "nats")
    return urls


def _sentence(name: str, kind: str, reason: str) -> str:
    if kind == "missing":
        return f"{name} is not set; put it in the environment or in the file .env (see .env.example)."
    return f"{name} is wrong: {reason[:1].lower()}{reason[1:]}; correct it in the environment or in the file .env."
