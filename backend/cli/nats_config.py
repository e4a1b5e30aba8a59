"""`mostrador nats-config`: what a nats-server of your own needs to let servers and terminals in, and nobody else."""

from pathlib import Path

import click

from backend.embedded.files import write_private
from backend.events.nats_config import new_issuer_seed, public_key, render_config


@click.command("nats-config")
@click.argument("directory", type=click.Path(file_okay=False, path_type=Path))
@click.option("--host", default="0.0.0.0", show_default=True, help="Address that nats-server listens on.")
@click.option("--port", default=4222, show_default=True, type=click.IntRange(1, 65535), help="Port it listens on.")
@click.option("--store", default="/data", show_default=True, type=Path, help="JetStream's directory, there.")
@click.option(
    "--user", envvar="NATS_USER", default="mostrador", show_default=True, help="The servers' user (NATS_USER)."
)
@click.option("--password", envvar="NATS_PASSWORD", required=True, help="Their password (NATS_PASSWORD).")
def nats_config(directory: Path, host: str, port: int, store: Path, user: str, password: str) -> None:
    """Write a nats-server.conf, and the key with which the servers tell NATS who may listen to what.

    The key stays the same when DIRECTORY has one. Give its file to every server as NATS_ISSUER_SEED_FILE.

    \b
    Example:
      NATS_PASSWORD=… mostrador nats-config /etc/mostrador
    """
    directory.mkdir(parents=True, exist_ok=True)
    seed_file, config_file = directory / "issuer.seed", directory / "nats-server.conf"
    if not seed_file.exists():
        write_private(seed_file, new_issuer_seed())
    issuer = public_key(seed_file.read_text(encoding="ascii").strip())
    config = render_config(host=host, port=port, store=store, user=user, password=password, issuer=issuer)
    write_private(config_file, config)
    click.echo(f"NATS_ISSUER_SEED_FILE={seed_file}")
    click.echo(f"nats-server -c {config_file}")
