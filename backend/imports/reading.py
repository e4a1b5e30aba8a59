"""Reading a CSV file: its dialect, its header and every row, with each error under its line and column."""

import csv
import hashlib
import io
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

from msgspec import UNSET, Struct, ValidationError, convert

from backend.model.errors import InvalidInput

from .columns import COLUMNS, Column, struct_of

MAX_ERRORS = 1_000
"""After so many errors the file is not looked at any further: it is another file."""
_PROGRESS_ROWS = 2_000

Progress = Callable[[str, int, int], None]
"""Called with the name of a step, how much of it is done, and how much there is."""


class RowError(Struct, frozen=True):
    """What is wrong in one line of a file, and what it should be."""

    line: int
    field: str
    message: str


class Row(Struct, frozen=True):
    """A checked row: where it begins, and its values by their names in the program."""

    line: int
    values: Any


class Table(Struct, frozen=True):
    """A file that was read: its good rows, what is wrong with the others, and a digest of its bytes."""

    digest: bytes
    rows: list[Row]
    errors: list[RowError]


def read_table(kind: str, path: Path, progress: Progress) -> Table:
    """Reads a file of `kind`. Raises InvalidInput for what is no such file, and OSError."""
    data = path.read_bytes()
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise InvalidInput("file", f"{path}, line {line}, is not UTF-8 text; save the file as CSV in UTF-8.") from error
    if "\0" in text:
        raise InvalidInput("file", f"{path} has bytes that no text has; save the file as CSV in UTF-8.")
    first = text.partition("\n")[0]
    delimiter = max(",;\t", key=first.count)
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)
    records = _records(reader)
    try:
        _, header = next(records, (1, []))
        columns = _header(kind, [name.strip() for name in header], path)
        rows, errors = _rows(kind, columns, records, text.count("\n"), progress)
    except csv.Error as error:
        raise InvalidInput("file", f"{path}, line {reader.line_num}, is not CSV: {error}; check its quotes.") from error
    return Table(hashlib.sha256(data).digest(), rows, errors)


def _records(reader: Any) -> Iterator[tuple[int, list[str]]]:
    """Yields the records with the lines where they begin: a quoted cell may have line breaks in it."""
    begins = 1
    for record in reader:
        if record:
            yield begins, record
        begins = reader.line_num + 1


def _header(kind: str, names: Sequence[str], path: Path) -> list[Column]:
    known = {column.name: column for column in COLUMNS[kind]}
    every = ", ".join(known)
    for name in names:
        if name not in known:
            raise InvalidInput("file", f"{path} has a column {name!r}; the columns of {kind} are {every}.", line=1)
        if names.count(name) > 1:
            raise InvalidInput("file", f"{path} has the column {name} twice; take one of them out.", line=1)
    for column in known.values():
        if column.required and column.name not in names:
            raise InvalidInput("file", f"{path} has no column {column.name}; {kind} must have it.", line=1)
    return [known[name] for name in names]


def _rows(
    kind: str, columns: Sequence[Column], records: Iterator[tuple[int, list[str]]], about: int, progress: Progress
) -> tuple[list[Row], list[RowError]]:
    struct, by_value = struct_of(kind), {column.value: column for column in columns}
    rows: list[Row] = []
    errors: list[RowError] = []
    for number, (line, record) in enumerate(records):
        if number % _PROGRESS_ROWS == 0:
            progress("read", number, max(number, about))
        if len(errors) >= MAX_ERRORS:
            break
        if len(record) != len(columns):
            message = f"has {len(record)} cells, and the header has {len(columns)}; check its quotes and separators."
            errors.append(RowError(line, "", message))
            continue
        values: dict[str, object] = {}
        bad = len(errors)
        for column, cell in zip(columns, record, strict=True):
            try:
                values[column.value] = _value(column, cell)
            except ValueError:
                errors.append(RowError(line, column.name, f"{cell[:60]!r} will not do: {column.rule}."))
        if len(errors) > bad:
            continue
        try:
            rows.append(Row(line, convert({k: v for k, v in values.items() if v is not UNSET}, struct)))
        except ValidationError as error:
            column = by_value[_field(str(error))]
            cell = record[columns.index(column)]
            errors.append(RowError(line, column.name, f"{cell[:60]!r} will not do: {column.rule}."))
    progress("read", max(about, 1), max(about, 1))
    return rows, errors


def _value(column: Column, cell: str) -> object:
    """Raises ValueError for a cell that says nothing readable."""
    if column.parse is not str:
        cell = cell.strip()
    if cell == "":
        if column.required:
            raise ValueError(cell)
        return column.empty
    return column.parse(cell)


def _field(message: str) -> str:
    """Returns the name of the value in msgspec's sentence, which ends with its path: `$.name`, `$.stores[…]`."""
    return message.rpartition("$.")[2].rstrip("`").partition("[")[0]
