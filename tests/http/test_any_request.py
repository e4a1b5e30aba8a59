"""Requests that nobody would think of, made from the OpenAPI document: whatever is sent, the answer is as described."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx
import pytest
import requests
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from schemathesis import GenerationMode
from schemathesis.core.result import Ok
from schemathesis.specs.openapi import checks

from .described import document
from .fixtures import shop_of
from .shop import PACK, Shop, furnish

KNOWN = {
    "store_id": "norte",
    "from_store_id": "norte",
    "to_store_id": "sur",
    "product_id": "milk",
    "sku": "MILK",
    "barcode": PACK,
    "name": "luis",
    "code": "busy",
}
"""What there is in the shop, to get behind the first 404 with."""
CHECKS = [
    checks.status_code_conformance,
    checks.content_type_conformance,
    checks.response_schema_conformance,
    checks.negative_data_rejection,
]
EXAMPLES = 6
"""Per operation, database and mode: the whole file is to take less than 40 s."""


@pytest.fixture
async def shop(database_url: str, tmp_path: Path) -> AsyncIterator[Shop]:
    """A furnished shop of this test's own."""
    await asyncio.to_thread(asyncio.run, furnish(database_url))
    async with shop_of(database_url, tmp_path) as shop:
        await shop.receive("milk", 1000)
        yield shop


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore:Do not use the `random` module")
@pytest.mark.parametrize("mode", GenerationMode)
async def test_every_answer_is_as_the_document_says(
    shop: Shop, mode: GenerationMode, subtests: pytest.Subtests
) -> None:
    described = schemathesis.openapi.from_dict(await document(shop.client))
    operations = [found.ok() for found in described.get_all_operations() if isinstance(found, Ok)]
    assert len(operations) > 50
    loop = asyncio.get_running_loop()

    def send(sent: requests.PreparedRequest) -> httpx.Response:
        request = httpx.Request(str(sent.method), str(sent.url), headers=sent.headers, content=sent.body)  # type: ignore[arg-type]
        return asyncio.run_coroutine_threadsafe(shop.client.send(request), loop).result(20)

    @settings(
        max_examples=EXAMPLES,
        phases=[Phase.generate],
        deadline=None,
        derandomize=True,
        suppress_health_check=list(HealthCheck),
    )
    @given(st.data())
    def holds(data: st.DataObject) -> None:
        case = data.draw(operation.as_strategy(generation_mode=mode))
        if mode == GenerationMode.POSITIVE:
            for part in (case.path_parameters, case.query, case.body):
                know(part, data)
        case.headers.pop("X-API-Key", None)
        arguments = case.as_transport_kwargs("http://shop", headers=shop.admin)
        answer = send(requests.Request(**arguments).prepare())
        assert answer.status_code != 500, (arguments, answer.text)
        too_long = answer.status_code == 414  # a refusal too, which schemathesis does not count as one
        case.validate_response(answer, checks=CHECKS[:-1] if too_long else CHECKS)

    for operation in operations:
        if mode == GenerationMode.NEGATIVE and not (operation.query or operation.body):
            continue  # nothing can be wrong; any text may stand in an address
        with subtests.test(operation.label):
            await asyncio.to_thread(holds)


def know(value: Any, data: st.DataObject) -> None:
    """Put what the server knows into the place of some that is made up."""
    if isinstance(value, dict):
        value.pop("cursor", None)  # nobody can make one up
        for name, part in value.items():
            if isinstance(part, str) and name in KNOWN and data.draw(st.booleans()):
                value[name] = KNOWN[name]
            if isinstance(part, float) and part.is_integer():
                value[name] = int(part)  # 1.0 is a whole number to JSON Schema, not to the server
            know(part, data)
    elif isinstance(value, list):
        for part in value:
            know(part, data)
