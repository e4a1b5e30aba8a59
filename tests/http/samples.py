"""Bodies for routes that a test knows nothing of: the least that their types ask for."""

from typing import Any

from msgspec import convert, inspect, to_builtins

from backend.ids import new_id

NAMED: dict[str, object] = {
    "store_id": "sur",
    "from_store_id": "sur",
    "to_store_id": "este",
    "for_store_id": "este",
    "stores": ["sur"],
    "product_id": "milk",
    "quantity": 1,
    "url": "https://example.org/hook",
    "name": "ana",
    "role": "clerk",
    "pin": "8351",
}
"""Values by the field's name, as the shop of these tests has them."""


def sample(kind: object) -> Any:
    """The least valid body of a type. Raises ValidationError when NAMED should say what a field of it is like."""
    body = _of(inspect.type_info(kind), "")
    return to_builtins(convert(body, kind, strict=False))


def fields_of(kind: object) -> set[str]:
    """The names of a body's fields."""
    info = inspect.type_info(kind)
    kinds = info.types if isinstance(info, inspect.UnionType) else (info,)
    return {x.encode_name for struct in kinds if isinstance(struct, inspect.StructType) for x in struct.fields}


def _of(info: inspect.Type, name: str) -> Any:
    if name in NAMED:
        return NAMED[name]
    match info:
        case inspect.StructType():
            wanted = (x for x in info.fields if x.required or x.encode_name in NAMED)
            return {x.encode_name: _of(x.type, x.encode_name) for x in wanted}
        case inspect.Metadata():
            return _of(info.type, name)
        case inspect.UnionType():
            return _of(next(x for x in info.types if not isinstance(x, inspect.NoneType)), name)
        case inspect.ListType() | inspect.VarTupleType() | inspect.CollectionType():
            return [_of(info.item_type, "")]
        case inspect.LiteralType():
            return info.values[0]
        case inspect.EnumType():
            return next(iter(info.cls))
        case inspect.IntType() | inspect.FloatType() | inspect.DecimalType():
            return max(1, getattr(info, "ge", None) or 0)
        case inspect.BoolType():
            return True
        case inspect.UUIDType():
            return str(new_id())
        case inspect.DateTimeType():
            return "2026-11-24T12:00:00Z"
        case inspect.StrType():
            return "x" * max(1, info.min_length or 0)
    raise NotImplementedError(f"{info} of {name}")
