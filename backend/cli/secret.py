"""A person's PIN or password for a command. It is never an argument: those are in the list of processes."""

from collections.abc import Callable
from typing import TextIO

import click

from backend.model.errors import InvalidInput


def secret_option(command: Callable[..., object]) -> Callable[..., object]:
    """Add `--secret-file` to a command; `secret_of` reads what it names."""
    return click.option(
        "--secret-file",
        type=click.File(encoding="utf-8"),
        metavar="FILE",
        help="Read the secret from the first line of FILE, - for standard input; asked for when absent.",
    )(command)


def secret_of(file: TextIO | None, prompt: str) -> str:
    """Returns the secret in the file, or the one that is typed twice.

    Raises InvalidInput for a file that is no text.
    """
    if file is None:
        typed: str = click.prompt(prompt, hide_input=True, confirmation_prompt=True, err=True)
        return typed
    try:
        return file.readline().rstrip("\r\n")
    except UnicodeDecodeError as error:
        raise InvalidInput("secret_file", f"{file.name} is not UTF-8 text; save it as UTF-8.") from error
