"""Where a webhook may go: what an address says, and what its name leads to at the moment of a delivery."""

import asyncio
import socket
from ipaddress import ip_address

import httpx
import pytest

from backend.model.errors import InvalidInput
from backend.webhooks.address import AddressRefused, address_of, check_url, is_public

SHOP = httpx.URL("https://shop.example/hook")


@pytest.mark.parametrize(
    "url", ["https://shop.example/hook?key=1", "https://xn--a/", "https://8.8.8.8:8443/", "https://[2606:4700::1]/"]
)
def test_an_address_on_the_public_internet_is_taken(url: str) -> None:
    check_url(url, allow_private=False)


@pytest.mark.parametrize(
    "url",
    [
        "http://shop.example/hook",
        "https://localhost/",
        "https://127.0.0.1/",
        "https://10.1.2.3:8443/",
        "https://169.254.169.254/latest/meta-data",
        "https://[::1]/",
        "https://[::ffff:10.0.0.1]/",
    ],
)
def test_another_address_is_only_for_who_allows_it(url: str) -> None:
    with pytest.raises(InvalidInput, match="must begin with https"):
        check_url(url, allow_private=False)
    check_url(url, allow_private=True)


@pytest.mark.parametrize(
    "url",
    [
        "ftp://shop.example/",
        "shop.example",
        "https://ana:secret@shop.example/",
        "https://shop.example/#part",
        "https://shop.example:99999/",
        "https:///hook",
        "https://a b/",
        "https://shop.example/\r\nx: y",
        "https://[::1/",
        "https://[v1.x]/",
        "https://münchen.example/",
    ],
)
def test_what_is_no_address_is_refused_everywhere(url: str) -> None:
    for allow_private in (False, True):
        with pytest.raises(InvalidInput) as refused:
            check_url(url, allow_private=allow_private)
        assert refused.value.field == "url"


@pytest.mark.parametrize(
    "address",
    [
        "0.0.0.0",
        "100.64.0.1",
        "169.254.1.1",
        "172.16.0.1",
        "192.168.1.1",
        "224.0.0.1",
        "255.255.255.255",
        "::",
        "fe80::1",
        "fd00::1",
        "ff02::1",
        "::ffff:8.8.8.8",
        "64:ff9b::7f00:1",
        "2002:7f00:1::",
        "2001:0:7f00:1::",
    ],
)
def test_what_is_not_one_host_of_the_public_internet(address: str) -> None:
    assert not is_public(ip_address(address))


async def test_a_name_is_judged_by_what_it_leads_to(monkeypatch: pytest.MonkeyPatch) -> None:
    leads_to: list[str] = []

    async def look_up(*_: object, **__: object) -> list[tuple[object, ...]]:
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (address, 443)) for address in leads_to]

    monkeypatch.setattr(asyncio.get_running_loop(), "getaddrinfo", look_up)
    leads_to[:] = ["10.0.0.1", "::1"]
    with pytest.raises(AddressRefused):
        await address_of(SHOP, allow_private=False)
    assert await address_of(SHOP, allow_private=True) == "10.0.0.1"
    leads_to[:] = ["10.0.0.1", "2606:4700::1", "8.8.8.8"]
    assert await address_of(SHOP, allow_private=False) == "8.8.8.8"


@pytest.mark.parametrize("host", ["127.0.0.1", "2130706433", "0x7f.1", "localhost"])
async def test_every_spelling_of_this_machine_is_found_out(host: str) -> None:
    with pytest.raises(AddressRefused):
        await address_of(httpx.URL(f"https://{host}/"), allow_private=False)


async def test_a_name_that_leads_nowhere_is_refused() -> None:
    with pytest.raises(AddressRefused, match="no address found"):
        await address_of(httpx.URL(f"https://{'x' * 64}.example/"), allow_private=True)
