"""One error base for the whole program.

Every error that a person or a client can meet has a stable `code` (never translated), one human sentence that says what
to do, and typed fields. Faces (screens, the command line, HTTP) render it; they never show a traceback.
"""

from collections.abc import Mapping

FieldValue = str | int | bool | list[dict[str, str | int]] | Mapping[str, object]


class MostradorError(Exception):
    """Something a person can act on.

    `code` is stable and machine-readable, `message` one sentence with the fix in it, `fields` the values that the
    sentence speaks of, `retryable` whether the very same request may succeed a little later.
    """

    code = "error"
    retryable = False

    def __init__(self, message: str, **fields: FieldValue) -> None:
        super().__init__(message)
        self.message = message
        self.fields: Mapping[str, FieldValue] = fields


class InvalidInput(MostradorError):
    """A value that cannot be right whatever the state of the shop is; `field` names it."""

    code = "invalid_input"

    def __init__(self, field: str, message: str, **fields: FieldValue) -> None:
        super().__init__(message, field=field, **fields)
        self.field = field


class UnknownStore(MostradorError):
    """No store has this id."""

    code = "unknown_store"

    def __init__(self, store_id: str) -> None:
        super().__init__(f"There is no store {store_id}; check the store id.", field="store_id")
