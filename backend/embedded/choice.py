"""What a person chose on the first start in a data directory: the demo, a shop of their own, or a server to join."""

import json
from dataclasses import asdict, dataclass
from typing import Literal

from .files import ShopFiles, write_private


@dataclass(frozen=True)
class Choice:
    """What opens in a data directory. `server` is the address of the server to join, else empty."""

    kind: Literal["demo", "own", "server"]
    server: str = ""


DEMO, OWN = Choice("demo"), Choice("own")


def remember(files: ShopFiles, choice: Choice) -> None:
    """Keep the choice for all later starts."""
    files.prepare()
    write_private(files.choice, json.dumps(asdict(choice)))


def remembered(files: ShopFiles) -> Choice | None:
    """Returns the choice, or None in a directory where nobody has chosen.

    A database without a choice beside it is a demo's.
    """
    try:
        kept = Choice(**json.loads(files.choice.read_text(encoding="utf-8")))
    except (OSError, ValueError, TypeError):
        kept = None
    if kept is not None and (kept.kind == "server" or files.database.exists()):
        return kept
    return DEMO if files.database.exists() else None
