"""What a request may not exceed: every field of every body has its bounds, and so have the address and the headers."""

import asyncio
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from msgspec import inspect, json

from backend.http.access import MAX_ADDRESS, MAX_HEADERS
from backend.http.parts import parts_of, structs_in
from backend.http.protocol import MAX_HEAD

from .samples import fields_of
from .shop import Shop, assert_problem
from .test_access import routes
from .test_serve import serving, settings_of

DEEP_LIST = b"[" * 50_000 + b"]" * 50_000
DEEP_OBJECT = b'{"a":' * 30_000 + b"1" + b"}" * 30_000


@pytest.fixture
def shop_url(furnished_sqlite: str) -> str:
    """What is too much is the same on every database."""
    return furnished_sqlite


def bodies(shop: Shop) -> dict[str, Any]:
    """The type of the body of every route that takes one."""
    return {
        f"{method} {path}": handler.parsed_data_field.annotation
        for method, path, handler in routes(shop)
        if handler.parsed_data_field is not None
    }


def unbounded(kind: inspect.Type) -> Iterator[inspect.Type]:
    """The parts of a field's type that could be of any size."""
    match kind:
        case inspect.StructType():
            return  # walked by itself
        case inspect.StrType(max_length=None) | inspect.CollectionType(max_length=None):
            yield kind
        case inspect.IntType() | inspect.FloatType():
            lower, upper = (kind.ge, kind.gt), (kind.le, kind.lt)
            if lower == (None, None) or upper == (None, None):
                yield kind
        case (
            inspect.DecimalType()
            | inspect.DictType(max_length=None)
            | inspect.AnyType()
            | inspect.RawType()
            | inspect.BytesType()
        ):
            yield kind
    for part in parts_of(kind):
        yield from unbounded(part)


async def test_every_field_of_every_body_has_its_bounds(shop: Shop) -> None:
    structs = list(structs_in(*inspect.multi_type_info(bodies(shop).values())))
    assert len(structs) > 25
    for struct in structs:
        name = struct.cls.__name__
        assert struct.forbid_unknown_fields, f"{name} takes fields that it does not know"
        for field in struct.fields:
            if (name, field.name) == ("ApprovalRequest", "command"):
                continue  # a command within a command: `approvable` decodes it into its own type, with its bounds
            assert not list(unbounded(field.type)), f"{name}.{field.name} has no bounds; give it a Meta"


async def test_json_may_not_be_deep_in_any_field(many_sign_ins: None, shop: Shop) -> None:
    headers = shop.admin | {"Content-Type": "application/json"}
    for name, body in bodies(shop).items():
        method, path = name.split(" ")
        for field in (*fields_of(body), "no_such_field"):
            for deep in (DEEP_LIST, DEEP_OBJECT):
                content = b'{"%s":%s}' % (field.encode(), deep)
                answer = await shop.client.request(method, f"http://shop{path}", content=content, headers=headers)
                assert answer.status_code == 400, f"{name} {field}: {answer.text[:200]}"
                assert answer.json()["code"] in ("invalid_input", "invalid_quantity", "malformed_json"), answer.text


async def test_an_address_may_not_be_long(shop: Shop) -> None:
    assert (await shop.get("stores", q="x" * (MAX_ADDRESS - 100))).status_code == 200
    assert_problem(await shop.get("stores", q="x" * MAX_ADDRESS), 414, "address_too_long")
    assert_problem(await shop.get(f"stores/{'x' * MAX_ADDRESS}"), 414, "address_too_long")


async def test_headers_may_not_be_large(shop: Shop) -> None:
    assert (await shop.get("stores", {"X-Note": "x" * (MAX_HEADERS - 1000)})).status_code == 200
    assert_problem(await shop.get("stores", {"X-Note": "x" * MAX_HEADERS}), 431, "headers_too_large")
    many = {f"X-Note-{n}": "x" for n in range(MAX_HEADERS // 8)}
    assert_problem(await shop.get("stores", many), 431, "headers_too_large")


@pytest.mark.parametrize("start", [b"GET /", b"GET / HTTP/1.1\r\nX-Note: ", b"GET / HTTP/1.1\r\nX-A: b\r\nX-Note: "])
async def test_a_head_without_end_is_cut_off(start: bytes, sqlite_url: str, tmp_path: Path) -> None:
    async with serving(settings_of(sqlite_url, tmp_path)) as (url, _, _):
        _, writer = await asyncio.open_connection("127.0.0.1", int(url.rpartition(":")[2]))
        writer.write(start)
        with pytest.raises((ConnectionResetError, BrokenPipeError)):
            await endless(writer)
        writer.close()


async def endless(writer: asyncio.StreamWriter) -> None:
    """Nearly so."""
    for _ in range(1000):
        writer.write(b"x" * MAX_HEAD)
        await writer.drain()


@pytest.mark.parametrize(
    "start", [b"nonsense\r\n\r\n", b"GET / HTTP/1.1\r\nNo colon\r\n\r\n", b"\x16\x03\x01\x02\x00\x01"]
)
async def test_what_is_no_http_gets_a_problem_too(start: bytes, sqlite_url: str, tmp_path: Path) -> None:
    async with serving(settings_of(sqlite_url, tmp_path)) as (url, _, _):
        reader, writer = await asyncio.open_connection("127.0.0.1", int(url.rpartition(":")[2]))
        writer.write(start)
        head, _, body = (await reader.read()).partition(b"\r\n\r\n")
        writer.close()
    assert head.startswith(b"HTTP/1.1 400 ")
    assert b"\r\nContent-Type: application/problem+json\r\n" in head
    problem = json.decode(body)
    assert (problem["status"], problem["code"]) == (400, "bad_request")
