"""`mostrador nats-config`: what a nats-server of your own needs to let servers and terminals in, and nobody else."""

import json
from pathlib import Path

import click

from backend.embedded.files import write_private
from backend.events.nats_config import Cluster, Tls, new_issuer_seed, public_key, render_config, system_user
from backend.private_files import make_private_directory


@click.command("nats-config")
@click.argument("directory", type=click.Path(file_okay=False, path_type=Path))
@click.option("--host", default="0.0.0.0", show_default=True, help="Address that nats-server listens on.")
@click.option("--port", default=4222, show_default=True, type=click.IntRange(1, 65535), help="Port it listens on.")
@click.option("--store", default="/data", show_default=True, type=Path, help="JetStream's directory, there.")
@click.option(
    "--user", envvar="NATS_USER", default="mostrador", show_default=True, help="The servers' user (NATS_USER)."
)
@click.option("--password", envvar="NATS_PASSWORD", required=True, help="Their password (NATS_PASSWORD).")
@click.option("--tls-cert", type=Path, help="Certificate that NATS shows its clients (PEM), there.")
@click.option("--tls-key", type=Path, help="The certificate's key, there.")
@click.option("--cluster", metavar="NAME", help="The cluster that this nats-server belongs to.")
@click.option("--server-name", help="Its name in the cluster.")
@click.option("--cluster-port", default=6222, show_default=True, type=click.IntRange(1, 65535), help="Port for routes.")
@click.option("--route", "routes", multiple=True, metavar="HOST:PORT", help="A member of the cluster; repeat for each.")
@click.option("--json", "as_json", is_flag=True, help="Print the paths as JSON.")
def nats_config(
    directory: Path,
    host: str,
    port: int,
    store: Path,
    user: str,
    password: str,
    tls_cert: Path | None,
    tls_key: Path | None,
    cluster: str | None,
    server_name: str | None,
    cluster_port: int,
    routes: tuple[str, ...],
    as_json: bool,
) -> None:
    """Write a nats-server.conf, and the key with which the servers tell NATS who may listen to what.

    The key stays the same when DIRECTORY has one. Give its file to every server as NATS_ISSUER_SEED_FILE.

    \b
    Examples:
      NATS_PASSWORD=… mostrador nats-config /etc/mostrador
      NATS_PASSWORD=… mostrador nats-config /etc/mostrador --tls-cert nats.pem --tls-key nats.key
      NATS_PASSWORD=… mostrador nats-config /etc/mostrador --cluster chain --server-name n1 \\
        --route n1:6222 --route n2:6222 --route n3:6222
    """
    if (tls_cert is None) != (tls_key is None):
        raise click.UsageError("--tls-cert and --tls-key go together.")
    if cluster and not (server_name and routes):
        raise click.UsageError("--cluster needs --server-name, and --route for each member.")
    make_private_directory(directory)
    seed_file, config_file = directory / "issuer.seed", directory / "nats-server.conf"
    if not seed_file.exists():
        write_private(seed_file, new_issuer_seed())
    issuer = public_key(seed_file.read_text(encoding="ascii").strip())
    config = render_config(
        host=host,
        port=port,
        store=store,
        user=user,
        password=password,
        issuer=issuer,
        cluster=Cluster(cluster, server_name, cluster_port, routes) if cluster and server_name else None,
        tls=Tls(tls_cert, tls_key) if tls_cert and tls_key else None,
    )
    write_private(config_file, config)
    if as_json:
        click.echo(
            json.dumps(
                {"issuer_seed_file": str(seed_file), "config": str(config_file), "system_user": system_user(user)}
            )
        )
    else:
        click.echo(f"NATS_ISSUER_SEED_FILE={seed_file}")
        click.echo(f"NATS_SYSTEM_USER={system_user(user)}")
        click.echo(f"nats-server -c {config_file}")
