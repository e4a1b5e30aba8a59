"""The pages for people: every code and every route has its place, and nothing on them asks for more than themselves."""

import re
from base64 import b64encode
from hashlib import sha256

import httpx
import pytest

from backend.http.codes import PROBLEMS, page_of

from .described import document
from .shop import Shop, assert_problem


@pytest.fixture
def shop_url(furnished_sqlite: str) -> str:
    """The pages are the same on every database."""
    return furnished_sqlite


async def page(shop: Shop, path: str) -> str:
    """The page at `path`, which a browser may show but which can load and run nothing."""
    answer = await shop.client.get(f"http://shop{path}")
    assert (answer.status_code, answer.headers["content-type"]) == (200, "text/html; charset=utf-8")
    assert_alone(answer)
    return answer.text


def assert_alone(answer: httpx.Response) -> None:
    (style,) = re.findall(r"<style>(.*?)</style>", answer.text, re.DOTALL)
    digest = b64encode(sha256(style.encode()).digest()).decode()
    (policy,) = answer.headers.get_list("content-security-policy")
    rules = dict(rule.strip().split(" ", 1) for rule in policy.split(";"))
    assert rules["default-src"] == "'none'"
    assert rules["style-src"] == f"'sha256-{digest}'"
    assert {name for name in rules if name.endswith("-src")} == {"default-src", "style-src"}
    assert not re.search(r"<(script|link|img|iframe|object)\b|<[^>]*\s(style|on\w+)=|=\"[^\"]*//", answer.text)


async def test_every_code_has_its_page(shop: Shop) -> None:
    index = await page(shop, "/problems")
    for code, meaning in PROBLEMS.items():
        text = await page(shop, page_of(code))
        assert f"<code>{code}</code>, status {meaning.status}" in text
        assert f'href="{page_of(code)}"' in index
    assert_problem(await shop.client.get("http://shop/problems/nothing_such"), 404, "unknown_route")


async def test_every_operation_and_every_link_is_on_the_page(shop: Shop) -> None:
    text = await page(shop, "/docs")
    for path, item in (await document(shop.client))["paths"].items():
        for method in item:
            assert f"<code>{method.upper()} {path}</code>" in text
    places = set(re.findall(r'\bid="([^"]+)"', text))
    links = set(re.findall(r'href="([^"]+)"', text))
    assert {link for link in links if link.startswith("#")} <= {f"#{place}" for place in places}
    assert {link for link in links if link.startswith("/problems/")} <= {page_of(code) for code in PROBLEMS}
