"""Finding a key that stands twice in a JSON object: readers differ in which of the two they believe."""

from json import JSONDecoder

from msgspec.json import Decoder, Encoder

_decode, _encode = Decoder().decode, Encoder().encode


def repeated_key(body: bytes) -> str | None:
    """Returns the first key that an object in `body`, which is valid JSON, has twice; None when there is none.

    Written anew, a body comes out as it was only if no key was dropped. That is quick and decides for most clients; a
    body with spaces or escapes in it is read key by key.
    """
    if _encode(_decode(body)) == body:
        return None
    found: list[str] = []

    def note(pairs: list[tuple[str, None]]) -> None:
        if len(dict(pairs)) != len(pairs):
            keys = [key for key, _ in pairs]
            found.append(next(key for at, key in enumerate(keys) if key in keys[:at]))

    JSONDecoder(object_pairs_hook=note).decode(body.decode())
    return found[0] if found else None
