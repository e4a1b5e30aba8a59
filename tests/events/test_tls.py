"""Our servers reach a NATS that speaks TLS, and believe no other than the one whose authority they were given."""

from collections.abc import Iterator
from pathlib import Path

import pytest
import trustme
from nats.aio.client import Client
from nats.errors import Error as NatsError

from backend.events.connection import connect_options
from backend.events.nats_config import Tls, new_issuer_seed, public_key, render_config
from backend.model.errors import InvalidInput
from backend.settings import NatsSettings
from tests.servers import HOST, free_port, nats_server


@pytest.fixture
def authority(tmp_path: Path) -> trustme.CA:
    authority = trustme.CA()
    authority.cert_pem.write_to_path(tmp_path / "ca.pem")
    return authority


@pytest.fixture
def address(tmp_path: Path, authority: trustme.CA) -> Iterator[str]:
    """A nats-server with a certificate of the authority."""
    certificate, port, config = authority.issue_cert(HOST), free_port(), tmp_path / "nats.conf"
    certificate.private_key_and_cert_chain_pem.write_to_path(tmp_path / "nats.pem")
    tls = Tls(tmp_path / "nats.pem", tmp_path / "nats.pem")
    text = render_config(
        host=HOST,
        port=port,
        store=tmp_path / "js",
        user="server",
        password="x",
        issuer=public_key(new_issuer_seed()),
        tls=tls,
    )
    config.write_text(text)
    with nats_server(config, port):
        yield f"tls://{HOST}:{port}"


def settings(address: str, authority: Path | None) -> NatsSettings:
    return NatsSettings.load(
        _env_file=None, nats_url=address, nats_user="server", nats_password="x", nats_tls_ca=authority
    )


async def test_a_server_connects_over_tls(address: str, tmp_path: Path) -> None:
    client = Client()
    await client.connect(**connect_options(settings(address, tmp_path / "ca.pem")), allow_reconnect=False)
    await client.flush()
    await client.close()


async def test_without_an_authority_of_its_own_a_server_believes_the_environment_s(
    address: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "ca.pem"))
    client = Client()
    await client.connect(**connect_options(settings(address, None)), allow_reconnect=False)
    await client.close()


async def test_a_nats_of_another_authority_is_not_believed(address: str, tmp_path: Path) -> None:
    trustme.CA().cert_pem.write_to_path(tmp_path / "other.pem")
    with pytest.raises((NatsError, OSError)):
        await Client().connect(
            **connect_options(settings(address, tmp_path / "other.pem")),
            allow_reconnect=False,
            max_reconnect_attempts=1,
        )


def test_a_certificate_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(InvalidInput, match="NATS_TLS_CA cannot be used"):
        connect_options(settings("tls://nats:4222", tmp_path / "missing.pem"))
