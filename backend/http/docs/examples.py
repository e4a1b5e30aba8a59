"""Examples of bodies and answers, made from the types themselves, so that they can never be of another shape."""

from collections.abc import Mapping
from typing import Any

from msgspec import NODEFAULT, inspect

from backend.http.codes import PROBLEMS, page_of, title_of

_ID = "0197a2b4-7c1e-7d3a-9f00-2b6c5d4e3f21"
_NAMED: Mapping[str, Any] = {
    "access_token": "eyJhbGciOiJFZERTQSIsImtpZCI6…",
    "action": "product.update",
    "actor": "ana",
    "address": "198.51.100.7",
    "adjustment": -1,
    "after": {"price": 3.69},
    "barcode": "2000008189811",
    "before": {"price": 3.59},
    "brand": "National",
    "category": "Cold Cereal",
    "code": "7K3QP-M0XVD",
    "customer_id": "C-1017",
    "department": "Grocery",
    "description": "Cold Cereal",
    "display_name": "Ana Torres",
    "document_id": "A-17",
    "name": "All Family Cereal 10.4 oz",
    "new_pin": "8351",
    "package_size": "10.4 oz",
    "pin": "1234",
    "price": 3.69,
    "price_cents": 369,
    "product_id": "818981",
    "product_name": "All Family Cereal 10.4 oz",
    "product_sku": "818981",
    "reason": "broken",
    "receipt_number": "T1-000042",
    "role": "clerk",
    "sku": "818981",
    "status": "PENDING",
    "store_id": "292",
    "stores": "292",
    "subject": "product:818981",
    "store_name": "Centro",
    "terminal_id": "T1",
    "total": 7.38,
    "total_cents": 738,
    "unit_price": 3.69,
    "url": "https://erp.example.org/mostrador",
    "user": "ana",
}
"""Field name → a value from the demo shop; other fields get a plain value of their type."""


def example_of(kind: inspect.Type, name: str = "", *, whole: bool) -> Any:
    """Returns a value of `kind`, as JSON. `whole`: with the fields that have defaults too, as answers have them."""
    match kind:
        case inspect.StructType():
            shown = [field for field in kind.fields if field.required or (whole and _worth(field))]
            tag = {kind.tag_field: kind.tag} if kind.tag_field else {}
            return tag | {field.encode_name: example_of(field.type, field.name, whole=whole) for field in shown}
        case inspect.Metadata():
            given = (kind.extra_json_schema or {}).get("examples")
            return given[0] if given else example_of(kind.type, name, whole=whole)
        case inspect.UnionType():
            return example_of(next(t for t in kind.types if not isinstance(t, inspect.NoneType)), name, whole=whole)
        case inspect.ListType() | inspect.VarTupleType() | inspect.SetType() | inspect.FrozenSetType():
            return [example_of(kind.item_type, name, whole=whole)]
        case inspect.DictType():
            return {}
        case _:
            return _plain(kind, name)


def _worth(field: inspect.Field) -> bool:
    """Returns a refusal beside a result, or an empty default, says nothing."""
    return field.default in (NODEFAULT, 0, 1)


def _plain(kind: inspect.Type, name: str) -> Any:
    if name in _NAMED and isinstance(kind, inspect.StrType | inspect.IntType | inspect.FloatType | inspect.RawType):
        return _NAMED[name]
    match kind:
        case inspect.UUIDType():
            return _ID
        case inspect.DateTimeType():
            return "2026-11-24T09:12:03.120034Z"
        case inspect.DateType():
            return "2026-11-24"
        case inspect.EnumType():
            return next(iter(kind.cls)).value
        case inspect.LiteralType():
            return kind.values[0]
        case inspect.BoolType():
            return True
        case inspect.IntType():
            return max(kind.ge if kind.ge is not None else 2, 2)
        case inspect.FloatType():
            return 1.5
        case inspect.StrType():
            return name.replace("_", "-") or "text"
        case _:
            return None


def problem_example(code: str) -> dict[str, Any]:
    """Returns a problem with this code, as a client gets it."""
    meaning = PROBLEMS[code]
    return {
        "type": page_of(code),
        "title": title_of(code),
        "status": meaning.status,
        "detail": meaning.detail,
        "instance": "/api/v1/…",
        "code": code,
        "retryable": meaning.retryable,
        "request_id": _ID,
        **meaning.fields,
    }
