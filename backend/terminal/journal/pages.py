"""The rows in the pages of a damaged SQLite file, read without its header, its schema and its indexes.

See https://www.sqlite.org/fileformat2.html. Only leaves of tables are looked at; what a leaf of a deleted page still
has is found too, so a row may come that was deleted before.
"""

import struct
from collections.abc import Iterator

PAGE = 4096
"""The size of a page, which SQLite gives to every file that this program makes."""
_LEAF = 13
_WAL_HEADER, _FRAME_HEADER = 32, 24
_WIDTHS = {0: 0, 1: 1, 2: 2, 3: 3, 4: 4, 5: 6, 6: 8, 7: 8, 8: 0, 9: 0}

Value = int | bytes | str | None


def rows_in(file: bytes, wal: bytes, columns: int) -> Iterator[tuple[int, list[Value]]]:
    """Yields row number and values of every readable row with so many columns; a column may be damaged all the same."""
    pages = {number + 1: file[at : at + PAGE] for number, at in enumerate(range(0, len(file), PAGE))}
    pages.update(_committed(wal))
    for number, page in sorted(pages.items()):
        start = 100 if number == 1 else 0
        if len(page) == PAGE and page[start] == _LEAF:
            for pointer in _pointers(page, start):
                row = _row(pages, page, pointer, columns)
                if row is not None:
                    yield row


def _committed(wal: bytes) -> dict[int, bytes]:
    """Returns the newest committed versions of pages in a write-ahead log."""
    found: dict[int, bytes] = {}
    pending: dict[int, bytes] = {}
    for at in range(_WAL_HEADER, len(wal) - _FRAME_HEADER - PAGE + 1, _FRAME_HEADER + PAGE):
        number, size = struct.unpack(">II", wal[at : at + 8])
        if wal[at + 8 : at + 16] != wal[16:24]:
            break  # of an earlier use of the log
        pending[number] = wal[at + _FRAME_HEADER : at + _FRAME_HEADER + PAGE]
        if size:
            found.update(pending)
            pending.clear()
    return found


def _pointers(page: bytes, start: int) -> list[int]:
    (cells,) = struct.unpack(">H", page[start + 3 : start + 5])
    end = min(start + 8 + 2 * cells, PAGE - 1)
    return [struct.unpack(">H", page[at : at + 2])[0] for at in range(start + 8, end - 1, 2)]


def _row(pages: dict[int, bytes], page: bytes, at: int, columns: int) -> tuple[int, list[Value]] | None:
    try:
        size, at = _varint(page, at)
        number, at = _varint(page, at)
        values = _values(_payload(pages, page, at, size))
    except (IndexError, KeyError, ValueError, struct.error):
        return None
    return (number, values) if len(values) == columns else None


def _payload(pages: dict[int, bytes], page: bytes, at: int, size: int) -> bytes:
    most = PAGE - 35
    if size <= most:
        return page[at : at + size]
    least = (PAGE - 12) * 32 // 255 - 23
    here = least + (size - least) % (PAGE - 4)
    here = here if here <= most else least
    parts, left = [page[at : at + here]], size - here
    (following,) = struct.unpack(">I", page[at + here : at + here + 4])
    while left > 0:
        more = pages[following]
        parts.append(more[4 : 4 + min(left, PAGE - 4)])
        left -= PAGE - 4
        (following,) = struct.unpack(">I", more[:4])
    return b"".join(parts)


def _values(payload: bytes) -> list[Value]:
    size, at = _varint(payload, 0)
    kinds = []
    while at < size:
        kind, at = _varint(payload, at)
        kinds.append(kind)
    found: list[Value] = []
    for kind in kinds:
        width = _WIDTHS[kind] if kind < 10 else (kind - 12) // 2
        content = payload[at : at + width]
        if len(content) != width:
            raise ValueError("The row ends too early.")
        at += width
        found.append(_value(kind, content))
    return found


def _value(kind: int, content: bytes) -> Value:
    if kind in (0, 7):  # nothing, or a fraction, which no table here has
        return None
    if kind < 10:
        return kind - 8 if kind in (8, 9) else int.from_bytes(content, "big", signed=True)
    return content if kind % 2 == 0 else content.decode()


def _varint(content: bytes, at: int) -> tuple[int, int]:
    value = 0
    for place in range(9):
        byte = content[at + place]
        if place == 8:
            return value << 8 | byte, at + 9
        value = value << 7 | byte & 0x7F
        if byte < 0x80:
            return value, at + place + 1
    raise AssertionError("the ninth byte is the last")
