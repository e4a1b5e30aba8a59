"""Reaching a server over TLS: whom the terminal believes, and what it says when it does not get through."""

import asyncio
import json
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import nats
import pytest
import trustme

from backend.cli.errors import FAILED, run
from backend.main import mostrador
from backend.model.errors import InvalidInput
from backend.terminal.api import Api, ServerAway
from backend.terminal.cache.cache import Cache
from backend.terminal.live import Live
from backend.trust import client_context
from tests.servers import HOST, free_port

from .fake_server import SESSION, FakeServer

DAY = timedelta(days=1)


@pytest.fixture(autouse=True)
def plain_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("SSL_CERT_FILE", "SSL_CERT_DIR"):
        monkeypatch.delenv(name, raising=False)
    for name in ("http_proxy", "https_proxy", "all_proxy", "no_proxy"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.upper(), raising=False)


@pytest.fixture
def authority(tmp_path: Path) -> trustme.CA:
    authority = trustme.CA()
    authority.cert_pem.write_to_path(tmp_path / "ca.pem")
    return authority


@pytest.fixture
def believed(tmp_path: Path, authority: trustme.CA, monkeypatch: pytest.MonkeyPatch) -> trustme.CA:
    """An authority that the environment names."""
    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "ca.pem"))
    return authority


@asynccontextmanager
async def serving(certificate: trustme.LeafCert | None, answer: bytes = b'{"stores": []}') -> AsyncIterator[int]:
    """A server that says `answer` to everybody; its port."""

    async def say(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        if not answer.startswith(b"HTTP"):
            writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\nConnection: close\r\n\r\n" % len(answer))
        writer.write(answer)
        await writer.drain()
        writer.close()

    context = None
    if certificate is not None:
        context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        certificate.configure_cert(context)
    async with await asyncio.start_server(say, HOST, 0, ssl=context) as server:
        yield server.sockets[0].getsockname()[1]


async def told(url: str) -> ServerAway:
    """What the terminal says about the server at `url`, which it does not reach."""
    api = Api(url)
    try:
        with pytest.raises(ServerAway) as away:
            await api.stores()
    finally:
        await api.close()
    assert away.value.retryable
    assert away.value.fields["url"] == url
    return away.value


async def test_a_company_s_own_authority_is_believed(believed: trustme.CA) -> None:
    async with serving(believed.issue_cert(HOST)) as port:
        api = Api(f"https://{HOST}:{port}")
        assert await api.stores() == ()
        await api.close()


async def test_an_authority_that_nobody_named_is_not(authority: trustme.CA) -> None:
    async with serving(authority.issue_cert(HOST)) as port:
        assert (await told(f"https://{HOST}:{port}")).code == "certificate_unknown"


@pytest.mark.parametrize("name", ["shop.example", "127.0.0.2"])
async def test_a_certificate_for_another_name_is_told(believed: trustme.CA, name: str) -> None:
    async with serving(believed.issue_cert(name)) as port:
        assert (await told(f"https://{HOST}:{port}")).code == "certificate_of_another"


async def test_a_certificate_that_is_over_or_has_not_begun_tells_of_the_clock(believed: trustme.CA) -> None:
    now = datetime.now(UTC)
    over = believed.issue_cert(HOST, not_before=now - 3 * DAY, not_after=now - DAY)
    not_begun = believed.issue_cert(HOST, not_before=now + DAY, not_after=now + 3 * DAY)
    for certificate, code in ((over, "certificate_expired"), (not_begun, "certificate_too_new")):
        async with serving(certificate) as port:
            away = await told(f"https://{HOST}:{port}")
            assert away.code == code
            assert "clock" in away.message


@pytest.mark.parametrize("scheme", ["http", "https"])
async def test_a_port_where_nobody_listens_is_told(scheme: str) -> None:
    assert (await told(f"{scheme}://{HOST}:{free_port()}")).code == "connection_refused"


async def test_a_proxy_that_is_away_or_refuses_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("https_proxy", f"http://{HOST}:{free_port()}")
    assert (await told("https://shop.example")).code == "proxy_away"
    async with serving(None, b"HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\n\r\n") as port:
        monkeypatch.setenv("https_proxy", f"{HOST}:{port}")
        away = await told("https://shop.example")
    assert (away.code, away.fields["proxy"]) == ("proxy_away", f"http://{HOST}:{port}")


async def test_the_environment_s_proxy_leads_to_other_machines_only(monkeypatch: pytest.MonkeyPatch) -> None:
    async with serving(None, b'{"stores": [{"id": "1", "name": "Through the proxy"}]}') as proxy, serving(None) as port:
        monkeypatch.setenv("http_proxy", f"http://{HOST}:{proxy}")
        for url, found in (("http://shop.example", 1), (f"http://{HOST}:{port}", 0)):
            api = Api(url)
            assert len(await api.stores()) == found
            await api.close()


def test_a_file_of_authorities_that_is_not_there_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "none.pem"))
    with pytest.raises(InvalidInput, match=r"SSL_CERT_FILE names .*none\.pem, which cannot be used"):
        client_context()


@pytest.mark.parametrize("command", [["enrol", "7K3QP-M0XVD"], ["replay"]])
async def test_command_line_tools_say_the_same(
    command: list[str], authority: trustme.CA, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    async with serving(authority.issue_cert(HOST)) as port:
        arguments = [*command, "--server", f"https://{HOST}:{port}", "--data", str(tmp_path), "--json"]
        assert await asyncio.to_thread(run, mostrador, arguments) == FAILED
    said = json.loads(capsys.readouterr().err.splitlines()[-1])
    assert said["code"] == "certificate_unknown"
    assert "SSL_CERT_FILE" in said["message"]


async def test_live_updates_believe_the_same_authorities(
    believed: trustme.CA, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    given: dict[str, Any] = {}
    asked = asyncio.Event()

    async def connect(*_: object, **options: Any) -> None:
        given.update(options)
        asked.set()
        raise nats.errors.NoServersError

    monkeypatch.setattr(nats, "connect", connect)
    server = FakeServer()
    server.live_url = "tls://nats.example:4222"
    cache = Cache(tmp_path / "copy.db", SESSION.store_id)
    live = asyncio.create_task(Live(cache, server.signed_in(), SESSION, "T1").run())
    await asked.wait()
    live.cancel()
    await asyncio.wait([live])
    await cache.close()
    assert isinstance(given["tls"], ssl.SSLContext)
    assert given["tls"].verify_mode is ssl.CERT_REQUIRED
