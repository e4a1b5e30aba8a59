"""Walking the types of bodies and answers, as msgspec sees them."""

from collections.abc import Iterator

from msgspec import inspect


def parts_of(kind: inspect.Type) -> Iterator[inspect.Type]:
    """Yields the types that `kind` is directly made of; for a struct those of its fields."""
    match kind:
        case inspect.StructType():
            yield from (field.type for field in kind.fields)
        case inspect.Metadata():
            yield kind.type
        case inspect.UnionType():
            yield from kind.types
        case inspect.TupleType():
            yield from kind.item_types
        case inspect.CollectionType():
            yield kind.item_type
        case inspect.DictType():
            yield from (kind.key_type, kind.value_type)


def structs_in(*kinds: inspect.Type) -> Iterator[inspect.StructType]:
    """Yields every struct in `kinds`, at any depth, once."""
    seen: set[type] = set()
    waiting = list(kinds)
    while waiting:
        kind = waiting.pop()
        if isinstance(kind, inspect.StructType):
            if kind.cls in seen:
                continue
            seen.add(kind.cls)
            yield kind
        waiting += parts_of(kind)
