"""What holds for every command, whoever adds the next one: help with an example that is right, and --json."""

import re
import shlex
from collections.abc import Iterator

import click
import pytest
from click.testing import CliRunner

from backend.main import COMMANDS, mostrador


def below(command: click.Command, path: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], click.Command]]:
    """`command` and everything below it, with the words that call it."""
    yield path, command
    if isinstance(command, click.Group):
        context = click.Context(command)
        for name in command.list_commands(context):
            inner = command.get_command(context, name)
            assert inner is not None
            yield from below(inner, (*path, name))


EVERY = dict(below(mostrador))
TOOLS = {path: command for path, command in EVERY.items() if not isinstance(command, click.Group)}


def help_of(path: tuple[str, ...]) -> str:
    result = CliRunner().invoke(mostrador, [*path, "--help"], prog_name="mostrador", terminal_width=200)
    assert result.exit_code == 0
    return result.output


def examples(path: tuple[str, ...]) -> list[list[str]]:
    """The words of each example behind `mostrador`; lines that go on are put together, settings before it left out."""
    _, found, text = help_of(path).partition("Example")
    assert found, f"the help of {' '.join(path) or 'mostrador'} has no example"
    text = re.sub(r"\\\n +", "", text.partition("Options:")[0])
    lines = [line.strip() for line in text.splitlines()[1:]]
    words = [re.split(r"\bmostrador\b", line, maxsplit=1)[1] for line in lines if re.search(r"\bmostrador\b", line)]
    return [shlex.split(re.split(r" {3,}", line.strip(), maxsplit=1)[0]) for line in words]


def test_the_walk_finds_every_command() -> None:
    assert {path[0] for path in TOOLS} == set(COMMANDS)
    assert {("events", "tail"), ("relay", "republish")} <= TOOLS.keys()


@pytest.mark.parametrize("path", EVERY, ids=" ".join)
def test_its_help_has_an_example(path: tuple[str, ...]) -> None:
    shown = examples(path)
    assert shown
    assert any(tuple(words[: len(path)]) == path for words in shown)


@pytest.mark.parametrize("path", TOOLS, ids=" ".join)
def test_its_examples_are_understood(path: tuple[str, ...]) -> None:
    """By name and number of its options and arguments; whether a file exists is no matter of an example."""
    for words in examples(path):
        command, own = find(words)
        parser = command.make_parser(click.Context(command, info_name=" ".join(path)))
        _, extra, _ = parser.parse_args(own)
        assert extra == [], words


def find(words: list[str]) -> tuple[click.Command, list[str]]:
    for length in (2, 1):
        if (command := TOOLS.get(tuple(words[:length]))) is not None:
            return command, words[length:]
    raise AssertionError(f"an example calls no command: {words}")


@pytest.mark.parametrize("path", TOOLS, ids=" ".join)
def test_it_answers_programs_as_json(path: tuple[str, ...]) -> None:
    options = {option for parameter in TOOLS[path].params for option in parameter.opts}
    assert "--json" in options


@pytest.mark.parametrize("path", TOOLS, ids=" ".join)
def test_each_of_its_options_says_what_it_is_for(path: tuple[str, ...]) -> None:
    for parameter in TOOLS[path].params:
        if isinstance(parameter, click.Option) and not parameter.hidden:
            assert parameter.help, parameter.opts
