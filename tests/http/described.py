"""Holds every answer that a test gets against the OpenAPI document: a problem must be one that its route declares."""

import re
from typing import Any

import httpx

JSON = "application/problem+json"
_known: dict[str, Any] = {}
"""The document of this process's routes, fetched once."""


async def document(client: httpx.AsyncClient) -> dict[str, Any]:
    """The OpenAPI document that the server behind `client` serves."""
    if not _known:
        _known.update((await client.get("http://shop/api/v1/openapi.json")).json())
    return _known


def operation_of(described: dict[str, Any], method: str, path: str) -> tuple[str, dict[str, Any]] | None:
    """The operation that answers `method path`, and its path in the document; literal addresses win."""
    for template in sorted(described["paths"], key=lambda known: known.count("{")):
        if re.fullmatch(re.sub(r"{\w+}", "[^/]+", template), path):
            found = described["paths"][template].get("get" if method == "HEAD" else method.lower())
            if found is not None:
                return template, found
    return None


def undeclared(described: dict[str, Any], answer: httpx.Response) -> str | None:
    """What the document does not say about this answer; None if it says all."""
    method, path = answer.request.method, answer.request.url.path
    found = operation_of(described, method, path)
    if found is None:
        return None  # no such route: unknown_route, or method_not_allowed, or OPTIONS
    template, operation = found
    status = str(answer.status_code)
    response = operation["responses"].get(status)
    if answer.headers.get("content-type") != JSON:
        return None if response else f"{method} {template} answers {status}; add it to responses=… of its decorator"
    if method == "HEAD":
        return None if response else f"GET {template} answers {status}"
    code = answer.json()["code"]
    declared = (response or {}).get("content", {}).get(JSON, {}).get("examples", {})
    if code in declared:
        return None
    return f"{method} {template} answers {status} {code}; add {code!r} to problems=(…) of its decorator"


async def hold_to_the_document(client: httpx.AsyncClient) -> None:
    """From now on every answer that `client` gets is checked."""
    described = await document(client)

    async def check(answer: httpx.Response) -> None:
        await answer.aread()
        missing = undeclared(described, answer)
        assert missing is None, missing

    client.event_hooks = {"response": [check]}
