"""How a command fails: one sentence on standard error and an exit code, never a traceback.

With `--json` among the arguments the failure is one JSON object on standard error, so scripts need not read sentences.
"""

import json
import sys
import tempfile
import traceback
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import TracebackType

import click

from backend.model.errors import FieldValue, InvalidInput, MostradorError

FAILED = 1
WRONG_INPUT = 2
INTERRUPTED = 130


def run(command: click.Command, args: Sequence[str]) -> int:
    """Run `command` with `args` and return its exit code; an integer that the command returns is its exit code."""
    as_json = "--json" in args
    if not all(map(_is_text, args)):
        _tell(as_json, "usage", "An argument is not UTF-8 text. See: mostrador --help")
        return WRONG_INPUT
    try:
        outcome = command.main(args=list(args), prog_name="mostrador", standalone_mode=False)
    except MostradorError as error:
        _tell(as_json, error.code, error.message, error.fields)
        return WRONG_INPUT if isinstance(error, InvalidInput) else FAILED
    except click.ClickException as error:
        _tell(as_json, "usage", _usage(error))
        return error.exit_code
    except click.Abort:
        return INTERRUPTED
    except OSError as error:
        _tell(as_json, "system", _system(error))
        return FAILED
    return outcome if isinstance(outcome, int) else 0


def report_bug(kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
    """For `sys.excepthook`: what nobody foresaw. The traceback goes to a file, the person gets a sentence."""
    with tempfile.NamedTemporaryFile("w", prefix="mostrador-", suffix=".log", delete=False, encoding="utf-8") as log:
        traceback.print_exception(kind, error, trace, file=log)
    _tell("--json" in sys.argv, "bug", f"Mostrador failed unexpectedly; please report it with the file {log.name}.")


def _tell(as_json: bool, code: str, message: str, fields: Mapping[str, FieldValue] | None = None) -> None:
    text = json.dumps({"code": code, "message": message, **(fields or {})}, ensure_ascii=False) if as_json else message
    click.echo(text, err=True)


def _is_text(argument: str) -> bool:
    """Bytes that are none come as lone surrogates, which neither a database nor a screen takes."""
    return not any("\ud800" <= character <= "\udfff" for character in argument)


def _usage(error: click.ClickException) -> str:
    hint = " See: mostrador --help"
    if isinstance(error, click.UsageError) and error.ctx is not None:
        hint = f" See: {error.ctx.command_path} --help"
    if isinstance(error, click.exceptions.NoArgsIsHelpError) and isinstance(error.ctx.command, click.Group):
        return f"Name one of its commands: {', '.join(error.ctx.command.list_commands(error.ctx))}.{hint}"
    return error.format_message() + hint


def _system(error: OSError) -> str:
    reason = (error.strerror or str(error)).rstrip(".")
    return f"{Path(error.filename)}: {reason}." if isinstance(error.filename, str) else f"{reason}."
