"""The `mostrador` command: the point of sale without arguments, and the tools behind it by name.

A command's module is imported only when that command runs, so `mostrador --help` and the point of sale's first paint
never wait for the server's libraries.
"""

import sys
from importlib import import_module
from keyword import iskeyword
from pathlib import Path
from typing import NoReturn

import click
from click.core import ParameterSource

from backend.cli import errors

COMMANDS = {
    "adjust": "Correct what is on hand.",
    "admin": "Make the first admin, or give an admin a new secret.",
    "alerts": "Say what somebody should look at in the stores.",
    "allotments": "Show what terminals keep for outages, reclaim it, and set the policies.",
    "approvals": "List, grant and refuse what waits for approval, and set the limits.",
    "archive": "Move old movements into files, month by month.",
    "backup": "Copy the database of a SQLite shop while it is used.",
    "count": "Count a store while it sells.",
    "demo": "Build the demo shop: 24 stores with real products.",
    "enrol": "Make this machine a terminal of a fleet.",
    "events": "Follow live events.",
    "explain": "Tell the story of one stock number.",
    "export": "Write the shop's data into CSV files.",
    "import": "Bring products, barcodes, prices, stock, stores or users in from a CSV file.",
    "init": "Found a shop of one's own in an empty database.",
    "keys": "The API keys of other programs.",
    "mark-alert": "Say that an alert was seen, or give it to somebody.",
    "migrate": "Bring a database to this version's schema.",
    "nats-config": "Write the configuration of a nats-server of your own.",
    "orders": "List, hand over and cancel orders.",
    "quarantine": "Keep units from being sold.",
    "queue": "What this machine's terminals have not sent yet.",
    "receipts": "Find missing receipt numbers.",
    "receive": "Receive what suppliers deliver, announced or not.",
    "relay": "Refill NATS from the database.",
    "release": "Let units in quarantine be sold again.",
    "replay": "Sell a file of real baskets as many terminals would.",
    "replenish": "Say what a store should order, and from where.",
    "return": "Take goods back, by receipt or by approval.",
    "sale": "Show a sale, or void it on its own day.",
    "seal": "Seal the movements of finished days, so that a changed history shows.",
    "serve": "Run the headless server.",
    "shift": "Open and close the drawer of a terminal, and see its report.",
    "shortfalls": "List and settle what was sold without a server and was not there.",
    "shrinkage": "Tell what went missing, by product, store, reason or month.",
    "simulate": "Estimate the fleet that a chain needs.",
    "simulate-month": "Live through a month of the demo chain, and prove that every unit is accounted for.",
    "stores": "The stores of the shop.",
    "terminals": "The terminals of the stores.",
    "transfer": "Move goods between stores, step by step.",
    "users": "The people who sign in.",
    "verify": "Prove that every stock number is the sum of its movements.",
    "webhooks": "Who is told of what happens.",
    "write-off": "Take units out of the books for good.",
}
"""Name → its line in the help. The command itself is `<name>` in the module `backend.cli.<name>`.

A name that is a word of Python has an underscore after it there.
"""

EXAMPLES = """\b
Examples:
  mostrador                            open the counter; the first start asks what shop it is to be
  mostrador --store 292 --lang es      open the counter of store 292, in Spanish
  mostrador --demo --data ./trial      open the demo shop in a directory of its own
  mostrador --server http://shop:8000  open the counter of a running server
  mostrador verify                     prove the numbers of the shop on this machine
"""


class LazyGroup(click.Group):
    """A group that knows its commands' names and help lines, and imports a command when it is used."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Returns all names, without importing anything."""
        return sorted(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Returns the command, imported now; None for a name that does not exist."""
        if cmd_name not in COMMANDS:
            return None
        name = cmd_name.replace("-", "_") + ("_" if iskeyword(cmd_name) else "")
        command = getattr(import_module(f"backend.cli.{name}"), name)
        assert isinstance(command, click.Command)
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """The list of commands in the help."""
        with formatter.section("Commands"):
            formatter.write_dl([(name, COMMANDS[name]) for name in self.list_commands(ctx)])


@click.group(cls=LazyGroup, invoke_without_command=True, epilog=EXAMPLES)
@click.option("--server", metavar="URL", envvar="MOSTRADOR_SERVER", help="Use this server instead of a private one.")
@click.option("--demo", is_flag=True, help="Open the demo shop, without the question of a first start.")
@click.option(
    "--data",
    metavar="DIR",
    envvar="MOSTRADOR_DATA",
    type=click.Path(file_okay=False, path_type=Path),
    help="Keep the shop of this machine in DIR.",
)
@click.option("--store", metavar="ID", envvar="MOSTRADOR_STORE", help="The store to open; asked for when absent.")
@click.option(
    "--lang",
    type=click.Choice(["es", "en"]),
    envvar="MOSTRADOR_LANG",
    help="Language of the screens, Spanish or English.",
)
@click.version_option(package_name="mostrador", message="%(package)s %(version)s")
@click.pass_context
def mostrador(
    ctx: click.Context, server: str | None, demo: bool, data: Path | None, store: str | None, lang: str | None
) -> None:
    """A shop counter that cannot oversell.

    Without a command it opens the point of sale.
    """
    if ctx.invoked_subcommand is None:
        from backend.cli.terminal import open_counter

        open_counter(server=server, data=data, store=store, lang=lang, demo=demo)
        return
    for option in ("server", "demo", "data", "store", "lang"):
        if ctx.get_parameter_source(option) is ParameterSource.COMMANDLINE:
            raise click.UsageError(
                f"--{option} belongs to the point of sale; a command's own options come after its name:"
                f" mostrador {ctx.invoked_subcommand} --help"
            )


def main() -> NoReturn:
    """Run the command line and leave with its exit code: 0 done, 1 failed, 2 wrong input, 130 interrupted."""
    sys.excepthook = errors.report_bug
    sys.exit(errors.run(mostrador, sys.argv[1:]))


if __name__ == "__main__":
    main()
