"""The three ways in which a batch may not have been written. None of them leaves anything half done."""


class Conflict(Exception):
    """Another writer was first. Deciding again on fresh rows settles it."""


class DatabaseLost(Exception):
    """The database went away; the batch may or may not be committed. Command ids make it safe to run it again."""


class Undone(Exception):
    """The database refused the batch. One of its commands is to blame; run alone, the others succeed."""

    def __init__(self, detail: str, *, receipt_taken: bool = False) -> None:
        super().__init__(detail)
        self.receipt_taken = receipt_taken
